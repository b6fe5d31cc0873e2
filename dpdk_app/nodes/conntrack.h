// What ip4_conntrack and ip6_conntrack share: a batch of packets, each to its flow.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "flow/icmp_related.h"
#include "flows/standing.h"
#include "nodes/flow_head.h"
#include "nodes/flow_refusal.h"
#include "nodes/handoff_edge.h"
#include "nodes/nodes.h"
#include "nodes/owner.h"
#include "wire/tcp.h"

namespace heddle::app {

// In the order of both nodes' edges.
enum class FlowEdge : uint8_t { kLookup, kRefused, kCut, kHandoffFull, kPassed = kKept };

inline constexpr const char* kFlowCut =
    "of a flow that policy has ended: a deny, a service or an endpoint that has gone";
inline constexpr const char* kFlowHandoffFull =
    "the owner of a fragment's flow does not keep up: it needs another core";

// The packets of a batch, their headers read once.
template <class Address>
class FlowBatch {
 public:
  FlowBatch(Worker& worker, std::span<void* const> objs, uint8_t* edges)
      : worker_(worker), flows_(*worker.flows), objs_(objs), edges_(edges) {}

  void run() {
    for (size_t i = 0; i < objs_.size(); ++i) read(i);
    const flow::Generation current(worker_.policy->generation);
    flows_.tracker.track<Address>({parsed_.data(), objs_.size()}, current, worker_.now, tracked_);
    for (size_t i = 0; i < objs_.size(); ++i) {
      if (decided_[i]) [[unlikely]]
        continue;
      set(i, settle(Packet(objs_[i]), parsed_[i], tracked_[i]));
    }
  }

  // Fragments that waited for a first one of this batch: they go behind it, to its flow or to
  // where it has gone. take(Packet, FlowEdge).
  template <class Take>
  void release(Take&& take) {
    for (uint32_t i = 0; i < released_count_; ++i) {
      const Packet packet(released_[i]);
      Parsed parsed;
      flow::parse({packet.data(), packet.size()}, parsed);
      const Edge away = go_to_owner(packet, parsed);
      take(packet, away == Edge::kLookup ? settle_later(packet, parsed) : away);
    }
  }

 private:
  using Parsed = flow::Parsed<Address>;
  using Edge = FlowEdge;

  void set(size_t i, Edge edge) { edges_[i] = static_cast<uint8_t>(edge); }
  void decide(size_t i, Edge edge) {
    set(i, edge);
    decided_[i] = true;
    parsed_[i].kind = flow::PacketKind::kUntracked;
  }
  Edge refuse(Packet packet, flow::Drop why) {
    set_refusal(packet, why);
    return Edge::kRefused;
  }

  void read(size_t i) {
    const Packet packet(objs_[i]);
    Parsed& parsed = parsed_[i];
    decided_[i] = false;
    if (is_scattered<Address>(packet)) [[unlikely]] {
      set_refusal(packet, flow::Drop::kScattered);
      return decide(i, Edge::kRefused);
    }
    flow::parse({packet.data(), packet.size()}, parsed);
    if (parsed.kind == flow::PacketKind::kFlow) [[likely]]
      return;
    const bool fragment = parsed.kind == flow::PacketKind::kFirstFragment ||
                          parsed.kind == flow::PacketKind::kLaterFragment;
    if (fragment && concerns_us(worker_, parsed.key.source(), parsed.key.destination()))
      read_fragment(i, packet);
  }

  // Later ones get their first's ports, and go to the worker that has its flow. What comes from
  // another worker has been through here.
  void read_fragment(size_t i, Packet packet) {
    Parsed& parsed = parsed_[i];
    packet::Meta& meta = packet.meta();
    if (meta.has(packet::Flag::kPortsKnown)) {
      if (parsed.kind == flow::PacketKind::kLaterFragment)
        parsed.key = flow::with_ports(parsed.key, meta.ports);
      return;
    }
    auto& held = flows_.template held<Address>();
    const flow::FragmentVerdict verdict =
        flows_.template fragments<Address>().see(flow::fragment_of(parsed), worker_.now, held);
    if (verdict.answer == flow::FragmentAnswer::kHold) {
      if (held.hold(verdict.datagram, packet)) return decide(i, Edge::kPassed);
      set_refusal(packet, flow::FragmentAnswer::kHoldFull);
      return decide(i, Edge::kRefused);
    }
    if (flow::refused(verdict.answer)) {
      set_refusal(packet, verdict.answer);
      return decide(i, Edge::kRefused);
    }
    const bool first = verdict.answer == flow::FragmentAnswer::kFirst;
    // At once: the next fragment of the batch may get the datagram's number.
    if (verdict.held > 0)
      held.release(verdict.datagram, [&](Packet later) {
        later.meta().ports = parsed.key.ports();
        later.meta().set(packet::Flag::kPortsKnown);
        released_[released_count_++] = later.mbuf();
      });
    meta.ports = first ? parsed.key.ports() : verdict.ports;
    meta.set(packet::Flag::kPortsKnown);
    if (const Edge away = go_to_owner(packet, parsed); away != Edge::kLookup) decide(i, away);
  }

