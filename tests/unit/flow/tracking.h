// A tracker with what the tests say to it most, and TCP segments by few words.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "flow/tracker.h"
#include "packets.h"

namespace heddle::flow {

inline constexpr Instant kStart{seconds(1000).ns()};
inline constexpr Generation kCurrent{1};

inline TrackerConfig small_config(uint32_t flows = 100) {
  TrackerConfig config;
  config.limits.flows = flows;
  config.limits.flows_v6 = flows;
  config.limits.half_open = flows;
  config.limits.own_addresses = 32;
  config.limits.tenants = 4;
  return config;
}

template <class Address>
class Tracking {
 public:
  explicit Tracking(const TrackerConfig& config = small_config(), uint64_t seed = 1)
      : tracker(config, seed, kStart) {}

  // Tracks one packet; a new flow is opened with `outside` (its own key: not translated).
  Tracked see(Bytes packet, std::optional<Key<Address>> outside = {}) {
    last = std::move(packet);
    const Parsed<Address> at = parsed<Address>(last);
    Tracked tracked = track(at);
    if (tracked.outcome == Outcome::kNew) {
      tracked = tracker.open(at,
                             Decision<Address>{.outside = outside.value_or(at.key),
                                               .tenant = TenantId(1),
                                               .generation = kCurrent,
                                               .user = 7},
                             now);
    }
    if (tracked.outcome == Outcome::kPass) tracker.translate(at, tracked);
    return tracked;
  }
  Tracked track(const Parsed<Address>& at) {
    Tracked out;
    tracker.track(std::span<const Parsed<Address>>(&at, 1), kCurrent, now, {&out, 1});
    return out;
  }

  State state(uint32_t slot) const { return tracker.table().record(slot).state; }

  Tracker tracker;
  Instant now = kStart;
  Bytes last;  // as it left
};

// One TCP connection, untranslated, in relative sequence numbers: each side's SYN is 0.
template <class Address>
class Connection {
 public:
  explicit Connection(WindowCheck check = WindowCheck::kStrict, PickUp pick_up = PickUp::kRefuse,
                      uint32_t base = 0xffff'ff00)
      : tracking(config(check, pick_up)), base_(base) {}

  struct Segment {
    const char* flags = "A";  // of S A F R P
    uint32_t seq = 0;
    uint32_t ack = 0;
    size_t data = 0;
    uint16_t window = 1000;
    int scale = -1;  // of a SYN; below 0: not offered
  };

  Tracked initiator(const Segment& segment) { return send(key, segment, base_, 2 * base_ + 9); }
  Tracked responder(const Segment& segment) {
    return send(key.reversed(), segment, 2 * base_ + 9, base_);
  }

  // A handshake with windows of 1000 << scale.
  void establish(int scale = -1) {
    pass(initiator({.flags = "S", .scale = scale}), State::kSynSent);
    pass(responder({.flags = "SA", .ack = 1, .scale = scale}), State::kSynReceived);
    pass(initiator({.seq = 1, .ack = 1}), State::kEstablished);
  }

  void pass(const Tracked& tracked, State state) {
    ASSERT_EQ(tracked.outcome, Outcome::kPass) << text(tracked.drop).name;
    ASSERT_STREQ(name(tracking.state(tracked.slot)), name(state));
  }
  void drop(const Tracked& tracked, Drop drop) {
    ASSERT_EQ(tracked.outcome, Outcome::kDrop);
    ASSERT_STREQ(text(tracked.drop).name, text(drop).name);
  }

  Tracking<Address> tracking;
  Key<Address> key = key_of(host<Address>(1, 1), 4000, host<Address>(2, 2), 80, IpProtocol::kTcp);

 private:
  static TrackerConfig config(WindowCheck check, PickUp pick_up) {
    TrackerConfig config = small_config();
    config.window = check;
    config.pick_up = pick_up;
    return config;
  }

  Tracked send(const Key<Address>& from, const Segment& segment, uint32_t own, uint32_t other) {
    wire::TcpFlags flags;
    for (const char* at = segment.flags; *at != 0; ++at) {
      flags = flags | (*at == 'S'   ? wire::TcpFlag::kSyn
                       : *at == 'A' ? wire::TcpFlag::kAck
                       : *at == 'F' ? wire::TcpFlag::kFin
                       : *at == 'R' ? wire::TcpFlag::kRst
                                    : wire::TcpFlag::kPsh);
    }
    wire::Tcp tcp{.sequence = Be32(own + segment.seq),
                  .acknowledgment = Be32(flags.has(wire::TcpFlag::kAck) ? other + segment.ack : 0),
                  .flags = flags,
                  .window = segment.window};
    if (segment.scale >= 0) tcp.options.window_scale = static_cast<uint8_t>(segment.scale);
    return tracking.see(tcp_packet(from, tcp, segment.data));
  }

  uint32_t base_;
};

}  // namespace heddle::flow
