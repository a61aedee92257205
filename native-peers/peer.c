/*
 * peer.c: the system's side of source and sink: one Unix socket, reads and writes, arguments, a clock.
 * It refuses to remove a path that it did not bind and to serve a second peer.
 * Invariant: the intake grows only after bytes have filled it, never because a header promises many.
 */
#define _POSIX_C_SOURCE 200809L
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ringwire.h"

void peer_fail(const char *what) {
  perror(what);
  exit(1);
}

static void usage(const char *program, const char *allowed) {
  fprintf(stderr, "usage: %s PATH, with any of %s\n", program, allowed);
  exit(2);
}

struct peer_options peer_arguments(int count, char **arguments, const char *allowed) {
  struct peer_options options = {.read_bytes = 65536, .size = 64};
  for (int i = 1; i < count; i++) {
    const char *word = arguments[i];
    if (word[0] != '-') {
      if (options.path) usage(arguments[0], allowed);
      options.path = word;
      continue;
    }
    const char *place = strstr(allowed, word);
    const size_t length = strlen(word);
    if (!place || (place[length] != ' ' && place[length] != '\0')) usage(arguments[0], allowed);
    if (!strcmp(word, "--listen")) options.listen = true;
    else if (!strcmp(word, "--connect")) options.connect = true;
    else if (!strcmp(word, "--verify")) options.verify = true;
    else {
      uint64_t *number = !strcmp(word, "--count")  ? &options.count
                         : !strcmp(word, "--size") ? &options.size
                         : !strcmp(word, "--read") ? &options.read_bytes
                                                   : NULL;
      char *rest = NULL;
      if (!number || ++i == count || arguments[i][0] < '0' || arguments[i][0] > '9') usage(arguments[0], allowed);
      else *number = strtoull(arguments[i], &rest, 10);
      if (!rest || *rest) usage(arguments[0], allowed);
    }
  }
  if (!options.path || options.read_bytes == 0 || options.read_bytes > RW_PAYLOAD_LIMIT) usage(arguments[0], allowed);
  return options;
}

int peer_open(const char *path, bool listening) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    peer_fail(path);
  }
  memcpy(address.sun_path, path, strlen(path));
  signal(SIGPIPE, SIG_IGN); /* a peer that went away shows as EPIPE, so that its goodbye can still be read */
  const int first = socket(AF_UNIX, SOCK_STREAM, 0);
  if (first < 0) peer_fail("socket");
  if (!listening) {
    if (connect(first, (const struct sockaddr *)&address, sizeof address) != 0) peer_fail("connect");
    return first;
  }
  if (bind(first, (const struct sockaddr *)&address, sizeof address) != 0) peer_fail("bind");
  if (listen(first, 1) != 0) peer_fail("listen");
  puts("{\"listening\":true}");
  fflush(stdout);
  int accepted;
  do accepted = accept(first, NULL, NULL);
  while (accepted < 0 && errno == EINTR);
  unlink(path);
  if (accepted < 0) peer_fail("accept");
  close(first);
  return accepted;
}

bool peer_write(int socket, const uint8_t *bytes, size_t length) {
  while (length) {
    const ssize_t written = write(socket, bytes, length);
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes += written;
    length -= (size_t)written;
  }
  return true;
}

/* A small rest moves to the front, which keeps small frames in the same cached pages. A large one moves only when the
 * room behind it is used up, and when it is a good part of the buffer the buffer doubles: moving stays the exception. */
static void make_room(struct intake *intake) {
  const size_t rest = intake->end - intake->start;
  const bool full = intake->capacity - intake->end < intake->read_bytes;
  if (full && (rest > intake->capacity / 4 || intake->capacity - rest < intake->read_bytes)) {
    const size_t capacity = 2 * intake->capacity + intake->read_bytes;
    uint8_t *grown = malloc(capacity);
    if (!grown) peer_fail("malloc");
    if (rest) memcpy(grown, intake->bytes + intake->start, rest);
    free(intake->bytes);
    intake->bytes = grown;
    intake->capacity = capacity;
  } else if (full || rest < 4096) {
    if (rest) memmove(intake->bytes, intake->bytes + intake->start, rest);
  } else {
    return;
  }
  intake->start = 0;
  intake->end = rest;
}

ssize_t peer_read(int socket, struct intake *intake) {
  make_room(intake);
  for (;;) {
    const ssize_t got = read(socket, intake->bytes + intake->end, intake->read_bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) intake->end += (size_t)got;
    return got;
  }
}

void peer_intake_free(struct intake *intake) {
  free(intake->bytes);
  *intake = (struct intake){.read_bytes = intake->read_bytes};
}

double peer_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const char *peer_error_name(int result) {
  static const char *const names[] = {"normal end",   "FRAME_TOO_LARGE",   "BAD_MAGIC",            "BAD_VERSION",
                                      "BAD_FLAGS",    "BAD_CODEC",         "BAD_CONTROL",          "INVALID_EVENT",
                                      "HANDSHAKE_TIMEOUT", "TOO_MANY_CONNECTIONS", "SLOW_CONSUMER"};
  if (result == RW_ERR_TRUNCATED) return "TRUNCATED";
  return result <= 0 && result >= RW_ERR_SLOW_CONSUMER ? names[-result] : "unknown reason";
}
