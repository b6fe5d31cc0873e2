// icmp6_error: turns a refused packet into the ICMPv6 error about it (RFC 4443 2.4), in place.
// In: data() is a validated IPv6 header as it came, meta.refusal says what to tell.
// Out: an ICMPv6 error of ours to the packet's source, at most 1280 bytes.
#include <algorithm>

#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv6.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kSend, kFlow, kSendOnLink, kNotAllowed, kRateLimited, kNoHeadroom };
constexpr EdgeSpec kEdges[] = {
    to("ip6_lookup"),
    to("ip6_conntrack"),
    to("ip6_output"),
    drop("not_allowed",
         "refused packets that must not be answered (RFC 4443 2.4 (e)); each is also counted where "
         "it was refused"),
    drop("rate_limited",
         "refused packets not answered for the rate limit: a flood, a scan, a loop"),
    drop("no_headroom", "no room before the packet for the error's headers"),
};
constexpr uint16_t kHeaders = wire::kIpv6HeaderSize + wire::kIcmpHeaderSize;
constexpr uint16_t kLinkLayerRoom = 18;

// Packets to a group are answered only where RFC 4443 2.4 (e.3) excepts them.
bool is_for_groups(const packet::Refusal& refusal) {
  return refusal.type == static_cast<uint8_t>(wire::Icmp6Type::kPacketTooBig) ||
         (refusal.type == static_cast<uint8_t>(wire::Icmp6Type::kParameterProblem) &&
          refusal.code == static_cast<uint8_t>(wire::Icmp6Parameter::kOption));
}

bool may_answer(Packet packet, wire::Ipv6View ip) {
  const packet::Meta& meta = packet.meta();
  if (meta.has(packet::Flag::kOriginated)) return false;
  if (ip.source().is_unspecified() || ip.source().is_multicast()) return false;
  const bool group = ip.destination().is_multicast() || meta.has(packet::Flag::kLinkBroadcast);
  if (group && !is_for_groups(meta.refusal)) return false;
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(packet.head(), payload) != wire::Ipv6ChainFault::kNone)
    return false;
  const bool later_fragment = payload.is_fragment && !payload.first_fragment;
  if (payload.protocol != wire::IpProtocol::kIcmpv6 || later_fragment) return true;
  if (packet.contiguous() < payload.offset + wire::kIcmpHeaderSize) return false;
  const wire::Icmp6Type type = wire::IcmpView(packet.data() + payload.offset).type6();
  return !wire::is_error(type) && type != wire::Icmp6Type::kRedirect;
}

// RFC 4443 2.2: the address that the packet was sent to, if it is ours; else one of the link
// that it came by.
wire::Ipv6Address source_for(wire::Ipv6View ip, const l3::Interface& in,
                             const l3::Topology& topology) {
  const wire::Ipv6Address asked = ip.destination();
  const bool gateway = asked == l3::kGateway6 && in.role != l3::InterfaceRole::kUplink;
  if (gateway || asked == in.link_local || topology.is_own(asked)) return asked;
  return ip.source().is_link_local() ? in.link_local : topology.source6(in);
}

Edge build(Packet packet, Worker& worker) {
  const wire::Ipv6Address to = wire::Ipv6View(packet.data()).source();
  const l3::Topology& topology = *worker.topology;
  const l3::Interface& in = topology.interface(packet.meta().rx_interface);
  const wire::Ipv6Address from = source_for(wire::Ipv6View(packet.data()), in, topology);
  packet.truncate(std::min<uint32_t>(packet.contiguous(), wire::kIcmp6ErrorLimit - kHeaders));
  const packet::Refusal refusal = packet.meta().refusal;
  packet.prepend(kHeaders);
  const auto bytes = packet.head();
  const wire::Icmp6 icmp{static_cast<wire::Icmp6Type>(refusal.type), refusal.code,
                         refusal.argument};
  icmp.emit(from, to, bytes.subspan(wire::kIpv6HeaderSize));
  const wire::Ipv6 ip{.payload_length = static_cast<uint16_t>(bytes.size() - wire::kIpv6HeaderSize),
                      .next_header = wire::IpProtocol::kIcmpv6,
                      .hop_limit = 64,
                      .source = from,
                      .destination = to};
  ip.emit(packet.data());
  packet.meta().clear(packet::Flag::kDirect);
  packet.meta().set(packet::Flag::kOriginated);
  // As in icmp4_error.
  const bool translated = packet.meta().has(packet::Flag::kTracked);
  packet.meta().clear(packet::Flag::kTracked);
  if (!to.is_link_local() && !from.is_link_local()) return translated ? Edge::kFlow : Edge::kSend;
  packet.meta().next_hop = topology.connected_hop(in.id);
  return Edge::kSendOnLink;
}

Edge answer(Packet packet, Worker& worker) {
  const wire::Ipv6View ip(packet.data());
  if (!may_answer(packet, ip)) return Edge::kNotAllowed;
  if (packet.mbuf()->data_off < kHeaders + kLinkLayerRoom) return Edge::kNoHeadroom;
  const auto hash =
      static_cast<uint32_t>((ip.source().high() ^ ip.source().low()) * 0x9e3779b97f4a7c15 >> 40);
  if (!worker.icmp_limiter.take(hash, worker.now)) return Edge::kRateLimited;
  return build(packet, worker);
}

}  // namespace

const NodeSpec icmp6_error{"icmp6_error", each_packet<answer>, kEdges};

}  // namespace heddle::app
