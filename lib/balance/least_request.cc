#include "balance/least_request.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace heddle::balance {

LeastRequest::LeastRequest(std::span<const Endpoint> endpoints, double bias)
    : drawn_(endpoints), bias_(bias) {
  HEDDLE_CHECK(bias >= 0, "a bias below 0 prefers the busy");
  for (uint32_t i = 1; i < drawn_.members(); ++i)
    equal_ &= endpoints[drawn_.member(i)].weight == endpoints[drawn_.member(0)].weight;
}

// By weight too; where one endpoint has most of the weight, any other.
uint32_t LeastRequest::other_than(uint32_t first, Random& random) const {
  for (int draws = 0; draws < 2; ++draws)
    if (const uint32_t second = drawn_.pick(random.next()); second != first) return second;
  // Drawn from all members but the last, which stands in for `first`.
  const uint32_t last = drawn_.members() - 1;
  const uint32_t second = drawn_.member(random.below(last));
  return second == first ? drawn_.member(last) : second;
}

// Equal weights: the one with less. Unequal ones: the first draw gives each endpoint its weight's
// share already, so only the loads' part of weight / (active + 1)^bias is left to decide. The
// second takes the place of a busier first by as much as the first's part is the smaller one (the
// rule of Metropolis et al. 1953); while all are idle the weights' shares stay as they are.
uint32_t LeastRequest::pick(Random& random, std::span<const uint32_t> active) const {
  const uint32_t first = drawn_.pick(random.next());
  if (drawn_.members() < 2) return first;
  const uint32_t second = other_than(first, random);
  if (active[second] >= active[first]) return first;
  if (equal_) return second;
  const double ratio = (active[second] + 1.0) / (active[first] + 1.0);
  const double stays = bias_ == 1.0 ? ratio : std::pow(ratio, bias_);
  const double chance = static_cast<double>(random.next() >> 11) * 0x1p-53;
  return chance < stays ? first : second;
}

}  // namespace heddle::balance
