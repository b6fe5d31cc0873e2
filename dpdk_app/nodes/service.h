// What ip4_service and ip6_service share: from a packet to a service's address to the endpoint
// that gets it, and to the flow that remembers it.
#pragma once

#include <span>

#include "flow/icmp_related.h"
#include "flows/far_end.h"
#include "flows/reset.h"
#include "flows/standing.h"
#include "nodes/flow_head.h"
#include "nodes/flow_refusal.h"
#include "nodes/link_layer.h"
#include "nodes/network_count.h"
#include "nodes/nodes.h"
#include "policy/decide.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

namespace heddle::app {

// In the order of both nodes' edges.
enum class ServiceEdge : uint8_t {
  kLookup,
  kForward,
  kEncapsulate,
  kIcmp,
  kRefused,
  kTcp,
  kUnrelatedError,
  kDenied,
  kNotOnLink,
  kNoEndpointSilent,
  kNoWay,
  kFragment,
  kTcpOff,
  kNoPort,
  kNoEndpoint,
  kDeniedTold,
  kUnknownProtocol,
  kOutbound,
  kOutboundTold,
};

inline constexpr const char* kServiceUnrelatedError =
    "an ICMP error about no packet that the service can have sent: a forgery, or a stray";
inline constexpr const char* kServiceDenied =
    "refused by an AccessPolicy: heddlectl explain says why";
inline constexpr const char* kServiceNotOnLink =
    "the chosen endpoint is on no link of this node, as forwarding: direct needs it to be";
inline constexpr const char* kServiceNoWay = "no route leads to the chosen endpoint";
inline constexpr const char* kServiceNoPort = "a port that the service does not have";
inline constexpr const char* kServiceNoEndpoint =
    "a service without an endpoint that takes traffic, nor a fallback with one";
inline constexpr const char* kServiceFragment =
    "a fragment of TCP that would end here, where fragments are not put together";
inline constexpr const char* kServiceTcpOff =
    "to a service with forwarding: proxy, while limits.connections of heddled.yaml is 0";
inline constexpr const char* kServiceOutbound =
    "to an ExternalService, where the sender's OutboundPolicy lets nothing go out";
inline constexpr const char* kServiceUnknownProtocol =
    "neither TCP, UDP nor an echo request: services have nothing else";

// One packet's way through the node.
template <class Address>
class Serving {
 public:
  using Edge = ServiceEdge;
  using Parsed = flow::Parsed<Address>;

  Serving(Packet packet, Worker& worker)
      : packet_(packet), worker_(worker), policy_(*worker.policy), flows_(*worker.flows) {}

  Edge run() {
    if (packet_.meta().has(packet::Flag::kTracked)) return follow();
    if (is_scattered<Address>(packet_)) return refuse(flow::Drop::kScattered);
    flow::parse({packet_.data(), packet_.size()}, parsed_);
    switch (parsed_.kind) {
      case flow::PacketKind::kRefused:
        return refuse(parsed_.drop);
      case flow::PacketKind::kError:
        return error();
      case flow::PacketKind::kUntracked:
        return Edge::kUnknownProtocol;
      case flow::PacketKind::kLaterFragment:
        return later_fragment();
      case flow::PacketKind::kFlow:
      case flow::PacketKind::kFirstFragment:
        break;
    }
    if (is_tcp() || parsed_.key.protocol() == wire::IpProtocol::kUdp) return open();
    return is_echo_request() ? Edge::kIcmp : Edge::kUnknownProtocol;
  }

 private:
  bool is_tcp() const { return parsed_.key.protocol() == wire::IpProtocol::kTcp; }
  Edge refuse(flow::Drop why) {
    set_refusal(packet_, why);
    return Edge::kRefused;
  }

  bool is_echo_request() const {
    constexpr bool kFour = sizeof(Address) == 4;
    if (parsed_.kind != flow::PacketKind::kFlow) return false;
    if (parsed_.key.protocol() != (kFour ? wire::IpProtocol::kIcmp : wire::IpProtocol::kIcmpv6))
      return false;
    const wire::IcmpView view(parsed_.l4());
    return kFour ? view.type4() == wire::Icmp4Type::kEchoRequest
                 : view.type6() == wire::Icmp6Type::kEchoRequest;
  }

  policy::Flow policy_flow_of(const flow::Key<Address>& key) const {
    return policy_flow(key, FlowOrigin(packet_.meta().rx_interface, identified()));
  }
  bool identified() const {
    const InterfaceId in = packet_.meta().rx_interface;
    return worker_.topology->interface(in).role == l3::InterfaceRole::kWorkload;
  }

