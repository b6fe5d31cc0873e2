// The endpoints of services as people see them.
#include <algorithm>

#include "compile.h"

namespace heddle::policy {
namespace {

// Where an endpoint that names no port is reached; 0: each of several ports at its own.
uint16_t only_port(const Service& service) {
  if (service.ports.size() != 1) return 0;
  const ServicePort& port = service.ports.front();
  return !keeps_packets(service.forwarding) && port.target_port != 0 ? port.target_port
                                                                     : port.number;
}

}  // namespace

// Whether one drains may differ between the service's subsets: it does when it drains in any, as it
// has flows there that will be cut. `names` are those of the group's endpoints, in their order.
void Compiler::note_draining(const Group& group, std::vector<Model::EndpointName>& names) const {
  const auto& endpoints = group.compiled.endpoints;
  for (const auto& family : group.compiled.clusters) {
    for (const auto& [subset, cluster] : family) {
      if (cluster >= current_.clusters.size() || current_.clusters[cluster] == nullptr) continue;
      const auto& drains = cluster_slots_[cluster].drains;
      for (const EndpointEntry& entry : current_.clusters[cluster]->endpoints) {
        if (!entry.draining) continue;
        const EndpointPlace place{entry.address, entry.port};
        const auto at =
            std::ranges::lower_bound(endpoints, place, {}, &CompiledService::Endpoint::place);
        if (at == endpoints.end() || at->place != place) continue;
        Model::EndpointName& name = names[static_cast<size_t>(at - endpoints.begin())];
        name.draining = true;
        name.priority = entry.priority;
        if (const auto end = drains.find(place); end != drains.end())
          name.drains_until = std::max(name.drains_until, end->second);
      }
    }
  }
}

void Compiler::name_endpoints(const Group& group, std::vector<Model::EndpointName>& to) const {
  if (group.service == nullptr || group.compiled.service == nullptr) return;
  const std::vector<Candidate> all = candidates(group);
  const uint16_t port = only_port(service_of(*group.compiled.service));
  std::vector<Model::EndpointName> names;
  names.reserve(group.compiled.endpoints.size());
  for (const CompiledService::Endpoint& endpoint : group.compiled.endpoints) {
    Model::EndpointName name{.ns = group.key.ns, .service = group.key.name};
    name.address = endpoint.place.address;
    name.port = endpoint.place.port == 0 ? port : endpoint.place.port;
    name.slot = endpoint.slot;
    const auto at = std::ranges::lower_bound(all, endpoint.place, {}, &Candidate::place);
    if (endpoint.listed && at != all.end() && at->place == endpoint.place) {
      name.weight = at->weight;
      name.priority = at->priority;
    }
    names.push_back(std::move(name));
  }
  note_draining(group, names);
  to.insert(to.end(), std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
}

std::vector<Model::EndpointName> Compiler::endpoints(const Key* service) const {
  std::vector<Model::EndpointName> names;
  if (service != nullptr) {
    const auto found = index_.groups().find(*service);
    if (found != index_.groups().end()) name_endpoints(found->second, names);
    return names;
  }
  for (const auto& [key, group] : index_.groups()) name_endpoints(group, names);
  return names;
}

Model::SomeEndpoints Compiler::endpoints_up_to(size_t most) const {
  Model::SomeEndpoints some;
  for (const auto& [key, group] : index_.groups()) {
    const size_t before = some.endpoints.size();
    if (before < most)
      name_endpoints(group, some.endpoints);
    else if (group.service != nullptr && group.compiled.service != nullptr)
      some.left_out += group.compiled.endpoints.size();
    if (some.endpoints.size() <= most) continue;
    some.left_out += some.endpoints.size() - most;
    some.endpoints.resize(most);
  }
  return some;
}

}  // namespace heddle::policy
