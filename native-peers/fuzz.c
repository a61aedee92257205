/*
 * fuzz.c: mutated streams, delimited text and datagrams through ringwire.h. What it checks beyond the sanitizers: whole and in pieces of
 * 1 to 16 bytes gives the same; what a frame says can be written again and gives the same bytes.
 * Two ways to run it: with libFuzzer (-DRW_LIBFUZZER), or alone as a seeded mutation fuzzer that any compiler builds:
 *   fuzz [-runs=N] [-seed=N] FILE...      FILEs are vectors, the seeds of the mutations
 * It refuses to keep anything between two inputs, but the seeds.
 * Invariant: equal seeds and files give equal inputs, so a failure names its run and the run brings it back.
 */
#define _POSIX_C_SOURCE 200809L
#include "replay.h"

#define INPUT_BYTES_MAX 4096u

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % below;
}

static void fail(const char *what, const uint8_t *bytes, size_t length) {
  fprintf(stderr, "fuzz: %s\n", what);
  for (size_t i = 0; i < length; i++) fprintf(stderr, "%02x", bytes[i]);
  fputc('\n', stderr);
  abort();
}

/* What one way to cut the input gives: results, offsets and payloads mixed into one number. */
struct digest {
  uint64_t sum;
  size_t offset;
  int result;
};

static void mix(struct digest *digest, const void *bytes, size_t length) {
  digest->sum = rw_fnv1a(digest->sum, (const char *)bytes, length) + length;
}

/* A frame that was read can be written, and gives the bytes that were read; padding apart. */
static void check_writer(const rw_frame *frame, const uint8_t *unit, size_t bytes) {
  uint8_t out[INPUT_BYTES_MAX];
  const size_t header = rw_write_header(out, sizeof out, frame);
  const size_t written = rw_write_frame(out, sizeof out, frame);
  if (written != bytes || header > written || memcmp(out, unit, RW_HEADER_BYTES + rw_extra_bytes(frame->flags)) != 0 ||
      (frame->length && memcmp(out + header, frame->payload, frame->length) != 0))
    fail("a frame that was read is written differently", unit, bytes);
}

static struct digest run_stream(const uint8_t *bytes, size_t length, size_t piece, enum rw_role role) {
  struct digest digest = {RW_FNV1A_START, 0, 0};
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
      mix(&digest, &digest.result, sizeof digest.result);
      mix(&digest, frame.payload, frame.length);
      if (frame.trace) mix(&digest, frame.trace, RW_TRACE_USED_BYTES);
      if (digest.result == RW_FRAME) check_writer(&frame, unit, parser.wanted);
    }
    consumed = end - rw_unread(&parser);
    free(copy);
  } while (end < length);
  digest.result = parser.error ? parser.error : rw_end(&parser);
  digest.offset = consumed;
  return digest;
}

static struct digest run_delimited(const uint8_t *bytes, size_t length, size_t piece) {
  static const uint8_t delimiter[2] = {0x0C, 0x0A};
  struct digest digest = {RW_FNV1A_START, 0, 0};
  rw_delimited parser;
  const uint8_t *message = NULL;
  size_t message_length = 0, consumed = 0, end = 0;
  rw_delimited_init(&parser, delimiter, length & 1 ? 2 : 1, 512);
  do {
    end = piece && end + piece < length ? end + piece : length;
    uint8_t *copy = replay_copy(bytes + consumed, end - consumed);
    rw_delimited_feed(&parser, copy, end - consumed);
    while (digest.result >= 0 && (digest.result = rw_delimited_next(&parser, &message, &message_length)) > 0) {
      struct envelope envelope;
      const int read = envelope_read(message, message_length, &envelope);
      mix(&digest, message, message_length);
      mix(&digest, &read, sizeof read);
      if (read == ENVELOPE_OK) mix(&digest, envelope.type, envelope.type_length);
      if (read == ENVELOPE_OK && envelope.data) mix(&digest, envelope.data, envelope.data_length);
    }
    consumed = end - (parser.end - parser.start);
    free(copy);
  } while (end < length);
  digest.result = parser.error;
  digest.offset = consumed;
  return digest;
}

static void run_datagram(const uint8_t *bytes, size_t length) {
  static uint8_t memory[2048], seen[16];
  uint8_t *copy = replay_copy(bytes, length);
  rw_datagram datagram;
  rw_assembly assembly;
  rw_frame frame;
  uint32_t sum = 0;
  rw_assembly_init(&assembly, memory, sizeof memory, seen, sizeof seen);
  int result = rw_read_datagram(&datagram, copy, length);
  if (result > 0 && datagram.flags & RW_DATAGRAM_FRAGMENT) {
    result = rw_assemble(&assembly, &datagram, RW_PAYLOAD_LIMIT_FLOOR, 5, &frame);
    if (result > 0) fail("one part is not all", bytes, length);
  } else if (result > 0) {
    while ((result = rw_next_in_datagram(&datagram, RW_PAYLOAD_LIMIT_FLOOR, 5, &frame)) > 0)
      sum = rw_crc32(sum, frame.payload, frame.length);
  }
  if (result > 0 || sum == 1) fail("a datagram did not end", bytes, length);
  free(copy);
}

