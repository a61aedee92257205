/*
 * ringwire.h: the ringwire wire, version 1, as PROTOCOL.md defines it: streams, control frames, datagrams and node-ipc's delimited wire.
 * One header, C99 or C++11, without allocation, I/O, clock or globals: all memory is the caller's, frames are read in place.
 * It needs int and size_t of 32 bits or more, in any byte order, and no aligned access.
 *
 * Conventions: lengths, capacities and positions are bytes. Pointers given to a function are borrowed for the call unless it says
 * otherwise. rw_write_* return the bytes written, or 0, and have written nothing of use, when those do not fit or the protocol forbids
 * the arguments. rw_read_* and rw_next_* return enum rw_result: below 0 is an error of the wire. Names that end in _ are internal.
 *
 * It refuses to buffer, to go on after an error and to decode payloads.
 * Invariant: how bytes were cut into chunks never changes what comes out, and no length of the wire is used before it is checked.
 *
 * Sections: 1 numbers of the wire, 2 frames, 3 control frames, 4 writer, 5 parser, 6 delimited wire, 7 CRC-32, 8 datagrams, 9 fragments.
 * Sections name their TypeScript twin in src/frames and open with its words.
 */
#ifndef RINGWIRE_H
#define RINGWIRE_H
#include <stdint.h>
#include <string.h>

/* ---- 1. Numbers of the wire, PROTOCOL.md sections 1 and 2 ------------------------------------------------------------------ */

#define RW_MAGIC 0xF5u
#define RW_STREAM_KIND 0x53u
#define RW_DATAGRAM_KIND 0x44u
#define RW_VERSION 1u
#define RW_PREAMBLE_BYTES 8u
#define RW_HEADER_BYTES 8u
#define RW_EXTENSION_BYTES 8u
#define RW_TRACE_BYTES 32u
#define RW_TRACE_USED_BYTES 25u        /* 16 bytes trace id, 8 span id, 1 flags; the rest is zero */
#define RW_TEXT_BYTES_MAX 256u         /* id of a hello, name of an event, text of a goodbye */
#define RW_CONTROL_BYTES_MAX 272u      /* the largest control frame but a hello with layouts */
#define RW_LAYOUT_BYTES 16u            /* before the event's name */
#define RW_LAYOUT_COUNT_MAX 256u
#define RW_PAYLOAD_LIMIT 16777216u     /* the default; never outside FLOOR to CEILING */
#define RW_PAYLOAD_LIMIT_FLOOR 1024u
#define RW_PAYLOAD_LIMIT_CEILING 2147483647u
#define RW_FLAG_EXTENSION 1u
#define RW_FLAG_TRACE 2u
#define RW_EVENT_CONTROL 0u
#define RW_EVENT_AGREED_MAX 0x7FFFu    /* 1 to here are agreed in advance */
#define RW_EVENT_ANNOUNCED 0x8000u     /* the first announced id */
#define RW_EVENT_RESERVED 0x8400u      /* the first id after the announced ones */
#define RW_EVENT_INLINE 0xFFFFu
#define RW_CODEC_SET(codec) (1u << (codec)) /* or them together for a hello */
#define RW_FEATURE_SESSION 1u          /* bits of a hello's features */
#define RW_FEATURE_REQUESTS 2u
#define RW_STREAM_WINDOW 16u           /* items of a stream before the first credit */
#define RW_DATAGRAM_BYTES_MAX 65507u
#define RW_DATAGRAM_BYTES_SAFE 1200u   /* what a sender keeps to unless it knows its network */
#define RW_DATAGRAM_HEADER_BYTES_MAX 40u
#define RW_DATAGRAM_TIMING 1u          /* flags of a datagram */
#define RW_DATAGRAM_CHECKSUM 2u
#define RW_DATAGRAM_FRAGMENT 4u
#define RW_FNV1A_START 0xCBF29CE484222325u

enum rw_codec { RW_CODEC_CONTROL, RW_CODEC_JSON, RW_CODEC_MSGPACK, RW_CODEC_RAW, RW_CODEC_STRUCT };
/* What a frame with an extension is, PROTOCOL.md section 1.4. */
enum rw_kind { RW_MESSAGE, RW_REQUEST, RW_RESPONSE, RW_ERROR, RW_CANCEL, RW_ITEM, RW_END, RW_CREDIT };
enum rw_control { RW_HELLO = 1, RW_ANNOUNCE, RW_PING, RW_PONG, RW_GOODBYE, RW_SESSION, RW_ACK };
enum rw_role { RW_ACCEPTED, RW_CONNECTED };
enum rw_stage { RW_STAGE_PREAMBLE, RW_STAGE_HELLO, RW_STAGE_FRAMES };

/* What readers return. -1 to -17, negated, are the reasons that a goodbye carries. */
enum rw_result {
  RW_MORE = 0,      /* nothing complete: the unread bytes are needed again, with at least one more behind them */
  RW_FRAME = 1,     /* a message, or a frame of a request or a stream */
  RW_CONTROL = 2,   /* a control frame, already applied to the parser; frame.control is its kind */
  RW_REFUSED = 3,   /* INVALID_EVENT for one message (unknown id, bad inline name): counted, the connection stays */
  RW_SKIPPED = 4,   /* JSON before the preamble left the source unaligned: move it (rw_writable does) or not, and call again */
  RW_ERR_FRAME_TOO_LARGE = -1, RW_ERR_BAD_MAGIC = -2, RW_ERR_BAD_VERSION = -3, RW_ERR_BAD_FLAGS = -4,
  RW_ERR_BAD_CODEC = -5, RW_ERR_BAD_CONTROL = -6, RW_ERR_INVALID_EVENT = -7,
  /* for goodbyes alone: this header has neither clock nor peers nor memory */
  RW_ERR_HANDSHAKE_TIMEOUT = -8, RW_ERR_TOO_MANY_CONNECTIONS = -9, RW_ERR_SLOW_CONSUMER = -10,
  RW_ERR_SCHEMA_MISMATCH = -11, RW_ERR_FRAME_TIMEOUT = -12, RW_ERR_PEER_DEAD = -13, RW_ERR_MEMORY_LIMIT = -14,
  RW_ERR_FLOOD = -15, RW_ERR_ACK_UNSUPPORTED = -16, RW_ERR_SESSION_TAKEN = -17,
  /* no goodbye carries these; UNKNOWN stands for a reason of a later version */
  RW_ERR_UNKNOWN = -99, RW_ERR_TRUNCATED = -100, RW_ERR_BAD_CHECKSUM = -101
};

/* The name of a result in PROTOCOL.md section 2 ("BAD_FLAGS"), "OK" for 0 and above. Static text. */
static inline const char *rw_result_name(int result) {
  static const char *const names[] = {"OK", "FRAME_TOO_LARGE", "BAD_MAGIC", "BAD_VERSION", "BAD_FLAGS", "BAD_CODEC", "BAD_CONTROL",
                                      "INVALID_EVENT", "HANDSHAKE_TIMEOUT", "TOO_MANY_CONNECTIONS", "SLOW_CONSUMER",
                                      "SCHEMA_MISMATCH", "FRAME_TIMEOUT", "PEER_DEAD", "MEMORY_LIMIT", "FLOOD", "ACK_UNSUPPORTED", "SESSION_TAKEN"};
  if (result >= 0) return names[0];
  if (result >= RW_ERR_SESSION_TAKEN) return names[-result];
  return result == RW_ERR_TRUNCATED ? "TRUNCATED" : result == RW_ERR_BAD_CHECKSUM ? "BAD_CHECKSUM" : "UNKNOWN";
}

