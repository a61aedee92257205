/*
 * check.c: the self test of ringwire.h beyond the vectors: what it writes is what the page says and what it reads, at every capacity;
 * claim and commit; memory of the caller; fragments in every order; hash and CRC.
 * It refuses to use sockets: check.sh does that.
 * Invariant: bytes are written to and parsed from heap memory of exactly their length, so the sanitizers see a step past the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ringwire.h"

static const uint8_t SESSION[] = {
    0xF5, 0x53, 1, 0, 0, 0, 0, 1,                                                 /* preamble */
    9, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0x0E, 0, 1, 0, 0, 0, 0x61, 0, 0, 0, 0, 0, 0, 0, /* hello "a" */
    5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 0x73, 0, 0, 0,                         /* announce "s" */
    2, 0, 0, 0, 0, 0x80, 3, 0, 1, 2, 0, 0, 0, 0, 0, 0};                           /* frame 01 02 */
#define HELLO_END 32u
static int failures;

static void expect(int right, const char *what, size_t detail) {
  if (!right) fprintf(stderr, "check: %s (%zu)\n", what, detail);
  failures += !right;
}

static uint8_t *exactly(size_t bytes) {
  uint8_t *memory = malloc(bytes ? bytes : 1);
  if (!memory) exit(3);
  return memory;
}

static rw_hello hello_of(const char *id, uint8_t codec, uint16_t codec_set) {
  rw_hello hello;
  memset(&hello, 0, sizeof hello);
  hello.id = id;
  hello.id_length = (uint32_t)strlen(id);
  hello.codec = codec;
  hello.codec_set = codec_set;
  return hello;
}

static rw_frame frame_of(uint16_t event, uint8_t codec, const void *payload, uint32_t length) {
  rw_frame frame;
  memset(&frame, 0, sizeof frame);
  frame.event = event;
  frame.codec = codec;
  frame.payload = payload;
  frame.length = length;
  return frame;
}

static void check_session(void) {
  const rw_hello hello = hello_of("a", RW_CODEC_RAW, 0x0E);
  const rw_frame frame = frame_of(RW_EVENT_ANNOUNCED, RW_CODEC_RAW, "\1\2", 2);
  for (size_t room = 0; room <= sizeof SESSION; room++) {
    uint8_t *out = exactly(room);
    size_t used = rw_write_preamble(out, room, RW_PAYLOAD_LIMIT);
    if (used) used += rw_write_hello(out + used, room - used, &hello, NULL, 0);
    if (used > 8) used += rw_write_announce(out + used, room - used, RW_EVENT_ANNOUNCED, "s", 1);
    if (used > HELLO_END) used += rw_write_frame(out + used, room - used, &frame);
    expect(memcmp(out, SESSION, used) == 0 && (used == sizeof SESSION) == (room == sizeof SESSION), "session", room);
    free(out);
  }
}

