// SlotQueue: slots in order of arrival, each at most once.
#pragma once

#include <cstdint>
#include <vector>

namespace heddle::mesh {

class SlotQueue {
 public:
  explicit SlotQueue(uint32_t capacity) : slots_(capacity), in_(capacity) {}

  bool empty() const { return count_ == 0; }
  uint32_t size() const { return count_; }
  void push(uint32_t slot) {
    if (in_[slot] != 0) return;
    in_[slot] = 1;
    uint32_t at = first_ + count_++;
    if (at >= slots_.size()) at -= static_cast<uint32_t>(slots_.size());
    slots_[at] = slot;
  }
  uint32_t pop() {
    const uint32_t slot = slots_[first_];
    if (++first_ == slots_.size()) first_ = 0;
    --count_;
    in_[slot] = 0;
    return slot;
  }

 private:
  std::vector<uint32_t> slots_;
  std::vector<uint8_t> in_;
  uint32_t first_ = 0, count_ = 0;
};

}  // namespace heddle::mesh
