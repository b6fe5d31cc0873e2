// Shares: how traffic is cut between a few groups (priority levels, localities) before a balancer
// picks within one. In millionths, and always a million or nothing in all.
#pragma once

#include <cstdint>
#include <span>

#include "balance/endpoint.h"

namespace heddle::balance {

inline constexpr uint32_t kWhole = 1'000'000;

// Cuts `whole` in proportion to `parts`, each rounded up or down; all zero when the parts are.
// As many shares as parts.
void apportion(std::span<const uint64_t> parts, uint32_t whole, std::span<uint32_t> shares);

// What a choice between groups is about. Each cuts the flows in its own way: flows of one group are
// spread over all groups of the next choice, and over all entries of a table.
enum class Choice : uint64_t {
  kPriority = 0x7072696f72697479,
  kLocality = 0x6c6f63616c697479,
};

// The group for a flow's hash or for random bits; kNoEndpoint when all shares are zero. When
// shares change, only the flows at the moved borders change their group.
constexpr uint32_t pick_share(std::span<const uint32_t> shares, uint64_t hash, Choice choice) {
  uint32_t rest = scale(mix(hash ^ static_cast<uint64_t>(choice)), kWhole);
  for (uint32_t i = 0; i < shares.size(); ++i) {
    if (rest < shares[i]) return i;
    rest -= shares[i];
  }
  return kNoEndpoint;
}

}  // namespace heddle::balance
