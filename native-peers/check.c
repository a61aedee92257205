/*
 * check.c: the self test of ringwire.h: the session of PROTOCOL.md section 6 in all splits, every error code from
 * hostile bytes, the writers against the same bytes, and mutated streams cut in different ways.
 * It refuses to use sockets: check.sh does that.
 * Invariant: bytes are parsed from heap copies of exactly their length, so the sanitizers see a read past the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ringwire.h"

static const uint8_t SESSION[] = {
    0xF5, 0x53, 1, 0, 0, 0, 0, 1,                                                        /* preamble */
    9, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0x0E, 0, 1, 0, 0, 0, 0x61, 0, 0, 0, 0, 0, 0, 0,        /* hello "a" */
    5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 0x73, 0, 0, 0,                                /* announce "s" */
    2, 0, 0, 0, 0, 0x80, 3, 0, 1, 2, 0, 0, 0, 0, 0, 0};                                  /* frame 01 02 */
#define HELLO_END 32u
#define SET (RW_CODEC_SET(RW_CODEC_JSON) | RW_CODEC_SET(RW_CODEC_RAW))
static int failures;

static void expect(int right, const char *what, long detail) {
  if (!right) fprintf(stderr, "check: %s (%ld)\n", what, detail);
  failures += !right;
}

struct outcome {
  int result;
  uint32_t messages, controls, refused, sum;
};

/* Parses as if the bytes had come in chunks that end at cuts[0], cuts[1] ... and at length. */
static struct outcome parse(const uint8_t *bytes, size_t length, const size_t *cuts, size_t cut_count, enum rw_role role) {
  struct outcome outcome = {0, 0, 0, 0, 0};
  rw_reader reader;
  rw_frame frame;
  size_t position = 0;
  rw_reader_init(&reader, role, RW_PAYLOAD_LIMIT_FLOOR, SET);
  reader.agreed_max = 2;
  for (size_t i = 0; i <= cut_count; i++) {
    const size_t end = i < cut_count ? cuts[i] : length;
    uint8_t *copy = malloc(end + 1) /* malloc(0) may be NULL */, *exact = end ? realloc(copy, end) : copy;
    if (!exact) exit(1);
    if (end) memcpy(exact, bytes, end);
    while ((outcome.result = rw_next(&reader, exact, end, &position, &frame)) > 0) {
      outcome.messages += outcome.result == RW_FRAME;
      outcome.controls += outcome.result == RW_CONTROL;
      outcome.refused += outcome.result == RW_REFUSED;
      if (outcome.result == RW_FRAME)
        for (uint32_t k = 0; k < frame.length; k++) outcome.sum = outcome.sum * 31u + frame.payload[k];
    }
    free(exact);
  }
  if (outcome.result == 0) outcome.result = rw_end(&reader, length - position);
  return outcome;
}

static void check_splits(void) {
  static const uint8_t json[] = "{\"type\":\"x\",\"data\":1}\f";
  uint8_t late[sizeof json - 1 + sizeof SESSION];
  memcpy(late, json, sizeof json - 1);
  memcpy(late + sizeof json - 1, SESSION, sizeof SESSION);
  for (size_t a = 0; a <= sizeof late; a++) {
    for (size_t b = a; b <= sizeof late; b++) {
      const size_t cuts[2] = {a, b};
      struct outcome seen = parse(late, sizeof late, cuts, 2, RW_CONNECTED);
      expect(seen.result == 0 && seen.messages == 1 && seen.controls == 2 && seen.sum == 33, "split after JSON", (long)a);
      if (b > sizeof SESSION) continue;
      seen = parse(SESSION, sizeof SESSION, cuts, 2, RW_ACCEPTED);
      expect(seen.result == 0 && seen.messages == 1 && seen.controls == 2 && seen.sum == 33, "split", (long)a);
    }
  }
  for (size_t end = 1; end < sizeof SESSION; end++) {
    const int whole = end == 8 || end == HELLO_END || end == HELLO_END + 16;
    const struct outcome seen = parse(SESSION, end, NULL, 0, RW_ACCEPTED);
    expect(seen.result == (whole ? 0 : RW_ERR_TRUNCATED), "truncated", (long)end);
  }
}

static void check_writers(void) {
  uint8_t out[sizeof SESSION];
  const uint8_t payload[2] = {1, 2};
  const rw_frame frame = {payload, NULL, 2, 0, 0, RW_EVENT_ANNOUNCED, RW_CODEC_RAW, 0};
  for (size_t room = 0; room <= sizeof out; room++) {
    uint8_t *exact = malloc(room + 1);
    if (!exact) exit(1);
    size_t used = rw_write_preamble(exact, room, RW_PAYLOAD_LIMIT);
    if (used) used += rw_write_hello(exact + used, room - used, RW_CODEC_RAW, 0x0E, "a", 1);
    if (used > 8) used += rw_write_announce(exact + used, room - used, RW_EVENT_ANNOUNCED, "s", 1);
    if (used > HELLO_END) used += rw_write_frame(exact + used, room - used, &frame);
    expect(memcmp(exact, SESSION, used) == 0 && (used == sizeof SESSION) == (room == sizeof out), "writers", (long)room);
    free(exact);
  }
  expect(rw_write_preamble(out, sizeof out, 1023) == 0, "limit below the floor", 0);
  expect(rw_write_announce(out, sizeof out, 0x8400, "s", 1) == 0, "announce beyond the last id", 0);
  expect(rw_write_ping(out, sizeof out, RW_PONG, 7) == 16 && rw_u32(out + 12) == 7, "pong", 0);
  expect(rw_write_goodbye(out, sizeof out, RW_ERR_BAD_CODEC, "x", 1) == 16 && out[10] == 5, "goodbye", 0);
}

