#include "resilience/breaker.h"

#include <algorithm>

namespace heddle::resilience {

namespace {

// In the place of no bound: more than there can be, and small enough to count.
constexpr uint32_t kUnbounded = 1u << 30;

uint32_t or_unbounded(uint32_t most) { return most == 0 ? kUnbounded : most; }

}  // namespace

Breaker::End::End(Breaker& breaker, uint16_t worker)
    : breaker_(breaker),
      worker_(worker),
      credits_{Credits(breaker.pools_[0]), Credits(breaker.pools_[1]), Credits(breaker.pools_[2])} {
}

bool Breaker::End::take(Bound bound) {
  const auto at = static_cast<size_t>(bound);
  const bool taken = bound == Bound::kRetries ? breaker_.budget_.try_again() : credits_[at].take();
  (taken ? taken_ : refused_)[at].add();
  if (taken && bound == Bound::kRequests) breaker_.budget_.began(worker_);
  return taken;
}

void Breaker::End::give(Bound bound) {
  given_[static_cast<size_t>(bound)].add();
  if (bound == Bound::kRetries) return breaker_.budget_.done_trying();
  credits_[static_cast<size_t>(bound)].give();
  if (bound == Bound::kRequests) breaker_.budget_.ended(worker_);
}

Breaker::Breaker(const BreakerTerms& terms, uint16_t workers)
    : pools_{CreditPool(kUnbounded, workers), CreditPool(kUnbounded, workers),
             CreditPool(kUnbounded, workers)},
      budget_(terms.retries, workers) {
  set(terms);
  for (uint16_t i = 0; i < workers; ++i) ends_.push_back(std::make_unique<End>(*this, i));
}

void Breaker::set(const BreakerTerms& terms) {
  terms_ = terms;
  pools_[static_cast<size_t>(Bound::kConnections)].set_most(or_unbounded(terms.connections));
  pools_[static_cast<size_t>(Bound::kPending)].set_most(or_unbounded(terms.pending));
  pools_[static_cast<size_t>(Bound::kRequests)].set_most(or_unbounded(terms.requests));
  budget_.set(terms.retries);
  connections_bounded_.store(terms.connections != 0 || terms.endpoint_connections != 0,
                             std::memory_order_relaxed);
  endpoint_connections_.store(terms.endpoint_connections, std::memory_order_relaxed);
  endpoint_requests_.store(terms.endpoint_requests, std::memory_order_relaxed);
}

uint32_t Breaker::in_use(Bound bound) const {
  int64_t sum = 0;
  for (const auto& each : ends_) sum += each->in_use(bound);
  return static_cast<uint32_t>(std::max<int64_t>(0, sum));
}

uint64_t Breaker::refused(Bound bound) const {
  uint64_t sum = 0;
  for (const auto& each : ends_) sum += each->refused(bound);
  return sum;
}

}  // namespace heddle::resilience
