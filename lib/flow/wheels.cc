#include "flow/wheels.h"

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace heddle::flow {

Wheels::Wheels(uint32_t capacity, Stamp start)
    : current_((start.ms() / kTickMs) & kTickMask), links_(capacity) {
  HEDDLE_CHECK(capacity < kHead, "more records than a link can name");
  heads_.fill(kNone);
  for (uint32_t i = 0; i < capacity; ++i) links_[i] = {kNone, kIdle};
}

// A record goes to the list of its own due tick's digit at the level that its distance says. A
// list of level 1 or 2 comes up when the first tick of its span does, and its records go down.
void Wheels::arm(uint32_t slot, uint32_t wheel, Stamp due) {
  // What is due now was asked too early or too late; the lists of this tick are closed.
  const auto ahead =
      static_cast<uint32_t>(std::clamp<int32_t>(distance(tick_of(due)), 1, kFarthest));
  const uint32_t tick = (current_ + ahead) & kTickMask;
  const uint32_t level = ahead < 1u << kShift[1] ? 0 : ahead < 1u << kShift[2] ? 1 : 2;
  link(slot, list_of(wheel, level, tick));
}

void Wheels::disarm(uint32_t slot, uint32_t wheel) {
  if (armed(slot)) unlink(slot, wheel);
}

void Wheels::link(uint32_t slot, uint32_t list) {
  const uint32_t next = heads_[list];
  links_[slot] = {next, kHead | list};
  if (next != kNone) links_[next].previous = slot;
  heads_[list] = slot;
  occupied_[list / 64] |= 1ull << (list % 64);
  ++counts_[list / kPerWheel];
  ++armed_;
}

void Wheels::unlink(uint32_t slot, uint32_t wheel) {
  const Link at = links_[slot];
  links_[slot].previous = kIdle;
  --armed_;
  --counts_[wheel];
  if (at.next != kNone) links_[at.next].previous = at.previous;
  if ((at.previous & kHead) == 0) {
    links_[at.previous].next = at.next;
    return;
  }
  const uint32_t list = at.previous & ~kHead;
  heads_[list] = at.next;
  if (at.next == kNone) occupied_[list / 64] &= ~(1ull << (list % 64));
}

// The first list in time that is not empty. At level 0 it may be that of the current tick, while
// that is worked on; above, the current digit's list is the last, a whole turn ahead.
uint32_t Wheels::first_in(uint32_t wheel, uint32_t level) const {
  const uint32_t base = wheel * kPerWheel + kFirst[level];
  const uint32_t from = (current_ >> kShift[level]) + (level == 0 ? 0 : 1);
  for (uint32_t i = 0; i < kLists[level];) {
    const uint32_t digit = (from + i) % kLists[level];
    const uint64_t word = occupied_[(base + digit) / 64] >> (digit % 64);
    if (word != 0) return heads_[base + digit + static_cast<uint32_t>(std::countr_zero(word))];
    i += 64 - digit % 64;
  }
  // The digits before `from` in its own word.
  const uint32_t digit = from % kLists[level] / 64 * 64;
  const uint64_t word = occupied_[(base + digit) / 64];
  return word == 0 ? kNone : heads_[base + digit + static_cast<uint32_t>(std::countr_zero(word))];
}

uint32_t Wheels::first(uint32_t wheel) const {
  if (counts_[wheel] == 0) return kNone;
  for (uint32_t level = 0; level < kLevels; ++level) {
    const uint32_t slot = first_in(wheel, level);
    if (slot != kNone) return slot;
  }
  return kNone;
}

}  // namespace heddle::flow
