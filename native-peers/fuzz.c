/*
 * fuzz.c: mutated streams, delimited text and datagrams through ringwire.h, as fuzz-target.h has them.
 * Two ways to run it: with libFuzzer (-DRW_LIBFUZZER), or alone as a seeded mutation fuzzer that any compiler builds:
 *   fuzz [-runs=N] [-seed=N] [-write=FOLDER] FILE...
 * FILEs are vectors, or inputs of fixtures/corpus, in the form of the target whose folder they are in. Each is run as it is, then N mutated
 * ones are. -write puts them into a folder, for libFuzzer to begin with.
 * It refuses to keep anything between two inputs, but the seeds.
 * Invariant: equal seeds and files give equal inputs, so a failure names its run and the run brings it back.
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz-target.h"

#ifdef RW_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  fuzz_input(input, size);
  return 0;
}
#else
#define SEED_COUNT_MAX 8192u
#define PIECE_ROUNDS 5u

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % below;
}

struct seeds {
  uint8_t *bytes[SEED_COUNT_MAX];
  size_t length[SEED_COUNT_MAX];
  uint32_t count;
};

static void add_seed(struct seeds *seeds, const uint8_t *bytes, size_t length) {
  if (length == 0 || length > FUZZ_INPUT_BYTES_MAX) return;
  if (seeds->count == SEED_COUNT_MAX) exit(3);
  seeds->bytes[seeds->count] = replay_copy(bytes, length);
  seeds->length[seeds->count++] = length;
}

/* Appends the bytes of hex text, up to ';' or the end of the line. Returns the new length. */
static size_t append_hex(uint8_t *bytes, size_t length, const char *text) {
  for (; *text && *text != ';' && length < FUZZ_INPUT_BYTES_MAX; text++) {
    const int high = json_hex_(text[0]), low = high < 0 ? -1 : json_hex_(text[1]);
    if (low < 0) continue;
    bytes[length++] = (uint8_t)(high << 4 | low);
    text++;
  }
  return length;
}

/* A vector's bytes; the datagrams of one stand behind their lengths. */
struct vector {
  uint8_t bytes[FUZZ_INPUT_BYTES_MAX];
  size_t length, datagram; /* where the length of the datagram stands that is being read */
};

static void begin_datagram(struct vector *vector) {
  vector->datagram = vector->length;
  if (vector->length < FUZZ_INPUT_BYTES_MAX) vector->bytes[vector->length++] = 0;
}

static void read_vector_line(struct vector *vector, struct seeds *seeds, const char *line) {
  if (line[0] == '\n') {
    if (vector->length > 1) add_seed(seeds, vector->bytes, vector->length);
    vector->bytes[0] = FUZZ_STREAM;
    vector->length = 1;
    vector->datagram = 0;
  } else if (!strncmp(line, "wire de", 7)) {
    vector->bytes[0] = FUZZ_DELIMITED;
  } else if (!strncmp(line, "wire da", 7)) {
    vector->bytes[0] = FUZZ_DATAGRAMS;
    begin_datagram(vector);
  } else if (!strncmp(line, "role c", 6)) {
    vector->bytes[0] = FUZZ_STREAM | FUZZ_FOURTH;
  } else if (!strncmp(line, "next", 4)) {
    begin_datagram(vector);
  } else if (!strncmp(line, "hex ", 4)) {
    vector->length = append_hex(vector->bytes, vector->length, line + 4);
    const size_t said = vector->length - vector->datagram - 1u;
    if (vector->datagram) vector->bytes[vector->datagram] = (uint8_t)(said < 255u ? said : 255u);
  }
}

/* An input of fixtures/corpus in the form that the TypeScript target of its folder has, as one of ours; those of "native" are ours. */
static void add_input(struct seeds *seeds, const char *file, uint8_t *bytes, size_t length) {
  static const char *const names[] = {"corpus/native/", "corpus/frames/", "corpus/hello/", "corpus/datagram/", "corpus/json/"};
  static const uint8_t kinds[] = {0, FUZZ_STREAM, FUZZ_HELLO, FUZZ_DATAGRAMS, FUZZ_DELIMITED};
  size_t which = 0;
  while (which < sizeof kinds && !strstr(file, names[which])) which++;
  if (which == sizeof kinds || length == 0) {
    fprintf(stderr, "fuzz: %s: there is no such corpus\n", file);
    exit(2);
  }
  const uint8_t first = bytes[0], piece = (uint8_t)((first ? first - 1u : 0u) << 4);
  if (which == 1 && length > 1) { /* a size, a bit that says greeted, the stream */
    bytes[1] = (uint8_t)((bytes[1] & 1u ? FUZZ_GREETED : FUZZ_STREAM) | piece);
    bytes++, length--;
  } else if (which > 1) {
    bytes[0] = (uint8_t)(kinds[which] | (which == 4 ? piece : first & 1u ? FUZZ_FOURTH : 0u));
  }
  add_seed(seeds, bytes, length);
}

