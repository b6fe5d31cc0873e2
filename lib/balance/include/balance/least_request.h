// LeastRequest: of two endpoints drawn by chance and weight, the one with less to do
// (Mitzenmacher 2001, the power of two choices). What counts as load is the caller's: requests
// in flight, connections, streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "balance/endpoint.h"
#include "balance/weighted_random.h"
#include "core/random.h"

namespace heddle::balance {

class LeastRequest {
 public:
  LeastRequest() = default;
  // At most kMaxEndpoints. `bias` is Envoy's active_request_bias, >= 0: with unequal weights an
  // endpoint counts as weight / (active + 1)^bias. 0 looks at weights alone.
  explicit LeastRequest(std::span<const Endpoint> endpoints, double bias = 1.0);

  bool empty() const { return drawn_.empty(); }

  // `active` holds the load of each endpoint, by its position in the list. kNoEndpoint when
  // nothing has a weight.
  uint32_t pick(Random& random, std::span<const uint32_t> active) const;

  size_t bytes() const { return sizeof(*this) - sizeof(drawn_) + drawn_.bytes(); }

 private:
  uint32_t other_than(uint32_t first, Random& random) const;

  WeightedRandom drawn_;
  double bias_ = 1.0;
  bool equal_ = true;  // all weights are
};

}  // namespace heddle::balance
