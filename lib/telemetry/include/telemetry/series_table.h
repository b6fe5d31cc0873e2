// SeriesTable: counts by key, in a table whose size never changes. What does not fit is counted
// together, as overflow, so the sum over all is always right. One writer, any reader: open
// addressing, with keys apart from counts, so that a search touches little memory.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

namespace heddle::telemetry {

struct SeriesKey {
  uint64_t high = 0, low = 0;  // low: bits 62 and 63 are the table's
  friend bool operator==(const SeriesKey&, const SeriesKey&) = default;
};

// Counts: atomic members, and clear().
template <class Counts>
class SeriesTable {
 public:
  // All memory is taken here. Three quarters of `capacity`, a power of two, are used.
  explicit SeriesTable(uint32_t capacity)
      : mask_(std::bit_ceil(capacity) - 1),
        keys_(std::make_unique<Key[]>(mask_ + 1)),
        counts_(std::make_unique<Counts[]>(mask_ + 1)) {}

  // The writer's.
  Counts& at(const SeriesKey& key) {
    uint32_t free = kNone;
    uint32_t place = static_cast<uint32_t>(mix(key)) & mask_;
    for (uint32_t i = 0; i < kMostProbes; ++i, place = (place + 1) & mask_) {
      const uint64_t low = keys_[place].low.load(std::memory_order_relaxed);
      if (low == (key.low | kLive) && keys_[place].high.load(std::memory_order_relaxed) == key.high)
        return counts_[place];
      if ((low & kLive) != 0) continue;
      if (free == kNone) free = place;
      if (low == 0) break;  // never used: the key is nowhere behind it
    }
    if (free == kNone || size() > mask_ / 4 * 3) return overflow_;
    keys_[free].high.store(key.high, std::memory_order_relaxed);
    keys_[free].low.store(key.low | kLive, std::memory_order_release);
    size_.store(size() + 1, std::memory_order_relaxed);
    return counts_[free];
  }

  // Any thread: where the keys are that match.
  template <class Match>
  std::vector<uint32_t> places_of(Match&& match) const {
    std::vector<uint32_t> places;
    for (uint32_t i = 0; i <= mask_; ++i)
      if (const SeriesKey key = key_at(i); (key.low & kLive) != 0 && match(plain(key)))
        places.push_back(i);
    return places;
  }
  // The writer's: takes away the key that is there. The place stays marked, as others may have been
  // put behind it.
  void forget(uint32_t place) {
    if ((key_at(place).low & kLive) == 0) return;
    keys_[place].low.store(kGone, std::memory_order_relaxed);
    counts_[place].clear();
    size_.store(size() - 1, std::memory_order_relaxed);
  }

  // Any thread: visit(key, counts). One that is forgotten meanwhile may be seen half empty.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (uint32_t i = 0; i <= mask_; ++i)
      if (const SeriesKey key = key_at(i); (key.low & kLive) != 0) visit(plain(key), counts_[i]);
  }
  const Counts& overflow() const { return overflow_; }
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  uint32_t capacity() const { return mask_ / 4 * 3 + 1; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kMostProbes = 64;
  static constexpr uint64_t kLive = uint64_t{1} << 63, kGone = uint64_t{1} << 62;

  struct Key {
    std::atomic<uint64_t> high{0}, low{0};
  };

  static uint64_t mix(const SeriesKey& key) {
    uint64_t h = (key.high ^ std::rotl(key.low, 32)) * 0x9e37'79b9'7f4a'7c15;
    h = (h ^ (h >> 29) ^ key.low) * 0xbf58'476d'1ce4'e5b9;
    return h ^ (h >> 32);
  }
  static SeriesKey plain(SeriesKey key) { return {key.high, key.low & ~kLive}; }
  SeriesKey key_at(uint32_t i) const {
    const uint64_t low = keys_[i].low.load(std::memory_order_acquire);
    return {keys_[i].high.load(std::memory_order_relaxed), low};
  }

  uint32_t mask_;
  std::atomic<uint32_t> size_{0};
  std::unique_ptr<Key[]> keys_;
  std::unique_ptr<Counts[]> counts_;
  Counts overflow_;
};

}  // namespace heddle::telemetry
