/*
 * fuzz-target.h: one input through ringwire.h: whole and in pieces of 1 to 16 bytes it has to give the same, and what it gives goes through
 * fuzz-checks.h.
 * An input: a byte whose lowest three bits, modulo 5, choose one of enum fuzz_kind, whose fourth is said there, and whose rest is the size
 * of the pieces less one; then the bytes.
 * It refuses to keep anything between two inputs.
 * Invariant: bytes are parsed from heap copies of exactly their length, as replay.h has them.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H
#include "fuzz-checks.h"

#define FUZZ_FOURTH 8u

enum fuzz_kind {
  FUZZ_STREAM,    /* a stream from its first byte; fourth bit: to the side that connected */
  FUZZ_GREETED,   /* the frames behind a good preamble and hello; fourth bit: as above */
  FUZZ_DELIMITED, /* node-ipc's wire; fourth bit: a delimiter of two bytes */
  FUZZ_DATAGRAMS, /* each behind a byte with its length; fourth bit: their checksums are made right first */
  FUZZ_HELLO,     /* the payload of the first control frame; fourth bit: as for a stream */
  FUZZ_KINDS
};

/* What one way to cut the input gives: results, offsets and payloads mixed into one number. */
struct fuzz_digest {
  uint64_t sum;
  size_t offset;
  int result;
};

static inline void fuzz_mix(struct fuzz_digest *digest, const void *bytes, size_t length) {
  digest->sum = rw_fnv1a(digest->sum, (const char *)bytes, length) + length;
}

static inline struct fuzz_digest fuzz_stream(const uint8_t *bytes, size_t length, size_t piece, enum rw_role role) {
  struct fuzz_digest digest = {RW_FNV1A_START, 0, 0};
  rw_parser parser;
  rw_frame frame;
  size_t consumed = 0, end = 0;
  rw_parser_init(&parser, role, RW_PAYLOAD_LIMIT_FLOOR, 0x1E);
  parser.agreed_max = 5;
  parser.features = RW_FEATURE_SESSION;
  do {
    end = piece && end + piece < length ? end + piece : length;
    uint8_t *copy = replay_copy(bytes + consumed, end - consumed);
    rw_feed(&parser, copy, end - consumed);
    while ((digest.result = rw_next(&parser, &frame)) > 0) {
      if (digest.result == RW_SKIPPED) continue;
      const uint8_t *unit = copy + parser.start - parser.wanted;
      fuzz_mix(&digest, &digest.result, sizeof digest.result);
      fuzz_mix(&digest, frame.payload, frame.length);
      if (frame.trace) fuzz_mix(&digest, frame.trace, RW_TRACE_USED_BYTES);
      if (digest.result == RW_CONTROL) fuzz_check_control(&frame, unit, parser.wanted);
      if (digest.result == RW_FRAME) fuzz_check_writer(&frame, unit, parser.wanted);
      if (digest.result == RW_FRAME && piece) fuzz_check_fragments(unit, parser.wanted, 8u * (uint32_t)piece);
    }
    consumed = end - rw_unread(&parser);
    free(copy);
  } while (end < length);
  digest.result = parser.error ? parser.error : rw_end(&parser);
  digest.offset = consumed;
  return digest;
}

static inline struct fuzz_digest fuzz_delimited(const uint8_t *bytes, size_t length, size_t piece, uint32_t delimiter_length) {
  static const uint8_t delimiter[2] = {0x0C, 0x0A};
  struct fuzz_digest digest = {RW_FNV1A_START, 0, 0};
  rw_delimited parser;
  const uint8_t *message = NULL;
  size_t message_length = 0, consumed = 0, end = 0;
  rw_delimited_init(&parser, delimiter, delimiter_length, 512);
  do {
    end = piece && end + piece < length ? end + piece : length;
    uint8_t *copy = replay_copy(bytes + consumed, end - consumed);
    rw_delimited_feed(&parser, copy, end - consumed);
    while (digest.result >= 0 && (digest.result = rw_delimited_next(&parser, &message, &message_length)) > 0) {
      struct envelope envelope;
      const int read = envelope_read(message, message_length, &envelope);
      fuzz_mix(&digest, message, message_length);
      fuzz_mix(&digest, &read, sizeof read);
      if (read == ENVELOPE_OK) fuzz_mix(&digest, envelope.type, envelope.type_length);
      if (read == ENVELOPE_OK && envelope.data) fuzz_mix(&digest, envelope.data, envelope.data_length);
    }
    consumed = end - (parser.end - parser.start);
    free(copy);
  } while (end < length);
  digest.result = parser.error;
  digest.offset = consumed;
  return digest;
}

