/*
 * peer.c: the system's side of the peers: one socket, reads and writes, arguments, a clock.
 * It refuses to remove a path that it did not bind and to serve a second peer.
 * Invariant: the intake grows only after bytes have filled it, never because a header promises many.
 */
#define _POSIX_C_SOURCE 200809L
#include "peer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ringwire.h"

#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024) /* what the system grants of it: a burst of datagrams waits here */

void peer_fail(const char *what) {
  perror(what);
  exit(1);
}

static void usage(const char *program, const char *allowed) {
  fprintf(stderr, "usage: %s PATH|unix:PATH|tcp:HOST:PORT|udp:HOST:PORT, with any of %s\n", program, allowed);
  exit(2);
}

/* The number that the option sets, or NULL for a switch. */
static uint64_t *option_number(struct peer_options *options, const char *word) {
  if (!strcmp(word, "--count")) return &options->count;
  if (!strcmp(word, "--warm")) return &options->warm;
  if (!strcmp(word, "--size")) return &options->size;
  if (!strcmp(word, "--read")) return &options->read_bytes;
  if (!strcmp(word, "--rate")) return &options->rate;
  if (!strcmp(word, "--datagram")) return &options->datagram;
  if (!strcmp(word, "--idle")) return &options->idle;
  if (!strcmp(word, "--listen")) options->listen = true;
  if (!strcmp(word, "--connect")) options->connect = true;
  if (!strcmp(word, "--verify")) options->verify = true;
  return NULL;
}

struct peer_options peer_arguments(int count, char **arguments, const char *allowed) {
  struct peer_options options = {.read_bytes = 65536, .size = 64, .datagram = RW_DATAGRAM_BYTES_SAFE, .idle = 2000};
  for (int i = 1; i < count; i++) {
    const char *word = arguments[i];
    if (word[0] != '-') {
      if (options.address) usage(arguments[0], allowed);
      options.address = word;
      continue;
    }
    const char *place = strstr(allowed, word);
    const size_t length = strlen(word);
    if (!place || (place[length] != ' ' && place[length] != '\0')) usage(arguments[0], allowed);
    uint64_t *number = option_number(&options, word);
    if (!number) continue;
    char *rest = NULL;
    if (++i == count || arguments[i][0] < '0' || arguments[i][0] > '9') usage(arguments[0], allowed);
    else *number = strtoull(arguments[i], &rest, 10);
    if (!rest || *rest) usage(arguments[0], allowed);
  }
  if (!options.address || options.read_bytes == 0 || options.read_bytes > RW_PAYLOAD_LIMIT) usage(arguments[0], allowed);
  if (options.datagram < 64 || options.datagram > RW_DATAGRAM_BYTES_MAX || options.idle > 60000) usage(arguments[0], allowed);
  options.udp = !strncmp(options.address, "udp:", 4);
  return options;
}

static int open_unix(const char *path, bool listening) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    peer_fail(path);
  }
  memcpy(address.sun_path, path, strlen(path));
  const int first = socket(AF_UNIX, SOCK_STREAM, 0);
  if (first < 0) peer_fail("socket");
  if (!listening) {
    if (connect(first, (const struct sockaddr *)&address, sizeof address) != 0) peer_fail("connect");
  } else if (bind(first, (const struct sockaddr *)&address, sizeof address) != 0) {
    peer_fail("bind");
  }
  return first;
}

static int open_internet(const char *host_and_port, int type, bool listening) {
  const char *colon = strrchr(host_and_port, ':');
  char host[256];
  if (!colon || (size_t)(colon - host_and_port) >= sizeof host) {
    fprintf(stderr, "an address is HOST:PORT, not %s\n", host_and_port);
    exit(2);
  }
  memcpy(host, host_and_port, (size_t)(colon - host_and_port));
  host[colon - host_and_port] = '\0';
  const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = type, .ai_flags = listening ? AI_PASSIVE : 0};
  struct addrinfo *found = NULL;
  const int failed = getaddrinfo(host, colon + 1, &wanted, &found);
  if (failed) {
    fprintf(stderr, "%s: %s\n", host_and_port, gai_strerror(failed));
    exit(1);
  }
  const int first = socket(found->ai_family, type, 0), on = 1, room = RECEIVE_BUFFER_BYTES;
  if (first < 0) peer_fail("socket");
  if (type == SOCK_STREAM) setsockopt(first, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  else setsockopt(first, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (listening && type == SOCK_STREAM) setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (listening ? bind(first, found->ai_addr, found->ai_addrlen) : connect(first, found->ai_addr, found->ai_addrlen))
    peer_fail(listening ? "bind" : "connect");
  freeaddrinfo(found);
  return first;
}

static void say_port(int socket) {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } own;
  socklen_t length = sizeof own;
  if (getsockname(socket, &own.any, &length) != 0) peer_fail("getsockname");
  const unsigned port = own.any.sa_family == AF_INET6 ? ntohs(own.six.sin6_port) : ntohs(own.four.sin_port);
  printf("{\"listening\":true,\"port\":%u}\n", port);
  fflush(stdout);
}

int peer_open(const char *address, bool listening) {
  const bool udp = !strncmp(address, "udp:", 4), tcp = !strncmp(address, "tcp:", 4);
  const char *path = strncmp(address, "unix:", 5) ? address : address + 5;
  signal(SIGPIPE, SIG_IGN); /* a peer that went away shows as EPIPE, so that its goodbye can still be read */
  const int first = udp || tcp ? open_internet(address + 4, udp ? SOCK_DGRAM : SOCK_STREAM, listening) : open_unix(path, listening);
  if (!listening) return first;
  if (!udp && listen(first, 1) != 0) peer_fail("listen");
  if (udp || tcp) say_port(first);
  else puts("{\"listening\":true}");
  fflush(stdout);
  if (udp) return first;
  int accepted;
  do accepted = accept(first, NULL, NULL);
  while (accepted < 0 && errno == EINTR);
  if (!tcp) unlink(path);
  if (accepted < 0) peer_fail("accept");
  const int on = 1;
  if (tcp) setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
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

bool peer_wait(int socket, uint64_t milliseconds) {
  struct pollfd one = {.fd = socket, .events = POLLIN};
  const double end = peer_seconds() + (double)milliseconds / 1e3;
  for (;;) {
    const double left = end - peer_seconds();
    const int ready = poll(&one, 1, left > 0 ? (int)(left * 1e3) + 1 : 0);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) peer_fail("poll");
    if (left <= 0) return false;
  }
}

double peer_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void peer_sleep(double seconds) {
  const struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&pause, NULL);
}
