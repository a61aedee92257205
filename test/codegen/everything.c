/*
 * everything.c: the C half of codegen.test.ts, also compiled as C++. `write` sends one value that C made; `read` decodes payloads, each behind a
 * u32 length, prints what it understood of each, and sends it again after copying member by member.
 * Hexadecimal and text on stdout, one line each. It refuses nothing: what is wrong shows in the comparison.
 */
#include <inttypes.h>
#include <stdio.h>

#include "everything.h"

static void print_hex(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) printf("%02x", bytes[i]);
  printf("\n");
}

static void print_encoded(const everything *value) {
  uint8_t out[EVERYTHING_BYTES];
  memset(out, 0xEE, sizeof out);
  if (everything_encode(value, out, sizeof out - 1) != 0) printf("too little room was enough\n");
  print_hex(out, everything_encode(value, out, sizeof out));
}

static void write_one(void) {
  everything value;
  /* Padding that is not zero must not reach the wire. */
  memset(&value, 0, sizeof value);
  memset(value.reserved168_, 0x77, sizeof value.reserved168_);
  value.u8 = 1;
  value.i8 = -1;
  value.u16 = 2;
  value.i16 = -2;
  value.u32 = 3;
  value.i32 = -3;
  value.u64 = 4;
  value.i64 = -4;
  value.f32 = 0.5f;
  value.f64 = -0.1;
  value.yes = 1;
  value.letter = 'x';
  memcpy(value.name, "Gr\303\274\303\237e \342\202\254", 11);
  for (uint8_t i = 0; i < 3; i++) value.bytes[i] = (uint8_t)(7 + i);
  for (int i = 0; i < 8; i++) value.samples[i] = (int16_t)(i % 2 ? -(i + 1) : i + 1);
  value.wide[0] = 1;
  value.wide[1] = 2;
  value.bits[1] = 1;
  value.pose.x = 1.5f;
  value.pose.y = -1.5f;
  memcpy(value.pose.label, "ab", 2);
  for (int i = 0; i < 3; i++) {
    value.path[i].x = (float)(i + 1);
    value.path[i].y = (float)-(i + 1);
  }
  memcpy(value.path[1].label, "abc", 3);
  value.mode = EVERYTHING_MODE_RUN;
  value.modes[0] = EVERYTHING_MODES_FAULT;
  value.modes[1] = 77;
  value.status = EVERYTHING_STATUS_HOT;
  value.statuses[1] = EVERYTHING_STATUSES_OK | EVERYTHING_STATUSES_TOP;
  value.late = 6;
  print_encoded(&value);
}

static void copy(everything *to, const everything *from) {
  memset(to, 0, sizeof *to);
  to->u8 = from->u8;
  to->i8 = from->i8;
  to->u16 = from->u16;
  to->i16 = from->i16;
  to->u32 = from->u32;
  to->i32 = from->i32;
  to->u64 = from->u64;
  to->i64 = from->i64;
  to->f32 = from->f32;
  to->f64 = from->f64;
  to->yes = from->yes;
  to->letter = from->letter;
  memcpy(to->name, from->name, sizeof to->name);
  memcpy(to->bytes, from->bytes, sizeof to->bytes);
  memcpy(to->samples, from->samples, sizeof to->samples);
  memcpy(to->wide, from->wide, sizeof to->wide);
  memcpy(to->bits, from->bits, sizeof to->bits);
  to->pose = from->pose;
  for (int i = 0; i < 3; i++) to->path[i] = from->path[i];
  to->mode = from->mode;
  memcpy(to->modes, from->modes, sizeof to->modes);
  to->status = from->status;
  memcpy(to->statuses, from->statuses, sizeof to->statuses);
  to->late = from->late;
}

static void print_value(const everything *value) {
  printf("%u %d %u %d %" PRIu32 " %" PRId32 " %" PRIu64 " %" PRId64, value->u8, value->i8, value->u16, value->i16, value->u32, value->i32,
         value->u64, value->i64);
  printf(" %.9g %.17g %u %.16s %d %d %.3s %.1f", (double)value->f32, value->f64, value->yes, value->name, value->samples[0], value->mode,
         value->path[1].label, (double)value->path[2].y);
  printf(" %d %u %" PRIu32 "\n", value->modes[1], value->statuses[1], value->late);
}

static int read_all(void) {
  static uint8_t payload[4096];
  uint32_t length;
  while (fread(&length, sizeof length, 1, stdin) == 1) {
    everything value, again;
    if (length > sizeof payload || fread(payload, 1, length, stdin) != length) return 1;
    everything_decode(&value, payload, length);
    print_value(&value);
    copy(&again, &value);
    print_encoded(&again);
  }
  return 0;
}

static int check_view(void) {
  static uint64_t memory[EVERYTHING_BYTES / 8 + 1];
  const uint8_t *bytes = (const uint8_t *)memory;
  return everything_view(bytes, EVERYTHING_BYTES) == NULL || everything_view(bytes, EVERYTHING_BYTES - 1) != NULL ||
         everything_view(bytes + 1, EVERYTHING_BYTES) != NULL;
}

int main(int count, char **arguments) {
  if (count == 2 && !strcmp(arguments[1], "write")) write_one();
  else if (read_all()) return 1;
  return check_view();
}