/* Little-endian numbers at any address, on any machine. rw_put writes the lowest `bytes` (1 to 4) bytes of value. */
static inline uint32_t rw_u16(const uint8_t *in) { return (uint32_t)in[0] | (uint32_t)in[1] << 8; }
static inline uint32_t rw_u32(const uint8_t *in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}
static inline uint64_t rw_u64(const uint8_t *in) { return rw_u32(in) | (uint64_t)rw_u32(in + 4) << 32; }
static inline void rw_put(uint8_t *out, uint32_t value, unsigned bytes) {
  for (; bytes; bytes--, value >>= 8) *out++ = (uint8_t)value;
}
static inline void rw_put64(uint8_t *out, uint64_t value) {
  rw_put(out, (uint32_t)value, 4);
  rw_put(out + 4, (uint32_t)(value >> 32), 4);
}

/* FNV-1a of 64 bits, for layout hashes (PROTOCOL.md section 1.6): start with RW_FNV1A_START, continue with the last result. */
static inline uint64_t rw_fnv1a(uint64_t hash, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)text[i]) * 0x100000001B3u;
  return hash;
}

/* Returns 1 when the bytes are well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF), else 0. */
static inline int rw_utf8_valid(const uint8_t *in, size_t length) {
  for (size_t i = 0; i < length;) {
    uint32_t code = in[i++];
    if (code < 0x80) continue;
    uint32_t tail = code < 0xE0 ? 1 : code < 0xF0 ? 2 : 3;
    if (code < 0xC2 || code > 0xF4 || tail > length - i) return 0;
    const uint32_t least = tail == 1 ? 0x80 : tail == 2 ? 0x800 : 0x10000;
    for (code &= 0x3Fu >> tail; tail; tail--, i++) {
      if ((in[i] & 0xC0) != 0x80) return 0;
      code = code << 6 | (in[i] & 0x3Fu);
    }
    if (code < least || code > 0x10FFFF || code >> 11 == 0x1B) return 0;
  }
  return 1;
}

/* ---- 2. Frames (twins: src/frames/frame.ts, header.ts) ----------------------------------------------------------------------
 * The 8 bytes before every payload of the ringwire wire, PROTOCOL.md section 1.2: what they may say and how large the frame is.
 * Invariant: rw_judge_header_ lets through only headers that are legal in every field; everything else is an error with its code. */

/* One frame, for reading and for writing. When read, the pointers are borrowed: they point into the source of the parser and die with
 * its next rw_feed or rw_writable. */
typedef struct rw_frame {
  const uint8_t *payload; /* what the codec wrote, behind an inline name; 8-aligned when the start of the stream is */
  const char *text;       /* the inline name when event is RW_EVENT_INLINE; UTF-8, not terminated; else NULL */
  const uint8_t *trace;   /* with RW_FLAG_TRACE: 16 bytes trace id, 8 span id, 1 flags; else NULL */
  uint32_t length;        /* bytes of payload */
  uint32_t text_length;
  uint32_t correlation;   /* 0 without RW_FLAG_EXTENSION */
  uint16_t event;
  uint8_t codec;          /* enum rw_codec */
  uint8_t flags;          /* RW_FLAG_EXTENSION, RW_FLAG_TRACE */
  uint8_t kind;           /* enum rw_kind; 0, a plain message, without RW_FLAG_EXTENSION */
  uint8_t control;        /* enum rw_control in a control frame; else 0 */
} rw_frame;

/* Bytes between a header with these flags and its payload: 0, 8, 32 or 40. */
static inline size_t rw_extra_bytes(uint32_t flags) {
  return (flags & RW_FLAG_EXTENSION ? RW_EXTENSION_BYTES : 0u) + (flags & RW_FLAG_TRACE ? RW_TRACE_BYTES : 0u);
}

/* Bytes that a frame occupies, from its header to the end of its padding. length counts an inline name as payload. */
static inline size_t rw_frame_bytes(uint32_t length, uint32_t flags) {
  return RW_HEADER_BYTES + rw_extra_bytes(flags) + (((size_t)length + 7u) & ~(size_t)7u);
}

/* Bytes that an inline name adds before the data: its length, itself, padding. */
static inline uint32_t rw_inline_bytes(uint32_t name_length) { return (name_length + 9u) & ~7u; }

/* The payload length that stands in the frame's header: data and inline name. 0xFFFFFFFF when the protocol forbids it. */
static inline uint32_t rw_payload_bytes_(const rw_frame *frame) {
  if (frame->length > RW_PAYLOAD_LIMIT_CEILING) return UINT32_MAX;
  if (frame->event != RW_EVENT_INLINE) return frame->length;
  if (frame->text_length == 0 || frame->text_length > RW_TEXT_BYTES_MAX) return UINT32_MAX;
  return frame->length + rw_inline_bytes(frame->text_length);
}

/* Bytes that rw_write_frame makes of this frame, 0 when the protocol forbids it. */
static inline size_t rw_frame_room(const rw_frame *frame) {
  const uint32_t payload = rw_payload_bytes_(frame);
  return payload > RW_PAYLOAD_LIMIT_CEILING ? 0 : rw_frame_bytes(payload, frame->flags);
}

/* Header, extension, trace context and inline name: all that precedes the data. The data and the padding, zeros to the end of
 * rw_frame_room, are the caller's to send. frame->payload is not looked at. Returns a multiple of 8. */
static inline size_t rw_write_header(uint8_t *out, size_t capacity, const rw_frame *frame) {
  const uint32_t payload = rw_payload_bytes_(frame);
  const size_t name = frame->event == RW_EVENT_INLINE && payload != UINT32_MAX ? payload - frame->length : 0u;
  const size_t bytes = RW_HEADER_BYTES + rw_extra_bytes(frame->flags) + name;
  if (payload > RW_PAYLOAD_LIMIT_CEILING || capacity < bytes || frame->flags > (RW_FLAG_EXTENSION | RW_FLAG_TRACE) ||
      frame->event == 0 || (frame->event >= RW_EVENT_RESERVED && frame->event != RW_EVENT_INLINE) || frame->codec == 0 ||
      frame->codec > RW_CODEC_STRUCT || frame->kind > RW_CREDIT || (frame->kind && !(frame->flags & RW_FLAG_EXTENSION)))
    return 0;
  rw_put(out, payload, 4);
  rw_put(out + 4, frame->event, 2);
  out[6] = frame->codec;
  out[7] = frame->flags;
  out += RW_HEADER_BYTES;
  if (frame->flags & RW_FLAG_EXTENSION) {
    rw_put(out, frame->correlation, 4);
    rw_put(out + 4, frame->kind, 4);
    out += RW_EXTENSION_BYTES;
  }
  if (frame->flags & RW_FLAG_TRACE) {
    memset(out, 0, RW_TRACE_BYTES);
    if (frame->trace) memcpy(out, frame->trace, RW_TRACE_USED_BYTES);
    out += RW_TRACE_BYTES;
  }
  if (name) {
    memset(out + name - 8, 0, 8);
    rw_put(out, frame->text_length, 2);
    memcpy(out + 2, frame->text, frame->text_length);
  }
  return bytes;
}

/* A whole frame. The payload is copied; when it is NULL the caller writes its bytes behind rw_write_header's, now or later. */
static inline size_t rw_write_frame(uint8_t *out, size_t capacity, const rw_frame *frame) {
  const size_t bytes = rw_frame_room(frame);
  const size_t header = capacity < bytes ? 0 : rw_write_header(out, capacity, frame);
  if (header == 0) return 0;
  if (frame->length % 8u) memset(out + bytes - 8, 0, 8); /* the whole word: what is payload in it comes after */
  if (frame->payload && frame->length) memcpy(out + header, frame->payload, frame->length);
  return bytes;
}

