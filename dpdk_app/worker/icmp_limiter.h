// How many ICMP errors this worker sends (RFC 1812 4.3.2.8, RFC 4443 2.4 (f)): in all, and to
// one source, so that one victim of a spoofed flood is not flooded by us and does not use up
// what others need.
#pragma once

#include <array>
#include <cstdint>

#include "core/token_bucket.h"

namespace heddle::app {

class IcmpLimiter {
 public:
  // `source_hash`: of the address that would get the error.
  bool take(uint32_t source_hash, Instant now) {
    return sources_[source_hash % kSources].take(now) && all_.take(now);
  }

 private:
  static constexpr uint32_t kSources = 256;
  struct PerSource : TokenBucket {
    constexpr PerSource() : TokenBucket(100, 50) {}
  };
  TokenBucket all_{1000, 250};
  std::array<PerSource, kSources> sources_{};
};

}  // namespace heddle::app
