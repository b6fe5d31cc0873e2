// The worker's clock: the time stamp counter as nanoseconds since the process started.
#pragma once

#include <rte_cycles.h>

#include <cstdint>

#include "core/time.h"

namespace heddle::app {

class Clock {
  __extension__ using Wide = unsigned __int128;

 public:
  explicit Clock(uint64_t start_cycles)
      : start_(start_cycles),
        ns_per_cycle_(
            static_cast<uint64_t>((static_cast<Wide>(1'000'000'000) << 32) / rte_get_tsc_hz())) {}

  Instant at(uint64_t cycles) const {
    const auto product = static_cast<Wide>(cycles - start_) * ns_per_cycle_;
    return Instant(static_cast<int64_t>(product >> 32));
  }
  Instant now() const { return at(rte_rdtsc()); }

 private:
  uint64_t start_;
  uint64_t ns_per_cycle_;  // in 1/2^32
};

}  // namespace heddle::app
