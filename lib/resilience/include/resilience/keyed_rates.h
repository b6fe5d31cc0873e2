// KeyedRates: so many in a time for each of many keys, on a node, over all of its workers (GCRA, as
// RateLimit). A table of fixed size; a key's bucket lies in one group of it, so that a take reads
// 256 bytes at most.
//
// Keys are 64-bit hashes by a secret of the caller's. What is kept of a key is when its bucket is
// empty again. A bucket that is full says nothing: another key may have its place.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.h"
#include "resilience/rate_limit.h"

namespace heddle::resilience {

class KeyedRates {
 public:
  static constexpr uint32_t kPlaces = 15;  // of a group

  // Of a possible rate. `groups`: a power of two.
  KeyedRates(const Rate& rate, uint32_t groups);

  // None: the key has no bucket and there is no place for one. Any thread; nobody waits for another
  // for longer than it takes to write three words.
  std::optional<RateVerdict> take(uint64_t key, Instant now);

  // Keys whose bucket is not full. Any thread.
  uint32_t in_use(Instant now) const;
  uint32_t places() const { return static_cast<uint32_t>(groups_.size()) * kPlaces; }

 private:
  struct Entry {
    std::atomic<uint64_t> key{0};
    // As RateLimit's; kMoving while another key takes the place. It only grows, so one that is
    // still the same has been the same key's all the time.
    std::atomic<int64_t> empty_at{kLongAgo};
  };
  struct alignas(64) Group {
    std::atomic<uint32_t> is_changing{0};  // a key takes a place; one at a time
    std::array<Entry, kPlaces> entries;
  };
  static constexpr int64_t kLongAgo = INT64_MIN / 2;
  static constexpr int64_t kMoving = INT64_MIN;

  std::optional<RateVerdict> take_of(Group& group, uint64_t key, int64_t now);
  std::optional<RateVerdict> take_from(Entry& entry, uint64_t key, int64_t now);
  bool settle(Group& group, uint64_t key, int64_t now);
  RateVerdict verdict_of(int64_t begins, int64_t now) const;

  int64_t interval_;  // of a token
  int64_t depth_;     // of a bucket
  std::vector<Group> groups_;
};

}  // namespace heddle::resilience
