// What a worker's connections share, and what a handshake has agreed on.
#pragma once

#include <cstdint>
#include <span>

#include "tcp/profile.h"
#include "tcp/reassembly.h"
#include "tcp/scoreboard.h"
#include "tcp/segment.h"
#include "tcp/stats.h"

namespace heddle::tcp {

struct Environment {
  Pieces& pieces;
  SentPool& sent;
  RangePool& ranges;
  Counters& counters;
  std::span<const Profile> profiles;
  uint64_t memory_limit;  // bytes that payload may pin; beyond it windows do not open

  bool under_pressure() const {
    return pieces.pinned() > memory_limit || pieces.in_use() > pieces.capacity() / 8 * 7;
  }
  // A quarter more: what had been offered before comes in, and no more than that. Only a connection
  // that holds nothing may still take a segment, so that each of them goes on.
  bool exhausted() const {
    return pieces.pinned() > hard_limit(memory_limit) ||
           pieces.in_use() > pieces.capacity() / 16 * 15;
  }
  static constexpr uint64_t hard_limit(uint64_t memory) { return memory + memory / 4; }
};

// Both sides' SYNs in short: from it a connection can be made that never was in SYN-RECEIVED.
struct Handshake {
  FourTuple tuple;
  Seq iss;                   // ours
  Seq irs;                   // theirs
  uint32_t send_window = 0;  // bytes
  uint32_t ts_recent = 0;
  uint32_t ts_offset = 0;
  uint16_t peer_mss = 536;
  uint8_t profile = 0;
  uint8_t peer_scale = 0;
  bool window_scale = false;
  bool sack = false;
  bool timestamps = false;
  bool ecn = false;
  bool repeated = false;  // the SYN-ACK was sent more than once
  Instant syn_ack_sent;   // 0: not known
};

// Ticks of a millisecond: RFC 7323 5.4 allows 1 ms to 1 s a tick.
constexpr uint32_t timestamp_at(Instant now, uint32_t offset) {
  return static_cast<uint32_t>(now.ns() / 1'000'000) + offset;
}

// RFC 9293 3.7.1: what a peer that says nothing takes.
constexpr uint16_t default_mss(bool ipv4) { return ipv4 ? 536 : 1220; }
constexpr uint16_t header_bytes(bool ipv4) { return ipv4 ? 40 : 60; }  // IP and TCP
// RFC 1191 3 and RFC 8201 4 with what any network carries; below, 552 as everybody does.
constexpr uint16_t floor_mtu(bool ipv4) { return ipv4 ? 552 : 1280; }

}  // namespace heddle::tcp
