/*
 * vectors.c: runs the vectors of fixtures/vectors (fixtures/README.md defines the format) through ringwire.h: whole, byte by byte, in two
 * pieces at every place, and in three when they are short. `vectors FILE...` checks; `vectors --print FILE...` prints what C makes of each.
 * `vectors --serve` answers requests on its standard input, one a line, for the comparison with the TypeScript parser:
 *   WIRE ROLE LIMIT CODECS AGREED FEATURES CODEC CUTS HEX   (CUTS: 8,24,31 or -; HEX or -)
 * with the lines of the result, the last one beginning with "end" (of as many as there are datagrams), and an empty line.
 * It refuses a file that it does not understand, as a whole.
 * Invariant: a vector passes only when every way to cut it gives its expected lines, byte for byte.
 */
#define _POSIX_C_SOURCE 200809L
#include "replay.h"

#define VECTOR_BYTES_MAX (1u << 20)
#define TRIPLE_BYTES_MAX 80u

struct vector {
  char name[200];
  struct replay replay;
  uint8_t *bytes;
  size_t length;
  size_t datagrams[64]; /* where the datagrams before the last one end */
  size_t datagram_count;
  char *expected;
  size_t expected_length;
};

static const struct replay BLANK = {REPLAY_STREAM, RW_ACCEPTED, RW_PAYLOAD_LIMIT_FLOOR, 0x0E, 5, 0, 0};

static void refuse(const char *file, int line, const char *why) {
  fprintf(stderr, "vectors: %s:%d: %s\n", file, line, why);
  exit(2);
}

/* Appends the bytes of hex text up to ';' or the end of the line. False when it is no hex. */
static int append_hex(struct vector *vector, const char *text) {
  for (; *text && *text != ';' && *text != '\n'; text++) {
    if (*text == ' ') continue;
    const int high = json_hex_(text[0]), low = high < 0 ? -1 : json_hex_(text[1]);
    if (low < 0 || vector->length == VECTOR_BYTES_MAX) return 0;
    vector->bytes[vector->length++] = (uint8_t)(high << 4 | low);
    text++;
  }
  return 1;
}

static void append_line(struct vector *vector, const char *line) {
  const size_t length = strlen(line);
  vector->expected = realloc(vector->expected, vector->expected_length + length + 1);
  if (!vector->expected) exit(3);
  memcpy(vector->expected + vector->expected_length, line, length + 1);
  vector->expected_length += length;
}

static char *run(const struct vector *vector, const size_t *cuts, size_t cut_count) {
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&text, &length);
  if (!out) exit(3);
  replay_run(&vector->replay, vector->bytes, vector->length, cuts, cut_count, out);
  fclose(out);
  return text;
}

static int check_cut(const struct vector *vector, const size_t *cuts, size_t cut_count) {
  char *seen = run(vector, cuts, cut_count);
  const int same = strcmp(seen, vector->expected) == 0;
  if (!same) {
    fprintf(stderr, "vectors: %s, %zu cuts, the first at %zu\nexpected:\n%sbut there came:\n%s", vector->name, cut_count,
            cut_count ? cuts[0] : 0, vector->expected, seen);
  }
  free(seen);
  return same;
}

static int check(const struct vector *vector) {
  const size_t length = vector->length;
  if (vector->replay.wire == REPLAY_DATAGRAM) return check_cut(vector, vector->datagrams, vector->datagram_count);
  int well = check_cut(vector, NULL, 0);
  size_t *each = calloc(length + 1, sizeof *each);
  if (!each) exit(3);
  for (size_t i = 0; i < length; i++) each[i] = i;
  well = well && check_cut(vector, each, length);
  free(each);
  /* Long vectors are cut at some places, among them every one near the ends. */
  const size_t step = length > 4096 ? length / 64 : 1;
  for (size_t a = 0; well && a <= length; a += a < 256 || length - a < 256 ? 1 : step) {
    well = check_cut(vector, &a, 1);
    for (size_t b = a; well && length <= TRIPLE_BYTES_MAX && b <= length; b++) {
      const size_t two[2] = {a, b};
      well = check_cut(vector, two, 2);
    }
  }
  return well;
}

static void set_wire(struct replay *replay, const char *word) {
  replay->wire = word[0] == 's' ? REPLAY_STREAM : word[1] == 'e' ? REPLAY_DELIMITED : REPLAY_DATAGRAM;
}

