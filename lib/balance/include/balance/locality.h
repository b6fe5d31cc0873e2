// Localities: how the traffic of one priority level is cut between zones. Three ways, as a policy
// says: by configured weights, to the own zone first, or so that all endpoints get the same while
// as much as possible stays in its zone (Envoy's locality-weighted and zone-aware balancing).
#pragma once

#include <cstdint>
#include <span>

#include "balance/priority.h"

namespace heddle::balance {

// All functions fill one share (shares.h) for each locality. Where nothing is available all are
// zero: in panic, say that all is available.

// By weight, less where a locality has too few available: weight * capacity_of(locality).
void share_by_weight(std::span<const Group> localities, std::span<const uint32_t> weights,
                     uint32_t overprovisioning_percent, std::span<uint32_t> shares);

// To the locality `local` as much as its capacity_of() says; the rest to the others by what they
// have available. An own zone that is not among them (>= size) has no capacity.
void share_local_first(std::span<const Group> localities, size_t local,
                       uint32_t overprovisioning_percent, std::span<uint32_t> shares);

struct ZoneAware {
  size_t local = 0;  // our own zone
  // How many senders such as we are in each zone, as far as available.
  std::span<const uint32_t> senders;
  // With fewer endpoints than this in all zones, zones are ignored.
  uint32_t minimum_endpoints = 6;
};

// While all senders send the same and each uses this rule, every endpoint gets the same. A zone
// with fewer of the endpoints than of the senders keeps what its endpoints can take, and sends the
// rest to zones with more of them, by how much more. Zones are ignored when ours has no sender.
void share_zone_aware(std::span<const Group> localities, const ZoneAware& zones,
                      std::span<uint32_t> shares);

}  // namespace heddle::balance
