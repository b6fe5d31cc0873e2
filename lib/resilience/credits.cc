#include "resilience/credits.h"

#include <algorithm>

namespace heddle::resilience {

namespace {

constexpr uint32_t kShare = 100;    // all workers keep at most one of so many
constexpr uint32_t kMostKept = 64;  // more saves nothing

}  // namespace

void CreditPool::set_most(uint32_t most) {
  const uint32_t before = most_.exchange(most, std::memory_order_relaxed);
  keep_.store(std::min(most / kShare / std::max<uint32_t>(1, workers_), kMostKept),
              std::memory_order_relaxed);
  free_.fetch_add(int64_t{most} - int64_t{before}, std::memory_order_relaxed);
}

uint32_t CreditPool::taken() const {
  const int64_t all = most_.load(std::memory_order_relaxed);
  return static_cast<uint32_t>(std::max<int64_t>(0, all - free_.load(std::memory_order_relaxed)));
}

bool Credits::take() {
  const uint32_t keep = pool_.keep_.load(std::memory_order_relaxed);
  // It was kept under a larger bound.
  if (kept_ > keep) give_back();
  if (kept_ > 0) {
    --kept_;
    return true;
  }
  const int64_t wanted = 1 + keep / 2;
  int64_t free = pool_.free_.load(std::memory_order_relaxed);
  int64_t taken = 0;
  do {
    if (free <= 0) return false;
    taken = std::min(wanted, free);
  } while (!pool_.free_.compare_exchange_weak(free, free - taken, std::memory_order_relaxed));
  kept_ = static_cast<uint32_t>(taken - 1);
  return true;
}

void Credits::give() {
  const uint32_t keep = pool_.keep_.load(std::memory_order_relaxed);
  ++kept_;
  if (kept_ <= keep) return;
  const uint32_t back = kept_ - keep / 2;
  kept_ -= back;
  pool_.free_.fetch_add(back, std::memory_order_relaxed);
}

void Credits::give_back() {
  if (kept_ > 0) pool_.free_.fetch_add(kept_, std::memory_order_relaxed);
  kept_ = 0;
}

}  // namespace heddle::resilience
