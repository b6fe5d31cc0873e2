// ethernet_input: reads the link-layer header and finds the interface.
// In: data() is an Ethernet frame.
// Out: data() is what the EtherType says; meta.rx_interface is set.
#include "nodes/nodes.h"
#include "wire/ethernet.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kIp4Input,
  kIp6Input,
  kArpInput,
  kTruncated,
  kUnknownVlan,
  kDoubleTagged,
  kNotForUs,
  kSourceMulticast,
  kOwnSource,
  kTooLong,
  kUnknownType,
};
constexpr EdgeSpec kEdges[] = {
    to("ip4_input"),
    to("ip6_input"),
    to("arp_input"),
    drop("truncated", "a frame shorter than its headers: a broken sender or driver"),
    drop("unknown_vlan", "a VLAN (or untagged traffic) that no interface of this port has"),
    drop("double_tagged", "stacked VLAN tags, which no interface here carries"),
    drop("not_for_us",
         "another station's unicast: a flooding switch, or a peer with an old neighbour entry"),
    drop("source_multicast", "a multicast source address, which no sender may use"),
    drop("own_source", "our own MAC as the source: a loop in the network, or a duplicate MAC"),
    drop("too_long", "a frame longer than the interface's MTU: the peer's MTU is larger than ours"),
    drop("unknown_type", "an EtherType other than IPv4, IPv6 and ARP"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kUnknownType) + 1);

// Strips the header, with the tag if there is one. The tag must name a VLAN of ours.
Edge read_link_layer(Packet packet, Worker& worker) {
  const auto frame = packet.head();
  if (frame.size() < wire::kEthernetHeaderSize) [[unlikely]]
    return Edge::kTruncated;
  const wire::EthernetView ethernet(frame.data());
  wire::EtherType type = ethernet.ether_type();
  VlanId vlan = kUntagged;
  uint16_t header = wire::kEthernetHeaderSize;
  if (type == wire::EtherType::kVlan || type == wire::EtherType::kQinQ) [[unlikely]] {
    if (wire::check_ethernet(frame) != wire::EthernetFault::kNone) return Edge::kTruncated;
    const wire::VlanTagView tag(frame.data() + wire::kEthernetHeaderSize);
    if (type == wire::EtherType::kQinQ) return Edge::kDoubleTagged;
    vlan = tag.vlan_id();
    type = tag.ether_type();
    header += wire::kVlanTagSize;
    if (vlan == kUntagged) packet.meta().set(packet::Flag::kPriorityTag);
    if (type == wire::EtherType::kVlan || type == wire::EtherType::kQinQ)
      return Edge::kDoubleTagged;
  }
  const l3::Topology& topology = *worker.topology;
  const InterfaceId id = topology.interface_of(packet.port(), vlan);
  if (id == kNoInterface) [[unlikely]]
    return Edge::kUnknownVlan;
  const l3::Interface& in = topology.interface(id);

  const wire::MacAddress destination = ethernet.destination();
  if (destination != in.mac) [[unlikely]] {
    if (!destination.is_multicast()) return Edge::kNotForUs;
    packet.meta().set(packet::Flag::kLinkBroadcast);
  }
  const wire::MacAddress source = ethernet.source();
  if (source.is_multicast()) [[unlikely]]
    return Edge::kSourceMulticast;
  if (source == in.mac) [[unlikely]]
    return Edge::kOwnSource;
  // Padding of short frames is no excess: only the MTU counts (60 bytes fit any).
  if (packet.size() > static_cast<uint32_t>(in.mtu) + header) [[unlikely]]
    return Edge::kTooLong;

  packet.meta().rx_interface = id;
  packet.strip(header);
  if (type == wire::EtherType::kIpv4) [[likely]]
    return Edge::kIp4Input;
  if (type == wire::EtherType::kIpv6) return Edge::kIp6Input;
  if (type == wire::EtherType::kArp) return Edge::kArpInput;
  return Edge::kUnknownType;
}

}  // namespace

const NodeSpec ethernet_input{"ethernet_input", each_packet<read_link_layer>, kEdges};

}  // namespace heddle::app
