// TimerWheel: a hierarchical timing wheel (Varghese and Lauck 1987) over slot numbers.
//
// Each of `capacity` slots has one timer; a timer costs 16 bytes, arming and disarming are O(1),
// and advance() touches only what is due or moves down a level. A timer fires at its time or
// up to one tick after it, never before. Owners that push a deadline forward often do not
// re-arm for it: they keep the deadline beside the timer and re-arm when it fires early
// ("lazy re-arm"), so a packet writes one word.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/pool.h"
#include "core/time.h"

namespace heddle {

class TimerWheel {
 public:
  TimerWheel(uint32_t capacity, Duration tick, Instant start);

  // Arms the slot's timer, instead of what it had. A time in the past fires at the next
  // advance; a time past the horizon (256^3 ticks) is held at the horizon and sorted again. 2^31
  // ticks are the most: what is further away fires then.
  void arm(uint32_t slot, Instant when);
  void disarm(uint32_t slot);
  bool armed(uint32_t slot) const { return timers_[slot].bucket != kIdle; }

  // Calls fire(slot) for each timer that is due, at most `limit` of them; the rest stay due.
  // Fired timers are disarmed first, so fire() may arm them again. Returns how many fired.
  template <class Fire>
  uint32_t advance(Instant now, uint32_t limit, Fire&& fire) {
    collect(now);
    uint32_t fired = 0;
    while (fired < limit && heads_[kDue] != kNoSlot) {
      const uint32_t slot = heads_[kDue];
      unlink(slot);
      ++fired;
      fire(slot);
    }
    return fired;
  }

  // When advance() next has something to do; never later than the earliest timer, kNever when
  // nothing is armed. Exact within the lowest level, the level's next turn above it.
  Instant next_deadline() const;

  uint32_t armed_count() const { return armed_; }

 private:
  static constexpr uint32_t kSlotBits = 8;
  static constexpr uint32_t kSlots = 1u << kSlotBits;
  static constexpr uint32_t kLevels = 3;
  static constexpr uint64_t kFarthest = INT32_MAX;
  static constexpr uint16_t kDue = kLevels * kSlots;  // the list of timers that are due
  static constexpr uint16_t kBuckets = kDue + 1;
  static constexpr uint16_t kIdle = UINT16_MAX;

  struct Timer {
    uint32_t next = kNoSlot;
    uint32_t previous = kNoSlot;
    uint32_t tick = 0;  // low 32 bits of the due tick: distances stay below 2^31
    uint16_t bucket = kIdle;
  };

  void collect(Instant now);
  void place(uint32_t slot);
  void link(uint32_t slot, uint16_t bucket);
  void unlink(uint32_t slot);
  void cascade(uint32_t level);

  Duration tick_;
  Instant start_;
  uint64_t current_ = 0;  // every tick up to this one has been collected
  uint32_t armed_ = 0;
  uint32_t capacity_;
  std::unique_ptr<Timer[]> timers_;
  std::array<uint32_t, kBuckets> heads_;
  std::array<std::array<uint64_t, kSlots / 64>, kLevels> occupied_{};
};

}  // namespace heddle
