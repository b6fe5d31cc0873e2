// Secrets: the keys behind what strangers must not guess, and what is made from them.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tcp/seq.h"
#include "tcp/siphash.h"

namespace heddle::tcp {

// One for all workers: a cookie may come back to another worker after a change of steering. The
// control side makes a new `cookie` key from time to time and keeps the last as `old_cookie`.
struct Secrets {
  SipKey sequence{};  // initial sequence numbers, timestamp offsets, ports
  SipKey table{};     // hash tables
  SipKey cookie{};
  SipKey old_cookie{};
};

// RFC 6528 3: a clock of 4 us, and a number that only we can compute from the tuple.
constexpr Seq initial_sequence(const Secrets& secrets, const FourTuple& tuple, Instant now) {
  const auto clock = static_cast<uint32_t>(now.ns() / 4000);
  return Seq(clock + static_cast<uint32_t>(hash_tuple(secrets.sequence, tuple, 1)));
}

// RFC 7323 7.1: a tuple's timestamps start anywhere, but those of its next connection go on from
// where they were.
constexpr uint32_t timestamp_offset(const Secrets& secrets, const FourTuple& tuple) {
  return static_cast<uint32_t>(hash_tuple(secrets.sequence, tuple, 2));
}

}  // namespace heddle::tcp
