#include "telemetry/histogram.h"

#include <algorithm>
#include <cmath>

namespace heddle::telemetry {

void HistogramSum::add(const HistogramSum& other) {
  for (size_t slot = 0; slot < slots.size(); ++slot) slots[slot] += other.slots[slot];
  total += other.total;
  sum_us += other.sum_us;
}

Duration HistogramSum::quantile(double share) const {
  const auto wanted =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(total))));
  uint64_t seen = 0;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    seen += slots[slot];
    if (seen == 0 || seen < wanted) continue;
    const uint64_t middle = (TimeScale::begin_of(slot) + TimeScale::end_of(slot) + 1) / 2;
    return microseconds(static_cast<int64_t>(middle));
  }
  return Duration();
}

void Histogram::add_to(HistogramSum& sum) const {
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    const uint64_t count = slots_[slot].value();
    sum.slots[slot] += count;
    sum.total += count;
  }
  sum.sum_us += sum_us_.value();
}

void Histogram::clear() {
  for (Counter& slot : slots_) telemetry::clear(slot);
  telemetry::clear(sum_us_);
}

}  // namespace heddle::telemetry
