// Flows: what one worker knows of the flows through it: the tracker and translator of lib/flow, the
// fragments under way, and what policy's balancers keep.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "balance/round_robin.h"
#include "core/counter.h"
#include "core/random.h"
#include "flow/fragments.h"
#include "flow/translator.h"
#include "policy/decide.h"
#include "worker/flow_note.h"
#include "worker/held_fragments.h"

namespace heddle::app {

// Flows to no service are of no namespace, and of no quota.
inline constexpr uint16_t kNoTenant = policy::Limits().namespaces;

// Groups of addresses that sources are translated to.
enum class NatGroup : uint16_t {
  kNode,     // the addresses of heddled.yaml's nat
  kGateway,  // the gateway that workloads know, for one that talks to itself through a service
};

struct FlowOptions {
  flow::TrackerConfig tracker{.limits = {.tenants = kNoTenant + 1}};
  flow::TranslatorConfig translator;
  flow::PickUp pick_up = flow::PickUp::kAllow;  // of connections that policy would let open
  flow::FragmentLimits fragments{.datagrams = 1024, .holds = 4};
};

// Written by the worker, read by anyone.
struct FlowCounters {
  Gauge live;
  Counter opened;
  Counter cut;          // by policy
  Counter flushed;      // by order of a person
  Counter not_learned;  // for want of room or time; what can goes on by hash
  Gauge swept;          // the generation under which all flows are known to stand
};

class Flows : private flow::FlowListener {
 public:
  Flows(const FlowOptions& options, const policy::Limits& policy, uint64_t seed, Instant start)
      : tracker(options.tracker, seed, start),
        translator(options.translator, tracker, seed + 1),
        fragments4(options.fragments, seed + 2),
        fragments6(options.fragments, seed + 3),
        random(seed + 4),
        pick_up(options.pick_up),
        cursors(policy.cluster_slots()),
        active(policy.endpoint_slots()) {
    translator.set_listener(this);
    tracker.table().set_quota(flow::TenantId(kNoTenant), UINT32_MAX);
    for (auto& cursor : cursors) cursor.round = random.next() >> 16;
  }
  Flows(const Flows&) = delete;
  Flows& operator=(const Flows&) = delete;
  // The table outlives who listens to it: flows that are there go silently.
  ~Flows() override { translator.set_listener(nullptr); }

  policy::PickState pick_state() { return {random, cursors, active}; }

  // Read by others, too. For the worker, which alone writes, it is plain memory.
  uint32_t active_flows(uint32_t endpoint) {
    return std::atomic_ref(active[endpoint]).load(std::memory_order_relaxed);
  }
  void set_active_flows(uint32_t endpoint, uint32_t flows) {
    std::atomic_ref(active[endpoint]).store(flows, std::memory_order_relaxed);
  }

  template <class Address>
  flow::Fragments<Address>& fragments() {
    if constexpr (sizeof(Address) == 4)
      return fragments4;
    else
      return fragments6;
  }
  template <class Address>
  HeldFragments& held() {
    if constexpr (sizeof(Address) == 4)
      return held4;
    else
      return held6;
  }

  flow::Tracker tracker;
  flow::Translator translator;
  flow::Fragments<wire::Ipv4Address> fragments4;
  flow::Fragments<wire::Ipv6Address> fragments6;
  HeldFragments held4, held6;
  Random random;
  flow::PickUp pick_up;
  std::vector<balance::RoundRobin::Cursor> cursors;  // by cluster slot
  std::vector<uint32_t> active;                      // flows by endpoint slot
  FlowCounters counters;

  // Where looking at all flows again stands: the next slot, and for which generation.
  uint32_t sweep_next = flow::kNoFlow;
  uint32_t sweep_generation = 0;

 private:
  void released(uint32_t slot) override {
    const FlowNote note(tracker.table().record(slot).user);
    if (!note.to_service()) return;
    const uint32_t flows = active_flows(note.endpoint());
    if (flows > 0) set_active_flows(note.endpoint(), flows - 1);
  }
};

}  // namespace heddle::app
