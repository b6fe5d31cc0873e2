#include "resilience/backoff.h"

#include <algorithm>

namespace heddle::resilience {

Duration Backoff::before(uint32_t number, Random& random) const {
  if (base <= Duration()) return {};
  const int64_t doubled = base.ns() > (most.ns() >> std::min(number, 62u))
                              ? most.ns()
                              : base.ns() << std::min(number, 62u);
  const auto bound = static_cast<uint64_t>(std::max<int64_t>(0, doubled)) + 1;
  return Duration(static_cast<int64_t>(random.next() % bound));
}

}  // namespace heddle::resilience
