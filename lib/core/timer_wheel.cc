#include "core/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace heddle {

TimerWheel::TimerWheel(uint32_t capacity, Duration tick, Instant start)
    : tick_(tick),
      start_(start),
      capacity_(capacity),
      timers_(std::make_unique<Timer[]>(capacity)) {
  HEDDLE_CHECK(tick.ns() > 0, "a tick has a length");
  heads_.fill(kNoSlot);
}

void TimerWheel::arm(uint32_t slot, Instant when) {
  HEDDLE_CHECK(slot < capacity_, "timer slot out of range");
  disarm(slot);
  const int64_t distance = std::max<int64_t>(0, (when - start_).ns());
  // Rounded up, so that a timer never fires before its time.
  uint64_t due = (static_cast<uint64_t>(distance) + static_cast<uint64_t>(tick_.ns()) - 1) /
                 static_cast<uint64_t>(tick_.ns());
  due = std::min(due, current_ + kFarthest);
  timers_[slot].tick = static_cast<uint32_t>(due);
  place(slot);
}

void TimerWheel::disarm(uint32_t slot) {
  HEDDLE_CHECK(slot < capacity_, "timer slot out of range");
  if (timers_[slot].bucket != kIdle) unlink(slot);
}

// Puts a timer where its distance from now says: level 0 holds the next 256 ticks, level 1
// the next 65,536, level 2 the rest. A timer sits in the bucket of its own due tick's digit; one
// past the horizon comes by there more than once, and stays.
void TimerWheel::place(uint32_t slot) {
  const uint32_t due = timers_[slot].tick;
  const auto distance = static_cast<int32_t>(due - static_cast<uint32_t>(current_));
  if (distance <= 0) return link(slot, kDue);
  uint32_t level = 0;
  while (level + 1 < kLevels && static_cast<uint32_t>(distance) >= 1u << (kSlotBits * (level + 1)))
    ++level;
  const uint32_t digit = (due >> (kSlotBits * level)) & (kSlots - 1);
  link(slot, static_cast<uint16_t>(level * kSlots + digit));
}

void TimerWheel::link(uint32_t slot, uint16_t bucket) {
  Timer& timer = timers_[slot];
  timer.bucket = bucket;
  timer.previous = kNoSlot;
  timer.next = heads_[bucket];
  if (timer.next != kNoSlot) timers_[timer.next].previous = slot;
  heads_[bucket] = slot;
  if (bucket < kDue) occupied_[bucket / kSlots][bucket % kSlots / 64] |= 1ull << (bucket % 64);
  ++armed_;
}

void TimerWheel::unlink(uint32_t slot) {
  Timer& timer = timers_[slot];
  if (timer.previous != kNoSlot)
    timers_[timer.previous].next = timer.next;
  else
    heads_[timer.bucket] = timer.next;
  if (timer.next != kNoSlot) timers_[timer.next].previous = timer.previous;
  if (heads_[timer.bucket] == kNoSlot && timer.bucket < kDue)
    occupied_[timer.bucket / kSlots][timer.bucket % kSlots / 64] &= ~(1ull << (timer.bucket % 64));
  timer.bucket = kIdle;
  --armed_;
}

// Sorts the bucket of `level` that the wheel has just reached into the levels below it.
void TimerWheel::cascade(uint32_t level) {
  const uint32_t digit = static_cast<uint32_t>(current_ >> (kSlotBits * level)) & (kSlots - 1);
  const auto bucket = static_cast<uint16_t>(level * kSlots + digit);
  uint32_t slot = heads_[bucket];
  while (slot != kNoSlot) {
    const uint32_t next = timers_[slot].next;
    unlink(slot);
    place(slot);
    slot = next;
  }
}

void TimerWheel::collect(Instant now) {
  const int64_t distance = (now - start_).ns();
  if (distance < 0) return;
  const uint64_t target = static_cast<uint64_t>(distance) / static_cast<uint64_t>(tick_.ns());
  if (armed_ == 0) {  // nothing to sort: jump
    current_ = std::max(current_, target);
    return;
  }
  while (current_ < target) {
    ++current_;
    if ((current_ & (kSlots - 1)) == 0) {
      if ((current_ >> kSlotBits & (kSlots - 1)) == 0) cascade(2);
      cascade(1);
    }
    const auto bucket = static_cast<uint16_t>(current_ & (kSlots - 1));
    while (heads_[bucket] != kNoSlot) {
      const uint32_t slot = heads_[bucket];
      unlink(slot);
      link(slot, kDue);
    }
  }
}

Instant TimerWheel::next_deadline() const {
  if (armed_ == 0) return kNever;
  const auto at = [&](uint64_t tick) {
    return start_ + Duration(static_cast<int64_t>(tick) * tick_.ns());
  };
  if (heads_[kDue] != kNoSlot) return at(current_);
  // The rest of this turn of level 0; after it the next cascade may bring timers down.
  const uint64_t turn_end = (current_ | (kSlots - 1)) + 1;
  for (uint64_t tick = current_ + 1; tick < turn_end;) {
    const auto digit = static_cast<uint32_t>(tick & (kSlots - 1));
    const uint64_t word = occupied_[0][digit / 64] >> (digit % 64);
    if (word != 0) return at(tick + static_cast<uint64_t>(std::countr_zero(word)));
    tick += 64 - digit % 64;
  }
  return at(turn_end);
}

}  // namespace heddle