/* What the protocol forbids is not written. */
static void check_refusals(void) {
  uint8_t out[512];
  rw_hello hello = hello_of("a", 0, 0);
  rw_frame frame = frame_of(1, RW_CODEC_RAW, NULL, 0);
  expect(rw_write_preamble(out, sizeof out, 1023) == 0, "limit below the floor", 0);
  expect(rw_write_preamble(out, sizeof out, RW_PAYLOAD_LIMIT_CEILING + 1u) == 0, "limit above the ceiling", 0);
  expect(rw_write_hello(out, sizeof out, &hello, NULL, 0) == 0, "hello in codec 0", 0);
  hello = hello_of("a", 1, 2);
  hello.id_length = 257;
  expect(rw_write_hello(out, sizeof out, &hello, NULL, 0) == 0, "id of 257 bytes", 0);
  expect(rw_write_announce(out, sizeof out, 0x8400, "s", 1) == 0, "announce beyond the last id", 0);
  expect(rw_write_announce(out, sizeof out, 0x7FFF, "s", 1) == 0, "announce below the first id", 0);
  expect(rw_write_announce(out, sizeof out, 0x8000, "s", 0) == 0, "announce of nothing", 0);
  expect(rw_write_ping(out, sizeof out, RW_HELLO, 7) == 0, "ping that is a hello", 0);
  expect(rw_write_goodbye(out, sizeof out, RW_ERR_TRUNCATED, "", 0) == 0, "goodbye with what is no reason", 0);
  expect(rw_write_goodbye(out, sizeof out, 1, "", 0) == 0, "goodbye above 0", 0);
  frame.flags = 4;
  expect(rw_write_frame(out, sizeof out, &frame) == 0, "reserved flag", 0);
  frame.flags = 0;
  frame.kind = RW_REQUEST;
  expect(rw_write_frame(out, sizeof out, &frame) == 0, "kind without extension", 0);
  for (unsigned event = 0; event <= 0xFFFF; event++) {
    frame = frame_of((uint16_t)event, RW_CODEC_RAW, NULL, 0);
    expect((rw_write_frame(out, sizeof out, &frame) != 0) == (event >= 1 && event < 0x8400), "event", event);
  }
  for (unsigned codec = 0; codec <= 255; codec++) {
    frame = frame_of(1, (uint8_t)codec, NULL, 0);
    expect((rw_write_frame(out, sizeof out, &frame) != 0) == (codec >= 1 && codec <= 4), "codec", codec);
  }
}

/* One frame in a stream of its own; returns what rw_next says of it. */
static int read_back(const uint8_t *bytes, size_t length, rw_frame *frame, rw_parser *parser) {
  rw_parser_init(parser, RW_ACCEPTED, RW_PAYLOAD_LIMIT_FLOOR, 0x1E);
  parser->features = RW_FEATURE_SESSION | RW_FEATURE_REQUESTS;
  parser->agreed_max = 5;
  parser->stage = RW_STAGE_FRAMES;
  parser->peer_features = RW_FEATURE_SESSION;
  rw_feed(parser, bytes, length);
  return rw_next(parser, frame);
}

static void check_controls(void) {
  uint8_t out[RW_CONTROL_BYTES_MAX];
  char longest[256];
  rw_parser parser;
  rw_frame frame;
  const char *text;
  uint32_t length;
  memset(longest, 'x', sizeof longest);
  expect(read_back(out, rw_write_ping(out, sizeof out, RW_PONG, 0xDEADBEEF), &frame, &parser) == RW_CONTROL, "pong", 0);
  expect(frame.control == RW_PONG && rw_read_ping_token(&frame) == 0xDEADBEEF, "token", 0);
  expect(rw_write_session(out, sizeof out, 0, 9, 7, 0) == 0, "session 0", 0);
  expect(read_back(out, rw_write_session(out, sizeof out, 0x1122334455667788u, 9, 7, 1), &frame, &parser) == RW_CONTROL, "session", 0);
  expect(frame.control == RW_SESSION && rw_read_received(&frame) == 9 && rw_read_session(&frame) == 0x1122334455667788u, "number", 0);
  expect(rw_read_first(&frame) == 7 && rw_read_remembered(&frame) == 1, "first", 0);
  expect(read_back(out, rw_write_ack(out, sizeof out, 64), &frame, &parser) == RW_CONTROL && rw_read_received(&frame) == 64, "ack", 0);
  for (int reason = 0; reason >= RW_ERR_SESSION_TAKEN; reason--) {
    const size_t bytes = rw_write_goodbye(out, sizeof out, reason, longest, sizeof longest);
    expect(read_back(out, bytes, &frame, &parser) == RW_CONTROL && bytes == RW_CONTROL_BYTES_MAX, "goodbye", bytes);
    expect(rw_read_goodbye(&frame, &text, &length) == reason && length == 256 && text[255] == 'x', "reason", (size_t)-reason);
    expect(strcmp(rw_result_name(reason), "UNKNOWN") != 0, "name of a reason", (size_t)-reason);
  }
  out[10] = 99;
  read_back(out, sizeof out, &frame, &parser);
  expect(rw_read_goodbye(&frame, &text, &length) == RW_ERR_UNKNOWN, "reason of a later version", 0);
}

