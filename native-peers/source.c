/*
 * source.c: sends --count frames of --size payload bytes on the event "bench" to one peer, --rate frames a second or as fast as plain C
 * does it: each frame is encoded into a batch of 64 KiB, each full batch leaves in one write; on udp into datagrams of --datagram bytes,
 * larger frames in fragments. Payloads of 8 bytes and more begin with a u64 sequence number from 0. At the end of a stream it half-closes
 * and reads until the peer ends; on udp it pings until the peer answers or is gone.
 * It refuses to read while it writes: a peer that sends more than a socket buffer before it reads everything, and stops
 * reading meanwhile, would stand still. "seconds" ends with the last write, when a socket buffer may still be unread.
 * Invariant: the batch holds whole frames, in sequence, and leaves completely before the next one is begun.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"
#include "ringwire.h"

#define BATCH_BYTES 65536u
#define AGREED_EVENT 1u /* "bench" on udp, where nothing is announced */
#define DATAGRAM_FLAGS (RW_DATAGRAM_TIMING | RW_DATAGRAM_CHECKSUM)

struct source {
  const struct peer_options *options;
  int peer;
  rw_writer writer;
  uint8_t *pattern; /* a payload without its sequence number */
  double begin;
  uint64_t sent;
  uint32_t crc;     /* of all payloads, with --verify */
  rw_datagram datagram;
};

/* Writes the payload number source->sent. */
static void fill(struct source *source, uint8_t *payload, uint32_t size) {
  memcpy(payload, source->pattern, size);
  if (size >= 8) rw_put64(payload, source->sent);
  if (source->options->verify) source->crc = rw_crc32(source->crc, payload, size);
}

/* True when the next frame has to wait; then what was encoded should leave first. */
static bool is_early(const struct source *source) {
  const uint64_t rate = source->options->rate;
  return rate && (double)source->sent / (double)rate > peer_seconds() - source->begin;
}

static bool flush(struct source *source) {
  const size_t used = source->writer.used;
  source->writer.used = 0;
  return used == 0 || peer_write(source->peer, source->writer.bytes, used);
}

static bool send_frame(struct source *source, uint32_t size) {
  const rw_frame frame = {.length = size, .event = RW_EVENT_ANNOUNCED, .codec = RW_CODEC_RAW};
  uint8_t *payload = rw_claim(&source->writer, &frame);
  if (!payload) {
    if (!flush(source)) return false;
    payload = rw_claim(&source->writer, &frame);
    if (!payload) return false;
  }
  fill(source, payload, size);
  rw_commit(&source->writer, size);
  return true;
}

/* A datagram whose header is there and whose frames end at `used`. One that nobody listens for is lost like any other. */
static bool send_datagram(struct source *source, uint8_t *bytes, size_t used) {
  rw_finish_datagram(bytes, used);
  source->datagram.sequence++;
  return send(source->peer, bytes, used, 0) >= 0 || errno == ECONNREFUSED || errno == ENOBUFS;
}

static size_t begin_datagram(struct source *source, uint8_t *bytes, size_t capacity, uint8_t flags) {
  source->datagram.flags = flags;
  source->datagram.sent = (uint32_t)(uint64_t)(peer_seconds() * 1e6);
  return rw_write_datagram(bytes, capacity, &source->datagram);
}

static bool flush_datagram(struct source *source) {
  const size_t used = source->writer.used, header = rw_datagram_header_bytes(DATAGRAM_FLAGS);
  source->writer.used = header; /* room for the header of the next one */
  if (used <= header) return true;
  begin_datagram(source, source->writer.bytes, header, DATAGRAM_FLAGS);
  return send_datagram(source, source->writer.bytes, used);
}

/* One frame in parts, each in a datagram of its own. */
static bool send_fragments(struct source *source, const uint8_t *frame, uint32_t bytes) {
  uint8_t out[RW_DATAGRAM_BYTES_MAX];
  const uint8_t flags = DATAGRAM_FLAGS | RW_DATAGRAM_FRAGMENT;
  const uint32_t part = ((uint32_t)source->options->datagram - (uint32_t)rw_datagram_header_bytes(flags)) & ~7u;
  rw_datagram *datagram = &source->datagram;
  datagram->frame_number++;
  datagram->frame_bytes = bytes;
  datagram->count = (uint16_t)rw_part_count(bytes, part);
  for (uint32_t index = 0; index < datagram->count; index++) {
    const uint32_t at = index * part, length = bytes - at < part ? bytes - at : part;
    datagram->index = (uint16_t)index;
    const size_t header = begin_datagram(source, out, sizeof out, flags);
    memcpy(out + header, frame + at, length);
    if (header == 0 || !send_datagram(source, out, header + length)) return false;
  }
  return datagram->count > 0;
}

static bool send_in_datagrams(struct source *source, uint32_t size) {
  const rw_frame frame = {.length = size, .event = AGREED_EVENT, .codec = RW_CODEC_RAW};
  const size_t room = rw_frame_room(&frame), header = rw_datagram_header_bytes(DATAGRAM_FLAGS);
  const bool whole = room + header <= source->options->datagram;
  if ((!whole || source->writer.used + room > source->options->datagram) && !flush_datagram(source)) return false;
  uint8_t *payload = rw_claim(&source->writer, &frame);
  if (!payload) return false;
  fill(source, payload, size);
  rw_commit(&source->writer, size);
  if (whole) return true;
  source->writer.used = header;
  return send_fragments(source, source->writer.bytes + header, (uint32_t)room);
}

