// Priorities: the first level takes all traffic while enough of it is available; what it cannot
// take goes to the next (Envoy's priority levels, overprovisioning factor and panic threshold).
#pragma once

#include <cstdint>
#include <span>

namespace heddle::balance {

// A group of endpoints: their number, or the sum of their weights.
struct Group {
  uint32_t total = 0;
  uint32_t available = 0;  // healthy, not ejected, not draining
};

struct PriorityPolicy {
  // A level counts as whole while available * this / 100 >= total. At least 100.
  uint32_t overprovisioning_percent = 140;
  // With less than this available a level that must take traffic sends it to all its endpoints,
  // available or not. 0: never; then there may be no endpoint at all.
  uint32_t panic_percent = 50;
};

// How much of a group's load it can take, in millionths.
uint32_t capacity_of(const Group& group, uint32_t overprovisioning_percent);

// The share of each level (shares.h), first level first, and whether it is in panic; as many of
// both as levels. Panic is only while all levels together cannot take the load. When all levels
// are in panic, each gets a share by its total. All shares are zero when there is nothing to send
// traffic to.
void share_by_priority(std::span<const Group> levels, const PriorityPolicy& policy,
                       std::span<uint32_t> shares, std::span<bool> panics);

}  // namespace heddle::balance
