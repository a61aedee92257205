/*
 * ringwire.h: the ringwire wire, version 1, as PROTOCOL.md defines it; one header, C99 or C++, no allocation, no I/O.
 * rw_write_* put a preamble, control frames and frames into memory of the caller; rw_next pulls frames out of memory
 * of the caller, in place. Lengths, capacities and positions are bytes.
 * It refuses to buffer, to go on after an error, to decode payloads and to write inline names (it reads them).
 * Invariant: *position lies at the start of a frame, and a frame is returned only when it is complete and judged, so
 * how the bytes were cut into chunks never changes what comes out.
 */
#ifndef RINGWIRE_H
#define RINGWIRE_H
#include <stdint.h>
#include <string.h>

#define RW_PREAMBLE_BYTES 8u
#define RW_HEADER_BYTES 8u
#define RW_EXTENSION_BYTES 8u
#define RW_TEXT_BYTES_MAX 256u         /* id of a hello, name of an event, text of a goodbye */
#define RW_CONTROL_BYTES_MAX 272u      /* the largest frame that a control writer below makes */
#define RW_PAYLOAD_LIMIT 16777216u     /* the default; never outside FLOOR to CEILING */
#define RW_PAYLOAD_LIMIT_FLOOR 1024u
#define RW_PAYLOAD_LIMIT_CEILING 2147483647u
#define RW_FLAG_EXTENSION 1u
#define RW_EVENT_ANNOUNCED 0x8000u     /* the first announced id */
#define RW_EVENT_RESERVED 0x8400u      /* the first id after the announced ones */
#define RW_EVENT_INLINE 0xFFFFu
#define RW_CODEC_SET(codec) (1u << (codec)) /* or them together for a hello */

enum rw_codec { RW_CODEC_CONTROL, RW_CODEC_JSON, RW_CODEC_MSGPACK, RW_CODEC_RAW, RW_CODEC_STRUCT };
enum rw_control { RW_HELLO = 1, RW_ANNOUNCE, RW_PING, RW_PONG, RW_GOODBYE };
enum rw_role { RW_ACCEPTED, RW_CONNECTED };
enum rw_stage { RW_STAGE_PREAMBLE, RW_STAGE_HELLO, RW_STAGE_FRAMES };

/* What rw_next returns. An error of the wire, negated, is the reason that a goodbye carries. */
enum rw_result {
  RW_MORE = 0,    /* no complete frame: keep bytes[*position..end), append at least one byte, call again */
  RW_FRAME = 1,   /* a message */
  RW_CONTROL = 2, /* a control frame, already applied to the reader; payload[0] is the kind */
  RW_REFUSED = 3, /* INVALID_EVENT for one message (unknown id, bad inline name): counted, the connection stays */
  RW_SKIPPED = 4, /* JSON before the preamble left *position unaligned: call again, moved to aligned memory or not */
  RW_ERR_FRAME_TOO_LARGE = -1, RW_ERR_BAD_MAGIC = -2, RW_ERR_BAD_VERSION = -3, RW_ERR_BAD_FLAGS = -4,
  RW_ERR_BAD_CODEC = -5, RW_ERR_BAD_CONTROL = -6, RW_ERR_INVALID_EVENT = -7,
  /* for goodbyes alone: rw_next has neither clock nor peers */
  RW_ERR_HANDSHAKE_TIMEOUT = -8, RW_ERR_TOO_MANY_CONNECTIONS = -9, RW_ERR_SLOW_CONSUMER = -10,
  RW_ERR_TRUNCATED = -100 /* from rw_end alone; no goodbye carries it */
};

/* One frame. When read, payload and text are borrowed: they point into the bytes given to rw_next. */
typedef struct rw_frame {
  const uint8_t *payload; /* what the codec wrote (behind an inline name); 8-aligned when the stream's start is */
  const uint8_t *text;    /* inline name; id of a hello, name of an announce, text of a goodbye; else NULL */
  uint32_t length, text_length;
  uint32_t correlation;   /* 0 without RW_FLAG_EXTENSION */
  uint16_t event;
  uint8_t codec, flags;
} rw_frame;

