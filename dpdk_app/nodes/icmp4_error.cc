// icmp4_error: turns a refused packet into the ICMP error about it (RFC 1812 4.3), in place.
// In: data() is a validated IPv4 header as it came, meta.refusal says what to tell.
// Out: an ICMP error of ours to the packet's source, at most 576 bytes.
#include <algorithm>

#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kSend, kFlow, kNotAllowed, kRateLimited, kNoHeadroom };
constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    to("ip4_conntrack"),
    drop("not_allowed",
         "refused packets that must not be answered (RFC 1812 4.3.2.7); each is also counted where "
         "it was refused"),
    drop("rate_limited",
         "refused packets not answered for the rate limit: a flood, a scan, a loop"),
    drop("no_headroom", "no room before the packet for the error's headers"),
};
constexpr uint16_t kHeaders = wire::kIpv4HeaderSize + wire::kIcmpHeaderSize;
constexpr uint16_t kLinkLayerRoom = 18;

// RFC 1812 4.3.2.7: never about an error, a broadcast or multicast, a later fragment, or a
// source that is not one host. Our own packets are not answered either.
bool may_answer(Packet packet, wire::Ipv4View ip) {
  const packet::Meta& meta = packet.meta();
  if (meta.has(packet::Flag::kOriginated) || meta.has(packet::Flag::kLinkBroadcast)) return false;
  if (ip.fragment_offset() != 0) return false;
  const wire::Ipv4Address source = ip.source();
  if (source.bytes()[0] == 0 || source.is_loopback() || source.bytes()[0] >= 224) return false;
  if (ip.destination().bytes()[0] >= 224) return false;
  if (ip.protocol() != wire::IpProtocol::kIcmp) return true;
  const size_t header = ip.header_length();
  if (packet.contiguous() < header + wire::kIcmpHeaderSize) return false;
  return !wire::is_error(wire::IcmpView(ip.data() + header).type4());
}

void build(Packet packet, Worker& worker) {
  const wire::Ipv4View quoted(packet.data());
  const wire::Ipv4Address to = quoted.source();
  const l3::Topology& topology = *worker.topology;
  // The address that the packet was sent to, if it is ours (RFC 1122 3.2.2), else one of the
  // link that it came by.
  const wire::Ipv4Address asked = quoted.destination();
  const bool ours = topology.is_own(asked) || asked == l3::kGateway4;
  const wire::Ipv4Address from =
      ours ? asked : topology.source4(topology.interface(packet.meta().rx_interface));
  const uint8_t dscp = quoted.dscp();
  packet.truncate(std::min<uint32_t>(packet.contiguous(), wire::kIcmp4ErrorLimit - kHeaders));
  const packet::Refusal refusal = packet.meta().refusal;
  packet.prepend(kHeaders);
  const auto bytes = packet.head();
  const wire::Icmp4 icmp{static_cast<wire::Icmp4Type>(refusal.type), refusal.code,
                         refusal.argument};
  icmp.emit(bytes.subspan(wire::kIpv4HeaderSize));
  const wire::Ipv4 ip{.dscp = dscp,
                      .payload_length = static_cast<uint16_t>(bytes.size() - wire::kIpv4HeaderSize),
                      .identification = worker.next_identification++,
                      .ttl = 64,
                      .protocol = wire::IpProtocol::kIcmp,
                      .source = from,
                      .destination = to};
  ip.emit(packet.data());
  packet.meta().clear(packet::Flag::kDirect);
  packet.meta().set(packet::Flag::kOriginated);
}

Edge answer(Packet packet, Worker& worker) {
  const wire::Ipv4View ip(packet.data());
  if (!may_answer(packet, ip)) return Edge::kNotAllowed;
  if (packet.mbuf()->data_off < kHeaders + kLinkLayerRoom) return Edge::kNoHeadroom;
  if (!worker.icmp_limiter.take(ip.source().host() * 0x9e3779b1u >> 16, worker.now))
    return Edge::kRateLimited;
  build(packet, worker);
  // The refused packet has left a translation behind it; its sender knows it as it came.
  const bool translated = packet.meta().has(packet::Flag::kTracked);
  packet.meta().clear(packet::Flag::kTracked);
  return translated ? Edge::kFlow : Edge::kSend;
}

}  // namespace

const NodeSpec icmp4_error{"icmp4_error", each_packet<answer>, kEdges};

}  // namespace heddle::app