/* Fills the frame from a header and judges it alone. Returns RW_FRAME, RW_CONTROL or an error that leaves no boundary to go on from. */
static inline int rw_judge_header_(const uint8_t *in, uint32_t payload_limit, rw_frame *frame) {
  frame->text = NULL;
  frame->trace = NULL;
  frame->payload = in + RW_HEADER_BYTES;
  frame->text_length = frame->correlation = 0;
  frame->kind = frame->control = 0;
  frame->length = rw_u32(in);
  frame->event = (uint16_t)rw_u16(in + 4);
  frame->codec = in[6];
  frame->flags = in[7];
  if (frame->flags > (RW_FLAG_EXTENSION | RW_FLAG_TRACE)) return RW_ERR_BAD_FLAGS;
  if (frame->length > payload_limit) return RW_ERR_FRAME_TOO_LARGE;
  if (frame->codec > RW_CODEC_STRUCT || (frame->codec == 0) != (frame->event == 0)) return RW_ERR_BAD_CODEC;
  if (frame->event == 0) return frame->flags ? RW_ERR_BAD_FLAGS : RW_CONTROL;
  return frame->event >= RW_EVENT_RESERVED && frame->event != RW_EVENT_INLINE ? RW_ERR_INVALID_EVENT : RW_FRAME;
}

/* Reads extension and trace context of a complete frame and moves payload behind them. Returns RW_FRAME or RW_ERR_BAD_FLAGS. */
static inline int rw_read_extras_(rw_frame *frame) {
  if (frame->flags & RW_FLAG_EXTENSION) {
    if (rw_u32(frame->payload + 4) > RW_CREDIT) return RW_ERR_BAD_FLAGS;
    frame->correlation = rw_u32(frame->payload);
    frame->kind = frame->payload[4];
    frame->payload += RW_EXTENSION_BYTES;
  }
  if (frame->flags & RW_FLAG_TRACE) {
    for (uint32_t i = RW_TRACE_USED_BYTES; i < RW_TRACE_BYTES; i++)
      if (frame->payload[i]) return RW_ERR_BAD_FLAGS;
    frame->trace = frame->payload;
    frame->payload += RW_TRACE_BYTES;
  }
  return RW_FRAME;
}

/* Takes an inline name off the front of the payload. Returns RW_FRAME, or RW_REFUSED for a bad name: its end is known. */
static inline int rw_take_name_(rw_frame *frame) {
  if (frame->length < 2) return RW_REFUSED;
  const uint32_t length = rw_u16(frame->payload), bytes = rw_inline_bytes(length);
  if (length == 0 || length > RW_TEXT_BYTES_MAX || bytes > frame->length || !rw_utf8_valid(frame->payload + 2, length))
    return RW_REFUSED;
  frame->text = (const char *)frame->payload + 2;
  frame->text_length = length;
  frame->payload += bytes;
  frame->length -= bytes;
  return RW_FRAME;
}

/* ---- 3. Control frames (twins: src/frames/control.ts, layouts.ts, session.ts) ---------------------------------------------------
 * Preamble and control frames of the ringwire wire, as PROTOCOL.md sections 1.1 and 1.3 define them: writing into caller's memory,
 * reading in place. It keeps no state and decides nothing about a connection.
 * Invariant: every length in a control frame is checked against the payload before it is used. */

/* What a side says of itself. When read, the pointers are borrowed as those of the frame. */
typedef struct rw_hello {
  const char *id;          /* UTF-8 for logs, at most 256 bytes, not terminated; proves nothing */
  const uint8_t *layouts;  /* read only: for rw_next_layout */
  uint32_t id_length, layouts_bytes;
  uint16_t codec_set;      /* RW_CODEC_SET of each codec that it decodes */
  uint16_t features;       /* RW_FEATURE_SESSION, RW_FEATURE_REQUESTS */
  uint8_t codec;           /* in which it sends and likes to be answered */
} rw_hello;

/* A struct layout, PROTOCOL.md sections 1.3 and 1.6. */
typedef struct rw_layout {
  uint64_t hash;
  const char *event;       /* UTF-8, 1 to 256 bytes, not terminated */
  uint32_t event_length;
  uint32_t struct_bytes;
  uint16_t field_count;
} rw_layout;

/* payload_limit: the largest payload that we accept, RW_PAYLOAD_LIMIT_FLOOR to RW_PAYLOAD_LIMIT_CEILING. Writes 8 bytes. */
static inline size_t rw_write_preamble(uint8_t *out, size_t capacity, uint32_t payload_limit) {
  if (capacity < RW_PREAMBLE_BYTES || payload_limit < RW_PAYLOAD_LIMIT_FLOOR || payload_limit > RW_PAYLOAD_LIMIT_CEILING)
    return 0;
  rw_put(out, RW_MAGIC | RW_STREAM_KIND << 8 | RW_VERSION << 16, 4);
  rw_put(out + 4, payload_limit, 4);
  return RW_PREAMBLE_BYTES;
}

/* What all control frames share: a zeroed frame of this payload length whose first word is kind, option and value. */
static inline size_t rw_write_control_(uint8_t *out, size_t capacity, uint32_t length, uint32_t kind, uint32_t option, uint32_t value) {
  const size_t bytes = rw_frame_bytes(length, 0);
  if (capacity < bytes) return 0;
  memset(out, 0, bytes);
  rw_put(out, length, 4);
  rw_put(out + RW_HEADER_BYTES, kind | option << 8 | value << 16, 4);
  return bytes;
}

/* First and once. hello's own layouts are not looked at: those to send are the array, at most RW_LAYOUT_COUNT_MAX, NULL when count is 0.
 * Writes at most RW_CONTROL_BYTES_MAX bytes without layouts, and 16 bytes and the padded name more for each of them. */
static inline size_t rw_write_hello(uint8_t *out, size_t capacity, const rw_hello *hello, const rw_layout *layouts, size_t count) {
  size_t length = 8u + (size_t)hello->id_length;
  if (hello->codec == 0 || hello->codec > RW_CODEC_STRUCT || hello->id_length > RW_TEXT_BYTES_MAX || count > RW_LAYOUT_COUNT_MAX)
    return 0;
  size_t at = (length + 7u) & ~(size_t)7u;
  for (size_t i = 0; i < count; i++) {
    if (layouts[i].event_length == 0 || layouts[i].event_length > RW_TEXT_BYTES_MAX) return 0;
    length = (length + 7u) & ~(size_t)7u;
    length += RW_LAYOUT_BYTES + ((layouts[i].event_length + 7u) & ~7u);
  }
  const size_t bytes = rw_write_control_(out, capacity, (uint32_t)length, RW_HELLO, hello->codec, hello->codec_set);
  if (bytes == 0) return 0;
  out += RW_HEADER_BYTES;
  rw_put(out + 4, hello->id_length | (uint32_t)hello->features << 16, 4);
  if (hello->id_length) memcpy(out + 8, hello->id, hello->id_length);
  for (size_t i = 0; i < count; i++) {
    const rw_layout *layout = &layouts[i];
    rw_put64(out + at, layout->hash);
    rw_put(out + at + 8, layout->struct_bytes, 4);
    rw_put(out + at + 12, layout->field_count | layout->event_length << 16, 4);
    memcpy(out + at + RW_LAYOUT_BYTES, layout->event, layout->event_length);
    at += RW_LAYOUT_BYTES + ((layout->event_length + 7u) & ~7u);
  }
  return bytes;
}

