// Choice: who gets which share of what a rule leads.
#pragma once

#include <cstdint>
#include <memory>

#include "policy/backend_terms.h"

namespace heddle::policy {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

// A share of a total weight, and who gets it.
struct Choice {
  uint32_t until = 0;  // of the total weight
  uint32_t cluster = kNoSlot;
  std::shared_ptr<const BackendTerms> terms;  // null: those of the frontend
  friend bool operator==(const Choice& a, const Choice& b) {
    return a.until == b.until && a.cluster == b.cluster && point_alike(a.terms, b.terms);
  }
};

}  // namespace heddle::policy
