// RetryBudget: retries at once are a share of the requests that are active on the node, and never
// fewer than a few. So retries cannot make an overload worse than by that share (Google SRE book,
// chapter 21, "Per-request retry budget" and "per-client").
//
// Requests are counted by each worker for itself; only a retry, which is rare, looks at all of
// them.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace heddle::resilience {

class RetryBudget {
 public:
  struct Terms {
    uint32_t share = 200'000;  // of the active requests, in millionths
    uint32_t least = 3;        // that may be tried again at once, however few are active
    uint32_t most = 0;         // at once, instead of both; 0: they count
    friend bool operator==(const Terms&, const Terms&) = default;
  };

  RetryBudget(const Terms& terms, uint16_t workers) : active_(workers) { set(terms); }
  RetryBudget(const RetryBudget&) = delete;
  RetryBudget& operator=(const RetryBudget&) = delete;

  // One thread at a time.
  void set(const Terms& terms) {
    share_.store(terms.share, std::memory_order_relaxed);
    least_.store(terms.least, std::memory_order_relaxed);
    most_.store(terms.most, std::memory_order_relaxed);
  }

  // By the worker that has the request.
  void began(uint16_t worker) { add(worker, 1); }
  void ended(uint16_t worker) { add(worker, -1); }

  // Any worker. True: the request may be tried again, and done_trying() is called when that try
  // ends.
  bool try_again();
  // Whether it would, now.
  bool has_room() const { return retrying() < allowed(); }
  void done_trying() { retrying_.fetch_sub(1, std::memory_order_relaxed); }

  uint64_t active() const;
  uint32_t retrying() const { return retrying_.load(std::memory_order_relaxed); }
  uint64_t allowed() const;  // retries at once, now

 private:
  struct alignas(64) Count {
    std::atomic<int64_t> requests{0};
  };
  void add(uint16_t worker, int64_t more) {
    std::atomic<int64_t>& count = active_[worker].requests;
    count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  std::atomic<uint32_t> share_{0}, least_{0}, most_{0};
  alignas(64) std::atomic<uint32_t> retrying_{0};
  std::vector<Count> active_;  // by worker
};

}  // namespace heddle::resilience