/* Before the event's first use: 0x8000, then without a gap up to 0x83FF. name is UTF-8, 1 to 256 bytes. */
static inline size_t rw_write_announce(uint8_t *out, size_t capacity, uint16_t event, const char *name, size_t name_length) {
  if (event < RW_EVENT_ANNOUNCED || event >= RW_EVENT_RESERVED || name_length == 0 || name_length > RW_TEXT_BYTES_MAX) return 0;
  const size_t bytes = rw_write_control_(out, capacity, 4u + (uint32_t)name_length, RW_ANNOUNCE, 0, event);
  if (bytes) memcpy(out + RW_HEADER_BYTES + 4, name, name_length);
  return bytes;
}

/* kind: RW_PING, or RW_PONG with the ping's token, which is rw_read_ping_token. Writes 16 bytes. */
static inline size_t rw_write_ping(uint8_t *out, size_t capacity, enum rw_control kind, uint32_t token) {
  const size_t bytes = kind == RW_PING || kind == RW_PONG ? rw_write_control_(out, capacity, 8, (uint32_t)kind, 0, 0) : 0;
  if (bytes) rw_put(out + RW_HEADER_BYTES + 4, token, 4);
  return bytes;
}

/* Last, then close. result: 0 for a normal end, or an error down to RW_ERR_SESSION_TAKEN. text is UTF-8, at most 256 bytes. */
static inline size_t rw_write_goodbye(uint8_t *out, size_t capacity, int result, const char *text, size_t text_length) {
  if (result > 0 || result < RW_ERR_SESSION_TAKEN || text_length > RW_TEXT_BYTES_MAX) return 0;
  const size_t bytes = rw_write_control_(out, capacity, 4u + (uint32_t)text_length, RW_GOODBYE, 0, (uint32_t)-result);
  if (bytes && text_length) memcpy(out + RW_HEADER_BYTES + 4, text, text_length);
  return bytes;
}

/* Once on each connection where both sides offered RW_FEATURE_SESSION: by the side that connected behind the other's hello, then by the
 * side that accepted. session: not 0. received: message frames of the session that came; first: of ours, those that we do not keep any
 * more; both modulo 2^32. remembered: 1 from the side that accepted when it knows the session. Writes 32 bytes. */
static inline size_t rw_write_session(uint8_t *out, size_t capacity, uint64_t session, uint32_t received, uint32_t first, int remembered) {
  const size_t bytes = session ? rw_write_control_(out, capacity, 24, RW_SESSION, remembered != 0, 0) : 0;
  if (bytes == 0) return 0;
  rw_put(out + RW_HEADER_BYTES + 4, received, 4);
  rw_put64(out + RW_HEADER_BYTES + 8, session);
  rw_put(out + RW_HEADER_BYTES + 16, first, 4);
  return bytes;
}

/* received: message frames of the session that our program was given, modulo 2^32. Writes 16 bytes. */
static inline size_t rw_write_ack(uint8_t *out, size_t capacity, uint32_t received) {
  const size_t bytes = rw_write_control_(out, capacity, 8, RW_ACK, 0, 0);
  if (bytes) rw_put(out + RW_HEADER_BYTES + 4, received, 4);
  return bytes;
}

/* The kind of a control frame whose fixed part is all there and whose reserved bytes are zero; RW_ERR_BAD_CONTROL otherwise. The parser
 * has called it for the frames that it returns. */
static inline int rw_control_kind(const rw_frame *frame) {
  static const uint8_t least[] = {0, 8, 4, 8, 8, 4, 24, 8};
  static const uint8_t zeros[] = {0, 0, 1, 3, 3, 1, 0, 3}; /* how many bytes behind the kind are reserved */
  const uint32_t kind = frame->length ? frame->payload[0] : 0u;
  if (kind == 0 || kind > RW_ACK || frame->length < least[kind]) return RW_ERR_BAD_CONTROL;
  for (uint32_t i = 1; i <= zeros[kind]; i++)
    if (frame->payload[i]) return RW_ERR_BAD_CONTROL;
  if (kind == RW_SESSION) {
    const uint8_t *in = frame->payload;
    if (in[1] > 1 || rw_u16(in + 2) || rw_u32(in + 20) || rw_u64(in + 8) == 0) return RW_ERR_BAD_CONTROL;
  }
  return (int)kind;
}

/* The next layout of a hello. *position starts at 0 and is the function's own. Returns RW_FRAME, RW_MORE (0) behind the last one, or
 * RW_ERR_BAD_CONTROL, which cannot come from a hello that the parser returned. */
static inline int rw_next_layout(const rw_hello *hello, size_t *position, rw_layout *layout) {
  const size_t left = hello->layouts_bytes - *position;
  const uint8_t *in = hello->layouts + *position;
  if (left == 0) return RW_MORE;
  if (left < RW_LAYOUT_BYTES) return RW_ERR_BAD_CONTROL;
  layout->hash = rw_u64(in);
  layout->struct_bytes = rw_u32(in + 8);
  layout->field_count = (uint16_t)rw_u16(in + 12);
  layout->event_length = rw_u16(in + 14);
  layout->event = (const char *)in + RW_LAYOUT_BYTES;
  const size_t bytes = RW_LAYOUT_BYTES + ((layout->event_length + 7u) & ~7u);
  if (layout->event_length == 0 || layout->event_length > RW_TEXT_BYTES_MAX || bytes > left) return RW_ERR_BAD_CONTROL;
  *position += bytes;
  return RW_FRAME;
}

/* Reads a control frame of kind RW_HELLO. Returns RW_FRAME, or RW_ERR_BAD_CONTROL when a length or a layout is impossible. */
static inline int rw_read_hello(const rw_frame *frame, rw_hello *hello) {
  const uint8_t *in = frame->payload;
  hello->codec = in[1];
  hello->codec_set = (uint16_t)rw_u16(in + 2);
  hello->id_length = rw_u16(in + 4);
  hello->features = (uint16_t)rw_u16(in + 6);
  hello->id = (const char *)in + 8;
  if (hello->id_length > RW_TEXT_BYTES_MAX || hello->id_length > frame->length - 8u) return RW_ERR_BAD_CONTROL;
  const uint32_t start = (8u + hello->id_length + 7u) & ~7u;
  hello->layouts = start < frame->length ? in + start : in + frame->length;
  hello->layouts_bytes = start < frame->length ? frame->length - start : 0;
  rw_layout layout;
  size_t position = 0;
  int count = 0, result;
  while ((result = rw_next_layout(hello, &position, &layout)) > 0)
    if (++count > (int)RW_LAYOUT_COUNT_MAX) return RW_ERR_BAD_CONTROL;
  return result < 0 ? result : RW_FRAME;
}

/* Reads a control frame of kind RW_ANNOUNCE: name borrowed, 1 to 256 bytes of UTF-8. Returns RW_FRAME or RW_ERR_INVALID_EVENT. */
static inline int rw_read_announce(const rw_frame *frame, uint16_t *event, const char **name, uint32_t *name_length) {
  *event = (uint16_t)rw_u16(frame->payload + 2);
  *name = (const char *)frame->payload + 4;
  *name_length = frame->length - 4u;
  if (*name_length == 0 || *name_length > RW_TEXT_BYTES_MAX || !rw_utf8_valid(frame->payload + 4, *name_length))
    return RW_ERR_INVALID_EVENT;
  return RW_FRAME;
}

