// Faults that are put into requests on purpose: drawn for each request, so that the shares hold
// over many and no two faults hide each other.
#pragma once

#include <cstdint>

#include "core/random.h"
#include "core/time.h"

namespace heddle::resilience {

inline constexpr uint32_t kAlways = 1'000'000;  // shares are in millionths

struct FaultDelay {
  enum class Kind : uint8_t { kFixed, kExponential };
  Kind kind = Kind::kFixed;
  Duration time;  // of kExponential the mean
  Duration most = seconds(60);
  uint32_t share = kAlways;
  friend bool operator==(const FaultDelay&, const FaultDelay&) = default;
};

struct FaultAbort {
  enum class Kind : uint8_t { kStatus, kGrpcStatus, kReset };
  Kind kind = Kind::kStatus;
  uint16_t code = 503;  // of the first two
  uint32_t share = kAlways;
  friend bool operator==(const FaultAbort&, const FaultAbort&) = default;
};

// Whether a request is among so many millionths.
bool is_drawn(uint32_t share, Random& random);

// How long this request waits; 0: it does not.
Duration delay_of(const FaultDelay& fault, Random& random);

}  // namespace heddle::resilience
