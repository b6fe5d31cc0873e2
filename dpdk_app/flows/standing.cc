#include "flows/standing.h"

#include "flows/far_end.h"
#include "flows/reset.h"

namespace heddle::app {

namespace {

using policy::Recheck;
using policy::Rechecked;

// In one turn: slots looked at, and flows decided anew, which costs more.
constexpr uint32_t kSlotsPerTurn = 1024;
constexpr uint32_t kChecksPerTurn = 128;

// Whether the flow's packets go the way that its service's go now.
bool goes_the_same_way(const Worker& worker, const flow::Record& record) {
  using flow::RecordFlags;
  const auto& frontend = worker.policy->frontends[FlowNote(record.user).frontend()];
  if (frontend == nullptr || frontend->forwarding == policy::Forwarding::kProxy) return false;
  if (!policy::translates(frontend->forwarding)) return record.has(RecordFlags::kOneSided);
  if (record.has(RecordFlags::kOneSided)) return false;
  // DNAT has an own port too where client and endpoint are neighbours.
  return frontend->forwarding == policy::Forwarding::kDnat || record.has(RecordFlags::kOwnsPort);
}

// Whether what the flow's sender sends would be taken on its way now.
bool is_taken_now(const Worker& worker, const policy::Flow& flow) {
  if (!flow.identified || flow.protocol != policy::Protocol::kTcp ||
      worker.policy->frontend_table == nullptr)
    return false;
  const uint32_t slot =
      worker.policy->frontend_table->find({flow.destination, flow.protocol, flow.destination_port});
  if (slot == policy::kNoSlot) return false;
  const policy::Frontend& frontend = *worker.policy->frontends[slot];
  return frontend.on_the_way && !policy::is_foreign(*worker.policy, frontend, flow);
}

// The flow as who answers it would open it.
template <class Address>
policy::Flow opposite(const Worker& worker, const flow::Key<Address>& inside, InterfaceId from) {
  const bool known = worker.topology->interface(from).role == l3::InterfaceRole::kWorkload;
  return policy_flow(inside.reversed(), FlowOrigin(from, known));
}

template <class Address>
Rechecked standing(const Worker& worker, uint32_t slot) {
  const flow::FlowTable& table = worker.flows->tracker.table();
  const flow::Record& record = table.record(slot);
  const flow::Key<Address> inside = table.tuple<Address>(slot, flow::kInside);
  const FarEnd<Address> far = far_end<Address>(table, slot);
  const FlowOrigin origin(table.aside(slot));
  const policy::Flow flow = policy_flow(inside, origin);
  if (FlowNote(record.user).to_service()) {
    if (!goes_the_same_way(worker, record)) return {Recheck::kGone, policy::Refusal::kReset};
    return policy::recheck(*worker.policy, flow, policy::IpAddress(far.address), far.port);
  }
  // Since the flow was opened its destination may have become a service's address.
  const InterfaceId out = interface_towards(*worker.topology, far.address);
  if (out == kNoInterface) return {Recheck::kGone, policy::Refusal::kReset};
  // One of TCP: of queries the key's ports are none.
  if (inside.protocol() == wire::IpProtocol::kTcp && !origin.reversed() &&
      is_taken_now(worker, flow))
    return {Recheck::kGone, policy::Refusal::kReset};
  // Whoever has opened it may have to stay away from there since.
  if (!policy::may_leave(*worker.policy, origin.reversed() ? opposite(worker, inside, out) : flow))
    return {Recheck::kDenied, policy::Refusal::kReset};
  const policy::Guarded guarded =
      origin.reversed() ? policy::guard(*worker.policy, opposite(worker, inside, out), origin.in())
                        : policy::guard(*worker.policy, flow, out);
  return {guarded.allowed ? Recheck::kStays : Recheck::kDenied, guarded.how};
}

}  // namespace

template <class Address>
InterfaceId interface_towards(const l3::Topology& topology, const Address& address) {
  uint32_t slot = l3::Lpm<Address>::kNoRoute;
  if constexpr (sizeof(Address) == 4)
    slot = topology.fib4.lookup(address);
  else
    slot = topology.fib6.lookup(address);
  if (slot == l3::Lpm<Address>::kNoRoute) return kNoInterface;
  const l3::Hop* hop = &topology.hops[slot];
  if (hop->kind == l3::HopKind::kGroup) hop = &topology.hops[hop->group_first];
  const bool leads_on = hop->kind == l3::HopKind::kConnected || hop->kind == l3::HopKind::kVia;
  return leads_on ? hop->interface : kNoInterface;
}

template InterfaceId interface_towards(const l3::Topology&, const wire::Ipv4Address&);
template InterfaceId interface_towards(const l3::Topology&, const wire::Ipv6Address&);

Rechecked standing_of(const Worker& worker, uint32_t slot) {
  return worker.flows->tracker.table().is_v6(slot) ? standing<wire::Ipv6Address>(worker, slot)
                                                   : standing<wire::Ipv4Address>(worker, slot);
}

void cut_flow(Worker& worker, uint32_t slot, policy::Refusal how) {
  if (how == policy::Refusal::kReset) reset_both_ends(worker, slot);
  worker.flows->tracker.table().cut(slot);
  worker.flows->counters.cut.add();
}

// A change in the middle of a pass does not start it again: when it is through, the next one does.
bool sweep_flows(Worker& worker) {
  Flows& flows = *worker.flows;
  flow::FlowTable& table = flows.tracker.table();
  const uint32_t current = worker.policy->generation;
  if (flows.sweep_next == flow::kNoFlow) {
    if (flows.counters.swept.value() == current) return false;
    flows.sweep_generation = current;
    flows.sweep_next = 0;
  }
  if (table.size() == 0) flows.sweep_next = flow::kNoFlow;
  const flow::Generation now(current);
  uint32_t checks = 0;
  for (uint32_t slots = 0; slots < kSlotsPerTurn && flows.sweep_next != flow::kNoFlow;) {
    constexpr uint32_t kPiece = 16;
    flows.sweep_next = table.for_each(flows.sweep_next, kPiece, [&](uint32_t slot) {
      if (table.record(slot).generation == now) return;
      ++checks;
      const Rechecked result = standing_of(worker, slot);
      if (result.recheck == Recheck::kStays) flows.tracker.confirm(slot, now);
      if (result.recheck == Recheck::kDenied || result.recheck == Recheck::kGone)
        cut_flow(worker, slot, result.how);
    });
    slots += kPiece;
    // Each cut may take two resets an end.
    const bool room = worker.made.size() + 4 * kPiece <= Outlet::kCapacity;
    if (checks >= kChecksPerTurn || !room) break;
  }
  if (flows.sweep_next != flow::kNoFlow) return true;
  flows.counters.swept.set(flows.sweep_generation);
  return flows.sweep_generation != current;
}

}  // namespace heddle::app
