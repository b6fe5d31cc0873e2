// Choice: who gets which share of what a rule leads.
#pragma once

#include <cstdint>

namespace heddle::policy {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

// A share of a total weight, and who gets it.
struct Choice {
  uint32_t until = 0;  // of the total weight
  uint32_t cluster = kNoSlot;
  friend bool operator==(const Choice&, const Choice&) = default;
};

}  // namespace heddle::policy
