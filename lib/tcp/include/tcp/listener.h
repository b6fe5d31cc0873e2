// Listeners, and the handshakes that have begun at them (the SYN cache, RFC 4987 3.4).
#pragma once

#include <cstdint>

#include "core/pool.h"
#include "tcp/environment.h"

namespace heddle::tcp {

enum class CookieMode : uint8_t {
  kUnderPressure,  // when the half-open limit is reached
  kAlways,
  kNever,
};

struct ListenRequest {
  // :: takes any address, 0.0.0.0 (as a mapped address) any of IPv4; a port of 0 takes any port.
  Endpoint local;
  uint8_t profile = 0;
  uint32_t max_half_open = 1024;
  CookieMode cookies = CookieMode::kUnderPressure;
  uint64_t user = 0;  // comes back with each connection
};

struct Listener {
  ListenRequest request;
  uint32_t half_open = 0;
  // Since it was made.
  uint64_t accepted = 0;
  uint64_t cookies_sent = 0;
  uint64_t refused = 0;  // SYNs and completed handshakes for want of room
};

// One handshake between SYN and ACK.
struct HalfOpen {
  Handshake handshake;
  uint32_t listener = 0;
  uint32_t hash = 0;
  uint8_t sent = 0;        // SYN-ACKs
  uint8_t challenges = 0;  // answers to odd segments
  Instant deadline;
};

static_assert(sizeof(HalfOpen) <= 128);

// What the peer's SYN and our profile agree on.
Handshake agree(const FourTuple& tuple, const Segment& syn, const Profile& profile,
                uint8_t profile_index);
// Our SYN-ACK. `timestamp` is its TSval.
wire::Tcp make_syn_ack(const Handshake& handshake, const Profile& profile, uint32_t timestamp);

}  // namespace heddle::tcp
