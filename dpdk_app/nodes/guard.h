// What ip4_guard and ip6_guard share: whether a flow to or from a guarded workload may be, and
// then a flow that lets its packets pass in both directions.
#pragma once

#include "flows/reset.h"
#include "flows/standing.h"
#include "nodes/flow_head.h"
#include "nodes/flow_refusal.h"
#include "nodes/network_count.h"
#include "nodes/nodes.h"
#include "policy/decide.h"
#include "wire/tcp.h"

namespace heddle::app {

// In the order of both nodes' edges.
enum class GuardEdge : uint8_t {
  kForward,
  kRefused,
  kDenied,
  kDeniedTold,
  kOutbound,
  kOutboundTold
};

inline constexpr const char* kGuardDenied =
    "to a workload, refused by an AccessPolicy: heddlectl explain says why";

inline constexpr const char* kGuardOutbound =
    "of a workload, to nobody that policy knows: its OutboundPolicy lets nothing through there";

template <class Address>
class Guarding {
 public:
  using Edge = GuardEdge;

  Guarding(Packet packet, Worker& worker) : packet_(packet), worker_(worker) {}

  Edge run() {
    if (is_scattered<Address>(packet_)) return refuse(flow::Drop::kScattered);
    flow::parse({packet_.data(), packet_.size()}, parsed_);
    switch (parsed_.kind) {
      case flow::PacketKind::kRefused:
        return refuse(parsed_.drop);
      case flow::PacketKind::kError:
        return refuse(flow::Drop::kErrorNoFlow);
      case flow::PacketKind::kLaterFragment:
        return later_fragment();
      case flow::PacketKind::kUntracked:
        return refuse(flow::Drop::kNoQueryFlow);
      default:
        return open();
    }
  }

 private:
  Edge refuse(flow::Drop why) {
    set_refusal(packet_, why);
    return Edge::kRefused;
  }

  // Of a connection in its middle nobody knows who opened it: it may be if either might have.
  Edge open() {
    const InterfaceId in = packet_.meta().rx_interface;
    const InterfaceId out = worker_.topology->hops[packet_.meta().next_hop].interface;
    // In the middle of a connection too: its flow would be known.
    if (!policy::may_leave(*worker_.policy, flow_of(parsed_.key, in))) return refuse_outbound(in);
    const policy::Guarded there = ask(parsed_.key, in, out);
    count_network(worker_, flow_of(parsed_.key, in));
    if (there.audited) worker_.guard_counters.audited.add();
    worker_.count_access(there.access, there.allowed, there.noted);
    FlowOrigin origin(in, is_workload(in));
    if (!there.allowed) {
      if (!is_midstream() || !ask(parsed_.key.reversed(), out, in).allowed) {
        worker_.guard_counters.denied.add();
        return deny(there.how);
      }
      origin = origin.reverse();
    }
    Flows& flows = *worker_.flows;
    const flow::Plan<Address> plan{.tenant = flow::TenantId(kNoTenant),
                                   .generation = flow::Generation(worker_.policy->generation),
                                   .user = FlowNote().word(),
                                   .aside = origin.word(),
                                   .pick_up = flows.pick_up};
    const flow::Tracked opened = flows.translator.open(parsed_, plan, worker_.now);
    if (opened.outcome == flow::Outcome::kPass) {
      if (opened.opened) flows.counters.opened.add();
      packet_.meta().set(packet::Flag::kTracked);
      packet_.meta().flow = opened.slot;
      return Edge::kForward;
    }
    if (opened.outcome != flow::Outcome::kNotLearned) return refuse(why_not(opened));
    // Allowed, and no room to remember it: the answer will have to be allowed by itself.
    flows.counters.not_learned.add();
    return Edge::kForward;
  }

  bool is_workload(InterfaceId id) const {
    return worker_.topology->interface(id).role == l3::InterfaceRole::kWorkload;
  }
  policy::Flow flow_of(const flow::Key<Address>& key, InterfaceId in) const {
    return policy_flow(key, FlowOrigin(in, is_workload(in)));
  }
  policy::Guarded ask(const flow::Key<Address>& key, InterfaceId in, InterfaceId out) const {
    return policy::guard(*worker_.policy, flow_of(key, in), out);
  }
  bool is_midstream() const {
    return parsed_.key.protocol() == wire::IpProtocol::kTcp &&
           !wire::TcpView(parsed_.l4()).flags().has(wire::TcpFlag::kSyn);
  }

  Edge deny(policy::Refusal how) {
    if (how == policy::Refusal::kReset && parsed_.key.protocol() == wire::IpProtocol::kTcp) {
      reset_sender(worker_, parsed_);
      return Edge::kDenied;
    }
    return how == policy::Refusal::kDrop ? Edge::kDenied : Edge::kDeniedTold;
  }

  // Told at once, so that nobody waits for an answer.
  Edge refuse_outbound(InterfaceId in) {
    worker_.outbound_refused[in.index()].add();
    if (parsed_.key.protocol() != wire::IpProtocol::kTcp) return Edge::kOutboundTold;
    reset_sender(worker_, parsed_);
    return Edge::kOutbound;
  }

  // Its first has just opened the flow, in the same batch, or has been refused.
  Edge later_fragment() {
    if (!packet_.meta().has(packet::Flag::kPortsKnown)) return refuse(flow::Drop::kFragmentPorts);
    const auto key = flow::with_ports(parsed_.key, packet_.meta().ports);
    const flow::Found found = worker_.flows->tracker.table().find(key);
    const bool known = found.slot != flow::kNoFlow && !found.wrong_way;
    return known ? Edge::kForward : refuse(flow::Drop::kFragmentPorts);
  }

  Packet packet_;
  Worker& worker_;
  flow::Parsed<Address> parsed_;
};

}  // namespace heddle::app
