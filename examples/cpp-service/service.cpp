/*
 * service.cpp: a C++ service that Node calls over ringwire: it waits on a Unix socket for one program, adds up the numbers that arrive on the
 * event "sum" and answers on the event "total"; both ids are agreed in advance. It ends when the program has gone.
 *
 * It refuses every other event. Invariant: each "sum" is answered by one "total", in order.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

#include <ringwire.hpp>

namespace {

constexpr std::uint16_t kSum = 1, kTotal = 2;
constexpr std::uint16_t kCodecs = RW_CODEC_SET(RW_CODEC_RAW);

int accept_one(const char *path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listening < 0 || bind(listening, reinterpret_cast<sockaddr *>(&address), sizeof address) || listen(listening, 1)) return -1;
  std::puts("listening");
  std::fflush(stdout);
  const int peer = accept(listening, nullptr, nullptr);
  unlink(path);
  close(listening);
  return peer;
}

/* The payload is a Float64Array of the caller. */
bool answer(const ringwire::Frame &frame, ringwire::Writer &writer) {
  std::vector<double> numbers(frame.payload().size() / sizeof(double));
  if (!numbers.empty()) std::memcpy(numbers.data(), frame.payload().data(), numbers.size() * sizeof(double));
  const double total = std::accumulate(numbers.begin(), numbers.end(), 0.0);
  const ringwire::Span<std::uint8_t> room = writer.claim(kTotal, RW_CODEC_RAW, sizeof total);
  if (room.empty()) return false;
  std::memcpy(room.data(), &total, sizeof total);
  return writer.commit(sizeof total);
}

bool flush(int peer, ringwire::Writer &writer) {
  while (!writer.pending().empty()) {
    const ssize_t written = write(peer, writer.pending().data(), writer.pending().size());
    if (written < 0) return false;
    writer.sent(static_cast<std::size_t>(written));
  }
  return true;
}

/* False when the frame ends the connection. */
bool take(ringwire::Result result, const ringwire::Frame &frame, ringwire::Writer &writer) {
  if (result == ringwire::Result::control) {
    if (frame.control() == RW_HELLO) return writer.greet("cpp-service", RW_CODEC_RAW, kCodecs);
    if (frame.control() == RW_PING) return writer.pong(frame);
    return frame.control() != RW_GOODBYE;
  }
  return result != ringwire::Result::frame || frame.event() != kSum || answer(frame, writer);
}

}  // namespace

int main(int count, char **arguments) {
  const int peer = count == 2 ? accept_one(arguments[1]) : -1;
  if (peer < 0) {
    std::fputs("usage: service PATH (of a socket that does not exist yet)\n", stderr);
    return 2;
  }
  ringwire::Parser parser(RW_ACCEPTED, RW_PAYLOAD_LIMIT, kCodecs);
  ringwire::Writer writer(1 << 20);
  ringwire::Frame frame;
  parser.raw().agreed_max = kSum;
  for (bool open = true; open;) {
    const ringwire::Span<std::uint8_t> place = parser.writable();
    const ssize_t got = read(peer, place.data(), place.size());
    if (got <= 0) break;
    parser.advance(static_cast<std::size_t>(got));
    ringwire::Result result;
    while (open && (result = parser.next(frame)) != ringwire::Result::more) {
      if (result == ringwire::Result::error) writer.goodbye(parser.error());
      open = result != ringwire::Result::error && take(result, frame, writer);
      if (writer.pending().size() > 1 << 19) open = open && flush(peer, writer);
    }
    open = flush(peer, writer) && open;
  }
  close(peer);
  return parser.error() == 0 ? 0 : 1;
}
