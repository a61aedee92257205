/*
 * echo.c: sends every message of one peer back to it, on the same event and in the same codec, and answers every request with its input.
 * Names that the peer announces are announced back in the same order, so an event has the same id in both directions. On udp each
 * datagram is answered by one to where it came from. It ends when the peer ends, on udp --idle milliseconds after the last datagram,
 * and prints one JSON line.
 * It refuses to queue: while the peer does not read, nothing is read from it.
 * Invariant: the answers to one read leave before the next read.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "ringwire.h"

#define CODECS (RW_CODEC_SET(RW_CODEC_JSON) | RW_CODEC_SET(RW_CODEC_MSGPACK) | RW_CODEC_SET(RW_CODEC_RAW) | RW_CODEC_SET(RW_CODEC_STRUCT))
#define BATCH_BYTES 65536u

struct echo {
  int peer;
  rw_writer writer;
  uint64_t count, refused;
  bool greeted, left;
};

static bool flush(struct echo *echo) {
  const size_t used = echo->writer.used;
  echo->writer.used = 0;
  return used == 0 || peer_write(echo->peer, echo->writer.bytes, used);
}

/* Room for that many bytes behind what is encoded, or the peer is gone. */
static uint8_t *room_for(struct echo *echo, size_t bytes) {
  if (bytes > echo->writer.capacity - echo->writer.used && !flush(echo)) echo->left = true;
  if (bytes > echo->writer.capacity) {
    free(echo->writer.bytes);
    rw_writer_init(&echo->writer, malloc(bytes), bytes);
    if (!echo->writer.bytes) peer_fail("malloc");
  }
  return echo->writer.bytes + echo->writer.used;
}

static rw_frame answer_to(const rw_frame *frame) {
  rw_frame answer = *frame;
  if (frame->kind == RW_REQUEST) answer.kind = RW_RESPONSE;
  return answer;
}

static void greet(struct echo *echo, uint8_t codec) {
  const rw_hello hello = {.id = "echo", .id_length = 4, .codec = codec, .codec_set = CODECS, .features = RW_FEATURE_REQUESTS};
  uint8_t *out = room_for(echo, RW_PREAMBLE_BYTES + RW_CONTROL_BYTES_MAX);
  size_t used = rw_write_preamble(out, RW_PREAMBLE_BYTES, RW_PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, RW_CONTROL_BYTES_MAX, &hello, NULL, 0);
  echo->writer.used += used;
  echo->greeted = true;
}

static void take_control(struct echo *echo, const rw_frame *frame) {
  uint8_t *out = room_for(echo, RW_CONTROL_BYTES_MAX);
  const char *name;
  uint32_t length;
  uint16_t event;
  switch (frame->control) {
    case RW_HELLO:
      if (!echo->greeted) greet(echo, frame->payload[1]);
      break;
    case RW_ANNOUNCE:
      rw_read_announce(frame, &event, &name, &length);
      echo->writer.used += rw_write_announce(out, RW_CONTROL_BYTES_MAX, event, name, length);
      break;
    case RW_PING:
      echo->writer.used += rw_write_ping(out, RW_CONTROL_BYTES_MAX, RW_PONG, rw_read_ping_token(frame));
      break;
    case RW_GOODBYE:
      echo->left = true;
      break;
  }
}

static void take_frame(struct echo *echo, const rw_frame *frame) {
  const rw_frame answer = answer_to(frame);
  const size_t bytes = rw_frame_room(&answer);
  uint8_t *out = room_for(echo, bytes);
  if (frame->kind > RW_REQUEST) return; /* an answer, a cancel or a credit: nothing of ours is open */
  echo->writer.used += rw_write_frame(out, bytes, &answer);
  echo->count++;
}

