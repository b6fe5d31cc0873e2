#include "worker/worker.h"

#include "worker/dns.h"
#include "worker/tcp.h"

namespace heddle::app {

Worker::Worker(WorkerId own_id, uint64_t seed, Instant start, const policy::Limits& limits)
    : id(own_id),
      now(start),
      neighbours4(l3::NeighbourLimits{}, seed, start),
      neighbours6(l3::NeighbourLimits{}, seed ^ 0x5bd1e995, start),
      services(limits.frontend_slots()),
      endpoints(limits.endpoint_slots()),
      access(limits.access_rule_slots()),
      outbound_refused(policy::kMaxPolicyPorts),
      networks(limits.network_slots()) {}

void Worker::share(Packet packet, uint8_t edge) {
  for (uint16_t other = 0; other < to_worker.size(); ++other) {
    if (other == id.value()) continue;
    const Packet copy = pool->copy(packet);
    if (!copy) return;
    copy.meta().set(packet::Flag::kCopy);
    if (!hand_off(copy, other, edge)) copy.free();
  }
}

Worker::~Worker() = default;

void Worker::begin_turn(const l3::Topology& of_topology, const policy::Snapshot& of_policy) {
  topology = &of_topology;
  policy = &of_policy;
  received = 0;
  sent = 0;
  const uint32_t flows_now = flows->tracker.table().size();
  tracks = of_policy.stateful || flows_now != 0;
  flows->counters.live.set(flows_now);
  ends_tcp = tcp != nullptr && tcp->transport.has_tuples();
}

}  // namespace heddle::app
