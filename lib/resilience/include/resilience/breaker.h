// Breaker: what of a service may be in use at once on a node, over all of its workers: circuit
// breaking. It also counts where there is no bound, so that people see how much is in use, and a
// bound that is set later knows what is taken.
//
// Policy owns it, for as long as the service is there; who has taken something keeps it alive.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/check.h"
#include "core/counter.h"
#include "resilience/credits.h"
#include "resilience/retry_budget.h"

namespace heddle::resilience {

enum class Bound : uint8_t {
  kConnections,  // to endpoints
  kPending,      // requests that wait for a connection
  kRequests,     // in work at endpoints, and those that wait
  kRetries,      // of these such that were tried before
  kCount,
};
inline constexpr size_t kBounds = static_cast<size_t>(Bound::kCount);

struct BreakerTerms {
  uint32_t connections = 0, pending = 0, requests = 0;  // 0: no bound
  RetryBudget::Terms retries;
  // At one endpoint; 0: no bound.
  uint32_t endpoint_connections = 0, endpoint_requests = 0;
  friend bool operator==(const BreakerTerms&, const BreakerTerms&) = default;
};

class Breaker {
  static constexpr size_t kPools = 3;  // retries have their budget

 public:
  // One worker's end. What was taken is given by the same worker.
  class alignas(64) End {
   public:
    End(Breaker& breaker, uint16_t worker);
    End(const End&) = delete;
    End& operator=(const End&) = delete;

    // False: there is none left, which is counted.
    bool take(Bound bound);
    void give(Bound bound);
    // Whether another retry could be taken now; where not, that is counted.
    bool may_retry() {
      const bool may = breaker_.budget_.has_room();
      if (!may) refused_[static_cast<size_t>(Bound::kRetries)].add();
      return may;
    }
    // Any thread.
    uint64_t refused(Bound bound) const { return refused_[static_cast<size_t>(bound)].value(); }
    int64_t in_use(Bound bound) const {
      return static_cast<int64_t>(taken_[static_cast<size_t>(bound)].value()) -
             static_cast<int64_t>(given_[static_cast<size_t>(bound)].value());
    }

    // Of all workers.
    uint32_t in_use_of_all(Bound bound) const { return breaker_.in_use(bound); }
    bool bounds_connections() const {
      return breaker_.connections_bounded_.load(std::memory_order_relaxed);
    }
    // For who uses it: the first of the connections that it keeps and that nobody uses.
    uint32_t first_idle = UINT32_MAX;

   private:
    Breaker& breaker_;
    const uint16_t worker_;
    std::array<Credits, kPools> credits_;
    std::array<Counter, kBounds> taken_, given_, refused_;
  };

  Breaker(const BreakerTerms& terms, uint16_t workers);
  Breaker(const Breaker&) = delete;
  Breaker& operator=(const Breaker&) = delete;

  // One thread at a time. What is in use stays so.
  void set(const BreakerTerms& terms);
  const BreakerTerms& terms() const { return terms_; }  // by that thread

  End& end(uint16_t worker) {
    HEDDLE_CHECK(worker < ends_.size(), "an end for each worker");
    return *ends_[worker];
  }

  // Any thread.
  uint32_t in_use(Bound bound) const;
  uint64_t refused(Bound bound) const;
  uint64_t retries_allowed() const { return budget_.allowed(); }  // at once, now
  uint32_t endpoint_connections() const {
    return endpoint_connections_.load(std::memory_order_relaxed);
  }
  uint32_t endpoint_requests() const { return endpoint_requests_.load(std::memory_order_relaxed); }

 private:
  BreakerTerms terms_;
  std::atomic<uint32_t> endpoint_connections_{0}, endpoint_requests_{0};
  std::atomic<bool> connections_bounded_{false};
  std::array<CreditPool, kPools> pools_;
  RetryBudget budget_;
  std::vector<std::unique_ptr<End>> ends_;
};

}  // namespace heddle::resilience
