#include "balance/weighted_random.h"

#include <algorithm>

#include "core/check.h"

namespace heddle::balance {

WeightedRandom::WeightedRandom(std::span<const Endpoint> endpoints) {
  HEDDLE_CHECK(endpoints.size() <= kMaxEndpoints, "too many endpoints for one table");
  const auto has_weight = [](const Endpoint& endpoint) { return endpoint.weight > 0; };
  slots_.reserve(static_cast<size_t>(std::ranges::count_if(endpoints, has_weight)));
  uint64_t average = 0;  // what a slot holds, where a weight counts once for each slot
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (!has_weight(endpoints[i])) continue;
    const auto position = static_cast<uint16_t>(i);
    slots_.push_back({.threshold = UINT32_MAX, .own = position, .other = position});
    average += endpoints[i].weight;
  }

  // Slots with less than they hold are filled up from those that have more.
  std::vector<uint64_t> rest(slots_.size());
  std::vector<uint32_t> poor;
  std::vector<uint32_t> rich;
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    rest[i] = uint64_t{endpoints[slots_[i].own].weight} * slots_.size();
    (rest[i] < average ? poor : rich).push_back(i);
  }
  __extension__ using Wide = unsigned __int128;
  while (!poor.empty() && !rich.empty()) {
    const uint32_t taker = poor.back();
    const uint32_t giver = rich.back();
    poor.pop_back();
    slots_[taker].threshold =
        static_cast<uint32_t>((static_cast<Wide>(rest[taker]) << 32) / average);
    slots_[taker].other = slots_[giver].own;
    rest[giver] -= average - rest[taker];
    if (rest[giver] < average) {
      rich.pop_back();
      poor.push_back(giver);
    }
  }
}

}  // namespace heddle::balance
