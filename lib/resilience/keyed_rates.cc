#include "resilience/keyed_rates.h"

#include <algorithm>
#include <bit>

#include "core/check.h"
#include "gcra.h"

namespace heddle::resilience {

namespace {

// Far longer than another worker needs to write a place, unless it was stopped in between.
constexpr int kMostSpins = 4'096;
// Another key may take a place just when it was found.
constexpr int kMostTries = 8;

}  // namespace

KeyedRates::KeyedRates(const Rate& rate, uint32_t groups)
    : interval_(interval_of(rate)),
      depth_(interval_ * static_cast<int64_t>(rate.burst)),
      groups_(groups) {
  HEDDLE_CHECK(RateLimit::is_possible(rate), "a rate that was checked");
  HEDDLE_CHECK(std::has_single_bit(groups), "groups are a power of two");
}

RateVerdict KeyedRates::verdict_of(int64_t begins, int64_t now) const {
  const int64_t tokens = (now + depth_ - begins) / interval_;
  if (tokens < 1) return {.retry_after = duration_of(begins + interval_ - depth_ - now)};
  return {.allowed = true, .retry_after = {}, .remaining = static_cast<uint64_t>(tokens - 1)};
}

// None: the place is not the key's (any more). What the place holds is read before whose it is: see
// Entry::empty_at.
std::optional<RateVerdict> KeyedRates::take_from(Entry& entry, uint64_t key, int64_t now) {
  int64_t empty_at = entry.empty_at.load(std::memory_order_acquire);
  while (empty_at != kMoving && entry.key.load(std::memory_order_acquire) == key) {
    const int64_t begins = std::max(empty_at, now);
    const RateVerdict verdict = verdict_of(begins, now);
    if (!verdict.allowed) return verdict;
    if (entry.empty_at.compare_exchange_weak(empty_at, begins + interval_,
                                             std::memory_order_acq_rel, std::memory_order_acquire))
      return verdict;
  }
  return std::nullopt;
}

std::optional<RateVerdict> KeyedRates::take_of(Group& group, uint64_t key, int64_t now) {
  for (Entry& entry : group.entries)
    if (const auto verdict = take_from(entry, key, now)) return verdict;
  return std::nullopt;
}

// Gives the key a place, with one token taken; nobody else gives out places of the group meanwhile.
// False: there is none.
bool KeyedRates::settle(Group& group, uint64_t key, int64_t now) {
  for (Entry& entry : group.entries) {
    int64_t empty_at = entry.empty_at.load(std::memory_order_acquire);
    if (empty_at > now ||
        !entry.empty_at.compare_exchange_strong(empty_at, kMoving, std::memory_order_acq_rel))
      continue;
    entry.key.store(key, std::memory_order_release);
    entry.empty_at.store(now + interval_, std::memory_order_release);
    return true;
  }
  return false;
}

std::optional<RateVerdict> KeyedRates::take(uint64_t key, Instant at) {
  const int64_t now = at.ns() * kParts;
  Group& group = groups_[key & (groups_.size() - 1)];
  for (int tries = 0; tries < kMostTries; ++tries) {
    if (const auto verdict = take_of(group, key, now)) return verdict;
    int spins = 0;
    uint32_t changing = 0;
    while (!group.is_changing.compare_exchange_weak(changing, 1, std::memory_order_acquire)) {
      changing = 0;
      if (++spins == kMostSpins) return std::nullopt;
    }
    // Another worker may have given it one just now.
    std::optional<RateVerdict> verdict = take_of(group, key, now);
    const bool settled = !verdict && settle(group, key, now);
    group.is_changing.store(0, std::memory_order_release);
    if (verdict) return verdict;
    if (settled) return verdict_of(now, now);
    const bool full = std::ranges::all_of(group.entries, [&](const Entry& entry) {
      return entry.empty_at.load(std::memory_order_relaxed) > now;
    });
    if (full) break;
  }
  return std::nullopt;
}

uint32_t KeyedRates::in_use(Instant at) const {
  const int64_t now = at.ns() * kParts;
  uint32_t keys = 0;
  for (const Group& group : groups_)
    keys += static_cast<uint32_t>(std::ranges::count_if(group.entries, [&](const Entry& entry) {
      return entry.empty_at.load(std::memory_order_relaxed) > now;
    }));
  return keys;
}

}  // namespace heddle::resilience
