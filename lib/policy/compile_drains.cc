// How long endpoints that take no new flows keep their old ones.
#include "compile.h"

namespace heddle::policy {

// Whether an endpoint of a cluster that takes no new flows any more keeps its old ones. `before`
// is what it was.
bool Compiler::drains(uint32_t cluster, const EndpointEntry& before) {
  auto& drains = cluster_slots_[cluster].drains;
  const EndpointPlace place{before.address, before.port};
  if (before.weight > 0) {
    const auto& policies = cluster_slots_[cluster].group->traffic_policies;
    const Duration time = policies.empty()
                              ? kDefaultDrainTime
                              : std::get<TrafficPolicy>((*policies.begin())->spec).drain_time;
    flows_concerned_ = true;
    flows_cut_ |= time == Duration();
    if (time == Duration()) return false;
    drains.insert_or_assign(place, now_ + time);
    drain_ends_.emplace(now_ + time, cluster, place);
    return true;
  }
  const auto at = drains.find(place);
  if (at == drains.end()) return false;
  if (at->second > now_) return true;
  stop_draining(cluster, place);
  flows_cut_ = true;
  return false;
}

void Compiler::stop_draining(uint32_t cluster, const EndpointPlace& place) {
  auto& drains = cluster_slots_[cluster].drains;
  const auto at = drains.find(place);
  if (at == drains.end()) return;
  drain_ends_.erase({at->second, cluster, place});
  drains.erase(at);
}

void Compiler::pend_drained(Instant now) {
  for (const auto& [end, cluster, place] : drain_ends_) {
    if (end > now) return;
    pending_[cluster_slots_[cluster].group].push_back(cluster);
  }
}

// No more drain than Limits::draining; of more the oldest go at once.
void Compiler::bound_drains() {
  while (drain_ends_.size() > limits_.draining) {
    const auto [end, cluster, place] = *drain_ends_.begin();
    drain_ends_.erase(drain_ends_.begin());
    cluster_slots_[cluster].drains.erase(place);
    flows_cut_ = true;
    pending_[cluster_slots_[cluster].group].push_back(cluster);
  }
}

Instant Compiler::next_drain_end() const {
  return drain_ends_.empty() ? kNever : std::get<0>(*drain_ends_.begin());
}

}  // namespace heddle::policy