static int run_stream(struct echo *echo, const struct peer_options *options) {
  struct intake intake = {.read_bytes = (size_t)options->read_bytes};
  rw_parser parser;
  rw_frame frame;
  int result = RW_MORE;
  rw_parser_init(&parser, options->connect ? RW_CONNECTED : RW_ACCEPTED, RW_PAYLOAD_LIMIT, CODECS);
  parser.features = RW_FEATURE_REQUESTS;
  parser.agreed_max = RW_EVENT_AGREED_MAX;
  parser.codec = options->connect ? RW_CODEC_RAW : 0;
  if (options->connect) greet(echo, RW_CODEC_RAW);
  while (!echo->left && result == RW_MORE && flush(echo)) {
    const ssize_t got = peer_read(echo->peer, &intake);
    if (got < 0) peer_fail("echo: read");
    if (got == 0) break;
    rw_feed(&parser, intake.bytes + intake.start, intake.end - intake.start);
    while (!echo->left && (result = rw_next(&parser, &frame)) > 0) {
      if (result == RW_FRAME) take_frame(echo, &frame);
      else if (result == RW_CONTROL) take_control(echo, &frame);
    }
    intake.start = intake.end - rw_unread(&parser);
  }
  echo->refused = parser.refused_count;
  if (result < 0) {
    uint8_t *out = room_for(echo, RW_CONTROL_BYTES_MAX + RW_PREAMBLE_BYTES);
    size_t used = echo->greeted ? 0 : rw_write_preamble(out, RW_PREAMBLE_BYTES, RW_PAYLOAD_LIMIT);
    used += rw_write_goodbye(out + used, RW_CONTROL_BYTES_MAX, result, "", 0);
    echo->writer.used += used;
  }
  flush(echo);
  peer_intake_free(&intake);
  return result < 0 ? result : echo->left ? 0 : rw_end(&parser);
}

/* The frames of a datagram, back in one of the same size and flags. */
static size_t answer_datagram(struct echo *echo, const uint8_t *in, size_t length, uint8_t *out, uint32_t sequence) {
  rw_datagram datagram;
  rw_frame frame;
  int result = rw_read_datagram(&datagram, in, length);
  if (result < 0 || datagram.flags & RW_DATAGRAM_FRAGMENT) return 0;
  const rw_datagram back = {.flags = datagram.flags, .sequence = sequence, .session = datagram.session, .sent = datagram.sent};
  const size_t header = rw_write_datagram(out, RW_DATAGRAM_BYTES_MAX, &back);
  size_t used = header;
  while ((result = rw_next_in_datagram(&datagram, RW_PAYLOAD_LIMIT, RW_EVENT_AGREED_MAX, &frame)) > 0) {
    if (result == RW_FRAME) {
      const rw_frame answer = answer_to(&frame);
      used += rw_write_frame(out + used, RW_DATAGRAM_BYTES_MAX - used, &answer);
      echo->count++;
    } else if (result == RW_CONTROL && frame.control == RW_PING) {
      used += rw_write_ping(out + used, RW_DATAGRAM_BYTES_MAX - used, RW_PONG, rw_read_ping_token(&frame));
    }
  }
  if (used == header) return 0;
  rw_finish_datagram(out, used);
  return used;
}

static void run_datagrams(struct echo *echo, const struct peer_options *options) {
  static uint8_t in[RW_DATAGRAM_BYTES_MAX], out[RW_DATAGRAM_BYTES_MAX];
  struct sockaddr_storage from;
  uint32_t sequence = 0;
  while (peer_wait(echo->peer, sequence ? options->idle : 30000)) {
    socklen_t from_length = sizeof from;
    const ssize_t got = recvfrom(echo->peer, in, sizeof in, 0, (struct sockaddr *)&from, &from_length);
    if (got < 0) peer_fail("echo: recvfrom");
    const size_t used = answer_datagram(echo, in, (size_t)got, out, sequence);
    if (used && sendto(echo->peer, out, used, 0, (struct sockaddr *)&from, from_length) >= 0) sequence++;
    echo->refused += used == 0;
  }
}

int main(int argument_count, char **arguments) {
  const struct peer_options options = peer_arguments(argument_count, arguments, "--read --connect --idle");
  struct echo echo = {.peer = peer_open(options.address, !options.connect)};
  int result = 0;
  rw_writer_init(&echo.writer, malloc(BATCH_BYTES), BATCH_BYTES);
  if (!echo.writer.bytes) peer_fail("malloc");
  if (options.udp) run_datagrams(&echo, &options);
  else result = run_stream(&echo, &options);
  close(echo.peer);
  free(echo.writer.bytes);
  if (result != 0) fprintf(stderr, "echo: %s\n", rw_result_name(result));
  printf("{\"role\":\"echo\",\"count\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n", echo.count, echo.refused);
  return result != 0;
}
