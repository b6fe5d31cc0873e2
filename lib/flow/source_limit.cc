#include "flow/source_limit.h"

#include <algorithm>

#include "core/check.h"

namespace heddle::flow {

namespace {
constexpr uint32_t kTicksPerSecond = 10'000;
constexpr int64_t kTickNs = 100'000;
}  // namespace

SourceLimit::SourceLimit(uint32_t sources, uint32_t rate, uint32_t burst)
    : cost_(rate == 0 ? 0 : std::max<uint32_t>(1, kTicksPerSecond / rate)),
      depth_(0),
      lines_(rate == 0 ? 0 : std::max<uint32_t>(1, sources / kWays)) {
  HEDDLE_CHECK(burst > 0 && burst <= 1'000'000, "a burst of a source out of range");
  HEDDLE_CHECK(rate <= kTicksPerSecond, "a rate of a source out of range");
  depth_ =
      static_cast<uint32_t>(std::min<uint64_t>(uint64_t{cost_} * burst, uint64_t{INT32_MAX} / 2));
}

bool SourceLimit::take(uint64_t source, Instant now) {
  if (cost_ == 0) return true;
  const auto tick = static_cast<uint32_t>(now.ns() / kTickNs);
  const auto tag = static_cast<uint32_t>(source) | 1;
  Line& line = lines_[((source >> 32) * lines_.size()) >> 32];
  uint32_t at = 0;
  uint32_t least = UINT32_MAX;  // what is missing in the fullest bucket
  for (uint32_t way = 0; way < kWays; ++way) {
    const uint32_t missing = line.full_at[way] - tick;
    // In the past, or so far ahead that the clock has gone round: it is full.
    const uint32_t debt = line.tags[way] == 0 || missing > depth_ + cost_ ? 0 : missing;
    if (line.tags[way] == tag) {
      if (debt + cost_ > depth_) return false;
      line.full_at[way] = tick + debt + cost_;
      return true;
    }
    if (debt < least) {
      least = debt;
      at = way;
    }
  }
  line.tags[at] = tag;
  line.full_at[at] = tick + cost_;
  return true;
}

}  // namespace heddle::flow
