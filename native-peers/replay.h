/*
 * replay.h: runs bytes through ringwire.h as if they had come in pieces, and writes what came out as lines of text; fixtures/README.md
 * defines the lines. The vectors, the fuzzers and the comparison with the TypeScript parser share it.
 * It refuses to judge: whether the lines are right is for the caller.
 * Invariant: bytes are parsed from heap copies of exactly their length, so that sanitizers and valgrind see a read past the end.
 */
#ifndef REPLAY_H
#define REPLAY_H
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "envelope.h"
#include "ringwire.h"

enum replay_wire { REPLAY_STREAM, REPLAY_DELIMITED, REPLAY_DATAGRAM };

struct replay {
  enum replay_wire wire;
  enum rw_role role;
  uint32_t payload_limit;
  uint16_t codec_set, agreed_max, features;
  uint8_t codec;
};

#define REPLAY_HEX_BYTES_MAX 64u /* longer payloads are shown as their size and CRC-32 */

static inline void *replay_memory(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory) exit(3);
  return memory;
}

/* A copy that ends where its memory ends. */
static inline uint8_t *replay_copy(const uint8_t *bytes, size_t length) {
  uint8_t *copy = replay_memory(length);
  if (length) memcpy(copy, bytes, length);
  return copy;
}

static inline void replay_put_hex(FILE *out, const uint8_t *bytes, size_t length) {
  if (length == 0) fputs(" -", out);
  else if (length > REPLAY_HEX_BYTES_MAX) fprintf(out, " %zu:%08" PRIx32, length, rw_crc32(0, bytes, length));
  else {
    fputc(' ', out);
    for (size_t i = 0; i < length; i++) fputc("0123456789abcdef"[bytes[i] >> 4], out), fputc("0123456789abcdef"[bytes[i] & 15], out);
  }
}

static inline void replay_put_frame(FILE *out, int result, const rw_frame *frame) {
  if (result == RW_CONTROL) {
    fputs("control", out);
    replay_put_hex(out, frame->payload, frame->length);
  } else {
    /* The payload is shown with its inline name, as it stands on the wire. */
    const size_t name = frame->text ? rw_inline_bytes(frame->text_length) : 0;
    fprintf(out, "%s %04x %u %u %u %08" PRIx32, result == RW_FRAME ? "frame" : "refused", frame->event, frame->codec, frame->flags,
            frame->kind, frame->correlation);
    replay_put_hex(out, frame->payload - name, frame->length + name);
    if (frame->trace) replay_put_hex(out, frame->trace, RW_TRACE_USED_BYTES);
  }
  fputc('\n', out);
}

static inline void replay_end(FILE *out, const char *code, size_t offset) { fprintf(out, "end %s %zu\n", code, offset); }

/* The pieces end at cuts[0], cuts[1] ... and at length. */
static inline void replay_stream(const struct replay *replay, const uint8_t *bytes, size_t length, const size_t *cuts, size_t cut_count,
                          FILE *out) {
  rw_parser parser;
  rw_frame frame;
  size_t consumed = 0;
  rw_parser_init(&parser, replay->role, replay->payload_limit, replay->codec_set);
  parser.agreed_max = replay->agreed_max;
  parser.features = replay->features;
  parser.codec = replay->codec;
  for (size_t i = 0; i <= cut_count; i++) {
    const size_t end = i < cut_count ? cuts[i] : length;
    uint8_t *copy = replay_copy(bytes + consumed, end - consumed);
    int result, has_left = 0;
    rw_feed(&parser, copy, end - consumed);
    while (!has_left && (result = rw_next(&parser, &frame)) > 0) {
      if (result == RW_SKIPPED) continue;
      replay_put_frame(out, result, &frame);
      has_left = result == RW_CONTROL && frame.control == RW_GOODBYE && rw_u16(frame.payload + 2) != 0;
    }
    consumed = end - rw_unread(&parser);
    parser.bytes = NULL;
    free(copy);
    if (has_left) {
      replay_end(out, "PEER_GOODBYE", consumed);
      return;
    }
  }
  replay_end(out, rw_result_name(rw_end(&parser)), consumed);
}

