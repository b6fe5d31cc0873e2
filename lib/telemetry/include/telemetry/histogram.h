// Histogram: how often which time was met, from 1 us to 134 s. One writer, any reader. A quantile
// is right to within 3.2 % of its value, and 1 us.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/counter.h"
#include "core/time.h"
#include "telemetry/log_scale.h"

namespace heddle::telemetry {

// By microseconds.
using TimeScale = LogScale<4, 23>;

// What histograms of several workers add up to: plain numbers of one thread.
struct HistogramSum {
  std::array<uint64_t, TimeScale::kSlots> slots{};
  uint64_t total = 0;
  uint64_t sum_us = 0;

  void add(const HistogramSum& other);
  // The least time that `share` (0 to 1) of all do not exceed; 0 without any.
  Duration quantile(double share) const;
};

class Histogram {
 public:
  // A negative time counts as 0.
  void add(Duration time) {
    const auto us = static_cast<uint64_t>(time.ns() < 0 ? 0 : time.us());
    slots_[TimeScale::slot_of(us)].add();
    sum_us_.add(us);
  }
  void add_to(HistogramSum& sum) const;
  // The writer's.
  void clear();

 private:
  std::array<Counter, TimeScale::kSlots> slots_;
  Counter sum_us_;
};

// A counter as if nothing had been counted, for its writer: the one way that Counter has.
inline void clear(Counter& counter) { counter.add(0 - counter.value()); }

}  // namespace heddle::telemetry
