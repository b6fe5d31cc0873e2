// ip4_input: decides whether a packet is one (RFC 1812 5.2.2, 5.3.7) and may come from here.
// In: data() is what follows an EtherType of IPv4; meta.rx_interface is set.
// Out: data() is a validated IPv4 header, the packet ends where the header says.
#include <algorithm>

#include "nodes/dns_packets.h"
#include "nodes/nodes.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kLookup,
  kFlow,
  kTcp,
  kDns,
  kTruncated,
  kBadVersion,
  kBadHeaderLength,
  kBadTotalLength,
  kBadChecksum,
  kBadOptions,
  kSourceRoute,
  kBroadcastFrame,
  kMartianSource,
  kMartianDestination,
  kLinkLocal,
  kMulticast,
  kBroadcast,
  kOwnSource,
  kSpoofedSource,
  kBadFragment,
};
constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    to("ip4_conntrack"),
    to("ip4_tcp_input"),
    to("dns_input"),
    drop("truncated", "fewer bytes than an IPv4 header: cut on its way, or a broken sender"),
    drop("bad_version", "an IPv4 EtherType before something that is not IPv4"),
    drop("bad_header_length", "a header length below 20 bytes or past the packet's end"),
    drop("bad_total_length", "a total length that the packet does not have"),
    drop("bad_checksum",
         "header checksum wrong: a broken sender, or offloads left on at a veth peer"),
    drop("bad_options", "IP options that contradict themselves"),
    drop("source_route", "a source route option, refused as RFC 7126 advises"),
    drop("broadcast_frame", "a unicast destination in a broadcast frame (RFC 1122 3.3.6)"),
    drop("martian_source", "a source that no sender can have (0/8, 127/8, multicast, 240/4)"),
    drop("martian_destination", "a destination that is never on a wire (0/8, 127/8, 240/4)"),
    drop("link_local",
         "169.254/16 is never forwarded (RFC 3927 7); only our gateway address answers"),
    drop("multicast", "multicast, which is not routed here"),
    drop("broadcast", "255.255.255.255 stays on its link: a DHCP client, a discovery protocol"),
    drop("own_source", "our own address as the source: spoofing, a loop, or a duplicate address"),
    drop("spoofed_source", "a source that is not this workload's (or not the host's) address"),
    drop("bad_fragment", "a fragment past 65,535 bytes, or of a length that no other can follow"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kBadFragment) + 1);

Edge edge_of(wire::Ipv4Fault fault) {
  switch (fault) {
    case wire::Ipv4Fault::kNone:
      return Edge::kLookup;
    case wire::Ipv4Fault::kTruncated:
      return Edge::kTruncated;
    case wire::Ipv4Fault::kVersion:
      return Edge::kBadVersion;
    case wire::Ipv4Fault::kHeaderLength:
      return Edge::kBadHeaderLength;
    case wire::Ipv4Fault::kTotalLength:
      return Edge::kBadTotalLength;
    case wire::Ipv4Fault::kChecksum:
      return Edge::kBadChecksum;
  }
  return Edge::kTruncated;
}

Edge check_options(wire::Ipv4View ip) {
  switch (wire::check_ipv4_options(ip.options())) {
    case wire::Ipv4OptionsFault::kNone:
      return Edge::kLookup;
    case wire::Ipv4OptionsFault::kMalformed:
      return Edge::kBadOptions;
    case wire::Ipv4OptionsFault::kSourceRoute:
      return Edge::kSourceRoute;
  }
  return Edge::kBadOptions;
}

// RFC 791 3.2: all pieces but the last are multiples of 8 bytes, and the whole is one datagram.
bool is_bad_fragment(wire::Ipv4View ip) {
  const size_t end = ip.fragment_offset() + ip.payload_length();
  return end + ip.header_length() > 65535 ||
         (ip.more_fragments() && ip.payload_length() % 8 != 0) ||
         (ip.more_fragments() && ip.payload_length() == 0);
}