static void check_layouts(void) {
  const rw_layout layouts[3] = {{1, "imu", 3, 48, 8}, {UINT64_MAX, "joystick", 8, 16, 2}, {3, "a", 1, 8, 1}};
  rw_hello hello = hello_of("id", RW_CODEC_STRUCT, 0x1E), seen = hello;
  hello.features = 3;
  for (size_t count = 0; count <= 3; count++) {
    uint8_t out[256];
    rw_parser parser;
    rw_frame frame;
    rw_layout layout;
    size_t position = 0, found = 0;
    const size_t bytes = rw_write_hello(out, sizeof out, &hello, layouts, count);
    uint8_t *exact = exactly(bytes);
    memcpy(exact, out, bytes);
    read_back(exact, bytes, &frame, &parser);
    parser.error = 0;
    parser.stage = RW_STAGE_HELLO;
    rw_feed(&parser, exact, bytes);
    expect(rw_next(&parser, &frame) == RW_CONTROL && rw_read_hello(&frame, &seen) == RW_FRAME, "hello", count);
    expect(seen.features == 3 && seen.id_length == 2 && seen.codec == RW_CODEC_STRUCT && parser.peer_features == 3,
           "hello's fields", count);
    while (rw_next_layout(&seen, &position, &layout) == RW_FRAME) {
      const rw_layout *wanted = &layouts[found++];
      expect(layout.hash == wanted->hash && layout.struct_bytes == wanted->struct_bytes && layout.field_count == wanted->field_count &&
                 layout.event_length == wanted->event_length && memcmp(layout.event, wanted->event, layout.event_length) == 0,
             "layout", found);
    }
    expect(found == count, "layouts", found);
    for (size_t room = 0; room < bytes; room++) {
      uint8_t *small = exactly(room);
      expect(rw_write_hello(small, room, &hello, layouts, count) == 0, "hello without room", room);
      free(small);
    }
    free(exact);
  }
}

/* Every combination of flags, inline names and sizes, written and read. */
static void check_frames(void) {
  uint8_t payload[32], trace[RW_TRACE_USED_BYTES];
  for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i + 1);
  for (size_t i = 0; i < sizeof trace; i++) trace[i] = (uint8_t)(200 + i);
  for (unsigned round = 0; round < 4u * 2u * 33u; round++) {
    rw_frame wanted = frame_of(5, RW_CODEC_MSGPACK, payload, round % 33u), seen = wanted;
    rw_parser parser;
    wanted.flags = (uint8_t)(round / 66u);
    wanted.kind = wanted.flags & RW_FLAG_EXTENSION ? RW_REQUEST : RW_MESSAGE;
    wanted.correlation = wanted.flags & RW_FLAG_EXTENSION ? 0xFEDCBA98u : 0;
    wanted.trace = wanted.flags & RW_FLAG_TRACE ? trace : NULL;
    if (round / 33u % 2u) wanted.event = RW_EVENT_INLINE, wanted.text = "name", wanted.text_length = 4;
    const size_t bytes = rw_frame_room(&wanted);
    uint8_t *out = exactly(bytes), *small = exactly(bytes - 1);
    memset(out, 0xAA, bytes);
    expect(rw_write_frame(small, bytes - 1, &wanted) == 0, "frame without room", round);
    expect(rw_write_frame(out, bytes, &wanted) == bytes && read_back(out, bytes, &seen, &parser) == RW_FRAME, "frame", round);
    expect(seen.event == wanted.event && seen.codec == wanted.codec && seen.flags == wanted.flags && seen.kind == wanted.kind &&
               seen.correlation == wanted.correlation && seen.length == wanted.length && seen.text_length == wanted.text_length &&
               memcmp(seen.payload, payload, seen.length) == 0 && (!wanted.trace || memcmp(seen.trace, trace, sizeof trace) == 0),
           "frame's fields", round);
    for (size_t i = (size_t)(seen.payload - out) + seen.length; i < bytes; i++) expect(out[i] == 0, "padding", i);
    free(out);
    free(small);
  }
}

