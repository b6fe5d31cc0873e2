// Credits: how many of something there may be at once on a node (connections, requests or retries
// of a cluster or an endpoint), over all of its workers.
//
// What is free lies in one pool. A worker keeps a few of its own, so that most takes and gives
// touch nothing that others write; together they keep at most a hundredth of the bound, and of a
// small bound nothing. So there are never more than the bound, and a take is refused only when all
// but that hundredth are taken.
#pragma once

#include <atomic>
#include <cstdint>

namespace heddle::resilience {

// Shared by all workers; outlives their Credits.
class CreditPool {
 public:
  CreditPool(uint32_t most, uint16_t workers) : workers_(workers) { set_most(most); }
  CreditPool(const CreditPool&) = delete;
  CreditPool& operator=(const CreditPool&) = delete;

  // One thread at a time. What is taken stays taken: with fewer than that nothing is given out
  // until enough came back.
  void set_most(uint32_t most);
  uint32_t most() const { return most_.load(std::memory_order_relaxed); }
  // In use, or kept by workers.
  uint32_t taken() const;

 private:
  friend class Credits;
  // Nothing but the number passes between threads, so relaxed order is enough.
  alignas(64) std::atomic<int64_t> free_{0};
  alignas(64) std::atomic<uint32_t> most_{0};
  std::atomic<uint32_t> keep_{0};  // what each worker keeps at most
  const uint16_t workers_;
};

// One worker's end of a pool.
class Credits {
 public:
  explicit Credits(CreditPool& pool) : pool_(pool) {}
  ~Credits() { give_back(); }
  Credits(const Credits&) = delete;
  Credits& operator=(const Credits&) = delete;

  bool take();  // false: there is none
  void give();
  // What it keeps goes to the pool: now and then, so that who is idle keeps nothing.
  void give_back();
  uint32_t kept() const { return kept_; }

 private:
  CreditPool& pool_;
  uint32_t kept_ = 0;
};

}  // namespace heddle::resilience
