// Slots: small numbers for what lives through many snapshots.
#pragma once

#include <cstdint>
#include <vector>

namespace heddle::policy {

class Slots {
 public:
  uint32_t take() {
    if (free_.empty()) return end_++;
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  // The slot rests until the commit after this one.
  void give(uint32_t slot) { resting_.push_back(slot); }

  // What the commit before gave back may be taken from now on.
  void start_commit() {
    free_.insert(free_.end(), resting_.rbegin(), resting_.rend());
    resting_.clear();
  }

  // All slots are below this.
  uint32_t end() const { return end_; }

 private:
  std::vector<uint32_t> free_, resting_;
  uint32_t end_ = 0;
};

}  // namespace heddle::policy
