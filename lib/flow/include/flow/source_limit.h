// SourceLimit: how fast one source may open flows, for as many sources as there is room for.
//
// A source is an IPv4 address or an IPv6 /64. Each has a token bucket kept as one time stamp: the
// moment at which it would be full again. Eight of them share a cache line; when a ninth source
// comes, the one whose bucket is fullest gives way, which forgives it least.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "flow/huge_array.h"

namespace heddle::flow {

class SourceLimit {
 public:
  // `rate` flows a second, at most 10,000, with bursts of `burst`; a rate of 0 lets all through.
  SourceLimit(uint32_t sources, uint32_t rate, uint32_t burst);

  // `source` is a keyed hash of it. False: not now.
  bool take(uint64_t source, Instant now);

  size_t bytes() const { return lines_.bytes(); }

 private:
  static constexpr uint32_t kWays = 8;
  struct alignas(64) Line {
    uint32_t tags[kWays];     // 0: free
    uint32_t full_at[kWays];  // in ticks of 100 us, which go round after five days
  };

  uint32_t cost_;   // ticks a flow
  uint32_t depth_;  // ticks of a whole bucket
  HugeArray<Line> lines_;
};

}  // namespace heddle::flow
