#include "balance/least_request.h"

#include <cmath>

#include "core/check.h"

namespace heddle::balance {

LeastRequest::LeastRequest(std::span<const Endpoint> endpoints, std::optional<double> bias)
    : drawn_(endpoints), bias_(bias) {
  HEDDLE_CHECK(bias.value_or(0) >= 0, "a bias below 0 prefers the busy");
  bool equal = true;
  for (uint32_t i = 1; i < drawn_.members(); ++i)
    equal &= endpoints[drawn_.member(i)].weight == endpoints[drawn_.member(0)].weight;
  if (equal) return;
  weights_.reserve(endpoints.size());
  for (const Endpoint& endpoint : endpoints) weights_.push_back(endpoint.weight);
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

// The first draw gives each endpoint its weight's share, so the second takes its place only for
// its load.
uint32_t LeastRequest::pick(Random& random, std::span<const uint32_t> active) const {
  const uint32_t first = drawn_.pick(random.next());
  if (drawn_.members() < 2) return first;
  const uint32_t second = other_than(first, random);
  if (weights_.empty()) return active[second] < active[first] ? second : first;
  if (!bias_) {
    const uint64_t first_load = uint64_t{active[first]} * weights_[second];
    const uint64_t second_load = uint64_t{active[second]} * weights_[first];
    return second_load < first_load ? second : first;
  }
  // By as much as the first's 1 / (active + 1)^bias is less than the second's (the rule of
  // Metropolis et al. 1953, which leads to shares in proportion to weight times that).
  if (active[second] >= active[first]) return first;
  const double ratio = (active[second] + 1.0) / (active[first] + 1.0);
  const double stays = *bias_ == 1.0 ? ratio : std::pow(ratio, *bias_);
  const double chance = static_cast<double>(random.next() >> 11) * 0x1p-53;
  return chance < stays ? first : second;
}

}  // namespace heddle::balance
