#include "balance/round_robin.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace heddle::balance {

namespace {

constexpr size_t kLevels = 32;

// How often `weight` can be doubled without passing `heaviest`.
uint32_t level_of(uint32_t weight, uint32_t heaviest) {
  const auto level = static_cast<uint32_t>(std::bit_width(heaviest) - std::bit_width(weight));
  return uint64_t{weight} << level > heaviest ? level - 1 : level;
}

}  // namespace

// The heaviest endpoint has a turn in each round. One of level n (weight <= heaviest / 2^n) is
// looked at every 2^n rounds, and then has a turn with a share of more than a half, so that few
// looks are in vain.
RoundRobin::RoundRobin(std::span<const Endpoint> endpoints) {
  HEDDLE_CHECK(endpoints.size() <= kMaxEndpoints, "too many endpoints for one table");
  uint32_t heaviest = 0;
  for (const Endpoint& endpoint : endpoints) heaviest = std::max(heaviest, endpoint.weight);
  if (heaviest == 0) return;

  std::array<std::vector<Member>, kLevels> by_level;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const uint32_t weight = endpoints[i].weight;
    if (weight == 0) continue;
    const uint32_t level = level_of(weight, heaviest);
    auto& members = by_level[level];
    // Phases by the golden ratio: of members that are looked at together, as many as should have
    // a turn.
    const auto phase = static_cast<uint32_t>(members.size()) * 0x9e3779b9u;
    const uint64_t doubled = uint64_t{weight} << level;
    members.push_back({.share = static_cast<uint32_t>(doubled * kFull / heaviest),
                       .phase = phase,
                       .position = static_cast<uint16_t>(i)});
  }
  size_t size = 0;
  for (const auto& members : by_level) size += members.size();
  members_.reserve(size);
  const auto used = [](const auto& members) { return !members.empty(); };
  levels_.reserve(static_cast<size_t>(std::ranges::count_if(by_level, used)));
  for (uint32_t level = 0; level < kLevels; ++level) {
    const auto& members = by_level[level];
    if (members.empty()) continue;
    const auto parts = std::min(level, static_cast<uint32_t>(std::bit_width(members.size())) - 1);
    levels_.push_back({.count = members.size(),
                       .first = static_cast<uint32_t>(members_.size()),
                       .parts = static_cast<uint8_t>(parts),
                       .interval = static_cast<uint8_t>(level - parts)});
    members_.insert(members_.end(), members.begin(), members.end());
  }
  std::ranges::stable_sort(levels_, {}, &Level::interval);
}

}  // namespace heddle::balance
