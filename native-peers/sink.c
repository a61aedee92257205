/*
 * sink.c: receives frames from one peer, parses every one and checks that the sequence numbers in payloads of 8 bytes and more run from 0
 * without loss or reorder; --verify also compares every other payload byte and takes the CRC-32 of all. On udp it accepts fragments,
 * answers pings and counts what was lost.
 * It ends after --count frames (0: at the end of the stream; on udp --idle milliseconds after the last datagram) and prints one JSON line.
 * The clock runs from the first message parsed, or the first one after --warm messages, to the last; "bytes" and "megabytes" (10^6) are payload alone.
 * It refuses a second peer, and on streams it keeps no time: a silent peer is for the caller to end.
 * Invariant: a frame is looked at only between two reads, so nothing borrowed outlives its bytes.
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

#define AGREED_MAX 1u /* "bench" on udp, where nothing is announced */

struct tally {
  uint64_t count, bytes, warm_bytes, expected, lost, refused;
  double begin, end;
  uint32_t crc;
  bool in_order, intact, greeted, left;
};

static bool send_greeting(int peer, struct tally *tally) {
  uint8_t out[RW_PREAMBLE_BYTES + RW_CONTROL_BYTES_MAX];
  const rw_hello hello = {.id = "sink", .id_length = 4, .codec = RW_CODEC_RAW, .codec_set = RW_CODEC_SET(RW_CODEC_RAW)};
  size_t used = rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, sizeof out - used, &hello, NULL, 0);
  tally->greeted = true;
  return peer_write(peer, out, used);
}

static void send_goodbye(int peer, const struct tally *tally, int result) {
  uint8_t out[RW_PREAMBLE_BYTES + RW_CONTROL_BYTES_MAX];
  size_t used = tally->greeted ? 0 : rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_goodbye(out + used, sizeof out - used, result, "", 0);
  peer_write(peer, out, used); /* if it still can be said; nothing depends on it */
}

static void take_message(struct tally *tally, const rw_frame *frame, const struct peer_options *options) {
  size_t checked = 0;
  if (tally->count == options->warm) {
    tally->begin = peer_seconds();
    tally->warm_bytes = tally->bytes;
  }
  if (frame->length >= 8) {
    const uint64_t sequence = rw_u64(frame->payload);
    if (sequence != tally->expected && tally->in_order) {
      fprintf(stderr, "sink: message %" PRIu64 " carries sequence number %" PRIu64 "\n", tally->count, sequence);
      tally->in_order = false;
    }
    if (sequence >= tally->expected) {
      tally->lost += sequence - tally->expected;
      tally->expected = sequence + 1;
    } else {
      tally->lost -= tally->lost > 0; /* it was only late */
    }
    checked = 8;
  }
  if (options->verify) {
    for (; checked < frame->length; checked++) tally->intact &= frame->payload[checked] == peer_pattern(checked);
    tally->crc = rw_crc32(tally->crc, frame->payload, frame->length);
  }
  tally->count++;
  tally->bytes += frame->length;
}

static void take_control(int peer, struct tally *tally, const rw_frame *frame) {
  uint8_t pong[RW_CONTROL_BYTES_MAX];
  switch (frame->control) {
    case RW_HELLO:
      if (!tally->greeted) send_greeting(peer, tally);
      break;
    case RW_PING:
      peer_write(peer, pong, rw_write_ping(pong, sizeof pong, RW_PONG, rw_read_ping_token(frame)));
      break;
    case RW_GOODBYE:
      tally->left = true;
      break;
  }
}

/* Returns 0 at the end of the stream or of the count, or the error. */
static int receive(int peer, struct tally *tally, const struct peer_options *options) {
  struct intake intake = {.read_bytes = (size_t)options->read_bytes};
  rw_parser parser;
  rw_frame frame;
  int result = RW_MORE;
  rw_parser_init(&parser, options->connect ? RW_CONNECTED : RW_ACCEPTED, RW_PAYLOAD_LIMIT, RW_CODEC_SET(RW_CODEC_RAW));
  while (!tally->left && result == RW_MORE) {
    const ssize_t got = peer_read(peer, &intake);
    if (got < 0) peer_fail("sink: read");
    if (got == 0) break;
    const uint64_t before = tally->count;
    rw_feed(&parser, intake.bytes + intake.start, intake.end - intake.start);
    while ((result = rw_next(&parser, &frame)) > 0) {
      if (result == RW_FRAME) {
        take_message(tally, &frame, options);
        if (tally->count == options->count) break;
      } else if (result == RW_CONTROL) {
        take_control(peer, tally, &frame);
      } else if (result == RW_REFUSED) {
        result = RW_ERR_INVALID_EVENT; /* a bench that loses messages measures nothing */
        break;
      }
    }
    intake.start = intake.end - rw_unread(&parser);
    if (tally->count != before) tally->end = peer_seconds(); /* once a read: a clock call costs as much as a frame */
  }
  if (result < 0) send_goodbye(peer, tally, result);
  else result = result == RW_MORE && !tally->left ? rw_end(&parser) : 0;
  peer_intake_free(&intake);
  return result;
}

