/*
 * ringwire.hpp: ringwire.h for C++11 and later: memory that is given back by itself, spans instead of pointer and length, results as an
 * enum.
 * It adds no wire logic; whatever is missing here is a call of ringwire.h away, with the raw() of the object.
 *
 * It refuses to copy what is borrowed: a Frame and its spans die with the next writable() or feed() of their Parser.
 * Invariant: no function throws but constructors and growth, and those only what operator new throws.
 */
#ifndef RINGWIRE_HPP
#define RINGWIRE_HPP
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "ringwire.h"

namespace ringwire {

/* Bytes or characters of somebody else, borrowed. */
template <typename T>
class Span {
 public:
  Span() : data_(nullptr), size_(0) {}
  Span(T *data, std::size_t size) : data_(data), size_(size) {}
  T *data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T &operator[](std::size_t at) const { return data_[at]; }
  T *begin() const { return data_; }
  T *end() const { return data_ + size_; }

 private:
  T *data_;
  std::size_t size_;
};

using Bytes = Span<const std::uint8_t>;

enum class Result : int {
  more = RW_MORE,        /* read more, then ask again */
  frame = RW_FRAME,
  control = RW_CONTROL,
  refused = RW_REFUSED,
  error = -1             /* Parser::error() says which; it stays */
};

/* One frame, borrowed from the parser that returned it. */
class Frame {
 public:
  rw_frame &raw() { return frame_; }
  const rw_frame &raw() const { return frame_; }
  std::uint16_t event() const { return frame_.event; }
  std::uint8_t codec() const { return frame_.codec; }
  std::uint8_t kind() const { return frame_.kind; }
  std::uint8_t control() const { return frame_.control; }
  std::uint32_t correlation() const { return frame_.correlation; }
  Bytes payload() const { return Bytes(frame_.payload, frame_.length); }
  /* The payload as text, a copy. */
  std::string text() const { return std::string(reinterpret_cast<const char *>(frame_.payload), frame_.length); }
  /* The name of an announce (with its id in event) or an inline name, a copy; empty when there is none. */
  std::string name() const {
    if (frame_.control != RW_ANNOUNCE) return frame_.text ? std::string(frame_.text, frame_.text_length) : std::string();
    const char *name;
    std::uint32_t length;
    std::uint16_t event;
    return rw_read_announce(&frame_, &event, &name, &length) == RW_FRAME ? std::string(name, length) : std::string();
  }
  /* The payload as a struct, a copy; what the sender did not send is zero, what T does not know is left out. */
  template <typename T>
  T as() const {
    static_assert(std::is_trivially_copyable<T>::value, "a struct of the wire is plain data");
    T value = T();
    std::memcpy(&value, frame_.payload, frame_.length < sizeof(T) ? frame_.length : sizeof(T));
    return value;
  }

 private:
  rw_frame frame_ = rw_frame();
};

/* Frames out of one connection, with the memory that they are read into. */
class Parser {
 public:
  /* Memory for one frame of payload_limit bytes and a read behind it is allocated at once. */
  Parser(rw_role role, std::uint32_t payload_limit, std::uint16_t codec_set)
      : capacity_((rw_frame_bytes(payload_limit, 3) + 65536u) & ~std::size_t(7)), memory_(new std::uint64_t[capacity_ / 8]) {
    rw_parser_init(&parser_, role, payload_limit, codec_set);
  }
  rw_parser &raw() { return parser_; }
  /* Where the next read shall land; borrowed until advance(). */
  Span<std::uint8_t> writable() {
    std::size_t room = 0;
    std::uint8_t *place = rw_writable(&parser_, reinterpret_cast<std::uint8_t *>(memory_.get()), capacity_, &room);
    return Span<std::uint8_t>(place, room);
  }
  void advance(std::size_t bytes) { rw_advance(&parser_, bytes); }
  Result next(Frame &frame) {
    int result;
    do result = rw_next(&parser_, &frame.raw());
    while (result == RW_SKIPPED);
    return result < 0 ? Result::error : static_cast<Result>(result);
  }
  int error() const { return parser_.error; }
  const char *error_name() const { return rw_result_name(parser_.error); }

