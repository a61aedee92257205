/*
 * firmware.c: what runs on the board. `firmware PATH COUNT` connects, shows one sample of an inertial sensor, waits for a control message
 * that starts it, streams the rest of COUNT samples as structs, and says goodbye. On a board the socket is a serial line and the clock a timer; the rest is the same:
 * ringwire.h and imu.h allocate nothing and call nothing but memcpy.
 * It refuses to go on when the other side's struct differs, when the stream breaks, and when the other side is gone.
 * Invariant: what was received lies in `in` from its start, 8-aligned; a frame is used before the next read.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../native-peers/ringwire.h"
#include "imu.h"

#define PAYLOAD_LIMIT 4096u

static uint64_t in[PAYLOAD_LIMIT / 4];
static size_t in_used;
static rw_parser parser;
static control settings = {.rate = 100, .mode = CONTROL_MODE_IDLE};

static uint64_t microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static int open_line(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int line = socket(AF_UNIX, SOCK_STREAM, 0);
  if (line < 0 || strlen(path) >= sizeof address.sun_path) return -1;
  memcpy(address.sun_path, path, strlen(path));
  return connect(line, (const struct sockaddr *)&address, sizeof address) == 0 ? line : -1;
}

static int send_all(int line, const uint8_t *bytes, size_t length) {
  while (length) {
    const ssize_t sent = write(line, bytes, length);
    if (sent < 0) return 0;
    bytes += sent;
    length -= (size_t)sent;
  }
  return 1;
}

/* Who we are and which structs we mean: the dashboard refuses us when it knows others. */
static int send_greeting(int line) {
  static const rw_layout layouts[] = {IMU_LAYOUT(EVENT_IMU_NAME), CONTROL_LAYOUT(EVENT_CONTROL_NAME)};
  const rw_hello hello = {.id = "firmware", .id_length = 8, .codec = RW_CODEC_STRUCT, .codec_set = RW_CODEC_SET(RW_CODEC_STRUCT)};
  uint8_t out[RW_PREAMBLE_BYTES + RW_CONTROL_BYTES_MAX + 64];
  size_t used = rw_write_preamble(out, sizeof out, PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, sizeof out - used, &hello, layouts, 2);
  return send_all(line, out, used);
}

static int send_sample(int line, uint32_t seq) {
  const float phase = (float)seq * 0.05f;
  const imu sample = {
      .t = microseconds(),
      .seq = seq,
      .mode = settings.mode,
      .status = (uint8_t)(IMU_STATUS_CALIBRATED | (seq % 500 > 400 ? IMU_STATUS_HOT : 0)),
      .temperature = (int16_t)(2350 + (int)(seq % 100)),
      .acceleration = {.x = 0.2f * sinf(phase), .y = 0.2f * cosf(phase), .z = 9.807f},
      .rotation = {.x = 0.01f * cosf(phase)},
  };
  const rw_frame frame = {.length = IMU_BYTES, .event = EVENT_IMU, .codec = RW_CODEC_STRUCT};
  uint64_t memory[(IMU_BYTES + RW_HEADER_BYTES) / 8 + 1];
  rw_writer writer;
  rw_writer_init(&writer, memory, sizeof memory);
  uint8_t *payload = rw_claim(&writer, &frame);
  if (!payload) return 0;
  imu_encode(&sample, payload, frame.length);
  rw_commit(&writer, frame.length);
  return send_all(line, writer.bytes, writer.used);
}

/* Reads what is there within `wait_ms`. Returns 0 when the line is dead. */
static int receive(int line, int wait_ms) {
  struct pollfd ready = {.fd = line, .events = POLLIN};
  if (poll(&ready, 1, wait_ms) <= 0) return 1;
  uint8_t *bytes = (uint8_t *)in;
  const ssize_t got = read(line, bytes + in_used, sizeof in - in_used);
  if (got <= 0) return 0;
  in_used += (size_t)got;
  rw_feed(&parser, bytes, in_used);
  rw_frame frame;
  int result;
  while ((result = rw_next(&parser, &frame)) > 0) {
    if (result == RW_FRAME && frame.event == EVENT_CONTROL) control_decode(&settings, frame.payload, frame.length);
    if (result == RW_CONTROL && frame.control == RW_GOODBYE) {
      const char *text;
      uint32_t length;
      rw_read_goodbye(&frame, &text, &length);
      fprintf(stderr, "firmware: the dashboard said goodbye: %.*s\n", (int)length, text);
      return 0;
    }
  }
  const size_t unread = rw_unread(&parser);
  memmove(bytes, bytes + in_used - unread, unread);
  in_used = unread;
  return result == 0;
}

/* Until the next sample; -1, for ever, while nobody has started us. */
static int pause_ms(void) {
  if (settings.mode == CONTROL_MODE_IDLE) return -1;
  return settings.rate ? (int)(1000u / settings.rate) : 0;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fputs("usage: firmware PATH COUNT\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  const int line = open_line(arguments[1]);
  const uint32_t samples = (uint32_t)strtoul(arguments[2], NULL, 10);
  rw_parser_init(&parser, RW_CONNECTED, PAYLOAD_LIMIT, RW_CODEC_SET(RW_CODEC_STRUCT));
  parser.agreed_max = EVENT_CONTROL;
  if (line < 0 || !send_greeting(line)) {
    perror("firmware");
    return 1;
  }
  for (uint32_t seq = 0; seq < samples; seq++) {
    if (!send_sample(line, seq)) return 1;
    do {
      if (!receive(line, pause_ms())) return 1;
    } while (settings.mode == CONTROL_MODE_IDLE);
  }
  uint8_t out[RW_CONTROL_BYTES_MAX];
  send_all(line, out, rw_write_goodbye(out, sizeof out, 0, "", 0));
  close(line);
  return 0;
}
