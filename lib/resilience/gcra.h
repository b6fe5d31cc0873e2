// How rates are counted: times in 64ths of a nanosecond, so that a high rate is not rounded.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "resilience/rate_limit.h"

namespace heddle::resilience {

inline constexpr int64_t kParts = 64;  // of a nanosecond

inline int64_t interval_of(const Rate& rate) {
  return rate.per.ns() * kParts / static_cast<int64_t>(rate.tokens);
}

inline Duration duration_of(int64_t parts) { return Duration((parts + kParts - 1) / kParts); }

}  // namespace heddle::resilience