static int same(const struct digest *one, const struct digest *two) {
  return one->sum == two->sum && one->offset == two->offset && one->result == two->result;
}

/* One input: its first byte says which wire, the rest is the bytes. */
static void run_input(const uint8_t *input, size_t size) {
  if (size == 0) return;
  const uint8_t *bytes = input + 1;
  const size_t length = size - 1;
  if (input[0] % 4 == 3) {
    run_datagram(bytes, length);
  } else if (input[0] % 4 == 2) {
    const struct digest whole = run_delimited(bytes, length, 0), each = run_delimited(bytes, length, 1 + input[0] / 16u);
    if (!same(&whole, &each)) fail("cutting text changed the outcome", bytes, length);
  } else {
    const enum rw_role role = input[0] % 4 ? RW_CONNECTED : RW_ACCEPTED;
    const struct digest whole = run_stream(bytes, length, 0, role), each = run_stream(bytes, length, 1 + input[0] / 16u, role);
    if (!same(&whole, &each)) fail("cutting a stream changed the outcome", bytes, length);
  }
}

#ifdef RW_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  if (size <= INPUT_BYTES_MAX) run_input(input, size);
  return 0;
}
#else
struct seeds {
  uint8_t *bytes[1024];
  size_t length[1024];
  uint32_t count;
};

static void add_seed(struct seeds *seeds, const uint8_t *bytes, size_t length) {
  if (length == 0 || length >= INPUT_BYTES_MAX || seeds->count == sizeof seeds->bytes / sizeof seeds->bytes[0]) return;
  seeds->bytes[seeds->count] = replay_copy(bytes, length);
  seeds->length[seeds->count++] = length;
}

/* The bytes of every vector; its other lines do not matter here. */
static void read_seeds(struct seeds *seeds, const char *file) {
  FILE *in = fopen(file, "r");
  char line[8192];
  uint8_t bytes[INPUT_BYTES_MAX];
  size_t length = 0;
  if (!in) exit(2);
  bytes[length++] = 0;
  while (fgets(line, sizeof line, in)) {
    if (line[0] == '\n' || !strncmp(line, "next", 4)) {
      if (length > 1) add_seed(seeds, bytes, length);
      length = 1;
    }
    if (line[0] == '\n') bytes[0] = 0;
    if (!strncmp(line, "wire de", 7)) bytes[0] = 2;
    if (!strncmp(line, "wire da", 7)) bytes[0] = 3;
    if (strncmp(line, "hex ", 4) != 0) continue;
    for (const char *at = line + 4; *at && *at != ';' && length < sizeof bytes; at++) {
      const int high = json_hex_(at[0]), low = high < 0 ? -1 : json_hex_(at[1]);
      if (low < 0) continue;
      bytes[length++] = (uint8_t)(high << 4 | low);
      at++;
    }
  }
  if (length > 1) add_seed(seeds, bytes, length);
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
        if (at + seeds->length[other] < INPUT_BYTES_MAX) {
          memcpy(input + at, seeds->bytes[other] + 1, seeds->length[other] - 1);
          length = at + seeds->length[other] - 1;
        }
        break;
      case 5: /* eight bytes twice */
        if (length + 8 < INPUT_BYTES_MAX && at + 8 < length) {
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

int main(int argument_count, char **arguments) {
  static struct seeds seeds;
  uint64_t runs = 200000;
  uint32_t seed = 1;
  for (int i = 1; i < argument_count; i++) {
    if (!strncmp(arguments[i], "-runs=", 6)) runs = strtoull(arguments[i] + 6, NULL, 10);
    else if (!strncmp(arguments[i], "-seed=", 6)) seed = (uint32_t)strtoul(arguments[i] + 6, NULL, 10);
    else read_seeds(&seeds, arguments[i]);
  }
  if (seeds.count == 0) {
    fputs("usage: fuzz [-runs=N] [-seed=N] FILE...\n", stderr);
    return 2;
  }
  random_state = seed * 2654435761u | 1u;
  uint8_t *input = replay_memory(INPUT_BYTES_MAX + 8);
  for (uint64_t run = 0; run < runs; run++) {
    const uint32_t chosen = random_below(seeds.count);
    size_t length = seeds.length[chosen];
    memcpy(input, seeds.bytes[chosen], length);
    input[0] = (uint8_t)(input[0] % 4 | random_below(16) << 4);
    if (input[0] % 4 == 0) input[0] = (uint8_t)(input[0] | random_below(2));
    input[length] = 0;
    length = mutate(input, length, &seeds);
    run_input(input, length);
  }
  free(input);
  for (uint32_t i = 0; i < seeds.count; i++) free(seeds.bytes[i]);
  printf("fuzz: %" PRIu64 " runs from %" PRIu32 " seeds: ok\n", runs, seeds.count);
  return 0;
}
#endif
