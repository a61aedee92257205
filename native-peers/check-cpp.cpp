/*
 * check-cpp.cpp: ringwire.h and ringwire.hpp as C++11: what a Writer writes, a Parser reads, in pieces of every size.
 * It refuses to repeat check.c: only the C++ layer is looked at.
 * Invariant: it prints "check-cpp: ok" and ends with 0 only when every look was right.
 */
#include "ringwire.hpp"

#include <cstdio>

static int failures;

static void expect(bool right, const char *what, std::size_t detail) {
  if (!right) std::fprintf(stderr, "check-cpp: %s (%zu)\n", what, detail);
  failures += !right;
}

struct Sample {
  std::uint32_t sequence;
  float x, y;
};

int main() {
  const std::uint16_t codecs = RW_CODEC_SET(RW_CODEC_JSON) | RW_CODEC_SET(RW_CODEC_RAW);
  ringwire::Writer writer(1024);
  expect(writer.greet("cpp", RW_CODEC_RAW, codecs), "greet", 0);
  expect(writer.announce(RW_EVENT_ANNOUNCED, "sample"), "announce", 0);
  expect(writer.write(RW_EVENT_ANNOUNCED, RW_CODEC_JSON, "{\"a\":1}"), "write", 0);
  ringwire::Span<std::uint8_t> room = writer.claim(RW_EVENT_ANNOUNCED, RW_CODEC_RAW, 100);
  expect(room.size() == 100, "claim", room.size());
  const Sample sample = {7, 1.5f, -2.0f};
  std::memcpy(room.data(), &sample, sizeof sample);
  expect(writer.commit(sizeof sample) && !writer.commit(1), "commit", 0);
  expect(!writer.write(RW_EVENT_ANNOUNCED, RW_CODEC_RAW, std::string(2000, 'x')), "no room", 0);

  const ringwire::Bytes bytes = writer.pending();
  for (std::size_t piece = 1; piece <= bytes.size(); piece++) {
    ringwire::Parser parser(RW_ACCEPTED, 1024, codecs);
    ringwire::Frame frame;
    std::size_t frames = 0, controls = 0;
    for (std::size_t at = 0; at < bytes.size();) {
      const ringwire::Span<std::uint8_t> place = parser.writable();
      std::size_t taken = piece < bytes.size() - at ? piece : bytes.size() - at;
      if (taken > place.size()) taken = place.size();
      std::memcpy(place.data(), bytes.data() + at, taken);
      parser.advance(taken);
      at += taken;
      ringwire::Result result;
      while ((result = parser.next(frame)) != ringwire::Result::more && result != ringwire::Result::error) {
        if (result == ringwire::Result::control) {
          controls++;
          expect(frame.control() != RW_ANNOUNCE || frame.name() == "sample", "name", piece);
        } else if (frame.codec() == RW_CODEC_JSON) {
          frames++;
          expect(frame.text() == "{\"a\":1}", "text", piece);
        } else {
          frames++;
          const Sample seen = frame.as<Sample>();
          expect(seen.sequence == 7 && seen.y < -1.9f, "struct", piece);
          expect(frame.payload().size() == sizeof sample, "size", piece);
          expect(reinterpret_cast<std::uintptr_t>(frame.payload().data()) % 8 == 0, "place", piece);
        }
      }
      expect(result == ringwire::Result::more, parser.error_name(), piece);
    }
    expect(frames == 2 && controls == 2, "frames", piece);
  }
  ringwire::Parser parser(RW_ACCEPTED, 1024, codecs);
  ringwire::Frame frame;
  parser.writable()[0] = '{';
  parser.advance(1);
  expect(parser.next(frame) == ringwire::Result::error && parser.error() == RW_ERR_BAD_MAGIC, "error", 0);
  writer.sent(bytes.size() - 8);
  expect(writer.pending().size() == 8, "sent", writer.pending().size());
  if (failures == 0) std::puts("check-cpp: ok");
  return failures != 0;
}