static void read_seeds(struct seeds *seeds, const char *file) {
  static struct vector vector;
  FILE *in = fopen(file, "r");
  char *line = NULL;
  size_t capacity = 0;
  if (!in) exit(2);
  read_vector_line(&vector, seeds, "\n");
  while (getline(&line, &capacity, in) > 0) {
    if (strncmp(line, "input ", 6) != 0) {
      read_vector_line(&vector, seeds, line);
    } else {
      uint8_t bytes[FUZZ_INPUT_BYTES_MAX];
      add_input(seeds, file, bytes, append_hex(bytes, 0, line + 6));
    }
  }
  read_vector_line(&vector, seeds, "\n");
  free(line);
  fclose(in);
}

static size_t mutate(uint8_t *input, size_t length, const struct seeds *seeds) {
  static const uint8_t telling[] = {0, 1, 2, 3, 4, 7, 8, 0x0C, 0x7F, 0x80, 0x84, 0xF5, 0xFE, 0xFF};
  for (uint32_t times = random_below(6); times; times--) {
    const size_t at = 1 + random_below((uint32_t)length);
    const uint32_t other = random_below(seeds->count);
    switch (random_below(7)) {
      case 0: input[at] = (uint8_t)random_below(256); break;
      case 1: input[at] = telling[random_below(sizeof telling)]; break;
      case 2: input[at] = (uint8_t)(input[at] ^ 1u << random_below(8)); break;
      case 3: /* cut the end off */
        if (at > 1) length = at;
        break;
      case 4: /* go on with another seed */
        if (at + seeds->length[other] < FUZZ_INPUT_BYTES_MAX) {
          memcpy(input + at, seeds->bytes[other] + 1, seeds->length[other] - 1);
          length = at + seeds->length[other] - 1;
        }
        break;
      case 5: /* eight bytes twice */
        if (length + 8 < FUZZ_INPUT_BYTES_MAX && at + 8 < length) {
          memmove(input + at + 8, input + at, length - at);
          length += 8;
        }
        break;
      default: /* eight bytes less */
        if (at + 8 < length) {
          memmove(input + at, input + at + 8, length - at - 8);
          length -= 8;
        }
    }
    if (length < 2) length = 2;
  }
  return length;
}

/* Each seed as it is, whole and in pieces of several sizes. */
static void run_seeds(struct seeds *seeds) {
  for (uint32_t i = 0; i < seeds->count; i++) {
    fuzz_input(seeds->bytes[i], seeds->length[i]);
    for (uint32_t round = 0; round < PIECE_ROUNDS; round++) {
      const uint8_t first = seeds->bytes[i][0];
      seeds->bytes[i][0] = (uint8_t)((first & 15u) | round * 3u << 4);
      fuzz_input(seeds->bytes[i], seeds->length[i]);
      seeds->bytes[i][0] = first;
    }
  }
}

static void write_seeds(const struct seeds *seeds, const char *folder) {
  for (uint32_t i = 0; i < seeds->count; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/seed-%" PRIu32, folder, i);
    FILE *out = fopen(path, "w");
    if (!out || fwrite(seeds->bytes[i], 1, seeds->length[i], out) != seeds->length[i]) exit(2);
    fclose(out);
  }
}

static void run_mutated(const struct seeds *seeds, uint64_t runs) {
  uint8_t *input = replay_memory(FUZZ_INPUT_BYTES_MAX + 8);
  for (uint64_t run = 0; run < runs; run++) {
    const uint32_t chosen = random_below(seeds->count);
    size_t length = seeds->length[chosen];
    memcpy(input, seeds->bytes[chosen], length);
    input[0] = (uint8_t)((input[0] & 15u) | random_below(16) << 4);
    if (random_below(8) == 0) input[0] = (uint8_t)(input[0] ^ FUZZ_FOURTH);
    if (length < 2) input[length++] = 0;
    length = mutate(input, length, seeds);
    fuzz_input(input, length);
  }
  free(input);
}

int main(int argument_count, char **arguments) {
  static struct seeds seeds;
  uint64_t runs = 200000;
  uint32_t seed = 1;
  const char *folder = NULL;
  for (int i = 1; i < argument_count; i++) {
    if (!strncmp(arguments[i], "-runs=", 6)) runs = strtoull(arguments[i] + 6, NULL, 10);
    else if (!strncmp(arguments[i], "-seed=", 6)) seed = (uint32_t)strtoul(arguments[i] + 6, NULL, 10);
    else if (!strncmp(arguments[i], "-write=", 7)) folder = arguments[i] + 7;
    else read_seeds(&seeds, arguments[i]);
  }
  if (seeds.count == 0) {
    fputs("usage: fuzz [-runs=N] [-seed=N] [-write=FOLDER] FILE...\n", stderr);
    return 2;
  }
  if (folder) write_seeds(&seeds, folder);
  run_seeds(&seeds);
  printf("fuzz: %" PRIu32 " seeds: ok\n", seeds.count);
  random_state = seed * 2654435761u | 1u;
  run_mutated(&seeds, runs);
  for (uint32_t i = 0; i < seeds.count; i++) free(seeds.bytes[i]);
  if (runs) printf("fuzz: %" PRIu64 " mutated runs: ok\n", runs);
  return 0;
}
#endif