/* Reads a control frame of kind RW_GOODBYE: text borrowed, UTF-8 if the peer is honest, cut at 256 bytes. Returns the reason as a result:
 * 0 for a normal end, else below 0 (RW_ERR_UNKNOWN for a reason of a later version); rw_result_name names it. */
static inline int rw_read_goodbye(const rw_frame *frame, const char **text, uint32_t *text_length) {
  *text = (const char *)frame->payload + 4;
  *text_length = frame->length - 4u < RW_TEXT_BYTES_MAX ? frame->length - 4u : RW_TEXT_BYTES_MAX;
  const int reason = (int)rw_u16(frame->payload + 2);
  return -reason < RW_ERR_SESSION_TAKEN ? RW_ERR_UNKNOWN : -reason;
}

/* The token of a ping or pong, the received count of an ack or session, and what else a session says. */
static inline uint32_t rw_read_ping_token(const rw_frame *frame) { return rw_u32(frame->payload + 4); }
static inline uint32_t rw_read_received(const rw_frame *frame) { return rw_u32(frame->payload + 4); }
static inline uint64_t rw_read_session(const rw_frame *frame) { return rw_u64(frame->payload + 8); }
static inline uint32_t rw_read_first(const rw_frame *frame) { return rw_u32(frame->payload + 16); }
static inline int rw_read_remembered(const rw_frame *frame) { return frame->payload[1]; }

/* ---- 4. Writer (twin: src/bytes/byte-writer.ts) --------------------------------------------------------------------------------
 * Frames one behind the other in memory of the caller, written in place: claim room, fill it, commit what was filled.
 * Invariant: bytes[0..used) are whole frames; a claim that is not committed leaves nothing. */
typedef struct rw_writer {
  uint8_t *bytes;         /* the caller's, 8-aligned if payloads shall be */
  size_t capacity, used;  /* send bytes[0..used), then set used to 0 */
  size_t claimed;         /* bytes between used and the data of the open claim; 0 without one */
  uint32_t claimed_length;
} rw_writer;

/* memory is borrowed until the writer is no longer used. */
static inline void rw_writer_init(rw_writer *writer, void *memory, size_t capacity) {
  memset(writer, 0, sizeof *writer);
  writer->bytes = (uint8_t *)memory;
  writer->capacity = capacity;
}

/* Opens a frame with room for frame->length bytes of data, the most that may be committed; frame->payload is not looked at. Returns
 * where the data goes, 8-aligned if the memory is, or NULL when it does not fit (send what is there first) or is forbidden. Another claim
 * before the commit replaces this one. */
static inline uint8_t *rw_claim(rw_writer *writer, const rw_frame *frame) {
  const size_t room = rw_frame_room(frame);
  writer->claimed = 0;
  if (room == 0 || room > writer->capacity - writer->used) return NULL;
  writer->claimed = rw_write_header(writer->bytes + writer->used, writer->capacity - writer->used, frame);
  writer->claimed_length = frame->length;
  return writer->claimed ? writer->bytes + writer->used + writer->claimed : NULL;
}

/* Closes the open claim with `length` bytes of data, patches the frame's length and zeroes the padding. Returns the bytes of the frame,
 * or 0 without a claim or when length is above what was claimed. */
static inline size_t rw_commit(rw_writer *writer, uint32_t length) {
  if (writer->claimed == 0 || length > writer->claimed_length) return 0;
  uint8_t *header = writer->bytes + writer->used;
  const size_t data = writer->claimed, padded = ((size_t)length + 7u) & ~(size_t)7u;
  if (padded != length) memset(header + data + length, 0, padded - length);
  rw_put(header, rw_u32(header) - writer->claimed_length + length, 4); /* an inline name stays counted */
  writer->claimed = 0;
  writer->used += data + padded;
  return data + padded;
}

/* ---- 5. Parser (twin: src/frames/length-prefixed.ts) ----------------------------------------------------------------------------
 * Finds the frames of the ringwire wire (PROTOCOL.md section 1) in whatever pieces they arrive, and hands them out in place. It checks
 * what a header promises before any memory is spent on it; it does not look into payloads.
 * Unlike its twin it keeps no unfinished frame: the source is always the caller's memory. And it does what src/connection/binary-wire.ts
 * does with control frames: it judges hello, announces and event ids. */

/* What is received on one connection, owned by the caller. After rw_parser_init the caller may set the fields marked "set" and reads
 * the others. */
typedef struct rw_parser {
  const uint8_t *bytes;        /* the source: bytes[start..end) is unread */
  size_t start, end;
  size_t wanted;               /* after RW_MORE: bytes, from start, that the next unit needs as far as is known */
  uint64_t refused_count;
  int error;                   /* 0, or what every further rw_next returns */
  uint32_t payload_limit;
  uint32_t text_allowance;     /* bytes of JSON that may still come before the preamble */
  uint32_t peer_payload_limit; /* the largest payload to send; 0 until the preamble came */
  uint16_t codec_set;
  uint16_t features;           /* set: what our hello offers; 0 at first */
  uint16_t agreed_max;         /* set: ids 1..agreed_max are agreed in advance; 0x7FFF when the caller judges them */
  uint16_t announced_count;    /* the id just announced is 0x8000 + announced_count - 1 */
  uint16_t peer_codec_set, peer_features; /* from the hello, as peer_codec */
  uint8_t codec;               /* set: the codec that we send; 0, as at first: the one that the peer prefers */
  uint8_t peer_codec, stage;
} rw_parser;

/* payload_limit and codec_set: what our own preamble and hello say. RW_CONNECTED permits JSON before the preamble. */
static inline void rw_parser_init(rw_parser *parser, enum rw_role role, uint32_t payload_limit, uint16_t codec_set) {
  memset(parser, 0, sizeof *parser);
  parser->payload_limit = payload_limit;
  parser->text_allowance = role == RW_CONNECTED ? payload_limit : 0;
  parser->codec_set = codec_set;
}

/* The source becomes bytes[0..length), borrowed until the next rw_feed or rw_writable. It has to begin with the rw_unread bytes that were
 * left of the last one. Only payloads of an 8-aligned source are 8-aligned; nothing else depends on it. */
static inline void rw_feed(rw_parser *parser, const uint8_t *bytes, size_t length) {
  parser->bytes = bytes;
  parser->start = 0;
  parser->end = length;
}

/* Bytes at the end of the source that no frame has taken. */
static inline size_t rw_unread(const rw_parser *parser) { return parser->end - parser->start; }

/* Where the next read shall land in the caller's memory: behind what is unread, which moves to the front when it has to. Always the same
 * memory for one parser, 8-aligned, at least rw_frame_bytes(payload_limit, 3) bytes. Writes the room there, at least 1 byte then, to *room
 * and returns the place; NULL, with room 0, when the memory is too small for the frame that comes. Borrowed until rw_advance. */
static inline uint8_t *rw_writable(rw_parser *parser, uint8_t *memory, size_t capacity, size_t *room) {
  const size_t rest = rw_unread(parser), wanted = parser->wanted > rest ? parser->wanted : rest + 1;
  const int outside = parser->bytes != memory, misaligned = parser->start % 8u != 0;
  *room = 0;
  if (rest >= capacity || wanted > capacity) return NULL;
  /* A small rest moves, which keeps small frames in the same cached bytes; a large one only when its frame would not fit. */
  if (outside || misaligned || rest < 4096 || parser->start + wanted > capacity) {
    if (rest) memmove(memory, parser->bytes + parser->start, rest);
    rw_feed(parser, memory, rest);
  }
  *room = capacity - parser->end;
  return memory + parser->end;
}

