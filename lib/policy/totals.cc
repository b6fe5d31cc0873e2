// How much there is: of each resource, and of each service with all that names it.
#include <algorithm>

#include "index.h"
#include "jwt/key_set.h"
#include "names.h"
#include "policy/limits.h"
#include "tls_use.h"

namespace heddle::policy {
namespace {

// What a resource adds alone.
constexpr uint64_t Totals::* kOwn[] = {
    &Totals::resources,        &Totals::services,         &Totals::service_ports,
    &Totals::routes,           &Totals::backends,         &Totals::set_endpoints,
    &Totals::label_bytes,      &Totals::secrets,          &Totals::trust_bundles,
    &Totals::pem_bytes,        &Totals::tls_uses,         &Totals::server_names,
    &Totals::http_rules,       &Totals::http_places,      &Totals::http_bytes,
    &Totals::regexes,          &Totals::gateways,         &Totals::access_rules,
    &Totals::ports_on_the_way, &Totals::workloads,        &Totals::jwt_providers,
    &Totals::jwt_key_work,     &Totals::networks,         &Totals::rate_limits,
    &Totals::faults,           &Totals::keyed_rate_limits};

uint64_t bytes_of(const Labels& labels) {
  uint64_t bytes = 0;
  for (const auto& [name, value] : labels) bytes += name.size() + value.size() + kLabelCost;
  return bytes;
}

void add_spec(const Workload& spec, Totals& to) {
  to.workloads = 1;
  to.label_bytes += bytes_of(spec.labels);
}
void add_ports(const Service& spec, Totals& to) {
  to.service_ports = spec.addresses.size() * spec.ports.size();
  to.tls_uses = static_cast<uint64_t>(std::ranges::count_if(spec.ports, ends_tls));
}
void add_spec(const Service& spec, Totals& to) {
  to.services = 1;
  add_ports(spec, to);
  to.label_bytes += bytes_of(spec.selector);
}
void add_spec(const Gateway& spec, Totals& to) {
  to.gateways = 1;
  add_ports(spec.service, to);
  for (const ServicePort& listener : spec.service.ports)
    to.server_names += listener.hostnames.size();
}
void add_spec(const ExternalService& spec, Totals& to) {
  add_spec(spec.service, to);
  if (spec.on_the_way()) to.ports_on_the_way = to.service_ports;
  to.tls_uses += static_cast<uint64_t>(std::ranges::count_if(
      spec.service.ports, [](const ServicePort& port) { return port.upstream_tls.has_value(); }));
  for (const ServicePort& port : spec.service.ports) to.server_names += port.hostnames.size();
  to.server_names += spec.hosts.size();
  for (const Endpoint& endpoint : spec.endpoints) to.label_bytes += bytes_of(endpoint.labels);
}
void add_spec(const EndpointSet& spec, Totals& to) {
  to.set_endpoints = spec.endpoints.size();
  for (const Endpoint& endpoint : spec.endpoints) to.label_bytes += bytes_of(endpoint.labels);
}
uint64_t bytes_of(const HttpFieldChange& change) {
  uint64_t bytes = 0;
  for (const auto* list : {&change.set, &change.add})
    for (const HttpField& field : *list) bytes += field.name.size() + field.value.size();
  for (const std::string& name : change.remove) bytes += name.size();
  return bytes + (change.set.size() + change.add.size() + change.remove.size()) * kHttpMatchCost;
}
uint64_t bytes_of(const HttpCors& cors) {
  uint64_t bytes = 0;
  for (const TextMatch& origin : cors.origins) bytes += kHttpMatchCost + origin.text.size();
  for (const auto* list : {&cors.methods, &cors.headers, &cors.expose})
    for (const std::string& name : *list) bytes += sizeof(std::string) + 2 * name.size();
  return bytes;
}
uint64_t bytes_of(const HttpMatch& match) {
  uint64_t bytes = kHttpMatchCost + match.path.text.size() + match.method.size();
  for (const auto* list : {&match.fields, &match.query})
    for (const NamedMatch& each : *list)
      bytes += kHttpMatchCost + each.name.size() + each.value.text.size();
  if (match.source) bytes += bytes_of(match.source->labels);
  return bytes;
}
// Those of paths `times` as often.
uint64_t regexes_of(const HttpMatch& match, uint64_t times) {
  uint64_t regexes = match.path.kind == PathMatch::Kind::kRegex ? times : 0;
  for (const auto* list : {&match.fields, &match.query})
    for (const NamedMatch& each : *list)
      regexes += each.value.kind == TextMatch::Kind::kRegex ? 1 : 0;
  return regexes;
}
uint64_t bytes_of(const HttpRule& rule) {
  uint64_t bytes = kHttpMatchCost + bytes_of(rule.request) + bytes_of(rule.response);
  if (rule.redirect) bytes += rule.redirect->host.size() + rule.redirect->path.size();
  if (rule.rewrite) bytes += rule.rewrite->host.size() + rule.rewrite->path.size();
  if (rule.direct) bytes += rule.direct->body.size() + rule.direct->content_type.size();
  if (rule.cors) bytes += bytes_of(*rule.cors);
  for (const HttpMatch& match : rule.matches) bytes += bytes_of(match);
  return bytes;
}
void add_http(const Route& spec, Totals& to) {
  const uint64_t hosts = std::max<size_t>(1, spec.hostnames.size());
  to.http_rules = spec.http.size();
  for (const std::string& hostname : spec.hostnames) to.http_bytes += hostname.size();
  for (const HttpRule& rule : spec.http) {
    to.http_bytes += bytes_of(rule);
    if (rule.cors)
      to.regexes += static_cast<uint64_t>(
          std::ranges::count(rule.cors->origins, TextMatch::Kind::kRegex, &TextMatch::kind));
    to.http_places += hosts * std::max<size_t>(1, rule.matches.size());
    for (const HttpMatch& match : rule.matches) to.regexes += regexes_of(match, hosts);
  }
}
void add_spec(const Route& spec, Totals& to) {
  to.routes = 1;
  for_each_backend(spec, [&](const Backend& backend) {
    ++to.backends;
    to.label_bytes += bytes_of(backend.subset);
  });
  for (const TlsRule& rule : spec.tls) to.server_names += rule.server_names.size();
  add_http(spec, to);
}
void add_spec(const TrafficPolicy& spec, Totals& to) { to.tls_uses = spec.upstream_tls ? 1 : 0; }
void add_spec(const Secret& spec, Totals& to) {
  to.secrets = 1;
  to.pem_bytes = spec.chain_pem.size() + spec.key_pem.size();
}
void add_spec(const TrustBundle& spec, Totals& to) {
  to.trust_bundles = 1;
  to.pem_bytes = spec.roots_pem.size() + spec.crl_pem.size();
}
void add_spec(const JwtProvider& spec, Totals& to) {
  to.jwt_providers = 1;
  to.jwt_key_work = jwt::KeySet::rsa_work(spec.jwks);
  to.http_bytes = spec.claim_headers.size() * kHttpMatchCost;
}
void add_spec(const MeshPolicy& spec, Totals& to) {
  to.label_bytes += bytes_of(spec.workload_labels);
}
void add_spec(const OutboundPolicy&, Totals&) {}
void add_spec(const NetworkIdentity&, Totals& to) { to.networks = 1; }
void add_scope(const RequestScope& scope, Totals& to) {
  for (const HttpMatch& match : scope.matches) {
    to.http_bytes += bytes_of(match);
    to.regexes += regexes_of(match, 1);
  }
}
void add_spec(const RateLimit& spec, Totals& to) {
  to.rate_limits = 1;
  to.keyed_rate_limits = spec.keys.empty() ? 0 : 1;
  add_scope(spec.scope, to);
}
void add_spec(const Fault& spec, Totals& to) {
  to.faults = 1;
  add_scope(spec.scope, to);
}
void add_spec(const AccessPolicy& spec, Totals& to) {
  to.label_bytes += bytes_of(spec.workload_labels);
  add_access_rules(spec, to);
}

}  // namespace

Totals Totals::of(const Resource& resource) {
  Totals own{.resources = 1, .label_bytes = bytes_of(resource.labels)};
  std::visit([&](const auto& spec) { add_spec(spec, own); }, resource.spec);
  return own;
}

void Totals::add(const Totals& own) {
  for (const auto field : kOwn) this->*field += own.*field;
}

void Totals::subtract(const Totals& own) {
  for (const auto field : kOwn) this->*field -= own.*field;
}

void Index::recount(Touched& touched) {
  refresh_mesh(touched);
  const auto replace = [](uint64_t& sum, uint64_t& old, uint64_t now) {
    sum += now - old;
    old = now;
  };
  for (Group* group : touched.sizes) {
    uint64_t endpoints = 0;
    for (const Resource* set : group->endpoint_sets)
      endpoints += std::get<EndpointSet>(set->spec).endpoints.size();
    if (const ExternalService* external = group->external())
      endpoints +=
          external->on_the_way() ? external->service.addresses.size() : external->endpoints.size();
    for (const Resource* workload : selected_by(*group))
      endpoints += std::get<Workload>(workload->spec).addresses.size();
    replace(totals_.endpoints, group->endpoints, endpoints);
    replace(totals_.cluster_endpoints, group->cluster_endpoints,
            endpoints * (1 + group->subsets.size()));
  }
  for (Group* group : touched.access) {
    uint64_t terms = 0;
    if (group->service != nullptr)
      for (const Resource* policy : policies_of(*group))
        terms += access_terms(std::get<AccessPolicy>(policy->spec), &group->spec().ports);
    replace(totals_.access_terms, group->access_terms, terms);
  }
  for (const uint32_t port : touched.guards) {
    uint64_t terms = 0;
    for (const Resource* policy : guards_of(port))
      terms += access_terms(std::get<AccessPolicy>(policy->spec));
    replace(totals_.access_terms, guard_terms_[port], terms);
  }
}

}  // namespace heddle::policy
