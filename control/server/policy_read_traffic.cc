// Route, TrafficPolicy, AccessPolicy.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

policy::Backend read_backend(const v1::Backend& from, const std::string& ns,
                             const std::string& field, PolicyReader& reader) {
  policy::Backend to;
  to.service = from.service();
  to.ns = from.namespace_().empty() ? ns : from.namespace_();
  to.subset = PolicyReader::labels(from.subset());
  if (from.has_weight()) to.weight = from.weight();
  if (from.port() != 0)
    reader.problem(field + ".port", "cannot be changed with forwarding: direct; leave it out");
  return to;
}

// "spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT" into its parts.
struct Principal {
  std::string_view domain, ns, account;
};
std::optional<Principal> parse_principal(std::string_view text) {
  constexpr std::string_view kScheme = "spiffe://", kNs = "/ns/", kSa = "/sa/";
  if (!text.starts_with(kScheme)) return {};
  text.remove_prefix(kScheme.size());
  const size_t ns = text.find(kNs);
  const size_t sa = text.find(kSa, ns == std::string_view::npos ? 0 : ns + kNs.size());
  if (ns == std::string_view::npos || sa == std::string_view::npos) return {};
  Principal parts{text.substr(0, ns), text.substr(ns + kNs.size(), sa - ns - kNs.size()),
                  text.substr(sa + kSa.size())};
  const bool whole = !parts.domain.empty() && !parts.ns.empty() && !parts.account.empty() &&
                     parts.ns.find('/') == std::string_view::npos &&
                     parts.account.find('/') == std::string_view::npos;
  return whole ? std::optional(parts) : std::nullopt;
}

// Sets ns, service_account and foreign from the ways to name a caller, which must agree.
void read_identity(const v1::Source& from, const std::string& field, policy::Source& to,
                   PolicyReader& reader) {
  to.ns = from.namespace_();
  to.service_account = from.service_account();
  std::string_view domain = from.trust_domain();
  if (!from.principal().empty()) {
    const auto principal = parse_principal(from.principal());
    if (!principal)
      return reader.problem(
          field + ".principal",
          "is no identity; expected spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT");
    if (!from.namespace_().empty() || !from.service_account().empty() || !domain.empty())
      return reader.problem(field + ".principal",
                            "says what namespace, service_account and trust_domain say; leave "
                            "those out");
    to.ns = principal->ns;
    to.service_account = principal->account;
    domain = principal->domain;
  }
  if (domain.empty()) return;
  if (reader.trust_domain().empty())
    return reader.problem(field,
                          "names a trust domain, and this node has none: give trust_domain "
                          "in heddled.yaml");
  to.foreign = domain != reader.trust_domain();
  to.identified = true;
}

policy::Source read_source(const v1::Source& from, const std::string& field, policy::Action action,
                           PolicyReader& reader) {
  policy::Source to;
  if (!reader.fits(from.cidrs_size() + from.not_cidrs_size() + from.not_namespaces_size(),
                   policy::kMaxSourceTerms, field))
    return to;
  read_identity(from, field, to, reader);
  // "Not of that namespace" is known of senders with an identity alone. For the others it fails
  // closed: no ALLOW is for them, and every DENY.
  if (from.not_namespaces_size() != 0 && action == policy::Action::kAllow) to.identified = true;
  to.cidrs = reader.prefixes(from.cidrs(), field + ".cidrs");
  to.not_cidrs = reader.prefixes(from.not_cidrs(), field + ".not_cidrs");
  to.not_namespaces = {from.not_namespaces().begin(), from.not_namespaces().end()};
  reader.later(from.not_principals_size() != 0, field + ".not_principals");
  reader.later(from.jwt_claims_size() != 0, field + ".jwt_claims");
  // An empty source would fit everybody, which is hardly what was meant.
  const bool empty = from.principal().empty() && from.namespace_().empty() &&
                     from.service_account().empty() && from.trust_domain().empty() &&
                     from.cidrs_size() + from.not_cidrs_size() + from.not_namespaces_size() == 0;
  if (empty) reader.problem(field, "says nothing; for everybody leave \"from\" out");
  return to;
}

void read_operation(const v1::Operation& from, const std::string& field, policy::AccessRule& to,
                    PolicyReader& reader) {
  if (!reader.fits(from.ports_size(), policy::kMaxServicePorts, field + ".ports")) return;
  to.ports.insert(to.ports.end(), from.ports().begin(), from.ports().end());
  reader.later(from.methods_size() != 0, field + ".methods");
  reader.later(from.paths_size() != 0, field + ".paths");
  reader.later(from.hosts_size() != 0, field + ".hosts");
  reader.later(from.not_methods_size() != 0, field + ".not_methods");
  reader.later(from.not_paths_size() != 0, field + ".not_paths");
  if (from.ports_size() == 0)
    reader.problem(field, "says nothing; for everything leave \"to\" out");
}

}  // namespace

