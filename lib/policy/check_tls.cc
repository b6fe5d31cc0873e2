// TLS and tokens: what they name, who is trusted, and which server names lead where.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "check.h"
#include "names.h"
#include "tls_use.h"

namespace heddle::policy {
namespace {

constexpr const char* kNoTls = "this heddled has no TLS: it is built or started without it";

bool passes_tls(const ServicePort& port) {
  return port.tls && port.tls->mode == ClientTls::kPassthrough;
}

}  // namespace

const Resource* Checker::material(const Key& key, const std::string& field, Kind kind,
                                  const std::string& name) {
  const Resource* found = index_.find({kind, key.ns, name});
  if (found == nullptr) problems_.add(key, field, no_resource({kind, key.ns, name}));
  return found;
}

void Checker::check_port_tls(const Key& key, const std::string& field, const ServerTls& tls) {
  if (!has_tls_) return problems_.add(key, field, kNoTls);
  for (size_t i = 0; i < tls.certificates.size(); ++i)
    material(key, fmt::format("{}.certificates[{}]", field, i), Kind::kSecret, tls.certificates[i]);
  for (size_t i = 0; i < tls.trust.size(); ++i)
    material(key, fmt::format("{}.trust[{}]", field, i), Kind::kTrustBundle, tls.trust[i]);
  check_peer_ids(key, field + ".client_ids", tls.client_ids, tls.trust);
}

void Checker::check_jwt(const Key& key, const std::string& field,
                        const std::optional<JwtUse>& use) {
  if (!use) return;
  for (size_t i = 0; i < use->providers.size(); ++i)
    material(key, fmt::format("{}.providers[{}]", field, i), Kind::kJwtProvider, use->providers[i]);
}

void Checker::check_upstream_tls(const Key& key, const UpstreamTls& tls, const Service& target) {
  const std::string field = "spec.upstream_tls";
  if (!has_tls_) return problems_.add(key, field, kNoTls);
  const std::string service =
      key.ns + "/" + std::get<TrafficPolicy>(index_.find(key)->spec).service;
  if (!ends_connections(target))
    return problems_.add(key, field,
                         fmt::format("needs forwarding: proxy, and Service {} has forwarding: {}",
                                     service, name_of(target.forwarding)));
  // What passes through is not the node's to wrap once more.
  if (const auto port = std::ranges::find_if(target.ports, passes_tls); port != target.ports.end())
    problems_.add(key, field,
                  fmt::format("Service {} has port {} with tls.mode: PASSTHROUGH, where clients "
                              "speak TLS with the endpoints themselves",
                              service, port->name));
  if (const auto port = std::ranges::find_if(target.ports, &ServicePort::sniffed);
      port != target.ports.end())
    problems_.add(key, field,
                  fmt::format("Service {} has port {} of protocol auto, whose clients' own TLS "
                              "passes through; name the protocol",
                              service, port->name));
  check_client_tls(key, field, tls);
}

void Checker::check_client_tls(const Key& key, const std::string& field, const UpstreamTls& tls) {
  if (!tls.certificate.empty())
    material(key, field + ".certificate", Kind::kSecret, tls.certificate);
  size_t with_crl = 0, found = 0;
  for (size_t i = 0; i < tls.trust.size(); ++i) {
    const Resource* bundle =
        material(key, fmt::format("{}.trust[{}]", field, i), Kind::kTrustBundle, tls.trust[i]);
    if (bundle == nullptr) continue;
    ++found;
    if (!std::get<TrustBundle>(bundle->spec).crl_pem.empty()) ++with_crl;
  }
  // By name they are one bundle, in which every certificate would be looked up in the CRLs.
  if (tls.verify == tls::PeerCheck::kName && with_crl != 0 && with_crl != found)
    problems_.add(key, field + ".trust",
                  "with verify: NAME either all of these have a CRL, or none has");
  check_peer_ids(key, field + ".server_ids", tls.server_ids, tls.trust);
}

void Checker::check_peer_ids(const Key& key, const std::string& field,
                             const std::vector<std::string>& ids,
                             const std::vector<std::string>& trust) {
  std::set<std::string_view> domains;
  for (const std::string& name : trust) {
    const Resource* bundle = index_.find({Kind::kTrustBundle, key.ns, name});
    if (bundle == nullptr) return;  // told
    domains.insert(std::get<TrustBundle>(bundle->spec).trust_domain);
  }
  for (size_t i = 0; i < ids.size(); ++i)
    if (!domains.contains(trust_domain_of(ids[i])))
      problems_.add(key, fmt::format("{}[{}]", field, i),
                    fmt::format("{} is of trust domain {}, which no TrustBundle under trust is for",
                                quote(ids[i]), trust_domain_of(ids[i])));
}

// An identity of a trust domain is checked by one bundle, so there must be no choice.
void Checker::check_trust_bundle(const Key& key, const TrustBundle& spec) {
  if (const Key* other = index_.other_bundle(spec.trust_domain, key))
    problems_.add(key, "spec.trust_domain",
                  fmt::format("{} {}", spec.trust_domain, also_of(*other)));
}

void Checker::check_route_names(const Key& key, const Route& spec, const Service& target) {
  if (!spec.tls.empty() && std::ranges::none_of(target.ports, passes_tls))
    problems_.add(
        key, "spec.tls",
        fmt::format("{} has no {} with tls.mode: PASSTHROUGH", title_of(target_of(key, spec)),
                    spec.gateway.empty() ? "port" : "listener"));
}

void Checker::check_server_names(const Group& group) {
  std::map<std::string_view, const Key*> seen;
  const Resource* by_name = nullptr;
  size_t names = 0;
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    if (!spec.tls.empty()) by_name = route;
    for (size_t i = 0; i < spec.tls.size() && !problems_.full(); ++i) {
      names += spec.tls[i].server_names.size();
      for (size_t j = 0; j < spec.tls[i].server_names.size(); ++j) {
        const std::string& name = spec.tls[i].server_names[j];
        const auto [at, fresh] = seen.emplace(name, &route->key);
        if (!fresh)
          problems_.add(route->key, fmt::format("spec.tls[{}].server_names[{}]", i, j),
                        fmt::format("{} is in a rule of Route {} for {} already", quote(name),
                                    path_of(*at->second), title_of(group.key)));
      }
    }
  }
  if (names > kMaxServiceServerNames)
    problems_.add(by_name->key, "spec.tls",
                  fmt::format("all Routes of {} have {} server names; at most {} are allowed",
                              title_of(group.key), names, kMaxServiceServerNames));
  if (by_name == nullptr || group.service == nullptr || group.is_gateway()) return;
  // A port is led by names or by tcp rules.
  for (const Resource* route : group.routes) {
    const auto& rules = std::get<Route>(route->spec).rules;
    for (size_t i = 0; i < rules.size() && !problems_.full(); ++i)
      for (const ServicePort& port : group.spec().ports)
        if (passes_tls(port) && (rules[i].port.empty() || rules[i].port == port.name))
          problems_.add(route->key, element("spec.tcp", i) + ".port",
                        fmt::format("port {} is led by the server names of Route {}",
                                    quote(port.name), path_of(by_name->key)));
  }
}

}  // namespace heddle::policy
