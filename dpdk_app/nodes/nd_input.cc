// nd_input: neighbor solicitations and advertisements (RFC 4861 7.2). Answers for our own
// addresses, for workloads behind us (proxy ND, RFC 4389) and as the gateway of workload and
// host ports.
// In: data() is a validated IPv6 header; the payload is one of the two messages.
#include <algorithm>

#include "nodes/handoff_edge.h"
#include "nodes/link_layer.h"
#include "nodes/nd_sink.h"
#include "nodes/nodes.h"
#include "wire/ipv6.h"

namespace heddle::app {

namespace {

using Event = l3::NeighbourEvent;
using Known = l3::Neighbour<wire::Ipv6Address>;

enum class Edge : uint8_t {
  kPortTx,
  kMalformed,
  kBadHopLimit,
  kBadSender,
  kOwnAddress,
  kSenderOffLink,
  kOtherTarget,
  kUnsolicited,
};
constexpr EdgeSpec kEdges[] = {
    to("port_tx"),
    drop("malformed", "a neighbor discovery message that RFC 4861 7.1 calls invalid"),
    drop("bad_hop_limit", "a hop limit below 255: it came through a router, so it is forged"),
    drop("bad_sender", "a link-layer address that no single station can have"),
    drop("own_address",
         "another station claims one of our addresses: a duplicate address, or spoofing"),
    drop("sender_off_link",
         "a sender that is not in any subnet (or not the workload) of this interface"),
    drop("other_target", "a question for somebody else's address: normal on a shared network"),
    drop("unsolicited_advertisement", "an advertisement about a neighbour that is not used"),
};
static_assert(std::size(kEdges) == static_cast<size_t>(Edge::kUnsolicited) + 1);
constexpr NdSink::Edges kSinkEdges{.port_tx = 0};

template <class List, class Address>
bool contains(const List& list, const Address& address) {
  return std::ranges::find(list, address) != list.end();
}

bool is_on_link(const l3::Topology& topology, const l3::Interface& in,
                const wire::Ipv6Address& address) {
  if (address.is_link_local()) return true;
  switch (in.role) {
    case l3::InterfaceRole::kWorkload:
      return contains(in.workload6, address);
    case l3::InterfaceRole::kHost:
      return topology.is_own(address);
    case l3::InterfaceRole::kUplink:
      break;
  }
  return std::ranges::any_of(in.own6, [&](const auto& own) {
    return wire::network_of(address, own.prefix_length) ==
           wire::network_of(own.address, own.prefix_length);
  });
}

bool is_ours_here(const l3::Topology& topology, const l3::Interface& in,
                  const wire::Ipv6Address& address) {
  if (address == in.link_local) return true;
  const bool gateway = address == l3::kGateway6 && in.role != l3::InterfaceRole::kUplink;
  if (in.role == l3::InterfaceRole::kHost) return gateway;
  return gateway || topology.is_own(address);
}

enum class Answer : uint8_t { kNo, kOwn, kProxy };

Answer answer_for(const l3::Topology& topology, const l3::Interface& in,
                  const wire::Ipv6Address& target) {
  if (target == in.link_local) return Answer::kOwn;
  const bool uplink = in.role == l3::InterfaceRole::kUplink;
  if (!uplink && target == l3::kGateway6) return Answer::kOwn;
  if (target.is_link_local()) return Answer::kNo;  // of the station itself, or of another
  if (in.role == l3::InterfaceRole::kWorkload)
    return contains(in.workload6, target) ? Answer::kNo : Answer::kProxy;
  if (in.role == l3::InterfaceRole::kHost)
    return topology.is_own(target) ? Answer::kNo : Answer::kProxy;
  if (std::ranges::any_of(in.own6, [&](const auto& own) { return own.address == target; }))
    return Answer::kOwn;
  const uint32_t slot = topology.fib6.lookup(target);
  if (slot == l3::Lpm<wire::Ipv6Address>::kNoRoute) return Answer::kNo;
  const l3::Hop& hop = topology.hops[slot];
  const bool workload = hop.kind == l3::HopKind::kConnected &&
                        topology.interface(hop.interface).role == l3::InterfaceRole::kWorkload;
  const bool ours = hop.kind == l3::HopKind::kService || hop.kind == l3::HopKind::kNat;
  return workload || ours ? Answer::kProxy : Answer::kNo;
}

// The sender's MAC from the link-layer header, which has been stripped and still lies there.
wire::MacAddress link_source(Packet packet, const l3::Interface& in) {
  const bool tagged = packet.meta().has(packet::Flag::kPriorityTag);
  return wire::MacAddress::from(packet.data() - in.header_length - (tagged ? 4 : 0) + 6);
}

struct Input {
  Packet packet;
  Worker& worker;
  Emitter& out;
  const l3::Interface& in;
  wire::Ipv6Address source;
  std::span<const uint8_t> icmp;
  bool is_copy;
};

void advertise(const Input& input, const wire::Ipv6Address& target, Answer answer) {
  const l3::Interface& in = input.in;
  const bool probe = input.source.is_unspecified();
  const wire::MacAddress peer = link_source(input.packet, in);
  const NdPath path{.source = answer == Answer::kOwn ? target : in.link_local,
                    .destination = probe ? wire::kAllNodes : input.source,
                    .mac = probe ? wire::multicast_mac(wire::kAllNodes) : peer};
  const wire::NeighborAdvertisement message{.target = target,
                                            .router = true,
                                            .solicited = !probe,
                                            .override_flag = answer == Answer::kOwn,
                                            .target_link_layer = in.mac};
  const Packet reply = make_nd(input.worker, in, path, message);
  input.packet.free();
  if (reply) input.out.send(Edge::kPortTx, reply);  // else the peer asks again
}

void solicitation(const Input& input) {
  const wire::NsView ns(input.icmp);
  const auto mac = ns.source_link_layer();
  if (mac && (mac->is_multicast() || mac->is_zero()))
    return input.out.send(Edge::kBadSender, input.packet);
  const l3::Topology& topology = *input.worker.topology;
  const wire::Ipv6Address target = ns.target();
  const Answer answer = answer_for(topology, input.in, target);
  if (answer == Answer::kNo) {
    if (input.is_copy) return input.packet.free();
    return input.out.send(Edge::kOtherTarget, input.packet);
  }
  // A proxy does not contest a workload's own duplicate address detection.
  if (input.source.is_unspecified() && answer == Answer::kProxy &&
      input.in.role != l3::InterfaceRole::kUplink)
    return input.out.send(Edge::kOtherTarget, input.packet);
  if (mac && !input.source.is_unspecified()) {
    NdSink sink(input.worker, input.out, kSinkEdges);
    input.worker.neighbours6.learn(input.in.id, input.source, *mac, Event::kHint, input.worker.now,
                                   sink);
  }
  if (input.is_copy) return input.packet.free();
  advertise(input, target, answer);
}

// RFC 4861 7.2.5 and its table in appendix C.
Event event_of(const wire::NaView& na, const Known& known, const wire::MacAddress& mac) {
  const bool asked =
      known.state == l3::NeighbourState::kIncomplete || known.state == l3::NeighbourState::kProbe;
  const bool other = known.state != l3::NeighbourState::kIncomplete && mac != known.mac;
  if (other && !na.override_flag()) return Event::kDoubt;
  if (na.solicited() && asked) return Event::kConfirm;
  return Event::kChange;
}

void advertisement(const Input& input) {
  const wire::NaView na(input.icmp);
  const wire::Ipv6Address target = na.target();
  const l3::Topology& topology = *input.worker.topology;
  if (is_ours_here(topology, input.in, target))
    return input.out.send(Edge::kOwnAddress, input.packet);
  auto& table = input.worker.neighbours6;
  const auto* known = table.find(input.in.id, target);
  const auto option = na.target_link_layer();
  if (option && (option->is_multicast() || option->is_zero()))
    return input.out.send(Edge::kBadSender, input.packet);
  // Without the option only the answer to a unicast question says something (RFC 4861 4.4).
  const bool usable =
      known != nullptr && (option || known->state != l3::NeighbourState::kIncomplete);
  if (!usable) {
    if (input.is_copy) return input.packet.free();
    return input.out.send(Edge::kUnsolicited, input.packet);
  }
  const wire::MacAddress mac = option.value_or(known->mac);
  NdSink sink(input.worker, input.out, kSinkEdges);
  table.learn(input.in.id, target, mac, event_of(na, *known, mac), input.worker.now, sink);
  input.packet.free();
}

std::optional<Edge> edge_of(wire::NdFault fault) {
  if (fault == wire::NdFault::kNone) return std::nullopt;
  return fault == wire::NdFault::kHopLimit ? Edge::kBadHopLimit : Edge::kMalformed;
}

void input(Packet packet, Worker& worker, Emitter& out) {
  const wire::Ipv6View ip(packet.data());
  // A message behind extension headers is not one that any sender needs (RFC 6980 for fragments).
  if (ip.next_header() != wire::IpProtocol::kIcmpv6 || packet.is_chain())
    return out.send(Edge::kMalformed, packet);
  const auto icmp = packet.head().subspan(wire::kIpv6HeaderSize);
  if (const auto edge = edge_of(wire::check_nd(ip, icmp))) return out.send(*edge, packet);
  const l3::Topology& topology = *worker.topology;
  const l3::Interface& in = topology.interface(packet.meta().rx_interface);
  const wire::Ipv6Address source = ip.source();
  if (!source.is_unspecified() && !is_on_link(topology, in, source))
    return out.send(Edge::kSenderOffLink, packet);
  const bool copy = packet.meta().has(packet::Flag::kCopy);
  const bool asks = wire::IcmpView(icmp.data()).type6() == wire::Icmp6Type::kNeighborSolicitation;
  const bool teaches =
      !asks || answer_for(topology, in, wire::NsView(icmp).target()) != Answer::kNo;
  if (!copy && !source.is_unspecified() && teaches)
    worker.share(packet, static_cast<uint8_t>(HandoffEdge::kNdInput));
  const Input all{packet, worker, out, in, source, icmp, copy};
  return asks ? solicitation(all) : advertisement(all);
}

}  // namespace

const NodeSpec nd_input{"nd_input", each_packet_emitting<input>, kEdges};

}  // namespace heddle::app