/* One line of a vector. Returns 0 for what is not understood. */
static int read_line(struct vector *vector, const char *line) {
  unsigned value;
  char word[32];
  if (sscanf(line, "vector %199[^\n]", vector->name) == 1) return 1;
  if (sscanf(line, "wire %31s", word) == 1) return set_wire(&vector->replay, word), 1;
  if (sscanf(line, "role %31s", word) == 1) return vector->replay.role = word[0] == 'c' ? RW_CONNECTED : RW_ACCEPTED, 1;
  if (sscanf(line, "limit %u", &value) == 1) return vector->replay.payload_limit = value, 1;
  if (sscanf(line, "codecs %x", &value) == 1) return vector->replay.codec_set = (uint16_t)value, 1;
  if (sscanf(line, "agreed %u", &value) == 1) return vector->replay.agreed_max = (uint16_t)value, 1;
  if (sscanf(line, "features %u", &value) == 1) return vector->replay.features = (uint16_t)value, 1;
  if (sscanf(line, "codec %u", &value) == 1) return vector->replay.codec = (uint8_t)value, 1;
  if (!strncmp(line, "needs ", 6)) return 1; /* what not every implementation has; this one has all of it */
  if (!strncmp(line, "hex ", 4)) return append_hex(vector, line + 4);
  if (!strncmp(line, "repeat ", 7)) {
    char *rest;
    unsigned long times = strtoul(line + 7, &rest, 10);
    while (times--)
      if (!append_hex(vector, rest)) return 0;
    return 1;
  }
  if (!strncmp(line, "next\n", 5)) {
    if (vector->datagram_count == sizeof vector->datagrams / sizeof vector->datagrams[0]) return 0;
    vector->datagrams[vector->datagram_count++] = vector->length;
    return 1;
  }
  if (!strncmp(line, "= ", 2)) return append_line(vector, line + 2), 1;
  return 0;
}

struct counts {
  int passed, failed;
};

static void finish(struct vector *vector, int prints, struct counts *counts) {
  if (prints) {
    char *seen = run(vector, vector->datagrams, vector->datagram_count);
    printf("vector %s\n%s\n", vector->name, seen);
    free(seen);
  } else if (vector->expected && check(vector)) {
    counts->passed++;
  } else {
    counts->failed++;
  }
  free(vector->expected);
  vector->expected = NULL;
  vector->expected_length = vector->length = vector->datagram_count = 0;
  vector->replay = BLANK;
  vector->name[0] = '\0';
}

static void read_file(const char *file, int prints, struct counts *counts) {
  FILE *in = fopen(file, "r");
  struct vector vector = {.replay = BLANK, .bytes = replay_memory(VECTOR_BYTES_MAX)};
  char *line = NULL;
  size_t capacity = 0;
  int number = 0;
  if (!in) refuse(file, 0, "cannot be opened");
  while (getline(&line, &capacity, in) > 0) {
    number++;
    if (line[0] == '#') continue;
    if (line[0] != '\n') {
      if (!read_line(&vector, line)) refuse(file, number, "not understood");
    } else if (vector.name[0]) {
      finish(&vector, prints, counts);
    }
  }
  if (vector.name[0]) finish(&vector, prints, counts);
  free(line);
  free(vector.bytes);
  fclose(in);
}

static void serve(void) {
  struct vector vector = {.replay = BLANK, .bytes = replay_memory(VECTOR_BYTES_MAX)};
  size_t *cuts = replay_memory(VECTOR_BYTES_MAX * sizeof *cuts);
  char *line = NULL;
  size_t capacity = 0;
  while (getline(&line, &capacity, stdin) > 0) {
    char wire[16], role[16];
    unsigned limit, codecs, agreed, features, codec;
    int at = 0;
    if (sscanf(line, "%15s %15s %u %x %u %u %u %n", wire, role, &limit, &codecs, &agreed, &features, &codec, &at) < 7 || at == 0)
      refuse("stdin", 1, "not understood");
    vector.replay = (struct replay){REPLAY_STREAM, role[0] == 'c' ? RW_CONNECTED : RW_ACCEPTED, limit, (uint16_t)codecs,
                                    (uint16_t)agreed, (uint16_t)features, (uint8_t)codec};
    set_wire(&vector.replay, wire);
    char *rest = line + at;
    size_t cut_count = 0;
    if (*rest == '-') rest++;
    while (*rest >= '0' && *rest <= '9' && cut_count < VECTOR_BYTES_MAX) {
      cuts[cut_count++] = strtoul(rest, &rest, 10);
      rest += *rest == ',';
    }
    rest += *rest == ' ';
    vector.length = 0;
    if (*rest != '-' && !append_hex(&vector, rest)) refuse("stdin", 1, "no hex");
    char *seen = run(&vector, cuts, cut_count);
    printf("%s\n", seen);
    free(seen);
    fflush(stdout);
  }
  free(line);
  free(cuts);
  free(vector.bytes);
}

int main(int argument_count, char **arguments) {
  struct counts counts = {0, 0};
  int first = 1, prints = 0;
  if (argument_count == 2 && !strcmp(arguments[1], "--serve")) return serve(), 0;
  if (argument_count > 1 && !strcmp(arguments[1], "--print")) prints = 1, first = 2;
  if (argument_count <= first) {
    fputs("usage: vectors [--print] FILE... | --serve\n", stderr);
    return 2;
  }
  for (int i = first; i < argument_count; i++) read_file(arguments[i], prints, &counts);
  if (!prints) printf("vectors: %d passed, %d failed\n", counts.passed, counts.failed);
  return counts.failed != 0 || (!prints && counts.passed == 0);
}
