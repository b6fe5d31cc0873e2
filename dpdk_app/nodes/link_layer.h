// Writing link-layer headers in front of finished packets.
#pragma once

#include <cstring>

#include "flows/far_end.h"
#include "l3/topology.h"
#include "packet/packet.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

// Prepends destination and `tail` (Interface::tail4 or tail6) and says where the frame leaves.
inline void write_link_layer(packet::Packet packet, const l3::Interface& out,
                             const wire::MacAddress& destination,
                             const std::array<uint8_t, 12>& tail) {
  uint8_t* at = packet.prepend(out.header_length);
  destination.store(at);
  std::memcpy(at + 6, tail.data(), 8);
  if (out.is_tagged()) [[unlikely]]
    std::memcpy(at + 14, tail.data() + 8, 4);
  packet.meta().tx_interface = out.id;
}

// The same for any EtherType.
inline void write_link_layer(packet::Packet packet, const l3::Interface& out,
                             const wire::MacAddress& destination, wire::EtherType type) {
  write_link_layer(packet, out, destination, out.tail4);
  store_be<uint16_t>(packet.data() + out.header_length - 2, static_cast<uint16_t>(type));
}

template <class Address>
Address destination_of(packet::Packet packet) {
  if constexpr (sizeof(Address) == 4)
    return wire::Ipv4View(packet.data()).destination();
  else
    return wire::Ipv6View(packet.data()).destination();
}

// Who gets a packet with Flag::kDirect: as its flow says, or as this turn's policy has it.
template <class Address>
Address direct_endpoint(packet::Packet packet, const Worker& worker) {
  const packet::Meta& meta = packet.meta();
  if (meta.has(packet::Flag::kTracked)) {
    const flow::FlowTable& table = worker.flows->tracker.table();
    // Else nobody has this address, and the packet ends where neighbours are asked for.
    const bool known = still_leads_to(table, meta.flow, destination_of<Address>(packet));
    return known ? far_end<Address>(table, meta.flow).address : Address();
  }
  const policy::Cluster& cluster = *worker.policy->clusters[meta.direct_cluster];
  const policy::IpAddress& address = cluster.endpoints[meta.direct_endpoint].address;
  if constexpr (sizeof(Address) == 4)
    return address.v4();
  else
    return address.v6();
}

// Whose MAC address the packet needs: that of the gateway, of the endpoint that policy chose, or
// of the destination itself.
template <class Address>
Address neighbour_of(packet::Packet packet, const l3::Hop& hop, const Worker& worker) {
  if (packet.meta().has(packet::Flag::kDirect)) [[unlikely]]
    return direct_endpoint<Address>(packet, worker);
  if constexpr (sizeof(Address) == 4)
    return hop.kind == l3::HopKind::kVia ? hop.via4 : wire::Ipv4View(packet.data()).destination();
  else
    return hop.kind == l3::HopKind::kVia ? hop.via6 : wire::Ipv6View(packet.data()).destination();
}

}  // namespace heddle::app