  // A fragment whose ports are known, to the worker of its flow; kLookup: that is this one.
  Edge go_to_owner(Packet packet, Parsed& parsed) {
    if (parsed.kind == flow::PacketKind::kLaterFragment)
      parsed.key = flow::with_ports(parsed.key, packet.meta().ports);
    return hand_to(owner_of_flow(worker_, parsed.key), packet);
  }

  Edge hand_to(uint16_t owner, Packet packet) {
    if (owner == worker_.id.value()) return Edge::kLookup;
    constexpr HandoffEdge kEdge =
        sizeof(Address) == 4 ? HandoffEdge::kIp4Conntrack : HandoffEdge::kIp6Conntrack;
    return worker_.hand_off(packet, owner, static_cast<uint8_t>(kEdge)) ? Edge::kPassed
                                                                        : Edge::kHandoffFull;
  }

  Edge settle(Packet packet, const Parsed& parsed, const flow::Tracked& tracked) {
    switch (tracked.outcome) {
      case flow::Outcome::kPass:
        return pass(packet, parsed, tracked);
      case flow::Outcome::kStale:
        return settle_stale(packet, parsed, tracked);
      case flow::Outcome::kDrop:
        // What cannot be read belongs to no flow; whoever minds, minds further on.
        return tracked.slot == flow::kNoFlow ? Edge::kLookup : refuse(packet, tracked.drop);
      case flow::Outcome::kNotTracked:
        if (parsed.kind == flow::PacketKind::kError) return settle_error(packet, parsed);
        if (parsed.kind == flow::PacketKind::kLaterFragment) return settle_later(packet, parsed);
        return Edge::kLookup;
      default:
        return find_mapping_owner(packet, parsed.key);
    }
  }

  // An own port that all flows of one source share was chosen for itself alone, not for the far
  // end, and who owns it may be another worker than the tuple's. `own`: how the flow, if there is
  // one, is called by its answers.
  Edge find_mapping_owner(Packet packet, const flow::Key<Address>& own) {
    if (worker_.peers.size() <= 1) return Edge::kLookup;
    const Address to = own.destination();
    if (!flows_.translator.template pool<Address>().has(to)) return Edge::kLookup;
    const uint32_t slot = flow::own_end_slot(to, own.destination_port());
    return hand_to(worker_.owners[slot % kSteeringSlots], packet);
  }

  Edge pass(Packet packet, const Parsed& parsed, const flow::Tracked& tracked) {
    // A packet behind it in the batch has ended the flow; what is not translated may not go on.
    if (!flows_.tracker.table().live(tracked.slot)) [[unlikely]]
      return Edge::kCut;
    packet.meta().set(packet::Flag::kTracked);
    packet.meta().flow = tracked.slot;
    const FlowNote note(flows_.tracker.table().record(tracked.slot).user);
    flows_.tracker.translate(parsed, tracked);
    if (tracked.direction == flow::Direction::kOriginal && note.to_service()) {
      const uint32_t size = packet.size();
      worker_.services[note.frontend()].count(size);
      worker_.endpoints[note.endpoint()].count(size);
    }
    return Edge::kLookup;
  }

  // Policy has changed since the flow was decided.
  Edge settle_stale(Packet packet, const Parsed& parsed, const flow::Tracked& stale) {
    // A packet before it in the batch has ended the flow.
    if (!flows_.tracker.table().live(stale.slot))
      return parsed.key.protocol() == wire::IpProtocol::kTcp ? Edge::kCut : Edge::kLookup;
    const policy::Rechecked result = standing_of(worker_, stale.slot);
    switch (result.recheck) {
      case policy::Recheck::kStays:
        flows_.tracker.confirm(stale.slot, flow::Generation(worker_.policy->generation));
        break;
      case policy::Recheck::kDraining:
        if (stale.direction == flow::Direction::kOriginal && opens_anew(parsed) &&
            is_over(flows_.tracker.table().record(stale.slot).state)) {
          flows_.tracker.table().cut(stale.slot);
          return Edge::kLookup;
        }
        break;
      case policy::Recheck::kDenied:
        cut_flow(worker_, stale.slot, result.how);
        return Edge::kCut;
      case policy::Recheck::kGone: {
        const bool anew = may_go_elsewhere(parsed, stale);
        cut_flow(worker_, stale.slot, result.how);
        return anew ? Edge::kLookup : Edge::kCut;
      }
    }
    const flow::Tracked again = flows_.tracker.resume(parsed, stale, worker_.now);
    if (again.outcome == flow::Outcome::kDrop) return refuse(packet, again.drop);
    return again.outcome == flow::Outcome::kPass ? pass(packet, parsed, again) : Edge::kLookup;
  }