// True for the blocks of which most of the checks below are about: 0/8, 127/8, 169.254/16 (by
// its first octet) and everything from 224 on.
constexpr bool is_unusual(uint8_t octet) {
  return octet == 0 || octet == 127 || octet == 169 || octet >= 224;
}

Edge check_unusual(const wire::Ipv4Address& source, const wire::Ipv4Address& destination,
                   const l3::Interface& in) {
  if (source.is_this_network() || source.is_loopback() || source.bytes()[0] >= 224)
    return Edge::kMartianSource;
  if (source.is_link_local()) return Edge::kLinkLocal;
  if (destination.is_this_network() || destination.is_loopback() || destination.is_class_e())
    return Edge::kMartianDestination;
  if (destination.is_multicast()) return Edge::kMulticast;
  if (destination.is_limited_broadcast()) return Edge::kBroadcast;
  if (!destination.is_link_local()) return Edge::kLookup;
  const bool gateway = destination == l3::kGateway4 && in.role != l3::InterfaceRole::kUplink;
  return gateway ? Edge::kLookup : Edge::kLinkLocal;
}

Edge check_source(const wire::Ipv4Address& source, const l3::Interface& in,
                  const l3::Topology& topology) {
  if (in.role == l3::InterfaceRole::kUplink)
    return topology.is_own(source) ? Edge::kOwnSource : Edge::kLookup;
  if (in.role == l3::InterfaceRole::kHost)
    return topology.is_own(source) ? Edge::kLookup : Edge::kSpoofedSource;
  const bool known = std::ranges::find(in.workload4, source) != in.workload4.end() ||
                     std::ranges::find(in.also_from4, source) != in.also_from4.end();
  return known ? Edge::kLookup : Edge::kSpoofedSource;
}

Edge input(Packet packet, Worker& worker) {
  // The header must lie in the first segment; what follows may be chained.
  if (packet.is_chain() && packet.contiguous() < wire::kIpv4MaxHeaderSize) [[unlikely]]
    return Edge::kTruncated;
  const std::span<const uint8_t> bytes{packet.data(), packet.size()};
  const wire::Ipv4Fault fault = packet.ip_checksum_verified()
                                    ? wire::check_ipv4_without_checksum(bytes)
                                    : wire::check_ipv4(bytes);
  if (fault != wire::Ipv4Fault::kNone) [[unlikely]]
    return edge_of(fault);
  const wire::Ipv4View ip(packet.data());
  packet.truncate(ip.total_length());
  if (ip.header_length() != wire::kIpv4HeaderSize) [[unlikely]] {
    const Edge edge = check_options(ip);
    if (edge != Edge::kLookup) return edge;
  }
  if (ip.is_fragment() && is_bad_fragment(ip)) [[unlikely]]
    return Edge::kBadFragment;
  const wire::Ipv4Address source = ip.source();
  const wire::Ipv4Address destination = ip.destination();
  const l3::Interface& in = worker.topology->interface(packet.meta().rx_interface);
  if (is_unusual(source.bytes()[0]) || is_unusual(destination.bytes()[0])) [[unlikely]] {
    const Edge edge = check_unusual(source, destination, in);
    if (edge != Edge::kLookup) return edge;
  }
  if (packet.meta().has(packet::Flag::kLinkBroadcast)) [[unlikely]]
    return Edge::kBroadcastFrame;
  const Edge edge = check_source(source, in, *worker.topology);
  if (edge != Edge::kLookup) [[unlikely]]
    return edge;
  if (worker.dns != nullptr && is_dns_query<wire::Ipv4Address>(packet, in, worker))
    return Edge::kDns;
  if (worker.ends_tcp) return Edge::kTcp;
  return worker.tracks ? Edge::kFlow : Edge::kLookup;
}

}  // namespace

const NodeSpec ip4_input{"ip4_input", each_packet<input>, kEdges};

}  // namespace heddle::app
