#include "resilience/rate_limit.h"

#include <algorithm>

#include "core/check.h"
#include "gcra.h"

namespace heddle::resilience {

namespace {

constexpr Duration kHeldFor = milliseconds(1);
constexpr int64_t kShortest = 16 * kParts;
constexpr int64_t kDeepest = seconds(86'400).ns() * kParts;

}  // namespace

bool RateLimit::is_possible(const Rate& rate) {
  if (rate.tokens == 0 || rate.burst == 0 || rate.tokens > INT64_MAX || rate.burst > INT64_MAX ||
      rate.per <= Duration() || rate.per > seconds(86'400))
    return false;
  const int64_t interval = interval_of(rate);
  return interval >= kShortest && static_cast<int64_t>(rate.burst) <= kDeepest / interval;
}

RateLimit::RateLimit(const Rate& rate, uint16_t workers) : interval_(interval_of(rate)) {
  HEDDLE_CHECK(is_possible(rate), "a rate that was checked");
  depth_ = interval_ * static_cast<int64_t>(rate.burst);
  // What comes in the time that a worker holds tokens, but no more than half of the bucket is held.
  const int64_t most =
      std::min(kHeldFor.ns() * kParts / interval_, static_cast<int64_t>(rate.burst) / 2);
  batch_ =
      static_cast<uint32_t>(std::clamp<int64_t>(most / std::max<uint16_t>(1, workers), 1, 1'024));
}

RateVerdict RateLease::take(Instant now) {
  on_tick(now);
  const int64_t time = now.ns() * kParts;
  const int64_t interval = limit_.interval_, depth = limit_.depth_;
  if (held_ > 0) {
    --held_;
    const int64_t empty_at = limit_.empty_at_.load(std::memory_order_relaxed);
    const int64_t left = depth - std::max<int64_t>(0, empty_at - time);
    return {.allowed = true,
            .retry_after = {},
            .remaining = held_ + static_cast<uint64_t>(std::max<int64_t>(0, left / interval))};
  }
  int64_t empty_at = limit_.empty_at_.load(std::memory_order_relaxed);
  int64_t tokens = 0, begins = 0;
  do {
    begins = std::max(empty_at, time);
    tokens = (time + depth - begins) / interval;
    if (tokens < 1) return {.retry_after = duration_of(begins + interval - depth - time)};
    tokens = std::min<int64_t>(tokens, limit_.batch_);
  } while (!limit_.empty_at_.compare_exchange_weak(empty_at, begins + tokens * interval,
                                                   std::memory_order_relaxed));
  held_ = static_cast<uint32_t>(tokens - 1);
  until_ = now + kHeldFor;
  const int64_t left = (time + depth - begins) / interval - 1;
  return {.allowed = true, .retry_after = {}, .remaining = static_cast<uint64_t>(left)};
}

// Where the bucket has filled up meanwhile this is before now, and counts as now.
void RateLease::give_back() {
  limit_.empty_at_.fetch_sub(held_ * limit_.interval_, std::memory_order_relaxed);
  held_ = 0;
}

}  // namespace heddle::resilience
