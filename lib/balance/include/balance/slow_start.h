// Slow start: a new endpoint's weight grows over a window, so that cold caches and compilers are
// not met by a full load (Envoy's slow start mode).
#pragma once

#include <cstdint>
#include <span>

#include "balance/endpoint.h"
#include "core/time.h"

namespace heddle::balance {

struct SlowStart {
  Duration window;                   // 0: none
  double aggression = 1.0;           // > 0; 1 grows evenly, more grows faster at first
  uint32_t min_weight_percent = 10;  // of the weight, to begin with; at most 100
};

// The part of its weight that an endpoint of this age has, above 0 and at most 1:
// max(min_weight_percent / 100, (max(age, 1 s) / window)^(1 / aggression)).
double slow_start_factor(Duration age, const SlowStart& policy);

// Changes the weights to those at `now`. `since[i]` is when endpoint i became available. Small
// weights are scaled up, all alike, so that a part of them is a whole number; a weight stays above
// 0. Returns whether an endpoint is in its window: then the weights change with time, and the
// caller builds its table anew in a while.
bool apply_slow_start(std::span<Endpoint> endpoints, std::span<const Instant> since, Instant now,
                      const SlowStart& policy);

}  // namespace heddle::balance
