/*
 * source.c: sends --count frames of --size payload bytes on the event "bench" to one peer, as fast as plain C does it:
 * each frame is encoded into a batch of 64 KiB, each full batch leaves in one write. Payloads of 8 bytes and more begin
 * with a u64 sequence number from 0. Then it half-closes and reads until the peer ends.
 * It refuses to read while it writes: a peer that sends more than a socket buffer before it reads everything, and stops
 * reading meanwhile, would stand still. "seconds" ends with the last write, when a socket buffer may still be unread.
 * Invariant: the batch holds whole frames, in sequence, and leaves completely before the next one is begun.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "ringwire.h"

#define BATCH_BYTES 65536u

static uint64_t send_frames(int peer, uint64_t count, uint32_t size) {
  const size_t frame_bytes = rw_frame_bytes(size, 0);
  const size_t capacity = frame_bytes > BATCH_BYTES ? frame_bytes : BATCH_BYTES;
  uint8_t *batch = malloc(capacity);
  uint8_t *pattern = malloc(size + 1u);
  if (!batch || !pattern) peer_fail("malloc");
  for (size_t i = 0; i < size; i++) pattern[i] = peer_pattern(i);
  const rw_frame frame = {.payload = pattern, .length = size, .event = RW_EVENT_ANNOUNCED, .codec = RW_CODEC_RAW};
  size_t used = 0;
  uint64_t sequence = 0;
  for (; sequence < count; sequence++) {
    if (capacity - used < frame_bytes) {
      if (!peer_write(peer, batch, used)) break;
      used = 0;
    }
    uint8_t *out = batch + used;
    used += rw_write_frame(out, capacity - used, &frame);
    if (size >= 8) {
      rw_put(out + RW_HEADER_BYTES, (uint32_t)sequence, 4);
      rw_put(out + RW_HEADER_BYTES + 4, (uint32_t)(sequence >> 32), 4);
    }
  }
  if (sequence < count || !peer_write(peer, batch, used)) perror("source: write");
  free(pattern);
  free(batch);
  return sequence;
}

static bool send_greeting(int peer) {
  uint8_t out[RW_PREAMBLE_BYTES + 2 * RW_CONTROL_BYTES_MAX];
  size_t used = rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, sizeof out - used, RW_CODEC_RAW, RW_CODEC_SET(RW_CODEC_RAW), "source", 6);
  used += rw_write_announce(out + used, sizeof out - used, RW_EVENT_ANNOUNCED, "bench", 5);
  return peer_write(peer, out, used);
}

/* Reads up to a stage of the peer's stream or to its end, skipping messages. Returns 0, or the error that either side saw. */
static int receive(int peer, rw_reader *reader, struct intake *intake, bool until_hello) {
  rw_frame frame;
  for (;;) {
    int result;
    while ((result = rw_next(reader, intake->bytes, intake->end, &intake->start, &frame)) > 0) {
      if (result == RW_CONTROL && frame.payload[0] == RW_GOODBYE) {
        fprintf(stderr, "source: the peer said goodbye: %.*s\n", (int)frame.text_length, (const char *)frame.text);
        return -(int)rw_u16(frame.payload + 2);
      }
      if (until_hello && reader->stage == RW_STAGE_FRAMES) return 0;
    }
    if (result < 0) return result;
    const ssize_t got = peer_read(peer, intake);
    if (got < 0) perror("source: read");
    if (got <= 0) return rw_end(reader, intake->end - intake->start);
  }
}

int main(int argument_count, char **arguments) {
  const struct peer_options options = peer_arguments(argument_count, arguments, "--count --size --listen");
  struct intake intake = {.read_bytes = options.read_bytes};
  rw_reader reader;
  if (options.size > RW_PAYLOAD_LIMIT) {
    fputs("source: --size is above the default payload limit\n", stderr);
    return 2;
  }
  rw_reader_init(&reader, options.listen ? RW_ACCEPTED : RW_CONNECTED, RW_PAYLOAD_LIMIT, RW_CODEC_SET(RW_CODEC_RAW));
  const int peer = peer_open(options.path, options.listen);
  int result = options.listen ? receive(peer, &reader, &intake, true) : 0;
  uint64_t sent = 0;
  double seconds = 0;
  if (result == 0) {
    if (!send_greeting(peer)) perror("source: write");
    const double begin = peer_seconds();
    sent = send_frames(peer, options.count, (uint32_t)options.size);
    seconds = peer_seconds() - begin;
    shutdown(peer, SHUT_WR);
    result = receive(peer, &reader, &intake, false);
  }
  close(peer);
  peer_intake_free(&intake);
  if (result != 0) fprintf(stderr, "source: %s\n", peer_error_name(result));
  printf("{\"role\":\"source\",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f}\n", sent,
         sent * options.size, seconds);
  return result != 0 || sent < options.count;
}
