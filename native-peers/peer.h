/*
 * peer.h: what the POSIX peers share: one socket (unix, tcp or udp), an intake for received bytes, arguments, a clock.
 * It refuses everything that belongs to the wire: that is ringwire.h.
 * Invariant: intake.bytes is 8-aligned and received bytes move inside it only while no frame is borrowed.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Received and not yet parsed: bytes[start..end). Owned by whoever declared it; peer_intake_free gives the memory back. */
struct intake {
  uint8_t *bytes;
  size_t capacity, start, end;
  size_t read_bytes; /* the most that one read asks for */
};

struct peer_options {
  const char *address; /* PATH or unix:PATH, tcp:HOST:PORT, udp:HOST:PORT */
  uint64_t count;
  uint64_t warm;       /* messages at the start that are not timed */
  uint64_t size;
  uint64_t read_bytes;
  uint64_t rate;       /* frames a second; 0: as fast as possible */
  uint64_t datagram;   /* bytes of the datagrams to send */
  uint64_t idle;       /* milliseconds without a datagram after which a udp peer ends */
  bool listen, connect, verify;
  bool udp;
};

/* allowed: the options that this program has, such as "--count --size". Ends the process with status 2 on anything else. */
struct peer_options peer_arguments(int count, char **arguments, const char *allowed);

/* Returns the one connected socket. Listening prints {"listening":true}, or {"listening":true,"port":N}, accepts one peer and removes a
 * path again. A listening udp socket is returned unconnected. */
int peer_open(const char *address, bool listening);

/* Writes all of it. False when the peer is gone. */
bool peer_write(int socket, const uint8_t *bytes, size_t length);

/* One read behind what is there. Returns the bytes read, 0 at the end of the stream, -1 on an error of the system. */
ssize_t peer_read(int socket, struct intake *intake);
void peer_intake_free(struct intake *intake);

/* Waits for something to read. False when `milliseconds` have passed in vain. */
bool peer_wait(int socket, uint64_t milliseconds);

double peer_seconds(void);
void peer_sleep(double seconds);

/* Byte of a payload at this offset, from 8 on (from 0 on in payloads too small for a sequence number). */
static inline uint8_t peer_pattern(size_t offset) { return (uint8_t)(offset * 31u + 7u); }

/* Prints "what: the system's reason" to stderr and ends the process with status 1. */
void peer_fail(const char *what);

#endif