 private:
  std::size_t capacity_;
  std::unique_ptr<std::uint64_t[]> memory_;
  rw_parser parser_;
};

/* Encoded bytes that wait to be sent. */
class Writer {
 public:
  explicit Writer(std::size_t capacity = 65536) : memory_(new std::uint64_t[(capacity + 7) / 8]) {
    rw_writer_init(&writer_, memory_.get(), (capacity + 7) & ~std::size_t(7));
  }
  rw_writer &raw() { return writer_; }
  Bytes pending() const { return Bytes(writer_.bytes, writer_.used); }
  /* The first `bytes` of pending() have been sent. */
  void sent(std::size_t bytes) {
    if (bytes < writer_.used) std::memmove(writer_.bytes, writer_.bytes + bytes, writer_.used - bytes);
    writer_.used -= bytes;
  }
  /* Preamble and hello. False when they do not fit. */
  bool greet(const std::string &id, std::uint8_t codec, std::uint16_t codec_set, std::uint16_t features = 0,
             std::uint32_t payload_limit = RW_PAYLOAD_LIMIT) {
    rw_hello hello = rw_hello();
    hello.id = id.data();
    hello.id_length = static_cast<std::uint32_t>(id.size());
    hello.codec = codec;
    hello.codec_set = codec_set;
    hello.features = features;
    const std::size_t before = writer_.used;
    if (take(rw_write_preamble(place(), room(), payload_limit)) && take(rw_write_hello(place(), room(), &hello, nullptr, 0))) return true;
    writer_.used = before;
    return false;
  }
  bool announce(std::uint16_t event, const std::string &name) {
    return take(rw_write_announce(place(), room(), event, name.data(), name.size()));
  }
  bool pong(const Frame &ping) { return take(rw_write_ping(place(), room(), RW_PONG, rw_read_ping_token(&ping.raw()))); }
  bool goodbye(int result, const std::string &text = std::string()) {
    return take(rw_write_goodbye(place(), room(), result, text.data(), text.size()));
  }
  bool write(const rw_frame &frame) { return take(rw_write_frame(place(), room(), &frame)); }
  /* A plain message. False when it does not fit: send pending() first. */
  bool write(std::uint16_t event, std::uint8_t codec, Bytes payload) {
    rw_frame frame = rw_frame();
    frame.event = event;
    frame.codec = codec;
    frame.payload = payload.data();
    frame.length = static_cast<std::uint32_t>(payload.size());
    return write(frame);
  }
  bool write(std::uint16_t event, std::uint8_t codec, const std::string &text) {
    return write(event, codec, Bytes(reinterpret_cast<const std::uint8_t *>(text.data()), text.size()));
  }
  /* Room for up to `bytes` of payload, to be filled and then committed; empty when it does not fit. */
  Span<std::uint8_t> claim(std::uint16_t event, std::uint8_t codec, std::uint32_t bytes) {
    rw_frame frame = rw_frame();
    frame.event = event;
    frame.codec = codec;
    frame.length = bytes;
    std::uint8_t *data = rw_claim(&writer_, &frame);
    return Span<std::uint8_t>(data, data ? bytes : 0);
  }
  bool commit(std::uint32_t bytes) { return rw_commit(&writer_, bytes) != 0; }

 private:
  std::uint8_t *place() { return writer_.bytes + writer_.used; }
  std::size_t room() const { return writer_.capacity - writer_.used; }
  bool take(std::size_t bytes) {
    writer_.used += bytes;
    return bytes != 0;
  }

  std::unique_ptr<std::uint64_t[]> memory_;
  rw_writer writer_;
};

}  // namespace ringwire
#endif
