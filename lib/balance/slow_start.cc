#include "balance/slow_start.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"

namespace heddle::balance {

double slow_start_factor(Duration age, const SlowStart& policy) {
  HEDDLE_CHECK(policy.aggression > 0 && policy.min_weight_percent <= 100, "a slow start's values");
  if (age >= policy.window) return 1;
  const Duration grown = std::max(age, seconds(1));
  const double part = static_cast<double>(grown.ns()) / static_cast<double>(policy.window.ns());
  const double factor = std::pow(std::min(part, 1.0), 1 / policy.aggression);
  return std::max(factor, policy.min_weight_percent / 100.0);
}

bool apply_slow_start(std::span<Endpoint> endpoints, std::span<const Instant> since, Instant now,
                      const SlowStart& policy) {
  HEDDLE_CHECK(since.size() == endpoints.size(), "a time for each endpoint");
  const auto in_window = [&](size_t i) {
    return endpoints[i].weight > 0 && now - since[i] < policy.window;
  };
  bool any = false;
  uint32_t heaviest = 1;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    any |= in_window(i);
    heaviest = std::max(heaviest, endpoints[i].weight);
  }
  if (!any) return false;

  // Tenths of a percent of the lightest weight, if 32 bits hold the heaviest so. A power of two
  // leaves a Maglev table as it is.
  const uint32_t by = std::bit_floor(std::min<uint32_t>(1'024, UINT32_MAX / heaviest));
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const bool ramps = in_window(i);
    uint32_t& weight = endpoints[i].weight;
    weight *= by;
    if (!ramps) continue;
    const double factor = slow_start_factor(now - since[i], policy);
    weight = std::max<uint32_t>(1, static_cast<uint32_t>(weight * factor));
  }
  return true;
}

}  // namespace heddle::balance
