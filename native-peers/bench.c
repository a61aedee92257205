/*
 * bench.c: how fast the parser alone is, on one core: a stream of equal frames in memory, parsed again and again. Prints one JSON line for
 * each payload size; "gigabytes_per_second" (10^9) counts every byte of the stream, "frames_per_second" its frames.
 * It refuses to measure anything else: sockets and copies are for the peers.
 * Invariant: every payload's first byte is looked at, so that a frame cannot be parsed without being there.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"
#include "ringwire.h"

#define STREAM_BYTES (256u * 1024u) /* as much as one read takes, and fits into a cache */
#define SECONDS 0.5

static void measure(uint32_t size) {
  uint8_t *stream = malloc(STREAM_BYTES + 64), *payload = calloc(size + 1u, 1);
  if (!stream || !payload) exit(3);
  const rw_hello hello = {.id = "", .codec = RW_CODEC_RAW, .codec_set = RW_CODEC_SET(RW_CODEC_RAW)};
  const rw_frame frame = {.payload = payload, .length = size, .event = 1, .codec = RW_CODEC_RAW};
  size_t used = rw_write_preamble(stream, 8, RW_PAYLOAD_LIMIT), bytes;
  used += rw_write_hello(stream + used, 64, &hello, NULL, 0);
  const size_t first = used;
  while ((bytes = rw_write_frame(stream + used, STREAM_BYTES - used, &frame)) > 0) used += bytes;
  rw_parser parser;
  rw_frame seen;
  uint64_t frames = 0, rounds = 0, sum = 0;
  rw_parser_init(&parser, RW_ACCEPTED, RW_PAYLOAD_LIMIT, RW_CODEC_SET(RW_CODEC_RAW));
  parser.agreed_max = 1;
  rw_feed(&parser, stream, used);
  while (rw_next(&parser, &seen) > 0) continue;
  const double begin = peer_seconds();
  double seconds = 0;
  for (; seconds < SECONDS; rounds++) {
    rw_feed(&parser, stream + first, used - first);
    while (rw_next(&parser, &seen) == RW_FRAME) frames++, sum += seen.length ? seen.payload[0] : 0;
    if (rounds % 16 == 0) seconds = peer_seconds() - begin;
  }
  seconds = peer_seconds() - begin;
  if (parser.error || sum) exit(1);
  printf("{\"payload_bytes\":%" PRIu32 ",\"frames_per_second\":%.0f,\"gigabytes_per_second\":%.2f}\n", size, (double)frames / seconds,
         (double)rounds * (double)(used - first) / seconds / 1e9);
  free(stream);
  free(payload);
}

int main(void) {
  static const uint32_t sizes[] = {0, 8, 64, 1024, 65536};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) measure(sizes[i]);
  return 0;
}