static void check_claims(void) {
  const rw_frame wide = frame_of(5, RW_CODEC_RAW, NULL, 40), small = frame_of(5, RW_CODEC_RAW, NULL, 8);
  for (uint32_t length = 0; length <= 40; length++) {
    uint8_t *memory = exactly(64);
    rw_writer writer;
    rw_frame seen;
    rw_parser parser;
    memset(memory, 0xAA, 64);
    rw_writer_init(&writer, memory, 64);
    expect(rw_commit(&writer, 0) == 0, "commit without claim", length);
    uint8_t *data = rw_claim(&writer, &wide);
    expect(data == memory + 8 && writer.used == 0, "claim", length);
    memset(data, 7, length);
    expect(rw_commit(&writer, 41) == 0, "commit of more than was claimed", length);
    const size_t bytes = rw_commit(&writer, length);
    expect(bytes == rw_frame_bytes(length, 0) && writer.used == bytes, "commit", length);
    expect(read_back(memory, bytes, &seen, &parser) == RW_FRAME && seen.length == length, "claimed frame", length);
    for (size_t i = 8 + length; i < bytes; i++) expect(memory[i] == 0, "padding of a commit", i);
    expect((rw_claim(&writer, &small) != NULL) == (64 - bytes >= 16), "room for another", length);
    free(memory);
  }
  uint8_t memory[64];
  rw_writer writer;
  rw_frame named = frame_of(RW_EVENT_INLINE, RW_CODEC_RAW, NULL, 16), seen;
  rw_parser parser;
  named.text = "seven77";
  named.text_length = 7;
  rw_writer_init(&writer, memory, sizeof memory);
  uint8_t *data = rw_claim(&writer, &named);
  expect(data == memory + 24, "claim behind a name", 0);
  data[0] = 42;
  const size_t bytes = rw_commit(&writer, 1);
  expect(bytes == 32 && read_back(memory, bytes, &seen, &parser) == RW_FRAME && seen.length == 1 && seen.payload[0] == 42 &&
             seen.text_length == 7, "commit behind a name", bytes);
}

/* A stream through memory that holds one frame, read in pieces of every size. */
static void check_memory(void) {
  uint8_t stream[2000];
  size_t length = sizeof SESSION;
  memcpy(stream, SESSION, length);
  uint8_t payload[300];
  for (uint32_t i = 0; i < 6; i++) {
    memset(payload, (int)i, sizeof payload);
    const rw_frame frame = frame_of(RW_EVENT_ANNOUNCED, RW_CODEC_RAW, payload, 60 * i);
    length += rw_write_frame(stream + length, sizeof stream - length, &frame);
  }
  const size_t capacity = rw_frame_bytes(300, 3);
  for (size_t piece = 1; piece <= length; piece++) {
    uint64_t *memory = calloc(capacity / 8, 8);
    rw_parser parser;
    rw_frame frame = frame_of(0, 0, NULL, 0);
    unsigned count = 0;
    int result = RW_MORE;
    if (!memory) exit(3);
    rw_parser_init(&parser, RW_ACCEPTED, 300, 0x0E);
    for (size_t at = 0; at < length && result >= 0;) {
      size_t room;
      uint8_t *place = rw_writable(&parser, (uint8_t *)memory, capacity, &room);
      expect(place != NULL && room > 0, "room", piece);
      if (!place) break;
      const size_t taken = piece < room ? piece < length - at ? piece : length - at : room < length - at ? room : length - at;
      memcpy(place, stream + at, taken);
      rw_advance(&parser, taken);
      at += taken;
      while ((result = rw_next(&parser, &frame)) > 0) {
        expect((uintptr_t)frame.payload % 8 == 0, "alignment", piece);
        count += result == RW_FRAME;
      }
    }
    expect(result == RW_MORE && count == 7 && rw_end(&parser) == 0, rw_result_name(result), piece);
    free(memory);
  }
  rw_parser parser;
  rw_frame frame;
  size_t room = 1;
  uint8_t tiny[64];
  rw_parser_init(&parser, RW_ACCEPTED, 1024, 0x0E);
  rw_feed(&parser, stream, sizeof SESSION + 16);
  while (rw_next(&parser, &frame) > 0) continue;
  parser.wanted = 1000;
  expect(rw_writable(&parser, tiny, sizeof tiny, &room) == NULL && room == 0, "memory that is too small", room);
}

