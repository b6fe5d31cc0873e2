// Our own addresses, as connections that begin here need them.
#pragma once

#include <optional>

#include "flows/standing.h"
#include "tcp/tuple.h"

namespace heddle::app {

// Ours, as whoever is behind the interface sees us.
inline tcp::IpAddress own_address_on(const l3::Topology& topology, InterfaceId out, bool ipv4) {
  const l3::Interface& interface = topology.interface(out);
  return ipv4 ? tcp::from_ipv4(topology.source4(interface)) : topology.source6(interface);
}

// The same towards an address; none while no interface leads there.
inline std::optional<tcp::IpAddress> own_address_towards(const l3::Topology& topology,
                                                         const tcp::IpAddress& to) {
  const bool ipv4 = to.is_v4_mapped();
  const InterfaceId out =
      ipv4 ? interface_towards(topology, tcp::to_ipv4(to)) : interface_towards(topology, to);
  if (out == kNoInterface) return std::nullopt;
  return own_address_on(topology, out, ipv4);
}

}  // namespace heddle::app