static void send_frames(struct source *source) {
  const struct peer_options *options = source->options;
  const size_t room = rw_frame_bytes((uint32_t)options->size, 0) + RW_DATAGRAM_HEADER_BYTES_MAX;
  rw_writer_init(&source->writer, NULL, room > BATCH_BYTES ? room : BATCH_BYTES);
  source->writer.bytes = malloc(source->writer.capacity);
  source->pattern = malloc((size_t)options->size + 1u);
  if (!source->writer.bytes || !source->pattern) peer_fail("malloc");
  for (size_t i = 0; i < options->size; i++) source->pattern[i] = peer_pattern(i);
  source->begin = peer_seconds();
  bool well = !options->udp || flush_datagram(source);
  for (; well && source->sent < options->count; source->sent++) {
    while (well && is_early(source)) {
      well = options->udp ? flush_datagram(source) : flush(source);
      peer_sleep(0.0005);
    }
    well = well && (options->udp ? send_in_datagrams(source, (uint32_t)options->size) : send_frame(source, (uint32_t)options->size));
    if (!well) break;
  }
  if (!well || !(options->udp ? flush_datagram(source) : flush(source))) perror("source: write");
  free(source->pattern);
  free(source->writer.bytes);
}

static bool send_greeting(int peer) {
  uint8_t out[RW_PREAMBLE_BYTES + 2 * RW_CONTROL_BYTES_MAX];
  const rw_hello hello = {.id = "source", .id_length = 6, .codec = RW_CODEC_RAW, .codec_set = RW_CODEC_SET(RW_CODEC_RAW)};
  size_t used = rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT);
  used += rw_write_hello(out + used, sizeof out - used, &hello, NULL, 0);
  used += rw_write_announce(out + used, sizeof out - used, RW_EVENT_ANNOUNCED, "bench", 5);
  return peer_write(peer, out, used);
}

/* Reads up to a stage of the peer's stream or to its end, skipping messages. Returns 0, or the error that either side saw. */
static int receive(int peer, rw_parser *parser, struct intake *intake, bool until_hello) {
  rw_frame frame;
  for (;;) {
    int result;
    rw_feed(parser, intake->bytes + intake->start, intake->end - intake->start);
    while ((result = rw_next(parser, &frame)) > 0) {
      if (result == RW_CONTROL && frame.control == RW_GOODBYE) {
        const char *text;
        uint32_t length;
        const int reason = rw_read_goodbye(&frame, &text, &length);
        fprintf(stderr, "source: the peer said goodbye: %.*s\n", (int)length, text);
        return reason;
      }
      if (until_hello && parser->stage == RW_STAGE_FRAMES) break;
    }
    intake->start = intake->end - rw_unread(parser);
    if (result < 0) return result;
    if (until_hello && parser->stage == RW_STAGE_FRAMES) return 0;
    const ssize_t got = peer_read(peer, intake);
    if (got < 0) perror("source: read");
    if (got <= 0) return rw_end(parser);
  }
}

/* Pings until the peer has answered, so that it has read what it will get, or is gone. */
static void ask_for_the_end(struct source *source) {
  uint8_t out[64], in[RW_DATAGRAM_BYTES_SAFE];
  for (int tries = 0; tries < 50; tries++) {
    size_t used = begin_datagram(source, out, sizeof out, DATAGRAM_FLAGS);
    used += rw_write_ping(out + used, sizeof out - used, RW_PING, 1);
    rw_finish_datagram(out, used);
    source->datagram.sequence++;
    if (send(source->peer, out, used, 0) < 0) return;
    if (!peer_wait(source->peer, 100)) continue;
    const ssize_t got = recv(source->peer, in, sizeof in, 0);
    rw_datagram answer;
    rw_frame frame;
    if (got <= 0) return;
    if (rw_read_datagram(&answer, in, (size_t)got) > 0 && rw_next_in_datagram(&answer, 1024, 0, &frame) == RW_CONTROL) return;
  }
}

int main(int argument_count, char **arguments) {
  const struct peer_options options = peer_arguments(argument_count, arguments, "--count --size --rate --listen --verify --datagram");
  struct intake intake = {.read_bytes = (size_t)options.read_bytes};
  if (options.size > RW_PAYLOAD_LIMIT || (options.udp && options.listen)) {
    fputs("source: --size is above the default payload limit, or --listen on udp\n", stderr);
    return 2;
  }
  struct source source = {.options = &options, .peer = peer_open(options.address, options.listen)};
  source.datagram.session = (uint32_t)time(NULL) * 2654435761u ^ (uint32_t)getpid();
  rw_parser parser;
  rw_parser_init(&parser, options.listen ? RW_ACCEPTED : RW_CONNECTED, RW_PAYLOAD_LIMIT, RW_CODEC_SET(RW_CODEC_RAW));
  int result = options.listen ? receive(source.peer, &parser, &intake, true) : 0;
  double seconds = 0;
  if (result == 0) {
    if (!options.udp && !send_greeting(source.peer)) perror("source: write");
    send_frames(&source);
    seconds = peer_seconds() - source.begin;
    if (options.udp) {
      ask_for_the_end(&source);
    } else {
      shutdown(source.peer, SHUT_WR);
      result = receive(source.peer, &parser, &intake, false);
    }
  }
  close(source.peer);
  peer_intake_free(&intake);
  if (result != 0) fprintf(stderr, "source: %s\n", rw_result_name(result));
  printf("{\"role\":\"source\",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"datagrams\":%" PRIu32
         ",\"crc32\":\"%08" PRIx32 "\"}\n",
         source.sent, source.sent * options.size, seconds, source.datagram.sequence, source.crc);
  return result != 0 || source.sent < options.count;
}
