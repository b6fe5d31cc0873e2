// RecordRing: access records on their way from a worker to the one thread that reads them. What
// does not fit is dropped and counted; nobody waits. Its last half is for what is logged: who only
// watches takes no place in the log.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "core/counter.h"
#include "telemetry/access_record.h"

namespace heddle::telemetry {

class RecordRing {
 public:
  // At least `capacity` fit; memory is taken here alone.
  explicit RecordRing(uint32_t capacity)
      : mask_(std::bit_ceil(capacity) - 1),
        records_(std::make_unique_for_overwrite<AccessRecord[]>(mask_ + 1)) {}

  // The worker: where the next record goes, to be filled in and committed. Null: there is no place;
  // counted.
  AccessRecord* reserve(bool logged) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    const uint32_t waiting = tail - head_.load(std::memory_order_acquire);
    if (waiting > (logged ? mask_ : mask_ / 2)) {
      (logged ? dropped_ : unwatched_).add();
      return nullptr;
    }
    return &records_[tail & mask_];
  }
  void commit() {
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // The reader: the oldest record, until pop(). Null: there is none.
  const AccessRecord* front() const {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return nullptr;
    return &records_[head & mask_];
  }
  void pop() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // Any thread: what was to be logged, and what was only watched.
  uint64_t dropped() const { return dropped_.value(); }
  uint64_t unwatched() const { return unwatched_.value(); }
  // How full it is, 0 to 1.
  double share_taken() const {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    return static_cast<double>(tail_.load(std::memory_order_relaxed) - head) / (mask_ + 1.0);
  }

 private:
  uint32_t mask_;
  std::unique_ptr<AccessRecord[]> records_;
  alignas(64) std::atomic<uint32_t> head_{0};  // written by the reader
  alignas(64) std::atomic<uint32_t> tail_{0};  // written by the worker
  Counter dropped_, unwatched_;
};

}  // namespace heddle::telemetry