/* The socket is not connected: the answer goes where the ping came from. */
static void answer_ping(int socket, const rw_frame *ping, const struct sockaddr *from, socklen_t from_length, uint32_t sequence) {
  uint8_t out[RW_DATAGRAM_HEADER_BYTES_MAX + 16];
  const rw_datagram datagram = {.sequence = sequence};
  size_t used = rw_write_datagram(out, sizeof out, &datagram);
  used += rw_write_ping(out + used, sizeof out - used, RW_PONG, rw_read_ping_token(ping));
  sendto(socket, out, used, 0, from, from_length); /* if it is lost, the peer asks again */
}

struct unfinished {
  rw_assembly assembly;
  uint8_t seen[8192];
};

/* The next frame of a datagram, or of the fragments that it completes. */
static int next_frame(rw_datagram *datagram, struct unfinished *unfinished, rw_frame *frame) {
  if (!(datagram->flags & RW_DATAGRAM_FRAGMENT)) return rw_next_in_datagram(datagram, RW_PAYLOAD_LIMIT, AGREED_MAX, frame);
  if (datagram->position) return RW_MORE;
  datagram->position = datagram->length;
  return rw_assemble(&unfinished->assembly, datagram, RW_PAYLOAD_LIMIT, AGREED_MAX, frame);
}

static void receive_datagrams(int socket, struct tally *tally, const struct peer_options *options) {
  const size_t capacity = rw_frame_bytes(RW_PAYLOAD_LIMIT, 3);
  uint8_t *in = malloc(RW_DATAGRAM_BYTES_MAX), *memory = malloc(capacity);
  static struct unfinished unfinished;
  struct sockaddr_storage from;
  rw_datagram datagram;
  rw_frame frame;
  uint32_t pongs = 0;
  if (!in || !memory) peer_fail("malloc");
  rw_assembly_init(&unfinished.assembly, memory, capacity, unfinished.seen, sizeof unfinished.seen);
  while (!(options->count && tally->count >= options->count) && peer_wait(socket, tally->count ? options->idle : 30000)) {
    socklen_t from_length = sizeof from;
    const ssize_t got = recvfrom(socket, in, RW_DATAGRAM_BYTES_MAX, 0, (struct sockaddr *)&from, &from_length);
    if (got < 0) peer_fail("sink: recvfrom");
    int result = rw_read_datagram(&datagram, in, (size_t)got);
    while (result > 0 && (result = next_frame(&datagram, &unfinished, &frame)) > 0) {
      if (result == RW_FRAME) take_message(tally, &frame, options);
      else if (result == RW_CONTROL && frame.control == RW_PING)
        answer_ping(socket, &frame, (struct sockaddr *)&from, from_length, pongs++);
      tally->refused += result == RW_REFUSED;
    }
    tally->refused += result < 0;
    tally->end = peer_seconds();
  }
  free(in);
  free(memory);
}

int main(int argument_count, char **arguments) {
  const struct peer_options options = peer_arguments(argument_count, arguments, "--count --warm --read --connect --verify --idle");
  struct tally tally = {.in_order = true, .intact = true};
  const int peer = peer_open(options.address, !options.connect);
  int result = 0;
  if (options.udp) {
    receive_datagrams(peer, &tally, &options);
  } else {
    if (options.connect && !send_greeting(peer, &tally)) peer_fail("sink: write");
    result = receive(peer, &tally, &options);
  }
  close(peer);
  const double seconds = tally.end - tally.begin;
  const double per_second = seconds > 0 ? 1 / seconds : 0;
  const uint64_t timed = tally.count > options.warm ? tally.count - options.warm : 0;
  const uint64_t timed_bytes = timed ? tally.bytes - tally.warm_bytes : 0;
  printf("{\"role\":\"sink\",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"messages_per_second\":%.0f,"
         "\"megabytes_per_second\":%.1f,\"in_order\":%s,\"lost\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"crc32\":\"%08" PRIx32 "\"}\n",
         tally.count, tally.bytes, seconds, (double)timed * per_second, (double)timed_bytes / 1e6 * per_second,
         tally.in_order ? "true" : "false", tally.lost, tally.refused, tally.crc);
  if (result != 0) fprintf(stderr, "sink: %s\n", rw_result_name(result));
  if (!tally.intact) fputs("sink: a payload byte differs\n", stderr);
  if (tally.count < options.count)
    fprintf(stderr, "sink: the stream ended after %" PRIu64 " of %" PRIu64 " messages\n", tally.count, options.count);
  return result != 0 || (!options.udp && !tally.in_order) || !tally.intact || tally.count < options.count;
}
