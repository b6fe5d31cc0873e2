#include "resilience/fault.h"

#include <algorithm>
#include <cmath>

namespace heddle::resilience {

bool is_drawn(uint32_t share, Random& random) {
  return share >= kAlways || random.below(kAlways) < share;
}

Duration delay_of(const FaultDelay& fault, Random& random) {
  if (!is_drawn(fault.share, random)) return {};
  if (fault.kind == FaultDelay::Kind::kFixed) return std::min(fault.time, fault.most);
  // Of (0, 1], by inversion.
  const double uniform = (static_cast<double>(random.next() >> 11) + 1) / 9007199254740992.0;
  const double drawn = -std::log(uniform) * static_cast<double>(fault.time.ns());
  return Duration(static_cast<int64_t>(std::min(drawn, static_cast<double>(fault.most.ns()))));
}

}  // namespace heddle::resilience
