#include "resilience/retry_budget.h"

#include <algorithm>

namespace heddle::resilience {

uint64_t RetryBudget::active() const {
  int64_t sum = 0;
  for (const Count& each : active_) sum += each.requests.load(std::memory_order_relaxed);
  return static_cast<uint64_t>(std::max<int64_t>(0, sum));
}

uint64_t RetryBudget::allowed() const {
  constexpr uint64_t kWhole = 1'000'000;
  if (const uint32_t most = most_.load(std::memory_order_relaxed); most != 0) return most;
  return std::max<uint64_t>(least_.load(std::memory_order_relaxed),
                            active() * share_.load(std::memory_order_relaxed) / kWhole);
}

bool RetryBudget::try_again() {
  const uint64_t most = allowed();
  uint32_t now = retrying_.load(std::memory_order_relaxed);
  do {
    if (now >= most) return false;
  } while (!retrying_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

}  // namespace heddle::resilience