policy::Route read(const v1::Route& from, const std::string& ns, PolicyReader& reader) {
  policy::Route to;
  to.service = from.service();
  if (!reader.fits(from.tcp_size(), policy::kMaxRules, "spec.tcp")) return to;
  reader.later(!from.gateway().empty(), "spec.gateway");
  reader.later(from.hostnames_size() != 0, "spec.hostnames");
  reader.later(from.http_size() != 0, "spec.http");
  reader.later(from.grpc_size() != 0, "spec.grpc");
  reader.later(from.tls_size() != 0, "spec.tls");
  for (int i = 0; i < from.tcp_size(); ++i) {
    policy::TcpRule& rule = to.rules.emplace_back();
    rule.port = from.tcp(i).port();
    if (!reader.fits(from.tcp(i).backends_size(), policy::kMaxBackends,
                     fmt::format("spec.tcp[{}].backends", i)))
      return to;
    for (int j = 0; j < from.tcp(i).backends_size(); ++j)
      rule.backends.push_back(read_backend(from.tcp(i).backends(j), ns,
                                           fmt::format("spec.tcp[{}].backends[{}]", i, j), reader));
  }
  return to;
}

policy::TrafficPolicy read(const v1::TrafficPolicy& from, PolicyReader& reader) {
  policy::TrafficPolicy to;
  to.service = from.service();
  const v1::Balancer& balancer = from.balancer();
  if (balancer.algorithm() != v1::ALGORITHM_UNSPECIFIED &&
      balancer.algorithm() != v1::ALGORITHM_MAGLEV)
    reader.problem("spec.balancer.algorithm", "does not act in this version; expected maglev");
  if (balancer.hash_on() == v1::HASH_ON_SOURCE_ADDRESS)
    to.hash_on = policy::HashOn::kSourceAddress;
  else if (balancer.hash_on() != v1::HASH_ON_UNSPECIFIED && balancer.hash_on() != v1::HASH_ON_FLOW)
    reader.problem("spec.balancer.hash_on",
                   "does not act in this version; expected flow or source-address");
  reader.later(!balancer.hash_name().empty(), "spec.balancer.hash_name");
  reader.later(balancer.has_slow_start(), "spec.balancer.slow_start");
  reader.later(balancer.has_panic_threshold(), "spec.balancer.panic_threshold");
  reader.later(from.has_limits(), "spec.limits");
  reader.later(from.has_outlier_detection(), "spec.outlier_detection");
  reader.later(from.has_health_check(), "spec.health_check");
  reader.later(from.tls() != v1::TLS_MODE_UNSPECIFIED, "spec.tls");
  reader.later(from.has_drain_time(), "spec.drain_time");
  return to;
}

policy::AccessPolicy read(const v1::AccessPolicy& from, PolicyReader& reader) {
  policy::AccessPolicy to;
  to.service = from.target().service();
  reader.later(from.target().workload_labels_size() != 0, "spec.target.workload_labels");
  reader.later(from.dry_run(), "spec.dry_run");
  if (from.action() == v1::ACTION_DENY)
    to.action = policy::Action::kDeny;
  else if (from.action() == v1::ACTION_AUDIT)
    reader.problem("spec.action", "AUDIT does not act in this version; expected ALLOW or DENY");
  else if (from.action() != v1::ACTION_ALLOW)
    reader.problem("spec.action", "missing; expected ALLOW or DENY");
  if (!reader.fits(from.rules_size(), policy::kMaxRules, "spec.rules")) return to;
  for (int i = 0; i < from.rules_size(); ++i) {
    policy::AccessRule& rule = to.rules.emplace_back();
    const v1::AccessRule& each = from.rules(i);
    if (!reader.fits(each.from_size(), policy::kMaxSources,
                     fmt::format("spec.rules[{}].from", i)) ||
        !reader.fits(each.to_size(), policy::kMaxServicePorts, fmt::format("spec.rules[{}].to", i)))
      return to;
    for (int j = 0; j < each.from_size(); ++j)
      rule.from.push_back(read_source(each.from(j), fmt::format("spec.rules[{}].from[{}]", i, j),
                                      to.action, reader));
    for (int j = 0; j < each.to_size(); ++j)
      read_operation(each.to(j), fmt::format("spec.rules[{}].to[{}]", i, j), rule, reader);
  }
  return to;
}

}  // namespace heddle::server
