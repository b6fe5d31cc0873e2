// ip4_local: what is addressed to the node itself. ICMP is answered here; the rest belongs to
// the node's kernel behind the host port, if there is one.
// In: data() is a validated IPv4 header with an own address as destination.
#include "nodes/dns_packets.h"
#include "nodes/local_tcp.h"
#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kIcmp,
  kHost,
  kTcp,
  kDns,
  kFragment,
  kPortUnreachable,
  kProtocolUnreachable
};
constexpr EdgeSpec kEdges[] = {
    to("icmp4_input"),
    to("ip4_forward"),
    to("ip4_tcp_listen"),
    to("dns_input"),
    drop("fragment", "a fragment for the node itself, which has no host port to put it together"),
    refuse4("port_unreachable", "TCP or UDP for the node itself, which has no host port",
            wire::Icmp4Type::kUnreachable, static_cast<uint8_t>(wire::Icmp4Unreachable::kPort)),
    refuse4("protocol_unreachable", "a protocol that nothing on this node speaks",
            wire::Icmp4Type::kUnreachable, static_cast<uint8_t>(wire::Icmp4Unreachable::kProtocol)),
};

Edge deliver(Packet packet, Worker& worker) {
  const wire::Ipv4View ip(packet.data());
  if (ip.protocol() == wire::IpProtocol::kIcmp && !ip.is_fragment()) return Edge::kIcmp;
  if (is_for_our_tcp<wire::Ipv4Address>(packet, worker)) return Edge::kTcp;
  if (is_dns_answer<wire::Ipv4Address>(packet, worker)) return Edge::kDns;
  const l3::Topology& topology = *worker.topology;
  const l3::Interface& in = topology.interface(packet.meta().rx_interface);
  // The gateway address is ours alone, and the host's own packets do not go back to it.
  const bool for_host =
      topology.host_hop != l3::Topology::kNoHop &&
      (in.role != l3::InterfaceRole::kHost || packet.meta().has(packet::Flag::kOriginated)) &&
      ip.destination() != l3::kGateway4;
  if (for_host) {
    packet.meta().next_hop = topology.host_hop;
    packet.meta().set(packet::Flag::kDelivered);
    return Edge::kHost;
  }
  if (ip.is_fragment()) return Edge::kFragment;
  const bool has_ports =
      ip.protocol() == wire::IpProtocol::kTcp || ip.protocol() == wire::IpProtocol::kUdp;
  return has_ports ? Edge::kPortUnreachable : Edge::kProtocolUnreachable;
}

}  // namespace

const NodeSpec ip4_local{"ip4_local", each_packet<deliver>, kEdges};

}  // namespace heddle::app
