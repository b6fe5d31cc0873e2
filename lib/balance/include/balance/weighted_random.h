// WeightedRandom: an endpoint by chance and weight, in constant time by the alias method
// (Walker 1977, Vose 1991). The caller brings the chance: 64 random bits, or a flow's hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/endpoint.h"

namespace heddle::balance {

class WeightedRandom {
 public:
  WeightedRandom() = default;
  // At most kMaxEndpoints. Shares are exact to 2^-32; weight 0 gets nothing.
  explicit WeightedRandom(std::span<const Endpoint> endpoints);

  bool empty() const { return slots_.empty(); }

  // How many endpoints have a weight, and their positions in the list.
  uint32_t members() const { return static_cast<uint32_t>(slots_.size()); }
  uint32_t member(uint32_t i) const { return slots_[i].own; }

  // kNoEndpoint when nothing has a weight. All 64 bits must be random.
  uint32_t pick(uint64_t random) const {
    if (empty()) [[unlikely]]
      return kNoEndpoint;
    // The product's high word is the slot; its low word is a fresh fraction within the slot.
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(random) * slots_.size();
    const Slot& slot = slots_[static_cast<uint64_t>(product >> 64)];
    const auto fraction = static_cast<uint32_t>(static_cast<uint64_t>(product) >> 32);
    return fraction < slot.threshold ? slot.own : slot.other;
  }

  size_t bytes() const { return sizeof(*this) + slots_.capacity() * sizeof(Slot); }

 private:
  // Below `threshold` of 2^32 the slot's own endpoint, above it another.
  struct Slot {
    uint32_t threshold;
    uint16_t own;
    uint16_t other;
  };
  std::vector<Slot> slots_;
};

}  // namespace heddle::balance
