// Bounded loads: consistent hashing that passes an endpoint by while it has more than its share of
// the load (Mirrokni et al. 2018; Envoy's hash_balance_factor). Works over any table with
// pick(hash): Maglev or RingHash.
#pragma once

#include <cstdint>
#include <span>

#include "balance/endpoint.h"

namespace heddle::balance {

// The loads that a pick looks at; both lists are by position.
struct Loads {
  std::span<const Endpoint> endpoints;
  std::span<const uint32_t> active;
  uint64_t total_weight = 0;  // sums of the two
  uint64_t total_active = 0;

  // Whether one more leaves the endpoint with at most `factor_percent` of its weight's share of
  // all loads, rounded up. An idle endpoint has room always.
  bool has_room(uint32_t position, uint32_t factor_percent) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<Wide>(active[position]) * 100 * total_weight <
           static_cast<Wide>(endpoints[position].weight) * factor_percent * (total_active + 1);
  }
  bool is_less_loaded(uint32_t a, uint32_t b) const {
    return uint64_t{active[a]} * endpoints[b].weight < uint64_t{active[b]} * endpoints[a].weight;
  }
};

// With a factor of 125 % a fifth of the endpoints has room at least: all these tries miss it in one
// of a million picks.
inline constexpr uint32_t kBoundedTries = 64;

// The endpoint of `hash`, or, while it has no room, the first with room of a sequence that the hash
// decides; when all tries are in vain the least loaded one of them. `factor_percent` is above 100;
// the nearer it is, the more even the loads and the more flows that are not where they belong.
template <class Table>
uint32_t pick_bounded(const Table& table, uint64_t hash, uint32_t factor_percent,
                      const Loads& loads) {
  uint32_t best = table.pick(hash);
  if (best == kNoEndpoint || loads.has_room(best, factor_percent)) return best;
  for (uint32_t tries = 1; tries < kBoundedTries; ++tries) {
    const uint32_t next = table.pick(mix(hash + tries));
    if (loads.has_room(next, factor_percent)) return next;
    if (loads.is_less_loaded(next, best)) best = next;
  }
  return best;
}

}  // namespace heddle::balance
