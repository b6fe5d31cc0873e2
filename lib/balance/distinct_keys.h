// Keys for consistent hashing where a list may hold one key more than once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include "balance/endpoint.h"

namespace heddle::balance {

// The key of each endpoint; repeated ones, lightest first, get new keys, so that endpoints do not
// queue for the same entries or share their points. Does not depend on the order of the list but
// for which of two like endpoints is which.
inline std::vector<uint64_t> distinct_keys(std::span<const Endpoint> endpoints) {
  std::vector<uint32_t> order(endpoints.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(
      order, {}, [&](uint32_t i) { return std::tuple(endpoints[i].key, endpoints[i].weight, i); });
  std::vector<uint64_t> keys(endpoints.size());
  uint64_t repeats = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const uint64_t key = endpoints[order[i]].key;
    repeats = i > 0 && key == endpoints[order[i - 1]].key ? repeats + 1 : 0;
    keys[order[i]] = repeats == 0 ? key : mix(key + spread(repeats));
  }
  return keys;
}

}  // namespace heddle::balance