  // A flow that policy has still to decide.
  Edge open() {
    policy::Flow flow = policy_flow_of(parsed_.key);
    flow.may_show = is_tcp();
    if (is_tcp() && !flows_.tracker.may_begin(worker_.now) && needs_flow(flow)) [[unlikely]] {
      flows_.counters.not_learned.add();
      return refuse(flow::Drop::kHalfOpenLimit);
    }
    const policy::PickState state = flows_.pick_state();
    // The relay picks, once a handshake is done: a SYN must not move a balancer on.
    const policy::Decision decision =
        policy::decide(policy_, flow, is_proxied(flow) ? nullptr : &state);
    if (decision.verdict == policy::Verdict::kNoPort) return Edge::kNoPort;
    count_network(worker_, flow);
    ServiceCounters& counters = worker_.services[decision.frontend];
    const policy::Frontend& frontend = *policy_.frontends[decision.frontend];
    if (!policy::may_leave(policy_, flow, frontend)) {
      counters.denied.add();
      return refuse_outbound();
    }
    const bool denied = decision.verdict == policy::Verdict::kDenied;
    // Of HTTP each request is judged, and counted; of who has to show an identity the connection.
    if (denied || !(frontend.is_http || decision.unasked)) {
      if (decision.audited) counters.audited.add();
      worker_.count_access(decision.access, !denied, decision.noted);
    }
    if (denied) {
      counters.denied.add();
      return deny(decision.how);
    }
    // Each of its requests is led for itself, and gets an answer where it cannot be. Who asks for a
    // workload may have to show an identity first.
    if (frontend.is_http || frontend.of_workload) return terminate();
    if (decision.verdict == policy::Verdict::kNoEndpoint) {
      counters.no_endpoint.add();
      return no_endpoint(decision.how);
    }
    // Access lets it in, and what it asks for by TLS will say where it goes.
    if (decision.verdict == policy::Verdict::kNoRoute) return terminate();
    // Who it is will be asked by TLS; then all is judged, for the endpoint that is chosen then.
    if (is_proxied(flow) && policy::asks_identity(frontend)) return terminate();
    const Address endpoint = address_of(decision.endpoint->address);
    const InterfaceId out = interface_towards(*worker_.topology, endpoint);
    if (out == kNoInterface) return Edge::kNoWay;
    policy::Flow arriving = policy::behind(frontend, flow);
    arriving.destination = decision.endpoint->address;
    arriving.destination_port = decision.port;
    const policy::Guarded guarded = policy::guard(policy_, arriving, out);
    const bool proxied = frontend.forwarding == policy::Forwarding::kProxy;
    // The relay asks again, of the endpoint that it will choose.
    if (!guarded.allowed || !proxied) {
      if (guarded.audited) counters.audited.add();
      worker_.count_access(guarded.access, guarded.allowed, guarded.noted);
    }
    if (!guarded.allowed) {
      counters.denied.add();
      return deny(guarded.how);
    }
    if (proxied) return terminate();
    const bool translates = frontend.forwarding == policy::Forwarding::kDnat ||
                            frontend.forwarding == policy::Forwarding::kFullNat;
    return translates ? translate(decision, frontend, endpoint, out) : pass_on(decision, frontend);
  }

  // What is translated cannot go on by hash alone: its answers would not be known.
  bool needs_flow(const policy::Flow& flow) const {
    if (policy_.frontend_table == nullptr) return false;
    const uint32_t slot =
        policy_.frontend_table->find({flow.destination, flow.protocol, flow.destination_port});
    return slot != policy::kNoSlot && policy::translates(policy_.frontends[slot]->forwarding);
  }

  // The connection ends here, and the relay asks again who is to have it, once its handshake is
  // done.
  Edge terminate() const {
    if (worker_.tcp == nullptr) return Edge::kTcpOff;
    return parsed_.kind == flow::PacketKind::kFlow ? Edge::kTcp : Edge::kFragment;
  }

  bool is_proxied(const policy::Flow& flow) const {
    if (policy_.listeners == nullptr) [[likely]]
      return false;
    const uint32_t slot =
        policy_.frontend_table->find({flow.destination, flow.protocol, flow.destination_port});
    return slot != policy::kNoSlot &&
           policy_.frontends[slot]->forwarding == policy::Forwarding::kProxy;
  }

  Edge deny(policy::Refusal how) {
    if (how == policy::Refusal::kReset && is_tcp()) {
      reset_sender(worker_, parsed_);
      return Edge::kDenied;
    }
    return how == policy::Refusal::kDrop ? Edge::kDenied : Edge::kDeniedTold;
  }

  Edge refuse_outbound() {
    worker_.outbound_refused[packet_.meta().rx_interface.index()].add();
    if (!is_tcp()) return Edge::kOutboundTold;
    reset_sender(worker_, parsed_);
    return Edge::kOutbound;
  }