static inline void replay_delimited(const struct replay *replay, const uint8_t *bytes, size_t length, const size_t *cuts, size_t cut_count,
                             FILE *out) {
  static const uint8_t delimiter[1] = {0x0C};
  rw_delimited parser;
  const uint8_t *message = NULL;
  size_t message_length = 0, consumed = 0;
  rw_delimited_init(&parser, delimiter, sizeof delimiter, replay->payload_limit);
  for (size_t i = 0; i <= cut_count; i++) {
    const size_t end = i < cut_count ? cuts[i] : length;
    uint8_t *copy = replay_copy(bytes + consumed, end - consumed);
    const char *code = NULL;
    int result;
    rw_delimited_feed(&parser, copy, end - consumed);
    size_t before = parser.start;
    while ((result = rw_delimited_next(&parser, &message, &message_length)) > 0) {
      struct envelope envelope;
      const int read = envelope_read(message, message_length, &envelope);
      if (read != ENVELOPE_OK) {
        code = envelope_result_name(read);
        break;
      }
      fputs("message", out);
      replay_put_hex(out, message, message_length);
      fputc('\n', out);
      before = parser.start;
    }
    consumed = end - (parser.end - before);
    free(copy);
    if (result < 0) code = rw_result_name(result);
    if (code) {
      replay_end(out, code, consumed);
      return;
    }
  }
  replay_end(out, consumed == length ? "OK" : "TRUNCATED", consumed);
}

/* Each piece is a datagram. One unfinished frame is kept. */
static inline void replay_datagrams(const struct replay *replay, const uint8_t *bytes, size_t length, const size_t *cuts, size_t cut_count,
                             FILE *out) {
  const size_t capacity = rw_frame_bytes(replay->payload_limit, 3);
  uint8_t *memory = replay_memory(capacity), *seen = replay_memory(8192);
  rw_assembly assembly;
  rw_assembly_init(&assembly, memory, capacity, seen, 8192);
  size_t start = 0;
  for (size_t i = 0; i <= cut_count; i++) {
    const size_t end = i < cut_count ? cuts[i] : length;
    uint8_t *copy = replay_copy(bytes + start, end - start);
    rw_datagram datagram;
    rw_frame frame;
    int result = rw_read_datagram(&datagram, copy, end - start);
    const size_t header = result > 0 ? (size_t)(datagram.bytes - copy) : 0;
    if (result > 0) {
      fprintf(out, "datagram %u %" PRIu32 " %" PRIu32 " %" PRIu32, datagram.flags, datagram.sequence, datagram.session, datagram.sent);
      if (datagram.flags & RW_DATAGRAM_FRAGMENT)
        fprintf(out, " %" PRIu32 " %" PRIu32 " %u %u", datagram.frame_number, datagram.frame_bytes, datagram.index, datagram.count);
      fputc('\n', out);
      if (datagram.flags & RW_DATAGRAM_FRAGMENT) {
        result = rw_assemble(&assembly, &datagram, replay->payload_limit, replay->agreed_max, &frame);
        if (result > 0) replay_put_frame(out, result, &frame);
        if (result > 0) result = RW_MORE;
      } else {
        while ((result = rw_next_in_datagram(&datagram, replay->payload_limit, replay->agreed_max, &frame)) > 0)
          replay_put_frame(out, result, &frame);
      }
    }
    /* Where the fault lies: at the front of the datagram, or of the part or frame that is faulty. */
    replay_end(out, rw_result_name(result), result < 0 ? header + datagram.position : end - start);
    free(copy);
    start = end;
  }
  free(memory);
  free(seen);
}

static inline void replay_run(const struct replay *replay, const uint8_t *bytes, size_t length, const size_t *cuts, size_t cut_count,
                       FILE *out) {
  if (replay->wire == REPLAY_STREAM) replay_stream(replay, bytes, length, cuts, cut_count, out);
  else if (replay->wire == REPLAY_DELIMITED) replay_delimited(replay, bytes, length, cuts, cut_count, out);
  else replay_datagrams(replay, bytes, length, cuts, cut_count, out);
}
#endif
