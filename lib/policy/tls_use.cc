#include "tls_use.h"

#include <fmt/format.h>

#include <set>

#include "index.h"
#include "names.h"

namespace heddle::policy {
namespace {

void choose(const TlsChoice& choice, tls::Config& to) {
  to.min_version = choice.min_version;
  to.max_version = choice.max_version;
  to.suites = choice.suites;
  if (!choice.groups.empty()) to.groups = choice.groups;
  to.alpn = choice.alpn;
}

void add_certificate(const Index& index, const std::string& ns, const std::string& name,
                     tls::Config& to) {
  const auto& secret = std::get<Secret>(index.find({Kind::kSecret, ns, name})->spec);
  to.certificates.push_back({name, secret.chain_pem, secret.key_pem});
}

void add_trust(const Index& index, const std::string& ns, const std::string& name,
               tls::Config& to) {
  const auto& bundle = std::get<TrustBundle>(index.find({Kind::kTrustBundle, ns, name})->spec);
  // By name it is of no interest whose root it is, so all are one.
  if (to.peer == tls::PeerCheck::kName && !to.trust.empty()) {
    to.trust[0].roots_pem += "\n" + bundle.roots_pem;
    if (!bundle.crl_pem.empty()) to.trust[0].crl_pem += "\n" + bundle.crl_pem;
    return;
  }
  to.trust.push_back({bundle.trust_domain, bundle.roots_pem, bundle.crl_pem});
}

}  // namespace

std::vector<Key> tls_material_of(const Resource& resource) {
  std::vector<Key> keys;
  const auto add = [&](Kind kind, const std::string& name) {
    keys.push_back({kind, resource.key.ns, name});
  };
  const auto add_jwt = [&](const std::optional<JwtUse>& use) {
    if (!use) return;
    for (const std::string& name : use->providers) add(Kind::kJwtProvider, name);
  };
  if (const auto* route = std::get_if<Route>(&resource.spec))
    for (const HttpRule& rule : route->http) add_jwt(rule.jwt);
  if (resource.key.kind == Kind::kService || resource.key.kind == Kind::kGateway) {
    for (const ServicePort& port : service_of(resource).ports) {
      add_jwt(port.jwt);
      if (!port.tls) continue;
      for (const std::string& name : port.tls->certificates) add(Kind::kSecret, name);
      for (const std::string& name : port.tls->trust) add(Kind::kTrustBundle, name);
    }
  }
  if (const auto* external = std::get_if<ExternalService>(&resource.spec)) {
    for (const ServicePort& port : external->service.ports) {
      if (!port.upstream_tls) continue;
      const UpstreamTls& tls = *port.upstream_tls;
      if (!tls.certificate.empty()) add(Kind::kSecret, tls.certificate);
      for (const std::string& name : tls.trust) add(Kind::kTrustBundle, name);
    }
  }
  if (const auto* workload = std::get_if<Workload>(&resource.spec))
    if (!workload->certificate.empty()) add(Kind::kSecret, workload->certificate);
  if (const auto* gateway = std::get_if<Gateway>(&resource.spec))
    if (!gateway->certificate.empty()) add(Kind::kSecret, gateway->certificate);
  if (const auto* mesh = std::get_if<MeshPolicy>(&resource.spec))
    for (const std::string& name : mesh->trust) add(Kind::kTrustBundle, name);
  const auto* policy = std::get_if<TrafficPolicy>(&resource.spec);
  if (policy == nullptr || !policy->upstream_tls) return keys;
  if (!policy->upstream_tls->certificate.empty())
    add(Kind::kSecret, policy->upstream_tls->certificate);
  for (const std::string& name : policy->upstream_tls->trust) add(Kind::kTrustBundle, name);
  return keys;
}

TlsUse server_use(const Index& index, const Key& service, const ServicePort& port) {
  const ServerTls& spec = *port.tls;
  TlsUse use;
  tls::Config& config = use.config;
  const bool listens = service.kind == Kind::kGateway;
  config.name = title_of(service) + (listens ? " listener " : " port ") + port.name;
  config.role = tls::Role::kServer;
  choose(spec.choice, config);
  if (port.http && config.alpn.empty()) config.alpn = {"h2", "http/1.1"};
  config.known_names_only = spec.known_names_only;
  config.own_id = spec.own_id;
  for (const std::string& name : spec.certificates)
    add_certificate(index, service.ns, name, config);
  if (spec.trust.empty()) return use;
  config.peer = tls::PeerCheck::kSpiffe;
  for (const std::string& name : spec.trust) add_trust(index, service.ns, name, config);
  config.expected_ids = spec.client_ids;
  return use;
}

TlsUse client_use(const Index& index, const Key& policy, const UpstreamTls& tls,
                  const ServicePort& port) {
  TlsUse use;
  tls::Config& config = use.config;
  config.name = title_of(policy);
  if (policy.kind == Kind::kExternalService) config.name += " port " + port.name;
  config.role = tls::Role::kClient;
  choose(tls.choice, config);
  if (port.http && config.alpn.empty()) {
    config.alpn = {port.http == HttpUpstream::kHttp2 ? "h2" : "http/1.1"};
    config.name += " for " + config.alpn[0];
  }
  config.peer = tls.verify;
  if (!tls.certificate.empty()) add_certificate(index, policy.ns, tls.certificate, config);
  for (const std::string& name : tls.trust) add_trust(index, policy.ns, name, config);
  config.expected_ids = tls.server_ids;
  use.server_name = tls.server_name;
  return use;
}

namespace {

std::vector<TlsUse> uses_of(const Index& index, const Key& key, const std::string& certificate,
                            const std::string& account, const Resource* policy) {
  if (policy == nullptr || certificate.empty()) return {};
  std::vector<TlsUse> uses;
  for (const std::string_view inner :
       {std::string_view("h2"), std::string_view("http/1.1"), kMeshTcpAlpn}) {
    tls::Config& config = uses.emplace_back().config;
    config.name = fmt::format("{} towards other nodes, {}", title_of(key), inner);
    config.role = tls::Role::kClient;
    config.min_version = tls::Version::kTls13;
    config.alpn = {std::string(inner)};
    config.peer = tls::PeerCheck::kSpiffe;
    config.own_id = index.identity_of(key.ns, account);
    add_certificate(index, key.ns, certificate, config);
    for (const std::string& name : std::get<MeshPolicy>(policy->spec).trust)
      add_trust(index, key.ns, name, config);
  }
  return uses;
}

}  // namespace

std::vector<TlsUse> mesh_uses(const Index& index, const Resource& workload) {
  const auto& spec = std::get<Workload>(workload.spec);
  return uses_of(index, workload.key, spec.certificate, spec.service_account,
                 index.mesh_policy_of(workload));
}

std::vector<TlsUse> gateway_uses(const Index& index, const Resource& gateway) {
  const auto& spec = std::get<Gateway>(gateway.spec);
  return uses_of(index, gateway.key, spec.certificate, spec.service_account,
                 index.wide_mesh_policy(gateway.key.ns));
}

std::vector<TlsUse> client_uses(const Index& index, const Key& policy, const UpstreamTls& tls,
                                const Service& service) {
  std::vector<TlsUse> uses;
  std::set<std::string> names;
  for (const ServicePort& port : service.ports) {
    if (forwarding_of(service, port) != Forwarding::kProxy) continue;
    TlsUse use = client_use(index, policy, tls, port);
    if (names.insert(use.config.name).second) uses.push_back(std::move(use));
  }
  return uses;
}

bool ends_tls(const ServicePort& port) {
  return port.tls && port.tls->mode != ClientTls::kPassthrough;
}

size_t pem_bytes(const tls::Config& config) {
  size_t bytes = 0;
  for (const tls::CertificateConfig& each : config.certificates)
    bytes += each.chain_pem.size() + each.key_pem.size();
  for (const tls::TrustConfig& each : config.trust)
    bytes += each.roots_pem.size() + each.crl_pem.size();
  return bytes;
}

std::string_view trust_domain_of(std::string_view spiffe_id) {
  constexpr std::string_view kScheme = "spiffe://";
  if (!spiffe_id.starts_with(kScheme)) return {};
  spiffe_id.remove_prefix(kScheme.size());
  return spiffe_id.substr(0, spiffe_id.find('/'));
}

}  // namespace heddle::policy
