/*
 * sample.c: `sample struct ADDRESS --count N` sends one sample of a sensor N times on the event "bench", as the struct of sample.json;
 * `sample msgpack ...` sends the same data as msgpack. As source does: batches of 64 KiB, each in one write, then it half-closes and reads
 * until the peer ends.
 * It refuses udp and to listen. Invariant: the batch holds whole frames and leaves completely before the next one is begun.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "ringwire.h"
#include "sample.h"

static const sample SAMPLE = {
    .t = 1795444332184u, .seq = 41872, .status = 3, .x = 0.118, .y = -0.042, .z = 9.807, .c = 23.5f, .v = 3.25f};

/* Numbers of msgpack are big-endian, behind a byte that tells their type. */
static size_t put_number(uint8_t *out, uint8_t type, uint64_t bits, unsigned bytes) {
  *out = type;
  for (unsigned i = 0; i < bytes; i++) out[1 + i] = (uint8_t)(bits >> 8 * (bytes - 1 - i));
  return 1 + bytes;
}

static size_t put_key(uint8_t *out, const char *key) {
  const size_t length = strlen(key);
  *out = (uint8_t)(0xA0 | length);
  memcpy(out + 1, key, length);
  return 1 + length;
}

static size_t put_double(uint8_t *out, const char *key, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  const size_t used = put_key(out, key);
  return used + put_number(out + used, 0xCB, bits, 8);
}

static size_t put_float(uint8_t *out, const char *key, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const size_t used = put_key(out, key);
  return used + put_number(out + used, 0xCA, bits, 4);
}

static uint32_t put_msgpack(uint8_t *out) {
  uint8_t *at = out;
  *at++ = 0x88; /* a map of 8 */
  at += put_key(at, "t");
  at += put_number(at, 0xCF, SAMPLE.t, 8);
  at += put_key(at, "seq");
  at += put_number(at, 0xCD, SAMPLE.seq, 2);
  at += put_key(at, "status");
  at += put_number(at, (uint8_t)SAMPLE.status, 0, 0);
  at += put_double(at, "x", SAMPLE.x);
  at += put_double(at, "y", SAMPLE.y);
  at += put_double(at, "z", SAMPLE.z);
  at += put_float(at, "c", SAMPLE.c);
  at += put_float(at, "v", SAMPLE.v);
  return (uint32_t)(at - out);
}

static bool send_greeting(int peer, uint8_t codec) {
  static const rw_layout layouts[] = {SAMPLE_LAYOUT("bench")};
  uint8_t out[RW_PREAMBLE_BYTES + 2 * RW_CONTROL_BYTES_MAX];
  const rw_hello hello = {.id = "sample", .id_length = 6, .codec = codec, .codec_set = RW_CODEC_SET(codec)};
  size_t used = rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, sizeof out - used, &hello, layouts, codec == RW_CODEC_STRUCT ? 1 : 0);
  used += rw_write_announce(out + used, sizeof out - used, RW_EVENT_ANNOUNCED, "bench", 5);
  return peer_write(peer, out, used);
}

static uint64_t send_samples(int peer, uint8_t codec, uint64_t count) {
  static uint64_t memory[8192];
  uint8_t packed[128];
  const uint32_t packed_length = put_msgpack(packed);
  const rw_frame frame = {.length = codec == RW_CODEC_STRUCT ? SAMPLE_BYTES : packed_length, .event = RW_EVENT_ANNOUNCED, .codec = codec};
  rw_writer writer;
  rw_writer_init(&writer, memory, sizeof memory);
  uint64_t sent = 0;
  while (sent < count) {
    uint8_t *payload = rw_claim(&writer, &frame);
    if (!payload) {
      if (!peer_write(peer, writer.bytes, writer.used)) return sent;
      writer.used = 0;
      continue;
    }
    if (codec == RW_CODEC_STRUCT) sample_encode(&SAMPLE, payload, frame.length);
    else memcpy(payload, packed, packed_length);
    rw_commit(&writer, frame.length);
    sent++;
  }
  return peer_write(peer, writer.bytes, writer.used) ? sent : 0;
}

/* To the end of the peer's stream. Returns 0, or the error that either side saw. */
static int receive(int peer, uint8_t codec) {
  struct intake intake = {.read_bytes = 65536};
  rw_parser parser;
  rw_frame frame;
  int result;
  rw_parser_init(&parser, RW_CONNECTED, RW_PAYLOAD_LIMIT, (uint16_t)RW_CODEC_SET(codec));
  for (;;) {
    rw_feed(&parser, intake.bytes + intake.start, intake.end - intake.start);
    while ((result = rw_next(&parser, &frame)) > 0) {
      if (result != RW_CONTROL || frame.control != RW_GOODBYE) continue;
      const char *text;
      uint32_t length;
      result = rw_read_goodbye(&frame, &text, &length);
      fprintf(stderr, "sample: the peer said goodbye: %.*s\n", (int)length, text);
      break;
    }
    intake.start = intake.end - rw_unread(&parser);
    if (result < 0) break;
    if (peer_read(peer, &intake) <= 0) {
      result = rw_end(&parser);
      break;
    }
  }
  peer_intake_free(&intake);
  return result;
}

int main(int argument_count, char **arguments) {
  const bool is_struct = argument_count > 1 && !strcmp(arguments[1], "struct");
  if (!is_struct && (argument_count < 2 || strcmp(arguments[1], "msgpack") != 0)) {
    fputs("usage: sample struct|msgpack ADDRESS --count N\n", stderr);
    return 2;
  }
  const struct peer_options options = peer_arguments(argument_count - 1, arguments + 1, "--count");
  const uint8_t codec = is_struct ? RW_CODEC_STRUCT : RW_CODEC_MSGPACK;
  const int peer = peer_open(options.address, false);
  if (!send_greeting(peer, codec)) perror("sample: write");
  const double begin = peer_seconds();
  const uint64_t sent = send_samples(peer, codec, options.count);
  const double seconds = peer_seconds() - begin;
  shutdown(peer, SHUT_WR);
  const int result = receive(peer, codec);
  close(peer);
  if (result != 0) fprintf(stderr, "sample: %s\n", rw_result_name(result));
  printf("{\"role\":\"source\",\"count\":%" PRIu64 ",\"seconds\":%.6f}\n", sent, seconds);
  return result != 0 || sent < options.count;
}