/* What is received on one connection, owned by the caller, who writes nothing in it but agreed_max. */
typedef struct rw_reader {
  uint64_t refused_count;
  size_t wanted;               /* after RW_MORE: the bytes, from *position, that the next unit needs as far as known */
  int error;                   /* 0, or what every further rw_next returns */
  uint32_t payload_limit;
  uint32_t text_allowance;     /* bytes of JSON that may still come before the preamble */
  uint32_t peer_payload_limit; /* the largest payload to send; 0 until the preamble came */
  uint16_t codec_set;
  uint16_t agreed_max;         /* ids 1..agreed_max are agreed in advance; 0x7FFF when the caller judges them */
  uint16_t announced_count;    /* the id just announced is 0x8000 + announced_count - 1 */
  uint16_t peer_codec_set;     /* from the hello, as peer_codec */
  uint8_t peer_codec, stage;
} rw_reader;

static inline uint32_t rw_u16(const uint8_t *in) { return (uint32_t)in[0] | (uint32_t)in[1] << 8; }
static inline uint32_t rw_u32(const uint8_t *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}
static inline void rw_put(uint8_t *out, uint32_t value, unsigned bytes) {
  for (; bytes; bytes--, value >>= 8) *out++ = (uint8_t)value;
}

/* Bytes that a frame occupies, from its header to the end of its padding. */
static inline size_t rw_frame_bytes(uint32_t length, uint32_t flags) {
  return RW_HEADER_BYTES + (flags & RW_FLAG_EXTENSION ? RW_EXTENSION_BYTES : 0u) + (((size_t)length + 7u) & ~(size_t)7u);
}

/* Writers: out is borrowed for the call and has room for capacity bytes. They return the bytes written, or 0, and have
 * written nothing, when those do not fit or the protocol forbids the arguments. */
static inline size_t rw_write_preamble(uint8_t *out, size_t capacity, uint32_t payload_limit) {
  if (capacity < RW_PREAMBLE_BYTES || payload_limit < RW_PAYLOAD_LIMIT_FLOOR || payload_limit > RW_PAYLOAD_LIMIT_CEILING)
    return 0;
  memcpy(out, "\xF5\x53\x01\x00", 4);
  rw_put(out + 4, payload_limit, 4);
  return RW_PREAMBLE_BYTES;
}

/* Header and extension, 8 or 16 bytes; the payload and the padding, zeros up to rw_frame_bytes, are the caller's to send. */
static inline size_t rw_write_header(uint8_t *out, size_t capacity, const rw_frame *frame) {
  const size_t bytes = RW_HEADER_BYTES + (frame->flags ? RW_EXTENSION_BYTES : 0u);
  if (capacity < bytes || frame->length > RW_PAYLOAD_LIMIT_CEILING || frame->flags > RW_FLAG_EXTENSION ||
      frame->event == 0 || frame->event >= RW_EVENT_RESERVED || frame->codec == 0 || frame->codec > RW_CODEC_STRUCT)
    return 0;
  rw_put(out, frame->length, 4);
  rw_put(out + 4, frame->event, 2);
  rw_put(out + 6, frame->codec, 1);
  rw_put(out + 7, frame->flags, 1);
  if (frame->flags) {
    rw_put(out + 8, frame->correlation, 4);
    rw_put(out + 12, 0, 4);
  }
  return bytes;
}

/* A whole frame. The payload is copied; when it is NULL the caller writes it behind the header, now or later. */
static inline size_t rw_write_frame(uint8_t *out, size_t capacity, const rw_frame *frame) {
  const size_t bytes = rw_frame_bytes(frame->length, frame->flags);
  const size_t header = capacity < bytes ? 0 : rw_write_header(out, capacity, frame);
  if (header == 0) return 0;
  if (frame->length % 8u) memset(out + bytes - 8, 0, 8); /* the whole word: what is payload in it comes after */
  if (frame->payload && frame->length) memcpy(out + header, frame->payload, frame->length);
  return bytes;
}