static inline void fuzz_datagram(rw_assembly *assembly, const uint8_t *bytes, size_t length, int is_repaired) {
  uint8_t *copy = replay_copy(bytes, length);
  rw_datagram datagram;
  rw_frame frame;
  if (is_repaired && length >= 8 && length >= rw_datagram_header_bytes(copy[3])) rw_finish_datagram(copy, length);
  int result = rw_read_datagram(&datagram, copy, length);
  if (result > 0) fuzz_check_datagram_header(&datagram, copy, length);
  if (result > 0 && datagram.flags & RW_DATAGRAM_FRAGMENT) {
    result = rw_assemble(assembly, &datagram, RW_PAYLOAD_LIMIT_FLOOR, 5, &frame);
    if (result == RW_FRAME) fuzz_check_writer(&frame, assembly->memory, datagram.frame_bytes);
    result = RW_MORE;
  }
  while (result > 0) {
    const uint8_t *unit = datagram.bytes + datagram.position;
    if ((result = rw_next_in_datagram(&datagram, RW_PAYLOAD_LIMIT_FLOOR, 5, &frame)) == RW_FRAME)
      fuzz_check_writer(&frame, unit, (size_t)(datagram.bytes + datagram.position - unit));
  }
  free(copy);
}

static inline void fuzz_datagrams(const uint8_t *bytes, size_t length, int are_repaired) {
  const size_t capacity = rw_frame_bytes(RW_PAYLOAD_LIMIT_FLOOR, 3), seen_bytes = (capacity / 8u + 7u) / 8u;
  uint8_t *memory = replay_memory(capacity), *seen = replay_memory(seen_bytes);
  rw_assembly assembly;
  rw_assembly_init(&assembly, memory, capacity, seen, seen_bytes);
  for (size_t at = 0; at < length;) {
    const size_t bound = length - at - 1u, said = bytes[at];
    fuzz_datagram(&assembly, bytes + at + 1, said < bound ? said : bound, are_repaired);
    at += 1u + said;
  }
  free(memory);
  free(seen);
}

/* Puts in front what a GREETED or a HELLO is without. Returns the bytes of all. */
static inline size_t fuzz_greet(uint8_t *out, size_t capacity, unsigned kind, const uint8_t *bytes, size_t length) {
  rw_hello hello;
  size_t used = rw_write_preamble(out, capacity, RW_PAYLOAD_LIMIT);
  memset(&hello, 0, sizeof hello);
  hello.codec = RW_CODEC_RAW;
  hello.codec_set = 0x1E;
  hello.features = RW_FEATURE_SESSION | RW_FEATURE_REQUESTS;
  if (kind == FUZZ_GREETED) used += rw_write_hello(out + used, capacity - used, &hello, NULL, 0);
  else if (rw_write_control_(out + used, capacity - used, (uint32_t)length, 0, 0, 0)) used += RW_HEADER_BYTES;
  memcpy(out + used, bytes, length);
  return kind == FUZZ_HELLO ? used + ((length + 7u) & ~(size_t)7u) : used + length;
}

static inline void fuzz_input(const uint8_t *input, size_t size) {
  uint8_t greeted[FUZZ_INPUT_BYTES_MAX + 64];
  if (size == 0 || size > FUZZ_INPUT_BYTES_MAX) return;
  const unsigned kind = (input[0] & 7u) % FUZZ_KINDS, fourth = input[0] & FUZZ_FOURTH;
  const size_t piece = 1u + input[0] / 16u;
  const uint8_t *bytes = input + 1;
  size_t length = size - 1;
  struct fuzz_digest whole, each;
  if (kind == FUZZ_DATAGRAMS) {
    fuzz_datagrams(bytes, length, fourth != 0);
    return;
  }
  if (kind == FUZZ_DELIMITED) {
    whole = fuzz_delimited(bytes, length, 0, fourth ? 2 : 1);
    each = fuzz_delimited(bytes, length, piece, fourth ? 2 : 1);
  } else {
    const enum rw_role role = fourth ? RW_CONNECTED : RW_ACCEPTED;
    if (kind != FUZZ_STREAM) length = fuzz_greet(greeted, sizeof greeted, kind, bytes, length), bytes = greeted;
    whole = fuzz_stream(bytes, length, 0, role);
    each = fuzz_stream(bytes, length, piece, role);
  }
  if (whole.sum != each.sum || whole.offset != each.offset || whole.result != each.result)
    fuzz_fail("cutting changed the outcome", input, size);
}
#endif
