/*
 * node-ipc.c: a peer on node-ipc's wire, {"type":...,"data":...} and a form feed, as a client or with --listen as a server of one client.
 * --send TYPE JSON (any number of times) sends a message at once; --echo sends each message back; --expect N ends after N received ones.
 * Every received message is printed as one line of JSON. It ends well at the end of the stream or after --expect.
 * It refuses, and ends with status 1 on, text that is no message: after it nothing says where the next one starts.
 * Invariant: the intake grows only with bytes that came, to one message of RW_PAYLOAD_LIMIT bytes at most.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "envelope.h"
#include "peer.h"
#include "ringwire.h"

#define SENT_MAX 16

static const uint8_t DELIMITER[1] = {0x0C};

struct options {
  const char *address;
  const char *types[SENT_MAX], *data[SENT_MAX];
  int sent_count;
  uint64_t expect;
  bool listen, echo;
};

static void usage(void) {
  fputs("usage: node-ipc PATH|tcp:HOST:PORT [--listen] [--send TYPE JSON]... [--echo] [--expect N]\n", stderr);
  exit(2);
}

static struct options read_options(int count, char **arguments) {
  struct options options = {0};
  for (int i = 1; i < count; i++) {
    if (!strcmp(arguments[i], "--listen")) options.listen = true;
    else if (!strcmp(arguments[i], "--echo")) options.echo = true;
    else if (!strcmp(arguments[i], "--expect") && i + 1 < count) options.expect = strtoull(arguments[++i], NULL, 10);
    else if (!strcmp(arguments[i], "--send") && i + 2 < count && options.sent_count < SENT_MAX) {
      options.types[options.sent_count] = arguments[++i];
      options.data[options.sent_count++] = arguments[++i];
    } else if (arguments[i][0] == '-' || options.address) usage();
    else options.address = arguments[i];
  }
  if (!options.address) usage();
  return options;
}

/* type is a JSON string with its quotes. */
static bool send_message(int peer, const char *type, size_t type_length, const char *data, size_t data_length) {
  char *out = malloc(type_length + data_length + 32);
  if (!out) peer_fail("malloc");
  size_t used = 0;
  memcpy(out, "{\"type\":", 8), used = 8;
  memcpy(out + used, type, type_length), used += type_length;
  memcpy(out + used, ",\"data\":", 8), used += 8;
  memcpy(out + used, data, data_length), used += data_length;
  out[used++] = '}';
  out[used++] = (char)DELIMITER[0];
  const bool well = peer_write(peer, (const uint8_t *)out, used);
  free(out);
  return well;
}

static void send_all(int peer, const struct options *options) {
  for (int i = 0; i < options->sent_count; i++) {
    char type[512];
    const int length = snprintf(type, sizeof type, "\"%s\"", options->types[i]);
    struct envelope own;
    char message[1024];
    /* What the command line says has to be JSON too, or the other side would cut us. */
    const int bytes = snprintf(message, sizeof message, "{\"type\":%s,\"data\":%s}", type, options->data[i]);
    if (length < 0 || (size_t)length >= sizeof type || bytes < 0 || (size_t)bytes >= sizeof message ||
        envelope_read((const uint8_t *)message, (size_t)bytes, &own) != ENVELOPE_OK)
      usage();
    if (!send_message(peer, type, (size_t)length, options->data[i], strlen(options->data[i]))) peer_fail("node-ipc: write");
  }
}

/* Takes the messages of the source. False when it is time to end. */
static bool take_messages(int peer, rw_delimited *parser, const struct options *options, uint64_t *count) {
  const uint8_t *message = NULL;
  size_t length = 0;
  struct envelope envelope;
  int result;
  while ((result = rw_delimited_next(parser, &message, &length)) > 0) {
    const int read = envelope_read(message, length, &envelope);
    if (read != ENVELOPE_OK) {
      fprintf(stderr, "node-ipc: %s\n", envelope_result_name(read));
      exit(1);
    }
    fwrite(message, 1, length, stdout);
    putchar('\n');
    fflush(stdout);
    if (options->echo) {
      const char *data = envelope.data ? envelope.data : "{}"; /* what node-ipc sends for undefined */
      const size_t bytes = envelope.data ? envelope.data_length : 2;
      if (!send_message(peer, envelope.type, envelope.type_length, data, bytes)) return false;
    }
    if (++*count == options->expect) return false;
  }
  if (result < 0) {
    fprintf(stderr, "node-ipc: %s\n", rw_result_name(result));
    exit(1);
  }
  return true;
}

int main(int argument_count, char **arguments) {
  const struct options options = read_options(argument_count, arguments);
  const int peer = peer_open(options.address, options.listen);
  struct intake intake = {.read_bytes = 65536};
  rw_delimited parser;
  uint64_t count = 0;
  rw_delimited_init(&parser, DELIMITER, sizeof DELIMITER, RW_PAYLOAD_LIMIT);
  send_all(peer, &options);
  for (;;) {
    const ssize_t got = peer_read(peer, &intake);
    if (got < 0) peer_fail("node-ipc: read");
    if (got == 0) break;
    rw_delimited_feed(&parser, intake.bytes + intake.start, intake.end - intake.start);
    const bool goes_on = take_messages(peer, &parser, &options, &count);
    intake.start = intake.end - (parser.end - parser.start);
    if (!goes_on) break;
  }
  close(peer);
  peer_intake_free(&intake);
  if (count < options.expect) fprintf(stderr, "node-ipc: the stream ended after %" PRIu64 " messages\n", count);
  return count < options.expect;
}
