// What each kind of resource names. Adding and removing are one function, so that one undoes the
// other.
#include <algorithm>

#include "index.h"
#include "names.h"
#include "tls_use.h"

namespace heddle::policy {
namespace {

std::vector<IpAddress> sorted_addresses(const Resource* set) {
  std::vector<IpAddress> addresses;
  if (set == nullptr) return addresses;
  for (const Endpoint& endpoint : std::get<EndpointSet>(set->spec).endpoints)
    addresses.push_back(endpoint.address);
  std::ranges::sort(addresses);
  addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
  return addresses;
}

bool asks_identity(const Source& source) {
  return source.foreign || source.identified || !source.ns.empty() ||
         !source.service_account.empty() || !source.not_namespaces.empty() ||
         !source.not_service_accounts.empty() || !source.not_principals.empty();
}

}  // namespace

bool asks_identity(const AccessPolicy& policy) {
  return std::ranges::any_of(policy.rules, [](const AccessRule& rule) {
    return std::ranges::any_of(rule.from, [](const Source& s) { return asks_identity(s); });
  });
}

bool asks_sender(const Route& route) {
  return std::ranges::any_of(route.http, [](const HttpRule& rule) {
    return std::ranges::any_of(rule.matches,
                               [](const HttpMatch& m) { return m.source.has_value(); });
  });
}

bool asks_sender(const RequestScope& scope) {
  return std::ranges::any_of(scope.matches,
                             [](const HttpMatch& m) { return m.source.has_value(); });
}

Group* Index::touch(const Key& key, Touched& touched) {
  Group* group = group_of(key);
  touched.all.insert(group);
  return group;
}

void Index::link(const Key& key, const Resource& resource, Change change, Touched& touched) {
  if (change == Change::kAdd) {
    totals_.add(Totals::of(resource));
  } else {
    totals_.subtract(Totals::of(resource));
  }
  switch (key.kind) {
    case Kind::kWorkload:
      return link_workload(key, resource, change, touched);
    case Kind::kService:
    case Kind::kGateway:
    case Kind::kExternalService:
      return link_service(key, resource, change, touched);
    case Kind::kEndpointSet:
      return link_endpoint_set(resource, change, touched);
    case Kind::kRoute:
      return link_route(resource, change, touched);
    case Kind::kTrafficPolicy:
      return link_traffic_policy(resource, change, touched);
    case Kind::kAccessPolicy:
      return link_access_policy(resource, change, touched);
    case Kind::kSecret:
    case Kind::kTrustBundle:
    case Kind::kJwtProvider:
      return link_material(key, resource, change, touched);
    case Kind::kMeshPolicy:
      return link_mesh_policy(resource, change, touched);
    case Kind::kOutboundPolicy:
      return link_outbound_policy(resource, change, touched);
    case Kind::kNetworkIdentity:
      return link_network_identity(resource, change, touched);
    case Kind::kRateLimit:
    case Kind::kFault:
      return link_limit(resource, change, touched);
  }
}

void Index::link_traffic_policy(const Resource& resource, Change change, Touched& touched) {
  Group* group = touch(resource.key.ns, std::get<TrafficPolicy>(resource.spec).service, touched);
  put(group->traffic_policies, &resource, change);
  link_tls(resource, change);
  touched.frontends.insert(group);
  touched.members.insert(group);
}

void Index::link_tls(const Resource& resource, Change change) {
  for (const Key& named : tls_material_of(resource)) {
    const auto at = tls_users_.try_emplace(named).first;
    put(at->second, &resource, change);
    if (at->second.empty()) tls_users_.erase(at);
  }
}

// What changes is the TLS of those that name it, or the tokens that they ask for.
void Index::link_material(const Key& key, const Resource& resource, Change change,
                          Touched& touched) {
  touched.material.insert(key);
  if (const auto* bundle = std::get_if<TrustBundle>(&resource.spec)) {
    const auto at = bundles_.try_emplace({key.ns, bundle->trust_domain}).first;
    put(at->second, key, change);
    if (at->second.empty()) bundles_.erase(at);
  }
  for (const Resource* user : tls_users(key)) {
    if (user->key.kind == Kind::kWorkload || user->key.kind == Kind::kMeshPolicy) {
      touched.mesh_material.insert(key.ns);
      continue;
    }
    if (const auto* route = std::get_if<Route>(&user->spec)) {
      touched.frontends.insert(touch(target_of(user->key, *route), touched));
      continue;
    }
    const auto* policy = std::get_if<TrafficPolicy>(&user->spec);
    touched.frontends.insert(policy == nullptr ? touch(group_key(user->key), touched)
                                               : touch(key.ns, policy->service, touched));
  }
}

const ResourceSet& Index::tls_users(const Key& key) const {
  static const ResourceSet kNone;
  const auto found = tls_users_.find(key);
  return found == tls_users_.end() ? kNone : found->second;
}

const Key* Index::other_bundle(const std::string& trust_domain, const Key& me) const {
  const auto found = bundles_.find({me.ns, trust_domain});
  if (found == bundles_.end()) return nullptr;
  for (const Key& each : found->second)
    if (each != me) return &each;
  return nullptr;
}

void Index::link_workload(const Key& key, const Resource& resource, Change change,
                          Touched& touched) {
  const auto& spec = std::get<Workload>(resource.spec);
  touched.identities = true;
  touched.meshes.insert(key.ns);
  if (is_here(spec)) link_tls(resource, change);
  if (const auto port = is_here(spec) ? facts_.workload_port(spec.port) : std::nullopt) {
    put(port_workloads_[*port], &resource, change);
    touched.ports.insert(*port);
    touched.guards.insert(*port);
  }
  for (const IpAddress& address : spec.addresses) {
    put(workloads_.uses, AddressIndex::Use{address, &key}, change);
    const auto [first, last] = endpoints_.all(address);
    for (auto use = first; use != last; ++use) {
      const Resource* set = find(*use->second);
      if (set == nullptr || set->key.ns != key.ns || set->key.kind != Kind::kEndpointSet) continue;
      touched.members.insert(touch(key.ns, std::get<EndpointSet>(set->spec).service, touched));
    }
  }
  for (const Labels* labels : {&resource.labels, &spec.labels}) {
    for (const auto& [name, value] : *labels) {
      const auto found = selectors_.find({key.ns, name, value});
      if (found == selectors_.end()) continue;
      for (Group* group : found->second) {
        if (!carries(resource, group->spec().selector)) continue;
        touched.all.insert(group);
        touched.members.insert(group);
        touched.sizes.insert(group);
      }
    }
  }
}

void Index::count_namespace(const std::string& ns, Change change) {
  uint32_t& named = service_namespaces_[ns];
  named += change == Change::kAdd ? 1 : UINT32_MAX;
  if (named == 0) service_namespaces_.erase(ns);
  totals_.namespaces = service_namespaces_.size();
}

void Index::link_service(const Key& key, const Resource& resource, Change change,
                         Touched& touched) {
  const Service& spec = service_of(resource);
  Group* group = touch(group_key(key), touched);
  // What is refused later may have stood in its place.
  group->service = find(group->key);
  for (GroupSet* set :
       {&touched.members, &touched.sizes, &touched.frontends, &touched.access, &touched.services})
    set->insert(group);
  touched.service_addresses = true;
  touched.meshes.insert(key.ns);
  link_tls(resource, change);
  count_namespace(key.ns, change);
  for (const IpAddress& address : spec.addresses) {
    put(services_.uses, AddressIndex::Use{address, &key}, change);
    for (const ServicePort& port : spec.ports)
      put(listeners_, std::pair(FrontendKey{address, port.protocol, port.number}, &key), change);
  }
  if (const auto* external = std::get_if<ExternalService>(&resource.spec)) {
    link_external_endpoints(key, *external, change);
    touched.hosts = true;
  }
  if (!spec.fallback.empty())
    put(touch(key.ns, spec.fallback, touched)->fallback_of, &resource, change);
  if (spec.selector.empty()) return;
  const auto& [name, value] = *spec.selector.begin();
  const auto at = selectors_.try_emplace({key.ns, name, value}).first;
  put(at->second, group, change);
  if (at->second.empty()) selectors_.erase(at);
}

void Index::link_endpoint_set(const Resource& resource, Change change, Touched& touched) {
  Group* group = touch(resource.key.ns, std::get<EndpointSet>(resource.spec).service, touched);
  put(group->endpoint_sets, &resource, change);
  touched.meshes.insert(resource.key.ns);
  touched.members.insert(group);
  touched.sizes.insert(group);
}

// Sets are large and mostly stay as they are, so only the difference is put in and out.
void Index::replace_endpoints(const Key& key, const Resource* before, const Resource* after) {
  const std::vector<IpAddress> was = sorted_addresses(before), is = sorted_addresses(after);
  std::vector<IpAddress> difference;
  std::ranges::set_difference(was, is, std::back_inserter(difference));
  for (const IpAddress& address : difference) endpoints_.uses.erase({address, &key});
  difference.clear();
  std::ranges::set_difference(is, was, std::back_inserter(difference));
  for (const IpAddress& address : difference) endpoints_.uses.insert({address, &key});
}

void Index::count_sender(Group* group, Change change) {
  group->sender_routes += change == Change::kAdd ? 1 : UINT32_MAX;
  if (group->sender_routes > 0) {
    sender_groups_.insert(group);
  } else {
    sender_groups_.erase(group);
  }
}

void Index::link_limit(const Resource& resource, Change change, Touched& touched) {
  const RequestScope& scope = *scope_of(resource);
  Group* group = touch(target_of(resource.key, scope), touched);
  put(group->limits, &resource, change);
  touched.frontends.insert(group);
  if (asks_sender(scope)) count_sender(group, change);
}

void Index::link_route(const Resource& resource, Change change, Touched& touched) {
  const auto& spec = std::get<Route>(resource.spec);
  Group* group = touch(target_of(resource.key, spec), touched);
  put(group->routes, &resource, change);
  touched.frontends.insert(group);
  link_tls(resource, change);
  if (asks_sender(spec)) count_sender(group, change);
  for_each_backend(spec, [&](const Backend& backend) {
    Group* of = touch(backend.ns, backend.service, touched);
    put(of->backend_of, &resource, change);
    if (backend.subset.empty()) return;
    uint32_t& named = of->subsets[backend.subset];
    named = change == Change::kAdd ? named + 1 : named - 1;
    if (named == (change == Change::kAdd ? 1 : 0)) {
      totals_.subsets += change == Change::kAdd ? 1 : UINT64_MAX;
      touched.sizes.insert(of);
    }
    if (named == 0) of->subsets.erase(backend.subset);
  });
}

void Index::link_access_policy(const Resource& resource, Change change, Touched& touched) {
  const auto& spec = std::get<AccessPolicy>(resource.spec);
  if (spec.service.empty()) {
    auto& by_namespace = spec.workload_labels.empty() ? wide_policies_ : label_policies_;
    ResourceSet& policies = by_namespace[resource.key.ns];
    put(policies, &resource, change);
    if (policies.empty()) by_namespace.erase(resource.key.ns);
    return touch_namespace(resource.key.ns, spec, touched);
  }
  Group* group = touch(resource.key.ns, spec.service, touched);
  put(group->access_policies, &resource, change);
  touched.access.insert(group);
  if (!asks_identity(spec)) return;
  group->identity_policies += change == Change::kAdd ? 1 : UINT32_MAX;
  if (group->identity_policies > 0) {
    identity_groups_.insert(group);
  } else {
    identity_groups_.erase(group);
  }
}

// The services and workloads that a policy without a service is for.
void Index::touch_namespace(const std::string& ns, const AccessPolicy& policy, Touched& touched) {
  for (uint32_t port = 0; port < port_workloads_.size(); ++port)
    for (const Resource* workload : port_workloads_[port])
      if (workload->key.ns == ns && carries(*workload, policy.workload_labels))
        touched.guards.insert(port);
  if (!policy.workload_labels.empty()) return;
  for (const Kind kind : {Kind::kService, Kind::kGateway}) {
    for (auto at = groups_.lower_bound({kind, ns, {}});
         at != groups_.end() && at->first.kind == kind && at->first.ns == ns; ++at) {
      if (at->second.service == nullptr) continue;
      touched.all.insert(&at->second);
      touched.access.insert(&at->second);
    }
  }
}

}  // namespace heddle::policy