/* What all control frames share: u8 kind, u8 option, u16 value, u32 word in hello and ping, text. Use the four below. */
static inline size_t rw_write_control_(uint8_t *out, size_t capacity, uint32_t kind, uint32_t option, uint32_t value,
                                       uint32_t word, const char *text, size_t text_length) {
  const uint32_t fixed = kind == RW_ANNOUNCE || kind == RW_GOODBYE ? 4 : 8;
  const size_t bytes = text_length > RW_TEXT_BYTES_MAX ? SIZE_MAX : rw_frame_bytes(fixed + (uint32_t)text_length, 0);
  if (capacity < bytes) return 0;
  memset(out, 0, bytes);
  rw_put(out, fixed + (uint32_t)text_length, 4);
  rw_put(out + 8, kind | option << 8 | value << 16, 4);
  if (fixed == 8) rw_put(out + 12, word, 4);
  if (text_length) memcpy(out + RW_HEADER_BYTES + fixed, text, text_length);
  return bytes;
}
/* First and once: codec is the one we send, id is UTF-8 for logs, at most 256 bytes. */
static inline size_t rw_write_hello(uint8_t *out, size_t capacity, uint8_t codec, uint16_t codec_set, const char *id,
                                    size_t id_length) {
  if (codec == 0 || codec > RW_CODEC_STRUCT) return 0;
  return rw_write_control_(out, capacity, RW_HELLO, codec, codec_set, (uint32_t)id_length & 0xFFFFu, id, id_length);
}
/* Before the event's first use: 0x8000, then without a gap up to 0x83FF. name is UTF-8, 1 to 256 bytes. */
static inline size_t rw_write_announce(uint8_t *out, size_t capacity, uint16_t event, const char *name, size_t name_length) {
  if (event < RW_EVENT_ANNOUNCED || event >= RW_EVENT_RESERVED || name_length == 0) return 0;
  return rw_write_control_(out, capacity, RW_ANNOUNCE, 0, event, 0, name, name_length);
}
/* kind: RW_PING, or RW_PONG with the ping's token, which is rw_u32(frame.payload + 4). */
static inline size_t rw_write_ping(uint8_t *out, size_t capacity, enum rw_control kind, uint32_t token) {
  return kind == RW_PING || kind == RW_PONG ? rw_write_control_(out, capacity, kind, 0, 0, token, "", 0) : 0;
}
/* Last, then close. result: 0 for a normal end, or the error that rw_next returned. text is UTF-8, at most 256 bytes. */
static inline size_t rw_write_goodbye(uint8_t *out, size_t capacity, int result, const char *text, size_t text_length) {
  if (result > 0 || result < RW_ERR_SLOW_CONSUMER) return 0;
  return rw_write_control_(out, capacity, RW_GOODBYE, 0, (uint32_t)-result, 0, text, text_length);
}

/* payload_limit and codec_set: what our own preamble and hello say. RW_CONNECTED permits JSON before the preamble. */
static inline void rw_reader_init(rw_reader *reader, enum rw_role role, uint32_t payload_limit, uint16_t codec_set) {
  memset(reader, 0, sizeof *reader);
  reader->payload_limit = payload_limit;
  reader->text_allowance = role == RW_CONNECTED ? payload_limit : 0;
  reader->codec_set = codec_set;
}

static inline int rw_utf8_valid_(const uint8_t *in, uint32_t length) {
  for (uint32_t i = 0; i < length;) {
    uint32_t code = in[i++];
    if (code < 0x80) continue;
    uint32_t tail = code < 0xE0 ? 1 : code < 0xF0 ? 2 : 3;
    if (code < 0xC2 || code > 0xF4 || tail > length - i) return 0;
    const uint32_t least = tail == 1 ? 0x80 : tail == 2 ? 0x800 : 0x10000;
    for (code &= 0x3Fu >> tail; tail; tail--, i++) {
      if ((in[i] & 0xC0) != 0x80) return 0;
      code = code << 6 | (in[i] & 0x3Fu);
    }
    if (code < least || code > 0x10FFFF || code >> 11 == 0x1B) return 0; /* overlong, too high, surrogate */
  }
  return 1;
}