/* JSON before the preamble, when we connected: skipped up to the limit, and the preamble may lie anywhere. */
static void check_prelude(void) {
  for (size_t text = 0; text <= RW_PAYLOAD_LIMIT_FLOOR + 1u; text++) {
    const size_t length = text + sizeof SESSION;
    uint8_t *stream = exactly(length);
    rw_parser parser;
    rw_frame frame;
    int result, frames = 0;
    memset(stream, '{', text);
    memcpy(stream + text, SESSION, sizeof SESSION);
    rw_parser_init(&parser, RW_CONNECTED, RW_PAYLOAD_LIMIT_FLOOR, 0x0E);
    rw_feed(&parser, stream, length);
    while ((result = rw_next(&parser, &frame)) > 0) frames += result == RW_FRAME;
    const int fits = text <= RW_PAYLOAD_LIMIT_FLOOR;
    expect(result == (fits ? 0 : RW_ERR_BAD_MAGIC) && frames == fits, "prelude", text);
    free(stream);
  }
}

static void check_datagrams(void) {
  rw_datagram written, seen;
  rw_frame frame = frame_of(5, RW_CODEC_RAW, "0123456789", 10);
  memset(&written, 0, sizeof written);
  written.sequence = 0xFFFFFFFEu;
  for (uint8_t flags = 0; flags < 4; flags++) {
    uint8_t out[128];
    written.flags = flags;
    written.session = flags & RW_DATAGRAM_TIMING ? 77 : 0;
    written.sent = flags & RW_DATAGRAM_TIMING ? 88 : 0;
    const size_t header = rw_write_datagram(out, sizeof out, &written);
    size_t used = header + rw_write_frame(out + header, sizeof out - header, &frame);
    rw_finish_datagram(out, used);
    uint8_t *exact = exactly(used);
    memcpy(exact, out, used);
    expect(header == rw_datagram_header_bytes(flags) && rw_read_datagram(&seen, exact, used) == RW_FRAME, "datagram", flags);
    expect(seen.sequence == 0xFFFFFFFEu && seen.session == written.session && seen.sent == written.sent, "datagram's fields", flags);
    rw_frame back;
    expect(rw_next_in_datagram(&seen, 1024, 5, &back) == RW_FRAME && back.length == 10 && rw_next_in_datagram(&seen, 1024, 5, &back) == 0,
           "frame of a datagram", flags);
    if (flags & RW_DATAGRAM_CHECKSUM)
      for (size_t i = 0; i < used * 8; i++) {
        if (i == 25) continue; /* the flag that says that there is a checksum */
        exact[i / 8] = (uint8_t)(exact[i / 8] ^ 1u << i % 8);
        expect(rw_read_datagram(&seen, exact, used) < 0, "a flipped bit", i);
        exact[i / 8] = (uint8_t)(exact[i / 8] ^ 1u << i % 8);
      }
    free(exact);
  }
  expect(rw_crc32(0, (const uint8_t *)"123456789", 9) == 0xCBF43926u, "CRC-32", 0);
  expect(rw_crc32(rw_crc32(0, (const uint8_t *)"1234", 4), (const uint8_t *)"56789", 5) == 0xCBF43926u, "CRC-32 in two", 0);
  expect(rw_fnv1a(RW_FNV1A_START, "foobar", 6) == 0x85944171F73967E8u, "FNV-1a", 0);
}