  Edge no_endpoint(policy::Refusal how) {
    if (how == policy::Refusal::kReset && is_tcp()) {
      reset_sender(worker_, parsed_);
      return Edge::kNoEndpointSilent;
    }
    return how == policy::Refusal::kDrop ? Edge::kNoEndpointSilent : Edge::kNoEndpoint;
  }

  static Address address_of(const policy::IpAddress& address) {
    if constexpr (sizeof(Address) == 4)
      return address.v4();
    else
      return address.v6();
  }

  flow::Plan<Address> plan(const policy::Decision& decision, const policy::Frontend& frontend) {
    return {.tenant = flow::TenantId(frontend.tenant),
            .generation = flow::Generation(policy_.generation),
            .user = FlowNote(decision.frontend, decision.endpoint->slot).word(),
            .aside = FlowOrigin(packet_.meta().rx_interface, identified()).word(),
            .pick_up = flow::PickUp::kRefuse,
            .flags = flow::RecordFlags::kWatched};
  }

  // An endpoint next to the client would answer it without us; through an own address it cannot.
  void choose_source(flow::Plan<Address>& plan, const policy::Frontend& frontend,
                     InterfaceId out) const {
    const bool hairpin = out == packet_.meta().rx_interface;
    if (!hairpin && frontend.forwarding != policy::Forwarding::kFullNat) return;
    plan.source = flow::SourceNat::kPerFlow;
    const bool shared = frontend.forwarding == policy::Forwarding::kFullNat &&
                        frontend.source_mapping == policy::SourceMapping::kPerSource;
    if (shared) plan.source = flow::SourceNat::kPerSource;
    const bool to_itself = hairpin && identified() && sizeof(Address) == 4;
    plan.group = static_cast<uint16_t>(to_itself ? NatGroup::kGateway : NatGroup::kNode);
  }

  Edge translate(const policy::Decision& decision, const policy::Frontend& frontend,
                 const Address& endpoint, InterfaceId out) {
    flow::Plan<Address> wanted = plan(decision, frontend);
    wanted.destination = flow::End<Address>{endpoint, Be16(decision.port)};
    choose_source(wanted, frontend, out);
    // A restart forgets flows; by hash a connection in its middle comes to its endpoint again.
    if (wanted.source == flow::SourceNat::kNone) wanted.pick_up = flows_.pick_up;
    const flow::Tracked opened = flows_.translator.open(parsed_, wanted, worker_.now);
    if (opened.outcome != flow::Outcome::kPass) {
      if (opened.outcome == flow::Outcome::kNotLearned) flows_.counters.not_learned.add();
      return refuse(why_not(opened));
    }
    if (opened.opened) count_opened(opened.slot);
    count_packet(opened.slot);
    flows_.tracker.translate(parsed_, opened);
    mark(opened.slot);
    return Edge::kLookup;
  }

  void count_opened(uint32_t slot) {
    const FlowNote note(flows_.tracker.table().record(slot).user);
    worker_.services[note.frontend()].flows.add();
    worker_.endpoints[note.endpoint()].flows.add();
    flows_.set_active_flows(note.endpoint(), flows_.active_flows(note.endpoint()) + 1);
    flows_.counters.opened.add();
  }
  void count_packet(uint32_t slot) {
    const FlowNote note(flows_.tracker.table().record(slot).user);
    worker_.services[note.frontend()].count(packet_.size());
    worker_.endpoints[note.endpoint()].count(packet_.size());
  }
  void mark(uint32_t slot) {
    packet_.meta().set(packet::Flag::kTracked);
    packet_.meta().flow = slot;
  }

  // Direct return and IP-in-IP: the flow remembers who gets it. Without room for flows the hash
  // says the same, as long as the endpoints stay.
  Edge pass_on(const policy::Decision& decision, const policy::Frontend& frontend) {
    flow::Plan<Address> wanted = plan(decision, frontend);
    wanted.flags |= flow::RecordFlags::kOneSided;
    const flow::Tracked opened = flows_.translator.open(parsed_, wanted, worker_.now);
    const Address endpoint = address_of(decision.endpoint->address);
    if (opened.outcome == flow::Outcome::kPass) {
      if (opened.opened) {
        set_far_end(flows_.tracker.table().record(opened.slot), endpoint);
        count_opened(opened.slot);
      }
      count_packet(opened.slot);
      mark(opened.slot);
      return follow();
    }
    const bool by_hash =
        opened.outcome == flow::Outcome::kNotLearned || opened.drop == flow::Drop::kNoTcpFlow;
    if (!by_hash) return refuse(why_not(opened));
    if (opened.outcome == flow::Outcome::kNotLearned) flows_.counters.not_learned.add();
    worker_.services[decision.frontend].count(packet_.size());
    worker_.endpoints[decision.endpoint->slot].count(packet_.size());
    return send(frontend.forwarding, endpoint, [&](packet::Meta& meta) {
      const policy::Cluster& cluster = *policy_.clusters[decision.cluster];
      meta.direct_cluster = decision.cluster;
      meta.direct_endpoint = static_cast<uint16_t>(decision.endpoint - cluster.endpoints.data());
    });
  }

