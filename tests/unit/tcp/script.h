// Script: a transport, a clock, and a peer that does what a test says. Sequence numbers count
// from 0 at each side's SYN, so the first byte is 1; the peer announces an MSS of 1000, so that
// segments are easy to read. A row reads as a sentence:
//
//   t.after(milliseconds(10)).ack(1001).sack(2001, 3001);
//   t.expect_sent({{.seq = 1001, .len = 1000}});
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "heap_buffers.h"
#include "tcp/transport.h"

namespace heddle::tcp {

inline constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32, kEce = 64,
                         kCwr = 128;

// A segment from the peer. Without flags it is an ACK.
struct In {
  int64_t seq = -1;  // -1: where the peer stands
  uint32_t len = 0;
  int64_t ack = -1;  // -1: all that was sent
  uint8_t flags = kAck;
  int window = -1;  // the field; -1: as before
  std::vector<std::pair<uint32_t, uint32_t>> sack;
  Ecn ecn = Ecn::kNotEct;
  std::optional<uint32_t> ts;   // TSval; with timestamps agreed on, the clock's
  std::optional<uint32_t> ecr;  // TSecr; the last that was seen
  bool no_ts = false;
  char fill = 0;  // byte of the payload instead of the stream's
};

// What a segment of ours must be; what is not said is not looked at.
struct Out {
  std::optional<uint32_t> seq;
  std::optional<uint32_t> len;
  std::optional<uint32_t> ack;
  std::optional<uint8_t> flags;
  std::optional<uint32_t> window;  // bytes, scaled
  std::optional<std::vector<std::pair<uint32_t, uint32_t>>> sack;
  std::optional<Ecn> ecn;
};

struct Seen {
  uint32_t seq, len, ack, window;
  uint8_t flags;
  std::vector<std::pair<uint32_t, uint32_t>> sack;
  Ecn ecn;
  wire::Tcp header;
  Instant at;
  std::string payload;
};

struct PeerOptions {
  bool timestamps = false;
  bool sack = true;
  bool window_scale = true;
  bool ecn = false;
  uint16_t mss = 1000;
  uint8_t scale = 7;
  uint16_t window = 511;  // the field: 65,408 bytes
  bool ipv6 = false;
};

Profile plain_profile();

class Script final : private Output {
 public:
  explicit Script(Profile profile = plain_profile(), PeerOptions peer = {},
                  Limits limits = small_limits());
  ~Script();
  static Limits small_limits();

  // Handshakes; afterwards nothing is left to send or to tell.
  Script& listening(ListenRequest request = {});
  Script& accepted();    // the peer opens
  Script& connecting();  // we open: the SYN is out
  Script& connected();   // and the peer answered

  // The clock. Timers fire on the way.
  Script& after(Duration d);
  Script& now_is(Duration since_start);

  // The peer.
  Script& in(const In& segment);
  Script& ack(uint32_t n) { return in({.ack = n}); }
  Script& ack_sack(uint32_t n, std::vector<std::pair<uint32_t, uint32_t>> blocks) {
    return in({.ack = n, .sack = std::move(blocks)});
  }
  Script& data(uint32_t seq, uint32_t len) { return in({.seq = seq, .len = len}); }
  Script& fin(int64_t seq = -1) { return in({.seq = seq, .flags = kFin | kAck}); }
  Script& icmp(const IcmpError::Kind kind, uint32_t quoted, uint16_t mtu = 0);

  // The user.
  Script& write(uint32_t bytes);
  std::string read(uint32_t most = UINT32_MAX);
  Script& shutdown();
  Script& close();
  Script& abort();
  Script& nodelay(bool on);
  uint8_t notices();

  // Outcomes. Each looks at what was sent since the last.
  void expect_sent(const std::vector<Out>& rows);
  void expect_nothing() { expect_sent({}); }
  std::vector<Seen> take_sent();
  void expect_state(State state);
  uint64_t count(Drop drop) { return transport.counters().value(drop); }
  uint64_t count(Stat stat) { return transport.counters().value(stat); }
  const Connection& connection();
  bool is_gone() const { return transport.find(id) == nullptr; }
  void emit();

  static std::string bytes(uint64_t at, size_t size);  // of the peer's stream

  HeapBuffers buffers;
  Secrets secrets;
  Transport transport;
  ConnectionId id;
  PeerOptions peer;
  Instant start;
  Instant now;
  uint32_t peer_isn = 0xffff'0000;  // wraps soon
  uint32_t our_isn = 0;
  uint32_t peer_next = 1;
  uint32_t our_next = 0;
  uint32_t peer_stamp = 1000;
  uint32_t last_stamp = 0;
  uint8_t our_scale = 0;
  FourTuple tuple;
  bool refuse = false;  // the output has no room

 private:
  bool send(const OutSegment& segment) override;
  void drain();

  std::vector<Seen> sent_;
  uint8_t notices_ = 0;
  uint64_t written_ = 0;
  ListenerId listener_ = kNoSlot;
};

}  // namespace heddle::tcp
