// Counter: written by one thread, read by any. The increment is a plain add in machine code;
// the relaxed atomic only tells the compiler and the thread sanitizer that readers exist.
#pragma once

#include <atomic>
#include <cstdint>

namespace heddle {

class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Peak: the largest value since it was last taken. One thread notes, one takes; what is noted in
// the moment of taking may count for either time.
class Peak {
 public:
  void note(uint64_t n) {
    if (n > value_.load(std::memory_order_relaxed)) value_.store(n, std::memory_order_relaxed);
  }
  uint64_t take() { return value_.exchange(0, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Gauge: a value that one thread sets and any reads.
class Gauge {
 public:
  void set(uint64_t n) { value_.store(n, std::memory_order_release); }
  uint64_t value() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace heddle