  // Of a connection that lives, a SYN is a copy or a forgery.
  static bool is_over(flow::State state) {
    return state == flow::State::kSynSent || state == flow::State::kFinBoth ||
           state == flow::State::kTimeWait || state == flow::State::kReset;
  }

  // A connection is with its endpoint; all else can go on with another.
  bool may_go_elsewhere(const Parsed& parsed, const flow::Tracked& stale) const {
    if (stale.direction != flow::Direction::kOriginal) return false;
    const flow::Record& record = flows_.tracker.table().record(stale.slot);
    return parsed.key.protocol() != wire::IpProtocol::kTcp || opens_anew(parsed) ||
           record.has(flow::RecordFlags::kOneSided);
  }

  // A new connection under the old one's ports, whose endpoint takes none any more.
  static bool opens_anew(const Parsed& parsed) {
    if (parsed.key.protocol() != wire::IpProtocol::kTcp) return false;
    const wire::TcpFlags flags = wire::TcpView(parsed.l4()).flags();
    return flags.has(wire::TcpFlag::kSyn) && !flags.has(wire::TcpFlag::kAck) &&
           !flags.has(wire::TcpFlag::kRst);
  }

  Edge settle_error(Packet packet, const Parsed& parsed) {
    if (packet.is_chain()) return refuse(packet, flow::Drop::kScattered);
    const std::optional<flow::Key<Address>> quoted = flow::quoted_key(parsed);
    const flow::Tracked related = flow::relate(flows_.tracker, parsed);
    if (related.outcome != flow::Outcome::kPass) {
      if (related.slot != flow::kNoFlow) return refuse(packet, related.drop);
      if (!quoted) return Edge::kLookup;
      // Our own, about a packet whose flow has gone meanwhile: its sender does not know the quote.
      if (packet.meta().has(packet::Flag::kOriginated)) return refuse(packet, related.drop);
      // It would show its reader what translation hides.
      const bool ours = flows_.tracker.table().find(*quoted).slot != flow::kNoFlow;
      if (ours) return refuse(packet, related.drop);
      // About no flow of this worker; where it leads to a service, that looks at it.
      return find_mapping_owner(packet, quoted->reversed());
    }
    if (is_cut(related.slot)) return Edge::kCut;
    packet.meta().set(packet::Flag::kTracked);
    packet.meta().flow = related.slot;
    return Edge::kLookup;
  }

  // Whether policy ends the flow, of which a packet has come that does not move its state.
  bool is_cut(uint32_t slot) {
    const flow::Record& record = flows_.tracker.table().record(slot);
    if (record.generation == flow::Generation(worker_.policy->generation)) return false;
    const policy::Rechecked result = standing_of(worker_, slot);
    if (result.recheck != policy::Recheck::kDenied && result.recheck != policy::Recheck::kGone)
      return false;
    cut_flow(worker_, slot, result.how);
    return true;
  }

  // Has no header to be held against the flow's state.
  Edge settle_later(Packet packet, const Parsed& parsed) {
    if (!packet.meta().has(packet::Flag::kPortsKnown)) return Edge::kLookup;
    const flow::Found found = flows_.tracker.table().find(parsed.key);
    if (found.slot == flow::kNoFlow) return find_mapping_owner(packet, parsed.key);
    if (found.wrong_way) return refuse(packet, flow::Drop::kWrongWay);
    if (is_cut(found.slot)) return Edge::kCut;
    return pass(packet, parsed, {found.slot, flow::Outcome::kPass, found.direction});
  }

  Worker& worker_;
  Flows& flows_;
  std::span<void* const> objs_;
  uint8_t* edges_;
  uint32_t released_count_ = 0;
  // What was held before, and what this batch has held since.
  std::array<rte_mbuf*, HeldFragments::kMost + kBurst> released_;
  std::array<bool, kBurst> decided_;
  std::array<Parsed, kBurst> parsed_;
  std::array<flow::Tracked, kBurst> tracked_;
};

template <class Address>
uint16_t track_flows(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  Worker& worker = worker_of(node);
  std::array<uint8_t, kBurst> edges;
  for (uint16_t begin = 0; begin < count;) {
    const uint16_t piece = count - begin < kBurst ? static_cast<uint16_t>(count - begin) : kBurst;
    FlowBatch<Address> batch(worker, {objs + begin, piece}, edges.data());
    batch.run();
    distribute(graph, node, objs + begin, edges.data(), piece);
    batch.release([&](Packet packet, FlowEdge edge) {
      if (edge != FlowEdge::kPassed)
        rte_node_enqueue_x1(graph, node, static_cast<rte_edge_t>(edge), packet.mbuf());
    });
    begin = static_cast<uint16_t>(begin + piece);
  }
  return count;
}

}  // namespace heddle::app
