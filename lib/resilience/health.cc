#include "resilience/health.h"

#include <algorithm>

namespace heddle::resilience {

bool Health::on_result(bool good, const HealthTerms& terms, Instant now, Random& random) {
  const bool before = healthy_;
  row_ = good == healthy_ ? 0 : row_ + 1;
  const uint32_t wanted = good ? terms.healthy_after : terms.unhealthy_after;
  if (!known_ || row_ >= std::max(1u, wanted)) {
    healthy_ = good;
    row_ = 0;
  }
  known_ = true;
  const Duration interval = healthy_ ? terms.interval : terms.unhealthy_interval;
  const auto more = static_cast<uint64_t>(interval.ns() * terms.jitter_percent / 100) + 1;
  next_ = now + interval + Duration(static_cast<int64_t>(random.next() % more));
  return healthy_ != before;
}

}  // namespace heddle::resilience
