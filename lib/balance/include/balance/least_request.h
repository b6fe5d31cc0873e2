// LeastRequest: of two endpoints drawn by chance and weight, the one with less to do for its
// weight (Mitzenmacher 2001, the power of two choices). What counts as load is the caller's:
// requests in flight, connections, streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "balance/endpoint.h"
#include "balance/weighted_random.h"
#include "core/random.h"

namespace heddle::balance {

class LeastRequest {
 public:
  LeastRequest() = default;
  // At most kMaxEndpoints. `bias`, if given, is Envoy's active_request_bias, >= 0: endpoints of
  // unequal weights then count as weight / (active + 1)^bias instead. See README.md for what that
  // costs; 0 looks at weights alone.
  explicit LeastRequest(std::span<const Endpoint> endpoints,
                        std::optional<double> bias = std::nullopt);

  bool empty() const { return drawn_.empty(); }

  // `active` holds the load of each endpoint, by its position in the list. kNoEndpoint when
  // nothing has a weight. While all are idle, each gets its weight's share.
  uint32_t pick(Random& random, std::span<const uint32_t> active) const;

  size_t bytes() const {
    return sizeof(*this) - sizeof(drawn_) + drawn_.bytes() + weights_.capacity() * sizeof(uint32_t);
  }

 private:
  uint32_t other_than(uint32_t first, Random& random) const;

  WeightedRandom drawn_;
  std::vector<uint32_t> weights_;  // by position; empty when all of drawn_ have the same
  std::optional<double> bias_;
};

}  // namespace heddle::balance
