#include "check.h"

#include <fmt/format.h>

#include "names.h"

namespace heddle::policy {

std::string also_of(const Key& key) {
  return fmt::format("is of {} {}", name_of(key.kind), path_of(key));
}

std::string element(const char* list, size_t at) { return fmt::format("{}[{}]", list, at); }

void Checker::check(const Resource& resource) {
  const Key& key = resource.key;
  switch (key.kind) {
    case Kind::kWorkload:
      return check_workload(key, std::get<Workload>(resource.spec));
    case Kind::kService:
      return check_service(key, std::get<Service>(resource.spec));
    case Kind::kGateway:
      check_gateway_identity(key, std::get<Gateway>(resource.spec));
      return check_service(key, service_of(resource));
    case Kind::kEndpointSet:
      return check_endpoint_set(key, std::get<EndpointSet>(resource.spec));
    case Kind::kRoute:
      return check_route(key, std::get<Route>(resource.spec));
    case Kind::kTrafficPolicy:
      return check_traffic_policy(key, std::get<TrafficPolicy>(resource.spec));
    case Kind::kAccessPolicy:
      return check_access_policy(key, std::get<AccessPolicy>(resource.spec));
    case Kind::kSecret:
      return;
    case Kind::kTrustBundle:
      return check_trust_bundle(key, std::get<TrustBundle>(resource.spec));
    case Kind::kMeshPolicy:
      return check_mesh_policy(key, std::get<MeshPolicy>(resource.spec));
    case Kind::kExternalService:
      check_external(key, std::get<ExternalService>(resource.spec));
      return check_service(key, service_of(resource));
    case Kind::kOutboundPolicy:
      return check_outbound_policy(key);
    case Kind::kNetworkIdentity:
      return check_network_identity(resource);
    case Kind::kJwtProvider:
      return;
    case Kind::kRateLimit:
    case Kind::kFault:
      return check_limit(key, *scope_of(resource));
  }
}

const Service* Checker::service(const Key& key, const std::string& field, const std::string& name) {
  const Resource* found = index_.find({Kind::kService, key.ns, name});
  if (found == nullptr) {
    problems_.add(key, field, no_resource({Kind::kService, key.ns, name}));
    return nullptr;
  }
  return &service_of(*found);
}

std::string Checker::no_resource(const Key& wanted) const {
  constexpr size_t kMostNames = 1'000;
  std::vector<std::string_view> names;
  const auto& resources = index_.resources();
  std::vector<Kind> kinds = {wanted.kind};
  if (wanted.kind == Kind::kService) kinds.push_back(Kind::kExternalService);
  for (const Kind kind : kinds) {
    const Key would_be{kind, wanted.ns, wanted.name};
    if (deleted_.contains(would_be))
      return title_of(would_be) + " would be deleted, and this still names it";
    for (auto at = resources.lower_bound({kind, wanted.ns, {}});
         at != resources.end() && at->first.kind == kind && at->first.ns == wanted.ns &&
         names.size() < kMostNames;
         ++at)
      names.push_back(at->first.name);
  }
  return fmt::format("no {} {} in namespace {}{}", name_of(wanted.kind), quote(wanted.name),
                     wanted.ns, suggestion(wanted.name, names));
}

bool Checker::check_own(const Key& key, const std::string& field, const IpAddress& address) {
  if (!facts_.own.contains(address)) return true;
  problems_.add(key, field, fmt::format("{} is this node's own, on an uplink", address.text()));
  return false;
}

void Checker::bound(const Key& key, uint64_t number, uint64_t most, const char* what) {
  if (number > most)
    problems_.add(key, "",
                  fmt::format("there would be {} {}; at most {} are allowed", number, what, most));
}

void Checker::check_totals(const Totals& totals, const Key& blamed) {
  bound(blamed, totals.resources, limits_.resources, "resources");
  bound(blamed, totals.services + totals.meshed, limits_.services,
        totals.meshed == 0 ? "Services" : "Services and Workloads in the mesh");
  bound(blamed, totals.gateways, limits_.gateways, "Gateways");
  bound(blamed, totals.workloads, limits_.workloads, "Workloads");
  bound(blamed, totals.service_ports + totals.mesh_ports, limits_.service_ports,
        totals.meshed == 0 ? "addresses times ports of all Services and Gateways"
                           : "addresses times ports of all Services, Gateways and Workloads in "
                             "the mesh");
  bound(blamed, totals.routes, limits_.routes, "Routes");
  bound(blamed, totals.backends, limits_.backends, "backends of all Routes");
  bound(blamed, totals.label_bytes, limits_.label_bytes, "bytes of labels");
  bound(blamed, totals.set_endpoints, limits_.endpoints, "endpoints in EndpointSets");
  bound(blamed, totals.secrets, limits_.secrets, "Secrets");
  bound(blamed, totals.trust_bundles, limits_.trust_bundles, "TrustBundles");
  bound(blamed, totals.pem_bytes, limits_.pem_bytes, "bytes of PEM in Secrets and TrustBundles");
  bound(blamed, totals.tls_uses, limits_.tls_uses, "ports and upstreams with TLS");
  bound(blamed, totals.server_names, limits_.server_names,
        "server names of all Routes, and hostnames of listeners");
  bound(blamed, totals.http_rules, limits_.http_rules, "rules for requests in all Routes");
  bound(blamed, totals.http_places, limits_.http_places,
        "hostnames times matches of all Routes for requests");
  bound(blamed, totals.http_bytes, limits_.http_bytes, "bytes of rules for requests");
  bound(blamed, totals.regexes, limits_.regexes,
        "regexes in all Routes, AccessPolicies, RateLimits and Faults, those of paths times "
        "hostnames");
  bound(blamed, totals.access_rules, limits_.access_rules, "rules of all AccessPolicies");
  bound(blamed, totals.jwt_providers, limits_.jwt_providers, "JwtProviders");
  bound(blamed, totals.jwt_key_work, limits_.jwt_key_work,
        "RSA keys of all JwtProviders, larger ones counted as so many of 2,048 bits");
  bound(blamed, totals.networks, limits_.networks, "NetworkIdentities");
  bound(blamed, totals.rate_limits, limits_.rate_limits, "RateLimits");
  bound(blamed, totals.keyed_rate_limits, limits_.keyed_rate_limits, "RateLimits with keys");
  bound(blamed, totals.faults, limits_.faults, "Faults");
  if (!problems_.none()) return;
  bound(blamed, totals.namespaces, limits_.namespaces,
        totals.meshed == 0 ? "namespaces with Services or Gateways"
                           : "namespaces with Services, Gateways or Workloads in the mesh");
  bound(blamed, totals.endpoints, limits_.endpoints, "endpoints of all Services");
  bound(blamed, totals.subsets, limits_.subsets, "subsets in backends of all Routes");
  bound(blamed, totals.cluster_endpoints, limits_.cluster_endpoints,
        "endpoints times subsets of all Services");
  bound(blamed, totals.access_terms, limits_.access_terms,
        "rules and all that they list, of all AccessPolicies, times ports");
}

}  // namespace heddle::policy