/* That many bytes landed in the last rw_writable. */
static inline void rw_advance(rw_parser *parser, size_t bytes) { parser->end += bytes; }

/* Judges a complete control frame and applies it. A goodbye may precede the hello: a peer that refuses us says why. */
static inline int rw_judge_control_(rw_parser *parser, rw_frame *frame) {
  const int kind = rw_control_kind(frame);
  if (kind < 0) return kind;
  frame->control = (uint8_t)kind;
  if (kind == RW_GOODBYE) return RW_CONTROL;
  if ((kind == RW_HELLO) != (parser->stage == RW_STAGE_HELLO)) return RW_ERR_BAD_CONTROL;
  if (kind >= RW_SESSION && !(parser->features & parser->peer_features & RW_FEATURE_SESSION)) return RW_ERR_BAD_CONTROL;
  if (kind == RW_ANNOUNCE) {
    const char *name;
    uint32_t name_length;
    uint16_t event;
    if (rw_read_announce(frame, &event, &name, &name_length) < 0) return RW_ERR_INVALID_EVENT;
    if (event != RW_EVENT_ANNOUNCED + parser->announced_count || event >= RW_EVENT_RESERVED) return RW_ERR_BAD_CONTROL;
    parser->announced_count++;
  } else if (kind == RW_HELLO) {
    rw_hello hello;
    const int result = rw_read_hello(frame, &hello);
    if (result < 0) return result;
    const uint32_t codec = parser->codec ? parser->codec : hello.codec;
    if (hello.codec > RW_CODEC_STRUCT || !(parser->codec_set >> hello.codec & 1) || !(hello.codec_set >> codec & 1))
      return RW_ERR_BAD_CODEC;
    parser->peer_codec = hello.codec;
    parser->peer_codec_set = hello.codec_set;
    parser->peer_features = hello.features;
    parser->stage = RW_STAGE_FRAMES;
  }
  return RW_CONTROL;
}

/* Judges a complete message. Only messages and requests are numbered by the sender; answers carry the number of the request. */
static inline int rw_judge_message_(rw_parser *parser, rw_frame *frame) {
  if (parser->stage == RW_STAGE_HELLO) return RW_ERR_BAD_CONTROL;
  if (!(parser->codec_set >> frame->codec & 1)) return RW_ERR_BAD_CODEC;
  const uint32_t announced = frame->event - RW_EVENT_ANNOUNCED; /* wraps below it */
  int result = RW_FRAME;
  if (frame->event == RW_EVENT_INLINE) result = rw_take_name_(frame);
  else if (announced >= parser->announced_count && frame->event > parser->agreed_max && frame->kind <= RW_REQUEST) result = RW_REFUSED;
  parser->refused_count += result == RW_REFUSED;
  return result;
}

/* Each byte is judged as soon as it is there: it may be another protocol's, whose peer then waits for an answer. */
static inline int rw_next_preamble_(rw_parser *parser) {
  const size_t from = parser->start;
  for (; parser->start < parser->end && parser->bytes[parser->start] != RW_MAGIC; parser->start++)
    if (parser->text_allowance-- == 0) return RW_ERR_BAD_MAGIC;
  const size_t unread = rw_unread(parser);
  if (unread == 0) return RW_MORE;
  const uint8_t *in = parser->bytes + parser->start;
  if (unread > 1 && in[1] != RW_STREAM_KIND) return RW_ERR_BAD_MAGIC;
  if (unread > 2 && in[2] != RW_VERSION) return RW_ERR_BAD_VERSION;
  if (unread > 3 && in[3] != 0) return RW_ERR_BAD_FLAGS;
  if (parser->start != from && ((uintptr_t)in & 7u)) return RW_SKIPPED;
  if (unread < RW_PREAMBLE_BYTES) return RW_MORE;
  const uint32_t limit = rw_u32(in + 4);
  if (limit < RW_PAYLOAD_LIMIT_FLOOR || limit > RW_PAYLOAD_LIMIT_CEILING) return RW_ERR_BAD_CONTROL;
  parser->peer_payload_limit = limit;
  parser->stage = RW_STAGE_HELLO;
  parser->start += RW_PREAMBLE_BYTES;
  return RW_FRAME;
}

static inline int rw_next_frame_(rw_parser *parser, rw_frame *frame) {
  const size_t unread = rw_unread(parser);
  parser->wanted = RW_HEADER_BYTES;
  if (unread < RW_HEADER_BYTES) return RW_MORE;
  const int judged = rw_judge_header_(parser->bytes + parser->start, parser->payload_limit, frame);
  if (judged < 0) return judged;
  parser->wanted = rw_frame_bytes(frame->length, frame->flags);
  if (unread < parser->wanted) return RW_MORE;
  if (judged == RW_CONTROL) return rw_judge_control_(parser, frame);
  if (frame->flags && rw_read_extras_(frame) < 0) return RW_ERR_BAD_FLAGS;
  return rw_judge_message_(parser, frame);
}

/* Takes the next frame of the source and moves on behind it, also behind a refused one. Returns enum rw_result; frame is meaningful after
 * RW_FRAME, RW_CONTROL and RW_REFUSED. An error stays, and start stays where the faulty unit begins: say goodbye and close. */
static inline int rw_next(rw_parser *parser, rw_frame *frame) {
  int result = parser->error;
  if (result < 0) return result;
  parser->wanted = RW_PREAMBLE_BYTES;
  result = parser->stage == RW_STAGE_PREAMBLE ? rw_next_preamble_(parser) : RW_FRAME;
  if (result == RW_FRAME) {
    result = rw_next_frame_(parser, frame);
    if (result > 0) parser->start += parser->wanted;
  }
  if (result < 0) parser->error = result;
  return result;
}

/* When the stream has ended: the error so far, RW_ERR_TRUNCATED when it ended inside a unit, or 0. */
static inline int rw_end(const rw_parser *parser) {
  return parser->error ? parser->error : rw_unread(parser) ? RW_ERR_TRUNCATED : 0;
}

/* ---- 6. The delimited wire of node-ipc (twin: src/frames/delimited.ts) ---------------------------------------------------------
 * Finds messages that end with a delimiter (node-ipc's wire) on bytes, in whatever pieces they arrive; any delimiter of one or more
 * bytes. Nothing is searched twice, so the cost per byte is flat at any chunking. It decodes no more than text. */
typedef struct rw_delimited {
  const uint8_t *bytes;       /* the source: bytes[start..end) is unread, as in rw_parser */
  size_t start, end;
  size_t searched;            /* bytes from start in which no delimiter begins */
  const uint8_t *delimiter;   /* node-ipc's is one form feed, 0x0C */
  uint32_t delimiter_length, message_max;
  int error;
} rw_delimited;

/* delimiter: 1 byte or more, at least one of them below 0x20, borrowed as long as the parser is used. message_max: bytes of the largest
 * message without its delimiter. Returns RW_FRAME, or RW_ERR_BAD_CONTROL for a delimiter that JSON text could contain. */
static inline int rw_delimited_init(rw_delimited *parser, const uint8_t *delimiter, uint32_t delimiter_length, uint32_t message_max) {
  memset(parser, 0, sizeof *parser);
  parser->delimiter = delimiter;
  parser->delimiter_length = delimiter_length;
  parser->message_max = message_max;
  for (uint32_t i = 0; i < delimiter_length; i++)
    if (delimiter[i] < 0x20) return RW_FRAME;
  return RW_ERR_BAD_CONTROL;
}

