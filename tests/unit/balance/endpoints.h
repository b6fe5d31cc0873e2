// Lists of endpoints for tests of balancers, and what came of the picks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/endpoint.h"
#include "core/random.h"

namespace heddle::balance {

inline std::vector<Endpoint> make_endpoints(Random& random, size_t count, uint32_t weight = 1) {
  std::vector<Endpoint> endpoints;
  for (size_t i = 0; i < count; ++i) endpoints.push_back({random.next(), weight});
  return endpoints;
}

inline void shuffle(Random& random, std::vector<Endpoint>& endpoints) {
  for (size_t i = endpoints.size(); i > 1; --i)
    std::swap(endpoints[i - 1], endpoints[random.below(static_cast<uint32_t>(i))]);
}

// How many of `count` calls gave each position below `size`; a position past it is not counted.
template <class Pick>
std::vector<uint64_t> count_picks(size_t size, uint64_t count, Pick&& pick) {
  std::vector<uint64_t> counts(size);
  for (uint64_t i = 0; i < count; ++i) {
    const uint32_t at = pick();
    if (at < size) ++counts[at];
  }
  return counts;
}

// The share of each weight in their sum.
inline std::vector<double> shares_of(std::span<const Endpoint> endpoints) {
  double sum = 0;
  for (const Endpoint& endpoint : endpoints) sum += endpoint.weight;
  std::vector<double> shares;
  for (const Endpoint& endpoint : endpoints) shares.push_back(endpoint.weight / sum);
  return shares;
}

// Pearson's statistic of counts against expected shares, as standard deviations of a normal
// distribution (Wilson and Hilferty 1931): above 6 is no accident, which happens once in a billion.
inline double chi_square_sigmas(std::span<const uint64_t> counts, std::span<const double> shares) {
  double total = 0;
  for (const uint64_t count : counts) total += static_cast<double>(count);
  double statistic = 0;
  double cells = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * shares[i];
    if (expected == 0) {
      if (counts[i] != 0) return INFINITY;
      continue;
    }
    const double off = static_cast<double>(counts[i]) - expected;
    statistic += off * off / expected;
    ++cells;
  }
  if (cells < 2) return 0;
  const double part = 2 / (9 * (cells - 1));
  return (std::cbrt(statistic / (cells - 1)) - (1 - part)) / std::sqrt(part);
}

}  // namespace heddle::balance
