// RateLimit: so many in a time on a node, over all of its workers, by the generic cell rate
// algorithm (ITU-T I.371 annex A, virtual scheduling). All that is shared is one number: when the
// bucket would be empty again, the theoretical arrival time.
//
// A worker takes several tokens at once where there are many, and gives back what it did not use
// within a millisecond. So the limit is exact over any time much longer than that; a refusal may
// come while other workers hold what they took in that millisecond.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/time.h"

namespace heddle::resilience {

struct Rate {
  uint64_t tokens = 1;  // at least 1, in `per`
  Duration per = seconds(1);
  uint64_t burst = 1;  // so many at once after a pause; at least 1
  friend bool operator==(const Rate&, const Rate&) = default;
};

// Shared by all workers; outlives their RateLeases.
class RateLimit {
 public:
  // The most that a rate may be: a token in 16 ns, and a bucket that takes a day to fill.
  static bool is_possible(const Rate& rate);

  RateLimit(const Rate& rate, uint16_t workers);  // of a possible rate
  RateLimit(const RateLimit&) = delete;
  RateLimit& operator=(const RateLimit&) = delete;

 private:
  friend class RateLease;
  // Times are in 64ths of a nanosecond, so that a high rate is not rounded: 4 years fit.
  alignas(64) std::atomic<int64_t> empty_at_{INT64_MIN / 2};
  alignas(64) int64_t interval_;  // of a token
  int64_t depth_;                 // of the bucket
  uint32_t batch_;                // what a worker takes at once, at most
};

struct RateVerdict {
  bool allowed = false;
  Duration retry_after;    // of who is refused: when there is a token again if nobody takes it
  uint64_t remaining = 0;  // tokens that are left now
};

// One worker's end of a limit.
class RateLease {
 public:
  explicit RateLease(RateLimit& limit) : limit_(limit) {}
  RateLease(const RateLease&) = delete;
  RateLease& operator=(const RateLease&) = delete;
  ~RateLease() { give_back(); }

  RateVerdict take(Instant now);
  // What is held for longer than a millisecond goes back; as Credits::give_back.
  void on_tick(Instant now) {
    if (held_ > 0 && now >= until_) give_back();
  }
  // Whether it holds tokens, and until when at most.
  bool holds() const { return held_ > 0; }
  Instant until() const { return until_; }

 private:
  void give_back();

  RateLimit& limit_;
  uint32_t held_ = 0;
  Instant until_;
};

}  // namespace heddle::resilience
