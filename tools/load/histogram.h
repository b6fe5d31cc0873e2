// Histogram: how often which latency was met, log-linear: each power of two is cut into 64 equal
// steps, so a value is known to within 1.6 % whatever its size. One writer; no memory taken later.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/time.h"
#include "telemetry/log_scale.h"

namespace heddle::load {

class Histogram {
 public:
  // Negative ones count as 0; those of 2^42 ns (73 minutes) and more as the longest that fits.
  void add(Duration latency) {
    const uint64_t ns = latency.ns() < 0 ? 0 : static_cast<uint64_t>(latency.ns());
    ++counts_[Scale::slot_of(ns)];
    ++total_;
    if (ns > longest_) longest_ = ns;
  }
  void merge(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    if (other.longest_ > longest_) longest_ = other.longest_;
  }

  uint64_t total() const { return total_; }
  Duration longest() const { return Duration(static_cast<int64_t>(longest_)); }
  // The least value that `share` (0 to 1) of all do not exceed, by the upper end of its step; 0
  // without any.
  Duration percentile(double share) const;

 private:
  using Scale = telemetry::LogScale<6, 36>;

  std::array<uint64_t, Scale::kSlots> counts_{};
  uint64_t total_ = 0;
  uint64_t longest_ = 0;
};

inline Duration Histogram::percentile(double share) const {
  const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_) + 0.999999);
  uint64_t seen = 0;
  for (size_t slot = 0; slot < counts_.size(); ++slot) {
    seen += counts_[slot];
    if (seen == 0 || seen < wanted) continue;
    const uint64_t end = Scale::end_of(slot);
    return Duration(static_cast<int64_t>(end < longest_ ? end : longest_));
  }
  return Duration();
}

}  // namespace heddle::load