/* Behind the first `keep` bytes of SESSION come these bytes. */
static const struct {
  const char *what;
  size_t keep, length;
  uint8_t bytes[32];
  int result;
} HOSTILE[] = {
    {"JSON to an accepting side", 0, 1, {'{'}, RW_ERR_BAD_MAGIC},
    {"second magic byte", 0, 2, {0xF5, 0x54}, RW_ERR_BAD_MAGIC},
    {"version", 0, 3, {0xF5, 0x53, 2}, RW_ERR_BAD_VERSION},
    {"preamble flag", 0, 4, {0xF5, 0x53, 1, 1}, RW_ERR_BAD_FLAGS},
    {"limit too low", 0, 8, {0xF5, 0x53, 1, 0, 0xFF, 3, 0, 0}, RW_ERR_BAD_CONTROL},
    {"limit too high", 0, 8, {0xF5, 0x53, 1, 0, 0, 0, 0, 0x80}, RW_ERR_BAD_CONTROL},
    {"message before hello", 8, 8, {0, 0, 0, 0, 1, 0, 3, 0}, RW_ERR_BAD_CONTROL},
    {"ping before hello", 8, 16, {8, 0, 0, 0, 0, 0, 0, 0, 3}, RW_ERR_BAD_CONTROL},
    {"goodbye before hello", 8, 16, {4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 9}, 0},
    {"hello twice", 32, 16, {8, 0, 0, 0, 0, 0, 0, 0, 1, 3, 8}, RW_ERR_BAD_CONTROL},
    {"hello shorter than its id", 8, 16, {8, 0, 0, 0, 0, 0, 0, 0, 1, 3, 8, 0, 1}, RW_ERR_BAD_CONTROL},
    {"hello with a codec that is none", 8, 16, {8, 0, 0, 0, 0, 0, 0, 0, 1, 5, 8}, RW_ERR_BAD_CODEC},
    {"hello longer than known", 8, 24, {9, 0, 0, 0, 0, 0, 0, 0, 1, 3, 8}, 0},
    {"too large", 32, 8, {1, 4, 0, 0, 1, 0, 3, 0}, RW_ERR_FRAME_TOO_LARGE},
    {"frame flag", 32, 8, {0, 0, 0, 0, 1, 0, 3, 2}, RW_ERR_BAD_FLAGS},
    {"reserved word", 32, 16, {0, 0, 0, 0, 1, 0, 3, 1, 1, 0, 0, 0, 1}, RW_ERR_BAD_FLAGS},
    {"control with extension", 32, 8, {8, 0, 0, 0, 0, 0, 0, 1}, RW_ERR_BAD_FLAGS},
    {"extension", 32, 16, {0, 0, 0, 0, 1, 0, 3, 1, 1}, 0},
    {"codec 5", 32, 8, {0, 0, 0, 0, 1, 0, 5, 0}, RW_ERR_BAD_CODEC},
    {"codec 255", 32, 8, {0, 0, 0, 0, 1, 0, 255, 0}, RW_ERR_BAD_CODEC},
    {"codec 0 in a message", 32, 8, {0, 0, 0, 0, 1, 0, 0, 0}, RW_ERR_BAD_CODEC},
    {"codec 3 in a control frame", 32, 8, {8, 0, 0, 0, 0, 0, 3, 0}, RW_ERR_BAD_CODEC},
    {"codec outside our set", 32, 8, {0, 0, 0, 0, 1, 0, 2, 0}, RW_ERR_BAD_CODEC},
    {"first reserved event", 32, 8, {0, 0, 0, 0, 0, 0x84, 3, 0}, RW_ERR_INVALID_EVENT},
    {"last reserved event", 32, 8, {0, 0, 0, 0, 0xFE, 0xFF, 3, 0}, RW_ERR_INVALID_EVENT},
    {"empty control", 32, 8, {0}, RW_ERR_BAD_CONTROL},
    {"kind 0", 32, 16, {8}, RW_ERR_BAD_CONTROL},
    {"kind 6", 32, 16, {8, 0, 0, 0, 0, 0, 0, 0, 6}, RW_ERR_BAD_CONTROL},
    {"short ping", 32, 16, {7, 0, 0, 0, 0, 0, 0, 0, 3}, RW_ERR_BAD_CONTROL},
    {"short goodbye", 32, 16, {3, 0, 0, 0, 0, 0, 0, 0, 5}, RW_ERR_BAD_CONTROL},
    {"announce out of turn", 32, 16, {5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x80, 's'}, RW_ERR_BAD_CONTROL},
    {"announce again", 48, 16, {5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 's'}, RW_ERR_BAD_CONTROL},
    {"announce without a name", 32, 16, {4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80}, RW_ERR_INVALID_EVENT},
    {"overlong UTF-8", 32, 16, {6, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 0xC0, 0x80}, RW_ERR_INVALID_EVENT},
    {"surrogate", 32, 16, {7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 0xED, 0xA0, 0x80}, RW_ERR_INVALID_EVENT},
    {"cut UTF-8", 32, 16, {6, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 0xE2, 0x82}, RW_ERR_INVALID_EVENT},
    {"UTF-8 of four bytes", 32, 16, {8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0x80, 0xF0, 0x9F, 0x98, 0x80}, 0},
    {"inline name", 32, 24, {9, 0, 0, 0, 0xFF, 0xFF, 3, 0, 1, 0, 'x', 0, 0, 0, 0, 0, 7}, 0},
};

