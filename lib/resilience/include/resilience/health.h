// Health: what active checks say of one endpoint, and when the next one is due. Without I/O.
#pragma once

#include <cstdint>

#include "core/random.h"
#include "core/time.h"

namespace heddle::resilience {

struct HealthTerms {
  Duration interval = seconds(5);
  Duration unhealthy_interval = seconds(5);  // while it is unhealthy
  uint32_t jitter_percent =
      10;  // each interval is longer by up to so much, that checks do not meet
  // Results one behind the other that make it so. The first result of all counts at once.
  uint32_t healthy_after = 2, unhealthy_after = 3;
  friend bool operator==(const HealthTerms&, const HealthTerms&) = default;
};

class Health {
 public:
  // Until the first result it is taken for healthy, as nobody has said anything else.
  explicit Health(Instant first) : next_(first) {}

  bool is_healthy() const { return healthy_; }
  bool is_known() const { return known_; }
  Instant next() const { return next_; }  // when the next check is due
  uint32_t row() const { return row_; }   // results behind each other that say otherwise

  // A check has ended. True: it is another than before.
  bool on_result(bool good, const HealthTerms& terms, Instant now, Random& random);

 private:
  Instant next_;
  uint32_t row_ = 0;
  bool healthy_ = true, known_ = false;
};

}  // namespace heddle::resilience
