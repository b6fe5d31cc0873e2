// A service's slot and its endpoints' slots.
#include <algorithm>

#include "compile.h"
#include "names.h"

namespace heddle::policy {

bool Compiler::Candidate::carries(const Labels& wanted) const {
  return workload != nullptr ? policy::carries(*workload, wanted)
                             : policy::carries(*labels, wanted);
}

// By address. What an EndpointSet says of a selected workload's address comes first and stays.
std::vector<Compiler::Candidate> Compiler::candidates(const Group& group) const {
  std::vector<Candidate> all;
  if (group.service == nullptr) return all;
  all.reserve(group.endpoints);
  for (const Resource* set : group.endpoint_sets)
    for (const Endpoint& endpoint : std::get<EndpointSet>(set->spec).endpoints)
      all.push_back({endpoint.address, endpoint.weight, &endpoint.labels, nullptr});
  for (const Resource* workload : index_.selected_by(group))
    for (const IpAddress& address : std::get<Workload>(workload->spec).addresses)
      all.push_back({address, 1, nullptr, workload});
  std::ranges::stable_sort(all, {}, &Candidate::address);
  all.erase(std::ranges::unique(all, {}, &Candidate::address).begin(), all.end());
  return all;
}

void Compiler::compile_service(Group& group) {
  CompiledService& compiled = group.compiled;
  if (group.service == nullptr) {
    if (compiled.slot != kNoSlot) services_.give(compiled.slot);
    compiled.slot = kNoSlot;
    compiled.service.reset();
    return;
  }
  if (compiled.slot == kNoSlot) compiled.slot = services_.take();
  compiled.service = index_.shared(group.key);
}

void Compiler::compile_endpoints(Group& group) {
  std::vector<CompiledService::Endpoint>& old = group.compiled.endpoints;
  const std::vector<Candidate> all = candidates(group);
  std::vector<CompiledService::Endpoint> next;
  next.reserve(all.size());
  auto was = old.begin();
  const auto give_up_to = [&](const IpAddress* address) {
    for (; was != old.end() && (address == nullptr || was->address < *address); ++was)
      endpoints_.give(was->slot);
  };
  for (const Candidate& each : all) {
    give_up_to(&each.address);
    const bool stays = was != old.end() && was->address == each.address;
    next.push_back({each.address, stays ? was->slot : endpoints_.take()});
    if (stays) ++was;
  }
  give_up_to(nullptr);
  endpoint_count_ += static_cast<uint32_t>(next.size() - old.size());
  old = std::move(next);
}

}  // namespace heddle::policy