static void check_hostile(void) {
  uint8_t stream[sizeof SESSION + 512] = {0};
  for (size_t i = 0; i < sizeof HOSTILE / sizeof HOSTILE[0]; i++) {
    const size_t length = HOSTILE[i].keep + HOSTILE[i].length;
    memcpy(stream, SESSION, HOSTILE[i].keep);
    memcpy(stream + HOSTILE[i].keep, HOSTILE[i].bytes, HOSTILE[i].length);
    for (size_t cut = 0; cut <= length; cut++)
      expect(parse(stream, length, &cut, 1, RW_ACCEPTED).result == HOSTILE[i].result, HOSTILE[i].what, (long)cut);
  }
  const uint8_t refused[] = {0, 0, 0, 0, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0x80, 3, 0, 2, 0, 0, 0, 0xFF, 0xFF, 3, 0, 9, 9, 0, 0, 0, 0, 0, 0};
  memcpy(stream, SESSION, HELLO_END);
  memcpy(stream + HELLO_END, refused, sizeof refused);
  const struct outcome seen = parse(stream, HELLO_END + sizeof refused, NULL, 0, RW_ACCEPTED);
  expect(seen.result == 0 && seen.refused == 3 && seen.messages == 0, "refused, and the connection stays", seen.result);
  memset(stream, 0, sizeof stream);
  memcpy(stream, SESSION, HELLO_END);
  rw_put(stream + HELLO_END, 4 + 257, 4);
  memcpy(stream + HELLO_END + 8, "\x02\x00\x00\x80", 4);
  expect(parse(stream, HELLO_END + 272, NULL, 0, RW_ACCEPTED).result == RW_ERR_INVALID_EVENT, "name of 257 bytes", 0);
  static uint8_t text[RW_PAYLOAD_LIMIT_FLOOR + 1];
  expect(parse(text, sizeof text - 1, NULL, 0, RW_CONNECTED).result == 0, "as much JSON as the limit", 0);
  expect(parse(text, sizeof text, NULL, 0, RW_CONNECTED).result == RW_ERR_BAD_MAGIC, "more JSON than the limit", 0);
}

static void check_table(void) {
  uint8_t frame[16];
  uint8_t *stream = malloc(HELLO_END + 1025 * 16);
  if (!stream) exit(1);
  memcpy(stream, SESSION, HELLO_END);
  for (uint32_t i = 0; i < 1025; i++) {
    memcpy(frame, SESSION + HELLO_END, 16);
    rw_put(frame + 10, 0x8000 + i, 2);
    memcpy(stream + HELLO_END + 16 * i, frame, 16);
  }
  expect(parse(stream, HELLO_END + 1024 * 16, NULL, 0, RW_ACCEPTED).controls == 1025, "1024 names", 0);
  expect(parse(stream, HELLO_END + 1025 * 16, NULL, 0, RW_ACCEPTED).result == RW_ERR_BAD_CONTROL, "1025 names", 0);
  free(stream);
}

static void check_mutations(void) {
  uint32_t random = 2463534242u;
  for (long round = 0; round < 50000; round++) {
    uint8_t stream[sizeof SESSION];
    size_t cuts[sizeof SESSION];
    memcpy(stream, SESSION, sizeof SESSION);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) cuts[i] = i;
    for (int k = 0; k < 3; k++) {
      random ^= random << 13, random ^= random >> 17, random ^= random << 5;
      stream[random % sizeof stream] = (uint8_t)(random >> 24);
    }
    const struct outcome whole = parse(stream, sizeof stream, NULL, 0, RW_ACCEPTED);
    const struct outcome bytewise = parse(stream, sizeof stream, cuts, sizeof cuts / sizeof cuts[0], RW_ACCEPTED);
    expect(memcmp(&whole, &bytewise, sizeof whole) == 0, "chunking changed the outcome", round);
  }
}

int main(void) {
  check_splits();
  check_writers();
  check_hostile();
  check_table();
  check_mutations();
  if (failures == 0) puts("check: ok");
  return failures != 0;
}