  // A packet of a flow whose packets go on unchanged.
  Edge follow() {
    const flow::FlowTable& table = flows_.tracker.table();
    const uint32_t slot = packet_.meta().flow;
    const FlowNote note(table.record(slot).user);
    // Not so: it was translated, and to a service once more.
    const bool leads_here = still_leads_to(table, slot, destination_of<Address>(packet_));
    if (!leads_here || !note.to_service()) return refuse(flow::Drop::kWrongWay);
    const auto& frontend = policy_.frontends[note.frontend()];
    if (frontend == nullptr) return refuse(flow::Drop::kWrongWay);
    return send(frontend->forwarding, far_end<Address>(table, slot).address, [](packet::Meta&) {});
  }

  // `name` writes into meta who the endpoint is, where no flow says so.
  template <class Name>
  Edge send(policy::Forwarding forwarding, const Address& endpoint, Name&& name) {
    uint32_t slot = l3::Lpm<Address>::kNoRoute;
    const l3::Topology& topology = *worker_.topology;
    if constexpr (sizeof(Address) == 4)
      slot = topology.fib4.lookup(endpoint);
    else
      slot = topology.fib6.lookup(endpoint);
    packet_.meta().set(packet::Flag::kDirect);
    name(packet_.meta());
    if (forwarding == policy::Forwarding::kIpInIp) return Edge::kEncapsulate;
    // A router on the way would bring the packet back.
    if (slot == l3::Lpm<Address>::kNoRoute || topology.hops[slot].kind != l3::HopKind::kConnected) {
      packet_.meta().clear(packet::Flag::kDirect);
      return Edge::kNotOnLink;
    }
    packet_.meta().next_hop = slot;
    return Edge::kForward;
  }

  // About what an endpoint has answered with the service's address, as "packet too big": it goes
  // to whom the client's packets go. Translated flows have taken theirs in ip4_conntrack and
  // ip6_conntrack.
  Edge error() {
    if (packet_.is_chain()) return Edge::kUnrelatedError;
    const auto quoted = flow::quoted_key<Address>(parsed_);
    if (!quoted || quoted->source() != parsed_.key.destination()) return Edge::kUnrelatedError;
    const flow::Key<Address> client = quoted->reversed();
    if (client.protocol() != wire::IpProtocol::kTcp && client.protocol() != wire::IpProtocol::kUdp)
      return Edge::kUnrelatedError;
    const flow::Found found = flows_.tracker.table().find(client);
    if (found.slot != flow::kNoFlow) {
      packet_.meta().flow = found.slot;
      packet_.meta().set(packet::Flag::kTracked);
      return follow();
    }
    // Who sends the error is nobody that access policy speaks of: a router, often ourselves.
    const policy::Decision decision = policy::decide_endpoint(policy_, policy_flow_of(client));
    if (decision.verdict != policy::Verdict::kForward) return Edge::kUnrelatedError;
    const policy::Frontend& frontend = *policy_.frontends[decision.frontend];
    if (frontend.forwarding != policy::Forwarding::kDirect &&
        frontend.forwarding != policy::Forwarding::kIpInIp)
      return Edge::kUnrelatedError;
    worker_.services[decision.frontend].count(packet_.size());
    return send(frontend.forwarding, address_of(decision.endpoint->address),
                [&](packet::Meta& meta) {
                  const policy::Cluster& cluster = *policy_.clusters[decision.cluster];
                  meta.direct_cluster = decision.cluster;
                  meta.direct_endpoint =
                      static_cast<uint16_t>(decision.endpoint - cluster.endpoints.data());
                });
  }

  // Its first has just opened the flow, in the same batch, or has been refused.
  Edge later_fragment() {
    if (!packet_.meta().has(packet::Flag::kPortsKnown)) return refuse(flow::Drop::kFragmentPorts);
    parsed_.key = flow::with_ports(parsed_.key, packet_.meta().ports);
    const flow::Found found = flows_.tracker.table().find(parsed_.key);
    if (found.slot == flow::kNoFlow || found.wrong_way) return refuse(flow::Drop::kFragmentPorts);
    count_packet(found.slot);
    flows_.tracker.translate(parsed_, {found.slot, flow::Outcome::kPass, found.direction});
    mark(found.slot);
    return flows_.tracker.table().record(found.slot).has(flow::RecordFlags::kOneSided)
               ? follow()
               : Edge::kLookup;
  }

  Packet packet_;
  Worker& worker_;
  const policy::Snapshot& policy_;
  Flows& flows_;
  Parsed parsed_;
};

}  // namespace heddle::app
