/*
 * fuzz-checks.h: what the fuzzer asks of everything that was read: written again it gives the same bytes, at once, by claim and commit, and
 * as fragments that come together.
 * It refuses to go on after the first difference: it prints the bytes in hex and aborts.
 * Invariant: what nobody looks at when it is read (padding, a control frame that is longer than its kind needs) is not compared.
 */
#ifndef FUZZ_CHECKS_H
#define FUZZ_CHECKS_H
#include "replay.h"

#define FUZZ_INPUT_BYTES_MAX 4096u

static inline void fuzz_fail(const char *what, const uint8_t *bytes, size_t length) {
  fprintf(stderr, "fuzz: %s\n", what);
  for (size_t i = 0; i < length; i++) fprintf(stderr, "%02x", bytes[i]);
  fputc('\n', stderr);
  abort();
}

/* A frame that was read can be written, at once and by claim and commit, and gives the bytes that were read; padding apart. */
static inline void fuzz_check_writer(const rw_frame *frame, const uint8_t *unit, size_t bytes) {
  uint8_t out[FUZZ_INPUT_BYTES_MAX], claimed[FUZZ_INPUT_BYTES_MAX];
  rw_writer writer;
  const size_t header = rw_write_header(out, sizeof out, frame);
  const size_t written = rw_write_frame(out, sizeof out, frame);
  if (written != bytes || header > written || memcmp(out, unit, RW_HEADER_BYTES + rw_extra_bytes(frame->flags)) != 0 ||
      (frame->length && memcmp(out + header, frame->payload, frame->length) != 0))
    fuzz_fail("a frame that was read is written differently", unit, bytes);
  rw_frame wider = *frame;
  wider.length += 16;
  rw_writer_init(&writer, claimed, sizeof claimed);
  uint8_t *data = rw_claim(&writer, &wider);
  if (!data) return;
  if (frame->length) memcpy(data, frame->payload, frame->length);
  if (rw_commit(&writer, frame->length) != bytes || memcmp(claimed, out, bytes) != 0)
    fuzz_fail("a claimed frame is written differently", unit, bytes);
}

/* A frame cut into parts comes together again, the last part first. */
static inline void fuzz_check_fragments(const uint8_t *unit, size_t bytes, uint32_t part_bytes) {
  const uint32_t count = rw_part_count((uint32_t)bytes, part_bytes);
  if (count == 0) return;
  uint8_t *memory = replay_memory(bytes), *seen = replay_memory((count + 7u) / 8u);
  rw_assembly assembly;
  rw_frame frame;
  rw_assembly_init(&assembly, memory, bytes, seen, (count + 7u) / 8u);
  for (uint32_t index = count; index-- > 0;) {
    rw_datagram datagram;
    uint8_t out[RW_DATAGRAM_HEADER_BYTES_MAX + FUZZ_INPUT_BYTES_MAX];
    memset(&datagram, 0, sizeof datagram);
    datagram.flags = RW_DATAGRAM_CHECKSUM | RW_DATAGRAM_FRAGMENT;
    datagram.frame_bytes = (uint32_t)bytes;
    datagram.index = (uint16_t)index;
    datagram.count = (uint16_t)count;
    const size_t at = (size_t)index * part_bytes, length = bytes - at < part_bytes ? bytes - at : part_bytes;
    const size_t header = rw_write_datagram(out, sizeof out, &datagram);
    memcpy(out + header, unit + at, length);
    rw_finish_datagram(out, header + length);
    if (rw_read_datagram(&datagram, out, header + length) != RW_FRAME) fuzz_fail("a part is not read", unit, bytes);
    const int result = rw_assemble(&assembly, &datagram, RW_PAYLOAD_LIMIT_CEILING, RW_EVENT_AGREED_MAX, &frame);
    if (index ? result != RW_MORE : memcmp(memory, unit, bytes) != 0) fuzz_fail("parts do not come together", unit, bytes);
  }
  free(memory);
  free(seen);
}

/* A hello that was read and is written again reads as the same. */
static inline size_t fuzz_write_hello(uint8_t *out, size_t capacity, const rw_frame *frame) {
  rw_hello hello;
  rw_layout layouts[RW_LAYOUT_COUNT_MAX + 1u];
  size_t count = 0, position = 0;
  if (rw_read_hello(frame, &hello) != RW_FRAME) return 0;
  while (rw_next_layout(&hello, &position, &layouts[count]) == RW_FRAME) count++;
  return rw_write_hello(out, capacity, &hello, layouts, count);
}

/* What the readers make of a control frame gives the same payload when it is written: all of it but what nobody looks at. */
static inline void fuzz_check_control(const rw_frame *frame, const uint8_t *unit, size_t bytes) {
  uint8_t out[FUZZ_INPUT_BYTES_MAX + 64];
  const char *text = NULL;
  uint32_t text_length = 0, same = 8;
  uint16_t event = 0;
  size_t written = 0;
  if (frame->control == RW_HELLO) {
    uint8_t again[sizeof out];
    rw_frame second = *frame;
    written = fuzz_write_hello(out, sizeof out, frame);
    second.payload = out + RW_HEADER_BYTES;
    second.length = written ? rw_u32(out) : 0;
    if (written && (fuzz_write_hello(again, sizeof again, &second) != written || memcmp(out, again, written) != 0))
      fuzz_fail("a hello that was read is written differently", unit, bytes);
  } else if (frame->control == RW_ANNOUNCE) {
    if (rw_read_announce(frame, &event, &text, &text_length) != RW_FRAME) fuzz_fail("an announce is not read", unit, bytes);
    written = rw_write_announce(out, sizeof out, event, text, text_length);
    same = frame->length;
  } else if (frame->control == RW_PING || frame->control == RW_PONG) {
    written = rw_write_ping(out, sizeof out, (enum rw_control)frame->control, rw_read_ping_token(frame));
  } else if (frame->control == RW_GOODBYE) {
    const int reason = rw_read_goodbye(frame, &text, &text_length);
    if (reason == RW_ERR_UNKNOWN) return;
    written = rw_write_goodbye(out, sizeof out, reason, text, text_length);
    same = 4 + text_length;
  } else if (frame->control == RW_SESSION) {
    written = rw_write_session(out, sizeof out, rw_read_session(frame), rw_read_received(frame), rw_read_first(frame),
                               rw_read_remembered(frame));
    same = 24;
  } else {
    written = rw_write_ack(out, sizeof out, rw_read_received(frame));
  }
  if (written == 0 || memcmp(out + RW_HEADER_BYTES, frame->payload, same) != 0)
    fuzz_fail("a control frame that was read is written differently", unit, bytes);
}

/* A header that was read and is written again is the same, but for its checksum, which only its datagram has. */
static inline void fuzz_check_datagram_header(const rw_datagram *datagram, const uint8_t *bytes, size_t length) {
  uint8_t out[RW_DATAGRAM_HEADER_BYTES_MAX];
  const size_t header = rw_write_datagram(out, sizeof out, datagram), written = rw_datagram_header_bytes(datagram->flags);
  if (header == 0) return; /* numbers of a fragment that contradict each other are rw_assemble's to judge */
  if (datagram->flags & RW_DATAGRAM_CHECKSUM) memcpy(out + rw_checksum_at_(datagram->flags), bytes + rw_checksum_at_(datagram->flags), 4);
  if (header != written || memcmp(out, bytes, header) != 0) fuzz_fail("a datagram's header is written differently", bytes, length);
}
#endif