/* The source becomes bytes[0..length), borrowed; it begins with what was left unread of the last one (end - start bytes). */
static inline void rw_delimited_feed(rw_delimited *parser, const uint8_t *bytes, size_t length) {
  parser->bytes = bytes;
  parser->start = 0;
  parser->end = length;
}

/* The next message, without its delimiter, borrowed. Returns RW_FRAME, RW_MORE or RW_ERR_FRAME_TOO_LARGE, which stays. */
static inline int rw_delimited_next(rw_delimited *parser, const uint8_t **message, size_t *length) {
  const uint32_t width = parser->delimiter_length;
  if (parser->error) return parser->error;
  const size_t unread = parser->end - parser->start;
  const uint8_t *in = parser->bytes ? parser->bytes + parser->start : parser->bytes;
  while (parser->searched + width <= unread) {
    const size_t places = unread - width + 1u - parser->searched;
    const uint8_t *at = (const uint8_t *)memchr(in + parser->searched, parser->delimiter[0], places);
    if (at == NULL) parser->searched += places;
    else if (memcmp(at, parser->delimiter, width) != 0) parser->searched = (size_t)(at - in) + 1u;
    else {
      *message = in;
      *length = (size_t)(at - in);
      if (*length > parser->message_max) break;
      parser->start += *length + width;
      parser->searched = 0;
      return RW_FRAME;
    }
  }
  if (parser->searched + width <= unread || unread > (size_t)parser->message_max + width) parser->error = RW_ERR_FRAME_TOO_LARGE;
  return parser->error;
}

/* ---- 7. CRC-32 ------------------------------------------------------------------------------------------------------------------
 * That of zlib and Ethernet. Start with 0, continue with the last result. A table of 16 words: small, and some 400 MB/s on a desktop. */
static inline uint32_t rw_crc32(uint32_t crc, const uint8_t *bytes, size_t length) {
  static const uint32_t nibbles[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
                                       0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                       0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
  crc = ~crc;
  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    crc = crc >> 4 ^ nibbles[crc & 15u];
    crc = crc >> 4 ^ nibbles[crc & 15u];
  }
  return ~crc;
}

/* ---- 8. Datagrams (twin: src/frames/datagram.ts) ----------------------------------------------------------------------------------
 * Datagrams of the ringwire wire, PROTOCOL.md section 4: headers written and read in place, and the frames of a datagram handed out in
 * place. No I/O and no memory from one datagram to the next. Anybody can send a datagram, so a fault is a code: count it, answer nothing.
 * Each datagram stands alone: a header and whole frames, or one part of a frame. Writing: rw_write_datagram, then frames with
 * rw_write_frame behind it, then rw_finish_datagram. Reading: rw_read_datagram, then rw_next_in_datagram or rw_assemble.
 * Invariant: the frames of a datagram are judged one after the other, and a fault ends the datagram. */
typedef struct rw_datagram {
  const uint8_t *bytes;    /* read only: what follows the header, borrowed; frames, or the part of one */
  size_t length, position; /* read only: bytes[position..length) is unread */
  uint32_t sequence;
  uint32_t session, sent;  /* with RW_DATAGRAM_TIMING: random number of the sender, its clock in microseconds */
  uint32_t frame_number, frame_bytes; /* with RW_DATAGRAM_FRAGMENT: which frame, and its bytes from header to padding */
  uint16_t index, count;   /* with RW_DATAGRAM_FRAGMENT: part `index` of `count` */
  uint8_t flags;
} rw_datagram;

/* Bytes of the header with these flags: 8 to 40. */
static inline size_t rw_datagram_header_bytes(uint32_t flags) {
  return 8u + (flags & RW_DATAGRAM_TIMING ? 8u : 0u) + (flags & RW_DATAGRAM_CHECKSUM ? 8u : 0u) +
         (flags & RW_DATAGRAM_FRAGMENT ? 16u : 0u);
}

/* Writes the header; the checksum in it is 0 until rw_finish_datagram. Returns its bytes, a multiple of 8, or 0. */
static inline size_t rw_write_datagram(uint8_t *out, size_t capacity, const rw_datagram *datagram) {
  const size_t bytes = rw_datagram_header_bytes(datagram->flags);
  if (datagram->flags > 7u || capacity < bytes) return 0;
  if (datagram->flags & RW_DATAGRAM_FRAGMENT && (datagram->count < 2 || datagram->index >= datagram->count)) return 0;
  memset(out, 0, bytes);
  rw_put(out, RW_MAGIC | RW_DATAGRAM_KIND << 8 | RW_VERSION << 16 | (uint32_t)datagram->flags << 24, 4);
  rw_put(out + 4, datagram->sequence, 4);
  out += 8;
  if (datagram->flags & RW_DATAGRAM_TIMING) {
    rw_put(out, datagram->session, 4);
    rw_put(out + 4, datagram->sent, 4);
    out += 8;
  }
  if (datagram->flags & RW_DATAGRAM_CHECKSUM) out += 8;
  if (datagram->flags & RW_DATAGRAM_FRAGMENT) {
    rw_put(out, datagram->frame_number, 4);
    rw_put(out + 4, datagram->frame_bytes, 4);
    rw_put(out + 8, datagram->index, 2);
    rw_put(out + 10, datagram->count, 2);
  }
  return bytes;
}

/* Where in a datagram with these flags the checksum stands. */
static inline size_t rw_checksum_at_(uint32_t flags) { return flags & RW_DATAGRAM_TIMING ? 16u : 8u; }

/* The CRC-32 of a whole datagram with its four checksum bytes taken as zero. */
static inline uint32_t rw_datagram_crc_(const uint8_t *bytes, size_t length) {
  static const uint8_t zeros[4] = {0, 0, 0, 0};
  const size_t at = rw_checksum_at_(bytes[3]);
  return rw_crc32(rw_crc32(rw_crc32(0, bytes, at), zeros, 4), bytes + at + 4, length - at - 4);
}

/* Puts the checksum into a datagram of `length` bytes that is otherwise finished, when its flags ask for one. */
static inline void rw_finish_datagram(uint8_t *datagram, size_t length) {
  if (datagram[3] & RW_DATAGRAM_CHECKSUM) rw_put(datagram + rw_checksum_at_(datagram[3]), rw_datagram_crc_(datagram, length), 4);
}

/* Judges the header of a received datagram; bytes stay borrowed as long as the datagram is read. Returns RW_FRAME or an error: drop it,
 * count the error, answer nothing. */
static inline int rw_read_datagram(rw_datagram *datagram, const uint8_t *bytes, size_t length) {
  memset(datagram, 0, sizeof *datagram);
  if (length < 8) return RW_ERR_TRUNCATED;
  if (bytes[0] != RW_MAGIC || bytes[1] != RW_DATAGRAM_KIND) return RW_ERR_BAD_MAGIC;
  if (bytes[2] != RW_VERSION) return RW_ERR_BAD_VERSION;
  if (bytes[3] > 7) return RW_ERR_BAD_FLAGS;
  const size_t header = rw_datagram_header_bytes(bytes[3]);
  if (length < header) return RW_ERR_TRUNCATED;
  const uint8_t *in = bytes + 8;
  datagram->flags = bytes[3];
  datagram->sequence = rw_u32(bytes + 4);
  datagram->bytes = bytes + header;
  datagram->length = length - header;
  if (datagram->flags & RW_DATAGRAM_TIMING) {
    datagram->session = rw_u32(in);
    datagram->sent = rw_u32(in + 4);
    in += 8;
  }
  if (datagram->flags & RW_DATAGRAM_CHECKSUM) {
    if (rw_u32(in) != rw_datagram_crc_(bytes, length)) return RW_ERR_BAD_CHECKSUM;
    if (rw_u32(in + 4)) return RW_ERR_BAD_FLAGS;
    in += 8;
  }
  if (datagram->flags & RW_DATAGRAM_FRAGMENT) {
    datagram->frame_number = rw_u32(in);
    datagram->frame_bytes = rw_u32(in + 4);
    datagram->index = (uint16_t)rw_u16(in + 8);
    datagram->count = (uint16_t)rw_u16(in + 10);
    if (rw_u32(in + 12)) return RW_ERR_BAD_FLAGS;
  }
  return RW_FRAME;
}

