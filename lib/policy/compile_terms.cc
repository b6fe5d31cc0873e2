// Where a rule leads, and how its endpoints are spoken to.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "backend_port.h"
#include "compile.h"
#include "core/check.h"
#include "http/field_id.h"
#include "tls_use.h"

namespace heddle::policy {
namespace {

std::shared_ptr<const HttpAffinity> affinity_of(const TrafficPolicy& policy) {
  if (!is_of_requests(policy.hash_on)) return nullptr;
  HttpAffinity affinity{.name = policy.hash_name,
                        .field = http::FieldId::kCookie,
                        .cookie_ttl = policy.hash_cookie_ttl,
                        .cookie_attributes = {}};
  if (policy.hash_on == HashOn::kHeader) affinity.field = http::field_id_of(policy.hash_name);
  if (policy.hash_cookie_ttl) {
    affinity.cookie_attributes = "; Path=/; HttpOnly";
    if (*policy.hash_cookie_ttl != Duration())
      affinity.cookie_attributes +=
          "; Max-Age=" + std::to_string(policy.hash_cookie_ttl->ns() / seconds(1).ns());
  }
  return std::make_shared<const HttpAffinity>(std::move(affinity));
}

std::shared_ptr<const std::vector<std::string>> hosts_of(const ExternalService* external) {
  if (external == nullptr || external->hosts.empty()) return nullptr;
  std::vector<std::string> names = external->hosts;
  std::ranges::sort(names);
  return std::make_shared<const std::vector<std::string>>(std::move(names));
}

}  // namespace

// As connections to a port of the service are handled.
BackendTerms Compiler::terms_of(const Group& group, const ServicePort& port) const {
  const Service& service = group.spec();
  BackendTerms terms;
  if (!keeps_packets(service.forwarding)) terms.target_port = port.target_port;
  if (port.http) terms.upstream_http = *port.http;
  if (port.upstream_tls)
    terms.tls_out = shelf_.find(client_use(index_, group.service->key, *port.upstream_tls, port));
  if (group.traffic_policies.empty()) return terms;
  const Key& key = (*group.traffic_policies.begin())->key;
  const auto& policy = std::get<TrafficPolicy>((*group.traffic_policies.begin())->spec);
  if (port.http) terms.affinity = affinity_of(policy);
  if (terms.affinity != nullptr || !is_of_requests(policy.hash_on)) terms.hash_on = policy.hash_on;
  terms.connect_timeout = policy.connect_timeout.value_or(kDefaultConnectTimeout);
  terms.idle_timeout = policy.idle_timeout.value_or(kDefaultIdleTimeout);
  if (port.http && policy.retry) terms.retry = std::make_shared<const Retry>(*policy.retry);
  if (port.http) terms.per_try = policy.per_try;
  if (forwarding_of(service, port) != Forwarding::kProxy) return terms;
  terms.proxy_protocol_out = policy.proxy_protocol;
  if (policy.upstream_tls)
    terms.tls_out = shelf_.find(client_use(index_, key, *policy.upstream_tls, port));
  return terms;
}

// Null: those of the port that was called. Several choices of one port share an object.
std::shared_ptr<const BackendTerms> Compiler::own_terms(const Route& route,
                                                        const Backend& backend) {
  if (!has_own_terms(route, backend)) return nullptr;
  const Group& group = *index_.group_of(backend.ns, backend.service);
  const ServicePort* port = port_of(group.spec(), backend, route);
  HEDDLE_CHECK(port != nullptr, "a backend that was accepted has its port");
  const uint16_t number = port->number != 0 ? port->number : backend.port;
  std::shared_ptr<const BackendTerms>& terms = terms_[{port, number}];
  if (terms == nullptr) {
    BackendTerms made = terms_of(group, *port);
    if (made.target_port == 0) made.target_port = number;
    made.only_hosts = hosts_of(group.external());
    terms = std::make_shared<const BackendTerms>(std::move(made));
  }
  return terms;
}

// Their clusters are in use once more.
std::vector<Choice> Compiler::choices_of(const Route& route, const std::vector<Backend>& backends,
                                         bool v4) {
  std::vector<Choice> choices;
  choices.reserve(backends.size());
  uint32_t until = 0;
  for (const Backend& backend : backends) {
    until += backend.weight;
    const uint32_t cluster =
        acquire(index_.group_of(backend.ns, backend.service), v4, backend.subset);
    choices.push_back({until, cluster, own_terms(route, backend)});
  }
  return choices;
}

// What changes at a service's ports changes for those that lead there by terms of its own.
void Compiler::add_led_there(GroupSet& to) {
  for (const Group* group : GroupSet(to))
    for (const Resource* route : group->backend_of) {
      const auto& spec = std::get<Route>(route->spec);
      bool own = false;
      for_each_backend(spec, [&](const Backend& backend) { own |= has_own_terms(spec, backend); });
      if (own) to.insert(index_.group_of(target_of(route->key, spec)));
    }
}

}  // namespace heddle::policy