/* A frame in parts, from a random place on, some of them twice. */
static void check_fragments(void) {
  uint8_t payload[1000], whole[1008], memory[1008], seen[32];
  uint32_t random = 2463534242u;
  for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i * 7);
  const rw_frame frame = frame_of(5, RW_CODEC_RAW, payload, sizeof payload);
  const uint32_t bytes = (uint32_t)rw_write_frame(whole, sizeof whole, &frame);
  for (uint32_t part = 8; part < bytes; part += 8) {
    const uint32_t count = rw_part_count(bytes, part);
    rw_assembly assembly;
    rw_datagram datagram;
    rw_frame back;
    int result = RW_MORE;
    rw_assembly_init(&assembly, memory, sizeof memory, seen, sizeof seen);
    random ^= random << 13, random ^= random >> 17, random ^= random << 5;
    memset(&datagram, 0, sizeof datagram);
    datagram.flags = RW_DATAGRAM_FRAGMENT;
    datagram.frame_number = part;
    datagram.frame_bytes = bytes;
    datagram.count = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
      const uint32_t index = (i + random % count) % count, at = index * part;
      datagram.index = (uint16_t)index;
      datagram.bytes = whole + at;
      datagram.length = bytes - at < part ? bytes - at : part;
      expect(result == RW_MORE, "complete too early", i);
      result = rw_assemble(&assembly, &datagram, 1024, 5, &back);
      if (i + 1 < count) expect(rw_assemble(&assembly, &datagram, 1024, 5, &back) == RW_MORE, "a part twice", i);
    }
    expect(result == RW_FRAME && back.length == sizeof payload && memcmp(back.payload, payload, sizeof payload) == 0, "fragments", part);
    rw_assembly_init(&assembly, memory, bytes - 8, seen, sizeof seen);
    expect(rw_assemble(&assembly, &datagram, 1024, 5, &back) == RW_ERR_MEMORY_LIMIT, "memory for fragments", part);
  }
  expect(rw_part_count(524288, 8) == 0 && rw_part_count(524280, 8) == 65535 && rw_part_count(16, 16) == 0, "parts", 0);
}

static void check_delimited(void) {
  static const char text[] = "{}\r\n\r{\"a\":1}\r\n\n\r\r\nrest";
  static const uint8_t delimiter[2] = {'\r', '\n'};
  for (size_t cut = 0; cut < sizeof text; cut++) {
    rw_delimited parser;
    const uint8_t *message = NULL;
    size_t length = 0, total = 0, count = 0, consumed = 0;
    expect(rw_delimited_init(&parser, delimiter, 2, 100) == RW_FRAME, "delimiter", cut);
    for (int half = 0; half < 2; half++) {
      const size_t end = half ? sizeof text - 1 : cut;
      if (!half && cut == sizeof text - 1) continue;
      uint8_t *copy = exactly(end - consumed);
      memcpy(copy, text + consumed, end - consumed);
      rw_delimited_feed(&parser, copy, end - consumed);
      while (rw_delimited_next(&parser, &message, &length) == RW_FRAME) total += length, count++;
      consumed = end - (parser.end - parser.start);
      free(copy);
    }
    expect(count == 3 && total == 2 + 8 + 2 && consumed == sizeof text - 5, "delimited", cut);
  }
  rw_delimited parser;
  expect(rw_delimited_init(&parser, (const uint8_t *)"ab", 2, 100) == RW_ERR_BAD_CONTROL, "a delimiter that JSON may contain", 0);
}

int main(void) {
  check_session();
  check_refusals();
  check_controls();
  check_layouts();
  check_frames();
  check_claims();
  check_memory();
  check_prelude();
  check_datagrams();
  check_fragments();
  check_delimited();
  if (failures == 0) puts("check: ok");
  return failures != 0;
}
