// Two HTTP/2 sessions that talk to each other, or one that is talked to by frames made by hand.
#pragma once

#include <string>
#include <vector>

#include "heap_buffers.h"
#include "http/chars.h"
#include "http/http2/session.h"

namespace heddle::test {

using http2::Event;
using http2::EventNote;
using http2::StreamId;

inline std::string take_text(tcp::Pieces& pieces, tcp::Chain& chain) {
  std::string text(chain.bytes, '\0');
  pieces.copy_out(chain, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  pieces.free(chain);
  return text;
}

// A message of the caller's own, with its memory.
struct OwnMessage : http::Message {
  OwnMessage() : http::Message(), memory(80'000) { attach(memory); }
  std::vector<uint8_t> memory;
};

struct Host {
  explicit Host(http2::Side side, const http2::Limits& all = {}, size_t memory = 8 << 20)
      : limits(all), store(512, memory, limits, pieces, buffers), session(side, store, limits) {
    started = session.start(now);
  }
  ~Host() {
    pieces.free(in);
    pieces.free(out);
  }

  void give(std::string_view bytes) { pieces.append_copy(in, http::bytes_of(bytes)); }
  void turn() {
    session.receive(in, now);
    session.emit(out, now);
  }
  std::string taken() { return take_text(pieces, out); }
  std::vector<EventNote> events() {
    std::vector<EventNote> all;
    EventNote note;
    while (session.next_event(note)) all.push_back(note);
    return all;
  }
  std::string data(StreamId stream, uint32_t max = UINT32_MAX) {
    tcp::Chain chain = session.take_data(stream, max);
    return take_text(pieces, chain);
  }
  void send(StreamId stream, std::string_view text) {
    tcp::Chain chain;
    pieces.append_copy(chain, http::bytes_of(text));
    session.send(stream, chain);
  }
  uint64_t count(http2::Stat stat) const { return store.counters[stat]; }
  uint64_t count(http2::Offence offence) const { return store.counters[offence]; }
  uint64_t count(http::Refusal refusal) const { return store.counters[refusal]; }

  HeapBuffers buffers;
  tcp::Pieces pieces{16'384, buffers};
  http2::Limits limits;
  http2::Store store;
  http2::Session session;
  tcp::Chain in;
  tcp::Chain out;
  Instant now{1'000'000'000};
  bool started = false;
};

struct Pair {
  explicit Pair(const http2::Limits& limits = {})
      : client(http2::Side::kClient, limits), server(http2::Side::kServer, limits) {
    pump();
  }
  // Until neither has anything to say.
  void pump() {
    for (int i = 0; i < 1000; ++i) {
      client.turn();
      server.turn();
      const std::string up = client.taken();
      const std::string down = server.taken();
      if (up.empty() && down.empty()) return;
      server.give(up);
      client.give(down);
    }
  }
  Host client;
  Host server;
};

// Frames by hand (RFC 9113 4.1), fields as literals that nobody remembers (RFC 7541 6.2.2).
inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out + std::string(payload);
}
inline std::string hpack_string(std::string_view text) {
  std::string out;
  if (text.size() < 127) {
    out += static_cast<char>(text.size());
  } else {
    out += '\x7f';
    size_t rest = text.size() - 127;
    for (; rest >= 128; rest >>= 7) out += static_cast<char>(rest % 128 + 128);
    out += static_cast<char>(rest);
  }
  return out + std::string(text);
}
inline std::string field(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + hpack_string(name) + hpack_string(value);
}
inline std::string get_head() {
  return field(":method", "GET") + field(":scheme", "http") + field(":authority", "a") +
         field(":path", "/");
}
inline std::string be32(uint32_t n) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(n >> shift);
  return out;
}
inline constexpr uint8_t kData = 0, kHeaders = 1, kPriority = 2, kRst = 3, kSettings = 4, kPing = 6,
                         kGoaway = 7, kWindow = 8, kContinuation = 9;
inline constexpr uint8_t kEndStream = 1, kEndHeaders = 4;
inline constexpr std::string_view kMagic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// A server, and a peer that has said hello.
struct Attacked : Host {
  explicit Attacked(const http2::Limits& all = {}, std::string_view settings = {})
      : Host(http2::Side::kServer, all) {
    give(std::string(kMagic) + frame(kSettings, 0, 0, settings));
    turn();
    taken();
  }
  // Hands over bytes; what the server says is thrown away.
  void attack(std::string_view bytes) {
    give(bytes);
    turn();
    answer += taken();
  }
  std::string answer;
};

}  // namespace heddle::test
