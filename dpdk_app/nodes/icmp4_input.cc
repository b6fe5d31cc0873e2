// icmp4_input: answers echo requests to the node (RFC 1122 3.2.2.6) in place; other messages
// are the kernel's behind the host port.
// In: data() is a validated IPv4 header, whole, protocol ICMP, an own address as destination.
// Out: to ip4_lookup an echo reply of ours.
#include <cstring>

#include "nodes/nodes.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t { kReply, kHost, kTruncated, kBadChecksum, kNotWanted };
constexpr EdgeSpec kEdges[] = {
    to("ip4_lookup"),
    to("ip4_forward"),
    drop("truncated", "fewer than the eight bytes of an ICMP header"),
    drop("bad_checksum", "ICMP checksum wrong: damaged on its way, or a broken sender"),
    drop("not_wanted",
         "an ICMP message to the node that asks for nothing we give and has no host to go to"),
};

// The message's checksum over all segments; a right one sums to zero.
bool checksum_ok(Packet packet, size_t header) {
  const auto head = packet.head();
  if (!packet.is_chain()) return wire::icmp4_checksum_ok(head.subspan(header));
  wire::ChecksumAccumulator sum;
  sum.add(head.subspan(header));
  for (rte_mbuf* next = packet.mbuf()->next; next != nullptr; next = next->next)
    sum.add({rte_pktmbuf_mtod(next, const uint8_t*), next->data_len});
  return sum.checksum() == 0;
}

// Options were the request's: the reply goes without them.
void strip_options(Packet packet) {
  const wire::Ipv4MutView ip(packet.data());
  const auto options = static_cast<uint16_t>(ip.header_length() - wire::kIpv4HeaderSize);
  if (options == 0) return;
  ip.set_total_length(static_cast<uint16_t>(ip.total_length() - options));
  std::memmove(packet.data() + options, packet.data(), wire::kIpv4HeaderSize);
  packet.strip(options);
  packet.data()[0] = 0x45;
}

void make_reply(Packet packet, Worker& worker) {
  strip_options(packet);
  const wire::Ipv4MutView ip(packet.data());
  wire::IcmpMutView(ip.data() + ip.header_length()).set_type(wire::Icmp4Type::kEchoReply);
  const wire::Ipv4Address peer = ip.source();
  ip.set_source(ip.destination());
  ip.set_destination(peer);
  ip.set_ttl(64);
  ip.set_identification(worker.next_identification++);
  ip.update_checksum();
  packet.meta().set(packet::Flag::kOriginated);
}

Edge input(Packet packet, Worker& worker) {
  const wire::Ipv4View ip(packet.data());
  const size_t header = ip.header_length();
  if (packet.contiguous() < header + wire::kIcmpHeaderSize) return Edge::kTruncated;
  if (!checksum_ok(packet, header)) return Edge::kBadChecksum;
  const wire::IcmpView icmp(ip.data() + header);
  if (icmp.type4() == wire::Icmp4Type::kEchoRequest) {
    make_reply(packet, worker);
    return Edge::kReply;
  }
  const l3::Topology& topology = *worker.topology;
  // The host's own packets do not go back to it; what we answered or refused them with does.
  const auto role = topology.interface(packet.meta().rx_interface).role;
  const bool by_host =
      role == l3::InterfaceRole::kHost && !packet.meta().has(packet::Flag::kOriginated);
  if (topology.host_hop == l3::Topology::kNoHop || by_host || ip.destination() == l3::kGateway4)
    return Edge::kNotWanted;
  packet.meta().next_hop = topology.host_hop;
  packet.meta().set(packet::Flag::kDelivered);
  return Edge::kHost;
}

}  // namespace

const NodeSpec icmp4_input{"icmp4_input", each_packet<input>, kEdges};

}  // namespace heddle::app
