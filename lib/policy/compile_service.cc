// A service's slot and its endpoints' slots.
#include <algorithm>
#include <span>

#include "compile.h"
#include "names.h"

namespace heddle::policy {
namespace {

// Connections that are terminated here have the same two ends in both directions, as nobody
// translates them: steering treats them as any flow.
std::span<const IpAddress> steered_addresses(const Service& service) {
  const bool ends_all = std::ranges::all_of(service.ports, [&](const ServicePort& port) {
    return forwarding_of(service, port) == Forwarding::kProxy;
  });
  if (ends_all) return {};
  return service.addresses;
}

}  // namespace

bool Compiler::Candidate::carries(const Labels& wanted) const {
  return workload != nullptr ? policy::carries(*workload, wanted)
                             : policy::carries(*labels, wanted);
}

// By place. What EndpointSets say of a selected workload's address stands instead of it.
std::vector<Compiler::Candidate> Compiler::candidates(const Group& group) const {
  std::vector<Candidate> all;
  if (group.service == nullptr) return all;
  all.reserve(group.endpoints);
  for (const Resource* set : group.endpoint_sets)
    for (const Endpoint& endpoint : std::get<EndpointSet>(set->spec).endpoints)
      all.push_back({{endpoint.address, endpoint.port},
                     endpoint.weight,
                     endpoint.priority,
                     &endpoint.labels,
                     nullptr});
  if (const ExternalService* external = group.external()) {
    static const Labels kNone;
    for (const Endpoint& endpoint : external->endpoints)
      all.push_back({{endpoint.address, endpoint.port},
                     endpoint.weight,
                     endpoint.priority,
                     &endpoint.labels,
                     nullptr});
    if (external->on_the_way())
      for (const IpAddress& address : external->service.addresses)
        all.push_back({{address, 0}, 1, 0, &kNone, nullptr});
  }
  std::ranges::sort(all, {}, &Candidate::place);
  const size_t listed = all.size();
  for (const Resource* workload : index_.selected_by(group)) {
    for (const IpAddress& address : std::get<Workload>(workload->spec).addresses) {
      const auto sets = std::span(all).first(listed);
      const auto at = std::ranges::lower_bound(sets, EndpointPlace{address}, {}, &Candidate::place);
      if (at != sets.end() && at->place.address == address) continue;
      all.push_back({{address, 0}, 1, 0, nullptr, workload});
    }
  }
  if (all.size() != listed) std::ranges::sort(all, {}, &Candidate::place);
  return all;
}

// What goes comes first, so that its namespace's number is free for another.
void Compiler::compile_services(const GroupSet& groups) {
  for (Group* group : groups)
    if (group->service == nullptr) compile_service(*group);
  for (Group* group : groups)
    if (group->service != nullptr) compile_service(*group);
}

void Compiler::compile_service(Group& group) {
  CompiledService& compiled = group.compiled;
  if (compiled.service != nullptr)
    for (const IpAddress& address : steered_addresses(service_of(*compiled.service)))
      current_.roles.remove_service(address);
  if (group.service != nullptr)
    for (const IpAddress& address : steered_addresses(group.spec()))
      current_.roles.add_service(address);
  if (group.service == nullptr) {
    if (compiled.slot == kNoSlot) return;
    services_.give(compiled.slot);
    tenants_.leave(group.key.ns);
    compiled.slot = kNoSlot;
    compiled.service.reset();
    return;
  }
  if (compiled.slot == kNoSlot) {
    compiled.slot = services_.take();
    tenants_.use(group.key.ns);
  }
  compiled.service = index_.offer_of(group);
}

// Those that are listed no more keep their slots until sweep_endpoints: they may have to drain.
void Compiler::compile_endpoints(Group& group) {
  std::vector<CompiledService::Endpoint>& old = group.compiled.endpoints;
  const std::vector<Candidate> all = candidates(group);
  std::vector<CompiledService::Endpoint> next;
  next.reserve(all.size());
  auto was = old.begin();
  const auto unlist = [&] {
    endpoint_count_ -= was->listed ? 1u : 0u;
    next.push_back({was->place, was->slot, false, std::move(was->state)});
    ++was;
  };
  for (const Candidate& each : all) {
    while (was != old.end() && was->place < each.place) unlist();
    const bool stays = was != old.end() && was->place == each.place;
    endpoint_count_ += stays && was->listed ? 0u : 1u;
    next.push_back({each.place, stays ? was->slot : endpoints_.take(), true});
    if (stays) next.back().state = std::move(was->state);
    if (stays) next.back().out = was->out;
    next.back().takes = each.weight > 0;
    if (!stays) fresh_endpoints_.push_back(next.back().slot);
    if (stays) ++was;
  }
  while (was != old.end()) unlist();
  old = std::move(next);
  look_after(group);
}

// Gives back the slots of those that are neither listed nor draining in any cluster.
void Compiler::sweep_endpoints(Group& group) {
  std::vector<uint32_t> draining;
  for (const auto& family : group.compiled.clusters)
    for (const auto& [subset, slot] : family)
      if (slot < current_.clusters.size() && current_.clusters[slot] != nullptr)
        for (const EndpointEntry& entry : current_.clusters[slot]->endpoints)
          if (entry.draining) draining.push_back(entry.slot);
  std::ranges::sort(draining);
  std::erase_if(group.compiled.endpoints, [&](const CompiledService::Endpoint& endpoint) {
    if (endpoint.listed || std::ranges::binary_search(draining, endpoint.slot)) return false;
    if (same_version_)
      endpoints_.give_late(endpoint.slot);
    else
      endpoints_.give(endpoint.slot);
    return true;
  });
}

}  // namespace heddle::policy
