// Back-off between tries: exponential with full jitter, so that those who failed together do not
// come back together (Brooker, "Exponential Backoff And Jitter", 2015).
#pragma once

#include <cstdint>

#include "core/random.h"
#include "core/time.h"

namespace heddle::resilience {

struct Backoff {
  Duration base = milliseconds(25);
  Duration most = milliseconds(250);

  // Before the retry of this number, from 0 on: uniform in [0, min(most, base * 2^number)].
  Duration before(uint32_t number, Random& random) const;
  friend bool operator==(const Backoff&, const Backoff&) = default;
};

}  // namespace heddle::resilience
