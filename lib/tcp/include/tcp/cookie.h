// SYN cookies (RFC 4987 3.6): under pressure the handshake's state rides in the sequence number
// of our SYN-ACK, and the options in the low bits of its timestamp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tcp/secrets.h"
#include "wire/tcp_options.h"

namespace heddle::tcp {

inline constexpr Duration kCookiePeriod = seconds(64);

// The largest that is not above the peer's is what it gets.
inline constexpr std::array<uint16_t, 8> kCookieMss{64, 536, 1220, 1360, 1440, 1460, 4312, 8960};

// The sequence number: 2 bits of time, 3 of MSS, 27 that only we can compute.
Seq make_cookie(const Secrets& secrets, const FourTuple& tuple, Seq irs, uint16_t mss, Instant now);
// The MSS; none when the cookie is not ours or is older than one to two periods.
std::optional<uint16_t> check_cookie(const Secrets& secrets, const FourTuple& tuple, Seq irs,
                                     Seq cookie, Instant now);

struct CookieOptions {
  std::optional<uint8_t> window_scale;
  bool sack = false;
  bool ecn = false;
};

// A timestamp no later than `timestamp` whose low six bits hold the options.
uint32_t stamp_options(uint32_t timestamp, const CookieOptions& options);
CookieOptions options_of_stamp(uint32_t timestamp);

}  // namespace heddle::tcp
