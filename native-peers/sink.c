/*
 * sink.c: receives frames from one peer, parses every one with rw_next and checks that the sequence numbers in payloads
 * of 8 bytes and more run from 0 without loss or reorder; --verify also compares every other payload byte.
 * It ends after --count frames (0: at the end of the stream) and prints one JSON line. The clock runs from the first
 * message parsed to the last; "bytes" and "megabytes" (10^6) are payload alone.
 * It refuses a second peer, and it keeps no time: a silent peer is for the caller to end.
 * Invariant: a frame is looked at only between two reads, so nothing borrowed outlives its bytes.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"
#include "ringwire.h"

struct tally {
  uint64_t count, bytes, expected;
  double begin, end;
  bool in_order, intact, greeted, left;
};

static bool send_greeting(int peer, struct tally *tally) {
  uint8_t out[RW_PREAMBLE_BYTES + RW_CONTROL_BYTES_MAX];
  size_t used = rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, sizeof out - used, RW_CODEC_RAW, RW_CODEC_SET(RW_CODEC_RAW), "sink", 4);
  tally->greeted = true;
  return peer_write(peer, out, used);
}

static void send_goodbye(int peer, const struct tally *tally, int result) {
  uint8_t out[RW_PREAMBLE_BYTES + RW_CONTROL_BYTES_MAX];
  size_t used = tally->greeted ? 0 : rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_goodbye(out + used, sizeof out - used, result, "", 0);
  peer_write(peer, out, used); /* if it still can be said; nothing depends on it */
}

static void take_message(struct tally *tally, const rw_frame *frame, bool verify) {
  size_t checked = 0;
  if (tally->count == 0) tally->begin = peer_seconds();
  if (frame->length >= 8) {
    const uint64_t sequence = rw_u32(frame->payload) | (uint64_t)rw_u32(frame->payload + 4) << 32;
    if (sequence != tally->expected && tally->in_order) {
      fprintf(stderr, "sink: message %" PRIu64 " carries sequence number %" PRIu64 "\n", tally->count, sequence);
      tally->in_order = false;
    }
    tally->expected = sequence + 1;
    checked = 8;
  }
  if (verify)
    for (; checked < frame->length; checked++) tally->intact &= frame->payload[checked] == peer_pattern(checked);
  tally->count++;
  tally->bytes += frame->length;
}

static void take_control(int peer, struct tally *tally, const rw_frame *frame) {
  uint8_t pong[RW_CONTROL_BYTES_MAX];
  switch (frame->payload[0]) {
    case RW_HELLO:
      if (!tally->greeted) send_greeting(peer, tally);
      break;
    case RW_PING:
      peer_write(peer, pong, rw_write_ping(pong, sizeof pong, RW_PONG, rw_u32(frame->payload + 4)));
      break;
    case RW_GOODBYE:
      tally->left = true;
      break;
  }
}

/* Returns 0 at the end of the stream or of the count, or the error. */
static int receive(int peer, struct tally *tally, const struct peer_options *options, struct intake *intake) {
  rw_reader reader;
  rw_frame frame;
  rw_reader_init(&reader, options->connect ? RW_CONNECTED : RW_ACCEPTED, RW_PAYLOAD_LIMIT, RW_CODEC_SET(RW_CODEC_RAW));
  while (!tally->left) {
    const ssize_t got = peer_read(peer, intake);
    if (got < 0) peer_fail("sink: read");
    if (got == 0) return rw_end(&reader, intake->end - intake->start);
    const uint64_t before = tally->count;
    int result;
    while ((result = rw_next(&reader, intake->bytes, intake->end, &intake->start, &frame)) > 0) {
      if (result == RW_FRAME) {
        take_message(tally, &frame, options->verify);
        if (tally->count == options->count) break;
      } else if (result == RW_CONTROL) {
        take_control(peer, tally, &frame);
      } else if (result == RW_REFUSED) {
        return RW_ERR_INVALID_EVENT; /* a bench that loses messages measures nothing */
      }
    }
    if (tally->count != before) tally->end = peer_seconds(); /* once a read: a clock call costs as much as a frame */
    if (result < 0) send_goodbye(peer, tally, result);
    if (result != RW_MORE) return result < 0 ? result : 0;
  }
  return 0;
}

int main(int argument_count, char **arguments) {
  const struct peer_options options = peer_arguments(argument_count, arguments, "--count --read --connect --verify");
  struct intake intake = {.read_bytes = options.read_bytes};
  struct tally tally = {.in_order = true, .intact = true};
  const int peer = peer_open(options.path, !options.connect);
  if (options.connect && !send_greeting(peer, &tally)) peer_fail("sink: write");
  const int result = receive(peer, &tally, &options, &intake);
  close(peer);
  peer_intake_free(&intake);
  const double seconds = tally.end - tally.begin;
  const double per_second = seconds > 0 ? 1 / seconds : 0;
  printf("{\"role\":\"sink\",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"messages_per_second\":%.0f,"
         "\"megabytes_per_second\":%.1f,\"in_order\":%s}\n",
         tally.count, tally.bytes, seconds, (double)tally.count * per_second, (double)tally.bytes / 1e6 * per_second,
         tally.in_order ? "true" : "false");
  if (result != 0) fprintf(stderr, "sink: %s\n", peer_error_name(result));
  if (!tally.intact) fputs("sink: a payload byte differs\n", stderr);
  if (tally.count < options.count)
    fprintf(stderr, "sink: the stream ended after %" PRIu64 " of %" PRIu64 " messages\n", tally.count, options.count);
  return result != 0 || !tally.in_order || !tally.intact || tally.count < options.count;
}
