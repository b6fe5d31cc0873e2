#include "balance/priority.h"

#include <algorithm>
#include <vector>

#include "balance/shares.h"
#include "core/check.h"

namespace heddle::balance {

uint32_t capacity_of(const Group& group, uint32_t overprovisioning_percent) {
  HEDDLE_CHECK(overprovisioning_percent >= 100, "an overprovisioning factor below 1");
  HEDDLE_CHECK(group.available <= group.total, "more endpoints available than there are");
  if (group.total == 0) return 0;
  __extension__ using Wide = unsigned __int128;
  const Wide capacity =
      static_cast<Wide>(group.available) * overprovisioning_percent * (kWhole / 100) / group.total;
  return static_cast<uint32_t>(std::min<Wide>(capacity, kWhole));
}

void share_by_priority(std::span<const Group> levels, const PriorityPolicy& policy,
                       std::span<uint32_t> shares, std::span<bool> panics) {
  HEDDLE_CHECK(shares.size() == levels.size() && panics.size() == levels.size(),
               "a share and a panic for each level");
  std::vector<uint64_t> capacities;
  uint64_t sum = 0;
  for (const Group& level : levels) {
    capacities.push_back(capacity_of(level, policy.overprovisioning_percent));
    sum += capacities.back();
  }
  std::ranges::fill(panics, false);
  if (sum >= kWhole) {
    uint32_t left = kWhole;
    for (size_t i = 0; i < levels.size(); ++i) {
      shares[i] = std::min(left, static_cast<uint32_t>(capacities[i]));
      left -= shares[i];
    }
    return;
  }

  bool all = true;
  for (size_t i = 0; i < levels.size(); ++i) {
    const auto [total, available] = levels[i];
    panics[i] = uint64_t{available} * 100 < uint64_t{total} * policy.panic_percent;
    all &= panics[i] || total == 0;
  }
  if (all)
    for (size_t i = 0; i < levels.size(); ++i) capacities[i] = levels[i].total;
  apportion(capacities, kWhole, shares);
}

}  // namespace heddle::balance
