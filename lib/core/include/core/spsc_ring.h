// SpscRing: a bounded queue between two threads, of which one pushes and one pops. Neither waits.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace heddle {

template <class T>
class SpscRing {
 public:
  // At least `capacity` fit; memory is taken here alone.
  explicit SpscRing(uint32_t capacity) : slots_(std::bit_ceil(capacity)) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // The thread that pushes. False: full, and the value is as it was.
  bool push(T&& value) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == slots_.size()) return false;
    slots_[tail & (slots_.size() - 1)] = std::move(value);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool push(const T& value) { return push(T(value)); }
  // The thread that pops.
  std::optional<T> pop() {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
    std::optional<T> value(std::move(slots_[head & (slots_.size() - 1)]));
    head_.store(head + 1, std::memory_order_release);
    return value;
  }
  bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

 private:
  std::vector<T> slots_;
  alignas(64) std::atomic<uint32_t> head_{0};  // written by who pops
  alignas(64) std::atomic<uint32_t> tail_{0};  // written by who pushes
};

}  // namespace heddle
