// arp_input: answers ARP for our own addresses, for workloads behind us (proxy ARP, RFC 1027)
// and as everybody's gateway on workload and host ports; learns from what it hears (RFC 826).
// In: data() is the ARP message, meta.rx_interface is set.
#include <algorithm>

#include "nodes/arp_sink.h"
#include "nodes/handoff_edge.h"
#include "nodes/link_layer.h"
#include "nodes/nodes.h"

namespace heddle::app {

namespace {

enum class Edge : uint8_t {
  kPortTx,
  kMalformed,
  kBadSender,
  kOwnAddress,
  kSenderOffLink,
  kOtherTarget,
  kUnsolicited,
};
constexpr EdgeSpec kEdges[] = {
    to("port_tx"),
    drop("malformed", "not an ARP message for IPv4 over Ethernet, or cut short"),
    drop("bad_sender", "a sender whose MAC or IP address no single station can have"),
    drop("own_address",
         "another station claims one of our addresses: a duplicate address, or spoofing"),
    drop("sender_off_link",
         "a sender that is not in any subnet (or not the workload) of this interface"),
    drop("other_target", "a question for somebody else's address: normal on a shared network"),
    drop("unsolicited_reply",
         "an answer that was not asked for, about a neighbour that is not used or static"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kUnsolicited) + 1);
constexpr ArpSink::Edges kSinkEdges{.port_tx = 0};

template <class List, class Address>
bool contains(const List& list, const Address& address) {
  return std::ranges::find(list, address) != list.end();
}

bool is_on_link(const l3::Topology& topology, const l3::Interface& in,
                const wire::Ipv4Address& address) {
  switch (in.role) {
    case l3::InterfaceRole::kWorkload:
      return contains(in.workload4, address);
    case l3::InterfaceRole::kHost:
      return topology.is_own(address);
    case l3::InterfaceRole::kUplink:
      break;
  }
  return std::ranges::any_of(in.own4, [&](const auto& own) {
    return wire::network_of(address, own.prefix_length) ==
           wire::network_of(own.address, own.prefix_length);
  });
}

bool is_ours_here(const l3::Topology& topology, const l3::Interface& in,
                  const wire::Ipv4Address& address) {
  if (in.role == l3::InterfaceRole::kHost) return address == l3::kGateway4;  // it shares the rest
  return topology.is_own(address) ||
         (in.role == l3::InterfaceRole::kWorkload && address == l3::kGateway4);
}

// Whether we say "that is me" for `target` on this interface.
bool answers_for(const l3::Topology& topology, const l3::Interface& in,
                 const wire::Ipv4Address& target) {
  switch (in.role) {
    // We are the way to everything, but not to what lives on the port itself.
    case l3::InterfaceRole::kWorkload:
      return !contains(in.workload4, target);
    case l3::InterfaceRole::kHost:
      return !topology.is_own(target);
    case l3::InterfaceRole::kUplink:
      break;
  }
  if (std::ranges::any_of(in.own4, [&](const auto& own) { return own.address == target; }))
    return true;
  const uint32_t slot = topology.fib4.lookup(target);
  if (slot == l3::Lpm<wire::Ipv4Address>::kNoRoute) return false;
  const l3::Hop& hop = topology.hops[slot];
  if (hop.kind == l3::HopKind::kService || hop.kind == l3::HopKind::kNat) return true;
  return hop.kind == l3::HopKind::kConnected &&
         topology.interface(hop.interface).role == l3::InterfaceRole::kWorkload;
}

void reply(Packet packet, const l3::Interface& in, const wire::Arp& request, Emitter& out) {
  const wire::Arp answer{.operation = wire::ArpOperation::kReply,
                         .sender_mac = in.mac,
                         .sender_ip = request.target_ip,
                         .target_mac = request.sender_mac,
                         .target_ip = request.sender_ip};
  answer.emit(packet.data());
  packet.truncate(wire::kArpSize);
  write_link_layer(packet, in, request.sender_mac, wire::EtherType::kArp);
  packet.meta().set(packet::Flag::kOriginated);
  out.send(Edge::kPortTx, packet);
}

// What an answer or an announcement means to the table, by what we have asked.
l3::NeighbourEvent event_of(const wire::Arp& arp, const l3::Neighbour<wire::Ipv4Address>* known) {
  const bool asked = known != nullptr && (known->state == l3::NeighbourState::kIncomplete ||
                                          known->state == l3::NeighbourState::kProbe);
  if (arp.operation == wire::ArpOperation::kReply && asked) return l3::NeighbourEvent::kConfirm;
  return l3::NeighbourEvent::kChange;
}

void input(Packet packet, Worker& worker, Emitter& out) {
  const auto bytes = packet.head();
  if (wire::check_arp(bytes) != wire::ArpFault::kNone) return out.send(Edge::kMalformed, packet);
  const wire::Arp arp = *wire::Arp::parse(bytes);
  const l3::Topology& topology = *worker.topology;
  const l3::Interface& in = topology.interface(packet.meta().rx_interface);
  const bool probe = arp.sender_ip.is_unspecified();  // RFC 5227 1.1

  if (arp.sender_mac.is_multicast() || arp.sender_mac.is_zero() || arp.sender_ip.is_multicast() ||
      arp.sender_ip.is_limited_broadcast() || arp.sender_ip.is_loopback())
    return out.send(Edge::kBadSender, packet);
  if (is_ours_here(topology, in, arp.sender_ip)) return out.send(Edge::kOwnAddress, packet);
  if (!probe && !is_on_link(topology, in, arp.sender_ip))
    return out.send(Edge::kSenderOffLink, packet);

  const bool copy = packet.meta().has(packet::Flag::kCopy);
  const bool announces = arp.sender_ip == arp.target_ip;
  const bool asks = arp.operation == wire::ArpOperation::kRequest;
  const bool for_us = asks && !announces && answers_for(topology, in, arp.target_ip);
  // Questions between others, most of what is heard on a shared network, teach nobody.
  if (!copy && !probe && (for_us || announces || !asks))
    worker.share(packet, static_cast<uint8_t>(HandoffEdge::kArpInput));

  ArpSink sink(worker, out, kSinkEdges);
  if (for_us) {
    if (!probe)
      worker.neighbours4.learn(in.id, arp.sender_ip, arp.sender_mac, l3::NeighbourEvent::kHint,
                               worker.now, sink);
    return copy ? packet.free() : reply(packet, in, arp, out);
  }
  if (probe) return out.send(Edge::kOtherTarget, packet);
  const auto* known = worker.neighbours4.find(in.id, arp.sender_ip);
  const bool learned = worker.neighbours4.learn(in.id, arp.sender_ip, arp.sender_mac,
                                                event_of(arp, known), worker.now, sink);
  if (learned || copy) return packet.free();
  out.send(asks ? Edge::kOtherTarget : Edge::kUnsolicited, packet);
}

}  // namespace

const NodeSpec arp_input{"arp_input", each_packet_emitting<input>, kEdges};

}  // namespace heddle::app