/* Judges the frame at the front of `unread` bytes as one of a datagram. Writes its bytes to *taken unless it returns an error. */
static inline int rw_judge_datagram_frame_(const uint8_t *in, size_t unread, uint32_t payload_limit, uint16_t agreed_max,
                                           rw_frame *frame, size_t *taken) {
  if (unread < RW_HEADER_BYTES) return RW_ERR_TRUNCATED;
  const int judged = rw_judge_header_(in, payload_limit, frame);
  if (judged < 0) return judged;
  *taken = rw_frame_bytes(frame->length, frame->flags);
  if (unread < *taken) return RW_ERR_TRUNCATED;
  if (judged == RW_CONTROL) {
    const int kind = rw_control_kind(frame);
    frame->control = (uint8_t)(kind < 0 ? 0 : kind);
    return kind == RW_PING || kind == RW_PONG ? RW_CONTROL : RW_ERR_BAD_CONTROL;
  }
  if (frame->flags && rw_read_extras_(frame) < 0) return RW_ERR_BAD_FLAGS;
  if (frame->event == RW_EVENT_INLINE) return rw_take_name_(frame);
  if (frame->event >= RW_EVENT_ANNOUNCED) return RW_ERR_INVALID_EVENT; /* nothing can announce it */
  return frame->event > agreed_max ? RW_REFUSED : RW_FRAME;
}

/* The next frame of a datagram without RW_DATAGRAM_FRAGMENT. payload_limit: the largest payload to accept; agreed_max as in rw_parser.
 * Returns RW_FRAME, RW_CONTROL (a ping to answer, or a pong), RW_REFUSED, RW_MORE (0) at the end, or an error that ends the datagram. */
static inline int rw_next_in_datagram(rw_datagram *datagram, uint32_t payload_limit, uint16_t agreed_max, rw_frame *frame) {
  size_t taken = 0;
  if (datagram->position == datagram->length) return RW_MORE;
  const int result = rw_judge_datagram_frame_(datagram->bytes + datagram->position, datagram->length - datagram->position,
                                              payload_limit, agreed_max, frame, &taken);
  if (result > 0) datagram->position += taken;
  else datagram->length = datagram->position;
  return result;
}

/* ---- 9. Fragments, PROTOCOL.md section 4 ----------------------------------------------------------------------------------------
 * One unfinished frame in memory of the caller, who keeps as many as it likes and drops the oldest. A sender cuts a frame into parts of
 * part_bytes, a multiple of 8, and sends each behind an rw_write_datagram with RW_DATAGRAM_FRAGMENT.
 * Invariant: a byte of memory is written only at the place that the part's own numbers give it, inside the frame. */

/* Parts of a frame, 2 to 65,535; 0 when it needs no fragments, too many, or the sizes are no multiples of 8. */
static inline uint32_t rw_part_count(uint32_t frame_bytes, uint32_t part_bytes) {
  if (part_bytes == 0 || part_bytes % 8u || frame_bytes % 8u || frame_bytes <= part_bytes) return 0;
  const uint32_t count = (frame_bytes - 1u) / part_bytes + 1u;
  return count > 65535u ? 0 : count;
}

typedef struct rw_assembly {
  uint8_t *memory;         /* the frame, as far as it came; the caller's, 8-aligned */
  size_t capacity;
  uint8_t *seen;           /* one bit for each part; the caller's */
  size_t seen_bytes;
  uint32_t frame_number, frame_bytes, part_bytes;
  uint16_t count, missing; /* count 0: nothing under way */
} rw_assembly;

/* memory holds one frame, seen one bit for each of its parts; both are borrowed until the assembly is no longer used. */
static inline void rw_assembly_init(rw_assembly *assembly, uint8_t *memory, size_t capacity, uint8_t *seen, size_t seen_bytes) {
  memset(assembly, 0, sizeof *assembly);
  assembly->memory = memory;
  assembly->capacity = capacity;
  assembly->seen = seen;
  assembly->seen_bytes = seen_bytes;
}

/* Adds the part of a datagram with RW_DATAGRAM_FRAGMENT. A part of another frame than the one under way begins anew. Returns RW_MORE while
 * parts are missing (also for one that came twice); RW_ERR_BAD_CONTROL for a part that contradicts itself, or the parts before it, which
 * are given up then, or for a frame that contradicts its parts; RW_ERR_FRAME_TOO_LARGE when no payload within the limit makes such a frame;
 * RW_ERR_MEMORY_LIMIT when memory or seen is too small; and when the last part has come what rw_next_in_datagram would return for the
 * frame, which is borrowed from memory. */
static inline int rw_assemble(rw_assembly *assembly, const rw_datagram *datagram, uint32_t payload_limit, uint16_t agreed_max,
                              rw_frame *frame) {
  const uint32_t count = datagram->count, index = datagram->index, total = datagram->frame_bytes;
  const size_t length = datagram->length;
  const int is_last = index + 1u == count;
  size_t taken = 0;
  /* The size of the other parts follows from any one of them. */
  if (count < 2 || index >= count || length == 0 || length % 8u || total % 8u || length >= total) return RW_ERR_BAD_CONTROL;
  if (is_last && (total - length) % (count - 1u)) return RW_ERR_BAD_CONTROL;
  const uint32_t part = is_last ? (uint32_t)((total - length) / (count - 1u)) : (uint32_t)length;
  if (rw_part_count(total, part) != count) return RW_ERR_BAD_CONTROL;
  if (total > rw_frame_bytes(payload_limit, RW_FLAG_EXTENSION | RW_FLAG_TRACE)) return RW_ERR_FRAME_TOO_LARGE;
  if (assembly->count == 0 || assembly->frame_number != datagram->frame_number) {
    assembly->count = 0;
    if (total > assembly->capacity || (count + 7u) / 8u > assembly->seen_bytes) return RW_ERR_MEMORY_LIMIT;
    memset(assembly->seen, 0, (count + 7u) / 8u);
    assembly->frame_number = datagram->frame_number;
    assembly->frame_bytes = total;
    assembly->part_bytes = part;
    assembly->count = assembly->missing = (uint16_t)count;
  }
  if (assembly->count != count || assembly->frame_bytes != total || assembly->part_bytes != part) {
    assembly->count = 0;
    return RW_ERR_BAD_CONTROL;
  }
  const uint8_t bit = (uint8_t)(1u << (index & 7u));
  if (assembly->seen[index >> 3] & bit) return RW_MORE;
  assembly->seen[index >> 3] = (uint8_t)(assembly->seen[index >> 3] | bit);
  memcpy(assembly->memory + (size_t)index * part, datagram->bytes, length);
  if (--assembly->missing) return RW_MORE;
  assembly->count = 0;
  const int result = rw_judge_datagram_frame_(assembly->memory, total, payload_limit, agreed_max, frame, &taken);
  if (result == RW_ERR_TRUNCATED || (result > 0 && taken != total)) return RW_ERR_BAD_CONTROL;
  return result;
}
#endif