/* Each byte is judged as soon as it is there: it may be another protocol's, whose peer then waits for an answer. */
static inline int rw_next_preamble_(rw_reader *reader, const uint8_t *bytes, size_t end, size_t *position) {
  const size_t from = *position;
  for (; *position < end && bytes[*position] != 0xF5; ++*position)
    if (reader->text_allowance-- == 0) return RW_ERR_BAD_MAGIC;
  const uint8_t *in = bytes + *position;
  const size_t unread = end - *position;
  if (unread > 1 && in[1] != 0x53) return RW_ERR_BAD_MAGIC;
  if (unread > 2 && in[2] != 1) return RW_ERR_BAD_VERSION;
  if (unread > 3 && in[3] != 0) return RW_ERR_BAD_FLAGS;
  if (unread && *position != from && ((uintptr_t)in & 7u)) return RW_SKIPPED;
  if (unread < RW_PREAMBLE_BYTES) return RW_MORE;
  const uint32_t limit = rw_u32(in + 4);
  if (limit < RW_PAYLOAD_LIMIT_FLOOR || limit > RW_PAYLOAD_LIMIT_CEILING) return RW_ERR_BAD_CONTROL;
  reader->peer_payload_limit = limit;
  reader->stage = RW_STAGE_HELLO;
  *position += RW_PREAMBLE_BYTES;
  return RW_FRAME;
}

/* Judges a header alone. An error here leaves no boundary to go on from. */
static inline int rw_judge_header_(const rw_reader *reader, const rw_frame *frame) {
  if (frame->flags & ~RW_FLAG_EXTENSION) return RW_ERR_BAD_FLAGS;
  if (frame->length > reader->payload_limit) return RW_ERR_FRAME_TOO_LARGE;
  if (frame->event == 0) return frame->codec ? RW_ERR_BAD_CODEC : frame->flags ? RW_ERR_BAD_FLAGS : RW_CONTROL;
  if (frame->codec == 0 || frame->codec > RW_CODEC_STRUCT || !(reader->codec_set >> frame->codec & 1))
    return RW_ERR_BAD_CODEC;
  if (frame->event >= RW_EVENT_RESERVED && frame->event != RW_EVENT_INLINE) return RW_ERR_INVALID_EVENT;
  return reader->stage == RW_STAGE_HELLO ? RW_ERR_BAD_CONTROL : RW_FRAME;
}

/* Judges a complete control frame and applies it. A goodbye may precede the hello: a peer that refuses us says why. */
static inline int rw_judge_control_(rw_reader *reader, rw_frame *frame) {
  static const uint8_t least[] = {0, 8, 4, 8, 8, 4};
  const uint8_t *in = frame->payload;
  const uint32_t kind = frame->length ? in[0] : 0u;
  if (kind == 0 || kind > RW_GOODBYE || frame->length < least[kind]) return RW_ERR_BAD_CONTROL;
  if (kind != RW_GOODBYE && (kind == RW_HELLO) != (reader->stage == RW_STAGE_HELLO)) return RW_ERR_BAD_CONTROL;
  if (kind != RW_HELLO && in[1]) return RW_ERR_BAD_CONTROL;
  if (kind == RW_PING || kind == RW_PONG) return in[2] | in[3] ? RW_ERR_BAD_CONTROL : RW_CONTROL;
  frame->text = in + least[kind];
  frame->text_length = kind == RW_HELLO ? rw_u16(in + 4) : frame->length - least[kind];
  if (kind == RW_ANNOUNCE) {
    if (rw_u16(in + 2) != RW_EVENT_ANNOUNCED + reader->announced_count || rw_u16(in + 2) >= RW_EVENT_RESERVED)
      return RW_ERR_BAD_CONTROL;
    if (frame->text_length == 0 || frame->text_length > RW_TEXT_BYTES_MAX ||
        !rw_utf8_valid_(frame->text, frame->text_length))
      return RW_ERR_INVALID_EVENT;
    reader->announced_count++;
  }
  if (frame->text_length > RW_TEXT_BYTES_MAX) return RW_ERR_BAD_CONTROL;
  if (kind == RW_HELLO) {
    if (frame->text_length > frame->length - 8u || rw_u16(in + 6)) return RW_ERR_BAD_CONTROL;
    if (in[1] == 0 || in[1] > RW_CODEC_STRUCT) return RW_ERR_BAD_CODEC;
    reader->peer_codec = in[1];
    reader->peer_codec_set = (uint16_t)rw_u16(in + 2);
    reader->stage = RW_STAGE_FRAMES;
  }
  return RW_CONTROL;
}

