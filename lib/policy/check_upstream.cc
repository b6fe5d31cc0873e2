// Whether what the TrafficPolicies of backends ask for can be had where Routes lead.
#include <fmt/format.h>

#include "backend_port.h"
#include "check.h"
#include "names.h"

namespace heddle::policy {
namespace {

// What the policy asks for of connections that the node opens itself; null: nothing.
const char* asked_of(const TrafficPolicy& policy) {
  if (policy.upstream_tls) return "upstream_tls";
  return policy.proxy_protocol == ProxyProtocol::kOff ? nullptr : "proxy_protocol";
}

}  // namespace

// The TrafficPolicy that says how the backend is spoken to; null: none does.
const Resource* Checker::policy_of(const Route& route, const Backend& backend) const {
  if (!has_own_terms(route, backend)) return nullptr;
  const auto group = index_.groups().find({Kind::kService, backend.ns, backend.service});
  if (group == index_.groups().end() || group->second.traffic_policies.empty()) return nullptr;
  return *group->second.traffic_policies.begin();
}

// TLS that is asked for and does not act would be plaintext, so it is refused. Whether it was.
bool Checker::check_unproxied(const BackendPlace& place, const Backend& backend) {
  const Resource* policy = policy_of(place.spec, backend);
  if (policy == nullptr) return false;
  const char* asked = asked_of(std::get<TrafficPolicy>(policy->spec));
  const Resource* found = index_.find({Kind::kService, backend.ns, backend.service});
  if (asked == nullptr || found == nullptr) return false;
  const Service& service = service_of(*found);
  const ServicePort* port = port_of(service, backend, place.spec);
  if (port == nullptr || forwarding_of(service, *port) == Forwarding::kProxy) return false;
  problems_.add(place.key, place.field + ".port",
                fmt::format("TrafficPolicy {} has {}, which needs forwarding: proxy or a port of "
                            "HTTP, and port {} of Service {}/{} has forwarding: {}",
                            path_of(policy->key), asked, quote(port->name), backend.ns,
                            backend.service, name_of(service.forwarding)));
  return true;
}

// What passes through is TLS already, and not the node's to wrap once more. Whether it was refused.
bool Checker::check_wrapped(const BackendPlace& place, const Backend& backend) {
  const Resource* policy = policy_of(place.spec, backend);
  if (policy == nullptr || !std::get<TrafficPolicy>(policy->spec).upstream_tls) return false;
  problems_.add(
      place.key, place.field + ".service",
      fmt::format("TrafficPolicy {} has upstream_tls, and what passes through is TLS already",
                  path_of(policy->key)));
  return true;
}

// The first backend of each rule that is wrong is told.
void Checker::check_upstreams(const Resource& route) {
  const auto& spec = std::get<Route>(route.spec);
  using Check = bool (Checker::*)(const BackendPlace&, const Backend&);
  const auto check = [&](const char* rules, size_t i, const std::vector<Backend>& backends,
                         std::initializer_list<Check> all) {
    for (size_t j = 0; j < backends.size(); ++j) {
      if (policy_of(spec, backends[j]) == nullptr) continue;
      const BackendPlace place{route.key, spec, fmt::format("{}[{}].backends[{}]", rules, i, j)};
      for (const Check each : all)
        if ((this->*each)(place, backends[j])) return;
    }
  };
  for (size_t i = 0; i < spec.rules.size() && !problems_.full(); ++i)
    check("spec.tcp", i, spec.rules[i].backends, {&Checker::check_unproxied});
  for (size_t i = 0; i < spec.tls.size() && !problems_.full(); ++i)
    check("spec.tls", i, spec.tls[i].backends,
          {&Checker::check_wrapped, &Checker::check_unproxied});
  const char* requests = spec.grpc ? "spec.grpc" : "spec.http";
  for (size_t i = 0; i < spec.http.size() && !problems_.full(); ++i) {
    const HttpRule& rule = spec.http[i];
    check(requests, i, rule.backends, {&Checker::check_unproxied});
    if (rule.mirror)
      check_unproxied(
          {route.key, spec,
           fmt::format("{}[{}].filters[{}].mirror.backend", requests, i, rule.filters.mirror)},
          rule.mirror->backend);
  }
}

}  // namespace heddle::policy
