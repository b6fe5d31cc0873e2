// Wheels: hierarchical timing wheels over record numbers, one for each eviction class and pool of
// records.
//
// A timer is 8 bytes of links. It has no time of its own: whoever is asked says when a record is
// due, so packets only write their time into the record, and a timer that comes up early goes to
// where the record now says (lazy re-arm). As a wheel is sorted by time, its first record is also
// the best victim of its class when the table is full.
//
// A tick is 128 ms. The lowest level reaches 8 minutes, which is further than any timeout but that
// of established TCP: most timers are looked at once. Three levels reach 24 days. A record is due
// at its time or up to one tick after it.
#pragma once

#include <array>
#include <cstdint>

#include "flow/huge_array.h"
#include "flow/stamp.h"

namespace heddle::flow {

class Wheels {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kTickMs = 128;
  static constexpr uint32_t kWheels = 8;

  Wheels(uint32_t capacity, Stamp start);

  // The record must not be armed.
  void arm(uint32_t slot, uint32_t wheel, Stamp due);
  // `wheel` is where it was armed.
  void disarm(uint32_t slot, uint32_t wheel);
  bool armed(uint32_t slot) const { return links_[slot].previous != kIdle; }

  uint32_t count(uint32_t wheel) const { return counts_[wheel]; }

  void prefetch(uint32_t slot) const { __builtin_prefetch(&links_[slot], 1); }

  // Looks at the records that come up until `now`, at most `budget`; the rest waits for the next
  // call. due(slot, next) gives a record's time, and may prefetch the one that comes next;
  // expire(slot) is called, disarmed, for one whose time has come. Returns how many were looked
  // at.
  template <class Due, class Expire>
  uint32_t advance(Stamp now, uint32_t budget, Due&& due, Expire&& expire) {
    const uint32_t target = (now.ms() / kTickMs) & kTickMask;
    uint32_t looked = 0;
    while (true) {
      for (uint32_t wheel = 0; wheel < kWheels; ++wheel) {
        if (counts_[wheel] != 0 && !drain(wheel, budget, looked, due, expire)) return looked;
      }
      if (distance(target) <= 0) return looked;
      current_ = armed_ == 0 ? target : (current_ + 1) & kTickMask;
    }
  }

  // About the first record of a wheel to come up, by its place; kNone when there is none.
  uint32_t first(uint32_t wheel) const;

  // A whole tick ahead while anything is armed.
  Instant next_deadline(Instant now) const {
    return armed_ == 0 ? kNever : now + milliseconds(kTickMs);
  }

  size_t bytes() const { return links_.bytes() + sizeof(*this); }

 private:
  static constexpr uint32_t kLevels = 3;
  // Of each level: its first list, how many it has, and how far a tick is shifted for it.
  static constexpr uint32_t kFirst[kLevels] = {0, 4096, 4096 + 256};
  static constexpr uint32_t kLists[kLevels] = {4096, 256, 64};
  static constexpr uint32_t kShift[kLevels] = {0, 12, 20};
  static constexpr uint32_t kPerWheel = 4096 + 256 + 64;
  static constexpr uint32_t kTickBits = 25;  // what is left of 32 bits of milliseconds
  static constexpr uint32_t kTickMask = (1u << kTickBits) - 1;
  static constexpr uint32_t kFarthest = (1u << 24) - 1;
  // A `previous` with this bit names the list that the record is first of.
  static constexpr uint32_t kHead = 1u << 31;
  static constexpr uint32_t kIdle = kNone;

  struct Link {
    uint32_t next;
    uint32_t previous;
  };

  // Ticks from now to `tick`.
  int32_t distance(uint32_t tick) const {
    return static_cast<int32_t>((tick - current_) << (32 - kTickBits)) >> (32 - kTickBits);
  }
  static uint32_t tick_of(Stamp due) {  // rounded up: never early
    return (due.ms() / kTickMs + (due.ms() % kTickMs != 0 ? 1 : 0)) & kTickMask;
  }

  static uint32_t list_of(uint32_t wheel, uint32_t level, uint32_t tick) {
    return wheel * kPerWheel + kFirst[level] + (tick >> kShift[level]) % kLists[level];
  }

  // Empties the lists that the current tick brings up. False when the budget is used up.
  template <class Due, class Expire>
  bool drain(uint32_t wheel, uint32_t budget, uint32_t& looked, Due& due, Expire& expire) {
    for (uint32_t level = kLevels; level-- > 0;) {
      if ((current_ & ((1u << kShift[level]) - 1)) != 0) continue;
      const uint32_t list = list_of(wheel, level, current_);
      while (heads_[list] != kNone) {
        if (looked == budget) return false;
        ++looked;
        const uint32_t slot = heads_[list];
        unlink(slot, wheel);
        if (heads_[list] != kNone) prefetch(heads_[list]);
        const Stamp at = due(slot, heads_[list]);
        if (distance(tick_of(at)) <= 0) {
          expire(slot);
        } else {
          arm(slot, wheel, at);
        }
      }
    }
    return true;
  }

  void link(uint32_t slot, uint32_t list);
  void unlink(uint32_t slot, uint32_t wheel);
  uint32_t first_in(uint32_t wheel, uint32_t level) const;

  uint32_t current_;  // the tick that is being worked on, or was last
  uint32_t armed_ = 0;
  std::array<uint32_t, kWheels> counts_{};
  std::array<uint32_t, kWheels * kPerWheel> heads_;
  std::array<uint64_t, kWheels * kPerWheel / 64> occupied_{};
  HugeArray<Link> links_;
};

}  // namespace heddle::flow
