/*
 * envelope.h: reads a message of node-ipc's wire: strict JSON, an object with a string "type" and perhaps "data", both as places in the
 * text. It is for peers, not part of ringwire.h: firmware that speaks the ringwire wire needs no JSON.
 * It refuses what JSON.parse refuses, and values that nest deeper than 64; text is not checked to be UTF-8.
 * Invariant: places lie inside the message that was given.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum envelope_result { ENVELOPE_OK = 1, ENVELOPE_INVALID_JSON = -1, ENVELOPE_INVALID_ENVELOPE = -2, ENVELOPE_TOO_DEEP = -3 };

#define JSON_DEPTH_MAX 64

static inline const char *envelope_result_name(int result) {
  return result == ENVELOPE_INVALID_JSON ? "INVALID_JSON" : result == ENVELOPE_TOO_DEEP ? "TOO_DEEP"
         : result == ENVELOPE_INVALID_ENVELOPE ? "INVALID_ENVELOPE" : "OK";
}

struct envelope {
  const char *type; /* the string with its quotes, as it stands in the text */
  const char *data; /* the value's text; NULL without the key */
  size_t type_length, data_length;
};

struct json {
  const char *at, *end;
};

static inline int json_peek_(const struct json *json) { return json->at < json->end ? (unsigned char)*json->at : -1; }

static inline void json_space_(struct json *json) {
  while (json->at < json->end && (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r')) json->at++;
}

static inline int json_hex_(int c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One character of a string, 0 to 0xFFFF; bytes above 0x7F are returned one by one. -1 at the closing quote, -2 when it is no string. */
static inline int json_character_(struct json *json) {
  static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  const int c = json_peek_(json);
  if (c < 0x20) return -2;
  json->at++;
  if (c == '"') return -1;
  if (c != '\\') return c;
  const int escape = json_peek_(json);
  if (escape < 0) return -2;
  json->at++;
  const char *known = escape ? strchr(plain, escape) : NULL;
  if (known) return meant[known - plain];
  if (escape != 'u' || json->end - json->at < 4) return -2;
  int value = 0;
  for (int i = 0; i < 4; i++) {
    const int digit = json_hex_((unsigned char)*json->at++);
    if (digit < 0) return -2;
    value = value << 4 | digit;
  }
  return value;
}

/* Reads a string; same is 1 when it is `word`. Returns 1, or 0 when it is no string. */
static inline int json_string_(struct json *json, const char *word, int *same) {
  int c;
  *same = 1;
  if (json_peek_(json) != '"') return 0;
  json->at++;
  while ((c = json_character_(json)) >= 0) {
    if (c == (unsigned char)*word && c != 0) word++;
    else *same = 0;
  }
  *same = *same && *word == '\0';
  return c == -1;
}

static inline int json_digits_(struct json *json) {
  const char *from = json->at;
  while (json->at < json->end && *json->at >= '0' && *json->at <= '9') json->at++;
  return json->at > from;
}

static inline int json_number_(struct json *json) {
  if (json_peek_(json) == '-') json->at++;
  if (json_peek_(json) == '0') json->at++;
  else if (!json_digits_(json)) return 0;
  if (json_peek_(json) == '.') {
    json->at++;
    if (!json_digits_(json)) return 0;
  }
  if (json_peek_(json) == 'e' || json_peek_(json) == 'E') {
    json->at++;
    if (json_peek_(json) == '+' || json_peek_(json) == '-') json->at++;
    if (!json_digits_(json)) return 0;
  }
  return 1;
}

static inline int json_word_(struct json *json, const char *word) {
  const size_t length = strlen(word);
  if ((size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0) return 0;
  json->at += length;
  return 1;
}

static inline int json_value_(struct json *json, struct envelope *envelope);

/* Items of an array or members of an object, behind the opening bracket. The members of the outermost object fill the envelope. */
static inline int json_items_(struct json *json, char close, struct envelope *envelope) {
  json_space_(json);
  if (json_peek_(json) == close) return json->at++, 1;
  for (;;) {
    int is_type = 0, is_data = 0;
    json_space_(json);
    if (close == '}') {
      const char *from = json->at;
      if (!json_string_(json, "type", &is_type)) return 0;
      struct json again = {from, json->end};
      json_string_(&again, "data", &is_data);
      json_space_(json);
      if (json_peek_(json) != ':') return 0;
      json->at++;
      json_space_(json);
    }
    const char *from = json->at;
    if (!json_value_(json, NULL)) return 0;
    if (envelope && is_type) {
      envelope->type = *from == '"' ? from : NULL; /* of two, the last one counts, as in JSON.parse */
      envelope->type_length = (size_t)(json->at - from);
    } else if (envelope && is_data) {
      envelope->data = from;
      envelope->data_length = (size_t)(json->at - from);
    }
    json_space_(json);
    const int next = json_peek_(json);
    if (next != ',' && next != close) return 0;
    json->at++;
    if (next == close) return 1;
  }
}

static inline int json_value_(struct json *json, struct envelope *envelope) {
  int same;
  switch (json_peek_(json)) {
    case '{': return json->at++, json_items_(json, '}', envelope);
    case '[': return json->at++, json_items_(json, ']', NULL);
    case '"': return json_string_(json, "", &same);
    case 't': return json_word_(json, "true");
    case 'f': return json_word_(json, "false");
    case 'n': return json_word_(json, "null");
    default: return json_number_(json);
  }
}

/* Whether brackets outside of strings nest deeper than JSON_DEPTH_MAX; looked at first, so that reading may recurse. */
static inline int json_is_deep_(const char *text, size_t length) {
  int depth = 0;
  for (size_t i = 0; i < length; i++) {
    if (text[i] == '"') {
      for (i++; i < length && text[i] != '"'; i++)
        if (text[i] == '\\') i++;
    } else if (text[i] == '[' || text[i] == '{') {
      if (++depth > JSON_DEPTH_MAX) return 1;
    } else if (text[i] == ']' || text[i] == '}') {
      depth--;
    }
  }
  return 0;
}

/* Reads one message without its delimiter. Returns enum envelope_result; the envelope is meaningful after ENVELOPE_OK, and borrowed. */
static inline int envelope_read(const uint8_t *message, size_t length, struct envelope *envelope) {
  struct json json = {(const char *)message, (const char *)message + length};
  memset(envelope, 0, sizeof *envelope);
  /* A level needs two brackets, so text this short is no JSON if it opens more. */
  if (length > 2 * JSON_DEPTH_MAX && json_is_deep_(json.at, length)) return ENVELOPE_TOO_DEEP;
  json_space_(&json);
  const int is_object = json_peek_(&json) == '{';
  if (!json_value_(&json, envelope)) return ENVELOPE_INVALID_JSON;
  json_space_(&json);
  if (json.at != json.end) return ENVELOPE_INVALID_JSON;
  return is_object && envelope->type ? ENVELOPE_OK : ENVELOPE_INVALID_ENVELOPE;
}
#endif