/* Judges who is meant. Refusing costs this message alone: its end is known. */
static inline int rw_judge_event_(rw_reader *reader, rw_frame *frame) {
  if (frame->event >= RW_EVENT_ANNOUNCED && frame->event < RW_EVENT_ANNOUNCED + (uint32_t)reader->announced_count)
    return RW_FRAME;
  if (frame->event <= reader->agreed_max) return RW_FRAME;
  if (frame->event == RW_EVENT_INLINE && frame->length >= 8) {
    const uint32_t length = rw_u16(frame->payload), skip = (2u + length + 7u) & ~7u;
    if (length && length <= RW_TEXT_BYTES_MAX && skip <= frame->length && rw_utf8_valid_(frame->payload + 2, length)) {
      frame->text = frame->payload + 2;
      frame->text_length = length;
      frame->payload += skip;
      frame->length -= skip;
      return RW_FRAME;
    }
  }
  reader->refused_count++;
  return RW_REFUSED;
}

static inline int rw_next_frame_(rw_reader *reader, const uint8_t *in, size_t unread, rw_frame *frame) {
  reader->wanted = RW_HEADER_BYTES;
  if (unread < RW_HEADER_BYTES) return RW_MORE;
  frame->length = rw_u32(in);
  frame->event = (uint16_t)rw_u16(in + 4);
  frame->codec = in[6];
  frame->flags = in[7];
  frame->text = NULL;
  frame->text_length = frame->correlation = 0;
  const int judged = rw_judge_header_(reader, frame);
  if (judged < 0) return judged;
  reader->wanted = rw_frame_bytes(frame->length, frame->flags);
  frame->payload = in + RW_HEADER_BYTES;
  if (frame->flags) {
    if (unread >= 16 && rw_u32(in + 12)) return RW_ERR_BAD_FLAGS;
    frame->payload += RW_EXTENSION_BYTES;
  }
  if (unread < reader->wanted) return RW_MORE;
  if (frame->flags) frame->correlation = rw_u32(in + 8);
  return judged == RW_CONTROL ? rw_judge_control_(reader, frame) : rw_judge_event_(reader, frame);
}

/* Takes the next frame from bytes[*position..end), borrowed, and moves *position behind it (also behind a refused one).
 * Returns enum rw_result. frame is meaningful after FRAME, CONTROL and REFUSED. Errors (below 0) stay: close. */
static inline int rw_next(rw_reader *reader, const uint8_t *bytes, size_t end, size_t *position, rw_frame *frame) {
  int result = reader->error;
  if (result < 0) return result;
  reader->wanted = RW_PREAMBLE_BYTES;
  result = reader->stage == RW_STAGE_PREAMBLE ? rw_next_preamble_(reader, bytes, end, position) : RW_FRAME;
  if (result == RW_FRAME) {
    result = rw_next_frame_(reader, bytes + *position, end - *position, frame);
    if (result > 0) *position += reader->wanted;
  }
  if (result < 0) reader->error = result;
  return result;
}

/* When the stream has ended: unread is end - *position. Returns the error so far, RW_ERR_TRUNCATED or 0. */
static inline int rw_end(const rw_reader *reader, size_t unread) {
  return reader->error ? reader->error : unread ? RW_ERR_TRUNCATED : 0;
}
#endif
