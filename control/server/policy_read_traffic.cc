// TrafficPolicy, AccessPolicy.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

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
  to.trust_domain = domain;
  to.foreign = domain != reader.trust_domain();
  to.identified = true;
}

void read_not_principal(const std::string& from, const std::string& field, policy::Source& to,
                        PolicyReader& reader) {
  const auto principal = parse_principal(from);
  if (!principal)
    return reader.problem(field,
                          "is no identity; expected spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT");
  if (reader.trust_domain().empty())
    return reader.problem(field,
                          "names a trust domain, and this node has none: give trust_domain "
                          "in heddled.yaml");
  to.not_principals.push_back({std::string(principal->ns), std::string(principal->account),
                               std::string(principal->domain),
                               principal->domain != reader.trust_domain()});
}

policy::Source read_source(const v1::Source& from, const std::string& field, policy::Action action,
                           PolicyReader& reader) {
  policy::Source to;
  const int not_identities =
      from.not_namespaces_size() + from.not_service_accounts_size() + from.not_principals_size();
  if (!reader.fits(from.cidrs_size() + from.not_cidrs_size() + not_identities,
                   policy::kMaxSourceTerms, field))
    return to;
  read_identity(from, field, to, reader);
  // "Not of that namespace" is known of senders with an identity alone. For the others it fails
  // closed: no ALLOW is for them, and every DENY.
  if (not_identities != 0 && action == policy::Action::kAllow) to.identified = true;
  to.cidrs = reader.prefixes(from.cidrs(), field + ".cidrs");
  to.not_cidrs = reader.prefixes(from.not_cidrs(), field + ".not_cidrs");
  to.not_namespaces = {from.not_namespaces().begin(), from.not_namespaces().end()};
  to.not_service_accounts = {from.not_service_accounts().begin(),
                             from.not_service_accounts().end()};
  for (int i = 0; i < from.not_principals_size(); ++i)
    read_not_principal(from.not_principals(i), fmt::format("{}.not_principals[{}]", field, i), to,
                       reader);
  to.claims = read_claims(from.jwt_claims(), field + ".jwt_claims", reader);
  to.not_claims = read_claims(from.not_jwt_claims(), field + ".not_jwt_claims", reader);
  // The same of claims: without a token they are neither so nor not so.
  to.tokened = !to.claims.empty() || (!to.not_claims.empty() && action == policy::Action::kAllow);
  // An empty source would fit everybody, which is hardly what was meant.
  const bool empty = from.principal().empty() && from.namespace_().empty() &&
                     from.service_account().empty() && from.trust_domain().empty() &&
                     from.cidrs_size() + from.not_cidrs_size() + not_identities == 0 &&
                     from.jwt_claims().empty() && from.not_jwt_claims().empty();
  if (empty) reader.problem(field, "says nothing; for everybody leave \"from\" out");
  return to;
}

void read_algorithm(const v1::Balancer& from, policy::TrafficPolicy& to, PolicyReader& reader) {
  const bool hash_given = from.hash_on() != v1::HASH_ON_UNSPECIFIED;
  switch (from.algorithm()) {
    case v1::ALGORITHM_UNSPECIFIED:
    case v1::ALGORITHM_MAGLEV:
      return;
    case v1::ALGORITHM_RING_HASH:
      to.algorithm = policy::Algorithm::kRingHash;
      return;
    case v1::ALGORITHM_ROUND_ROBIN:
      to.algorithm = policy::Algorithm::kRoundRobin;
      break;
    case v1::ALGORITHM_RANDOM:
      to.algorithm = policy::Algorithm::kRandom;
      break;
    case v1::ALGORITHM_LEAST_REQUEST:
      to.algorithm = policy::Algorithm::kLeastRequest;
      break;
    default:
      return reader.problem("spec.balancer.algorithm",
                            "expected maglev, ring-hash, round-robin, random or least-request");
  }
  if (hash_given)
    reader.problem("spec.balancer.hash_on",
                   "the algorithm looks at no hash: leave it out, or take maglev or ring-hash");
}

void read_hash(const v1::Balancer& from, policy::TrafficPolicy& to, PolicyReader& reader) {
  to.hash_name = from.hash_name();
  switch (from.hash_on()) {
    case v1::HASH_ON_UNSPECIFIED:
    case v1::HASH_ON_FLOW:
      break;
    case v1::HASH_ON_SOURCE_ADDRESS:
      to.hash_on = policy::HashOn::kSourceAddress;
      break;
    case v1::HASH_ON_HEADER:
      to.hash_on = policy::HashOn::kHeader;
      to.hash_name = in_small_letters(from.hash_name());
      break;
    case v1::HASH_ON_COOKIE:
      to.hash_on = policy::HashOn::kCookie;
      break;
    default:
      reader.problem("spec.balancer.hash_on", "expected flow, source-address, header or cookie");
  }
  if (!from.has_hash_cookie_ttl()) return;
  to.hash_cookie_ttl =
      PolicyReader::time(from.hash_cookie_ttl(), Duration(), policy::kMaxCookieTtl);
  if (!to.hash_cookie_ttl)
    reader.problem("spec.balancer.hash_cookie_ttl",
                   "expected whole seconds, 1s to 9600h, or 0s: until the client's session ends");
}

Duration read_drain_time(const google::protobuf::Duration& from, PolicyReader& reader) {
  if (const auto time = PolicyReader::time(from, Duration(), policy::kMaxDrainTime)) return *time;
  reader.problem("spec.drain_time", "expected 0s to 24h");
  return policy::kDefaultDrainTime;
}

void read_limits(const v1::ConnectionLimits& from, policy::TrafficPolicy& to,
                 PolicyReader& reader) {
  if (from.has_connect_timeout()) {
    to.connect_timeout = PolicyReader::time(from.connect_timeout(), policy::kLeastConnectTimeout,
                                            policy::kMaxConnectTimeout);
    if (!to.connect_timeout) reader.problem("spec.limits.connect_timeout", "expected 1ms to 10m");
  }
  if (from.has_idle_timeout()) {
    const google::protobuf::Duration& idle = from.idle_timeout();
    const bool never = idle.seconds() == 0 && idle.nanos() == 0;
    to.idle_timeout =
        never ? Duration()
              : PolicyReader::time(idle, policy::kLeastIdleTimeout, policy::kMaxIdleTimeout);
    if (!to.idle_timeout)
      reader.problem("spec.limits.idle_timeout", "expected 1s to 720h, or 0s: never");
  }
}

policy::ProxyProtocol read_proxy_protocol(v1::ProxyProtocol from, PolicyReader& reader) {
  switch (from) {
    case v1::PROXY_PROTOCOL_UNSPECIFIED:
      return policy::ProxyProtocol::kOff;
    case v1::PROXY_PROTOCOL_V1:
      return policy::ProxyProtocol::kV1;
    case v1::PROXY_PROTOCOL_V2:
      return policy::ProxyProtocol::kV2;
    default:
      reader.problem("spec.proxy_protocol", "expected v1 or v2");
      return policy::ProxyProtocol::kOff;
  }
}

policy::Refusal read_refusal(v1::Refusal from, policy::Refusal otherwise, const char* field,
                             PolicyReader& reader) {
  switch (from) {
    case v1::REFUSAL_UNSPECIFIED:
      return otherwise;
    case v1::REFUSAL_DROP:
      return policy::Refusal::kDrop;
    case v1::REFUSAL_RESET:
      return policy::Refusal::kReset;
    case v1::REFUSAL_UNREACHABLE:
      return policy::Refusal::kUnreachable;
    default:
      reader.problem(field, "expected DROP, RESET or UNREACHABLE");
      return otherwise;
  }
}

}  // namespace

policy::TrafficPolicy read(const v1::TrafficPolicy& from, PolicyReader& reader) {
  policy::TrafficPolicy to;
  to.service = from.service();
  const v1::Balancer& balancer = from.balancer();
  read_algorithm(balancer, to, reader);
  read_hash(balancer, to, reader);
  reader.later(balancer.has_slow_start(), "spec.balancer.slow_start");
  read_limits(from.limits(), to, reader);
  read_resilience(from, to, reader);
  reader.later(from.has_health_check(), "spec.health_check");
  reader.later(from.tls() != v1::TLS_MODE_UNSPECIFIED, "spec.tls");
  if (from.has_upstream_tls())
    to.upstream_tls = read_upstream_tls(from.upstream_tls(), "spec.upstream_tls", reader);
  to.proxy_protocol = read_proxy_protocol(from.proxy_protocol(), reader);
  if (from.has_drain_time()) to.drain_time = read_drain_time(from.drain_time(), reader);
  to.no_endpoint =
      read_refusal(from.no_endpoint(), policy::Refusal::kUnreachable, "spec.no_endpoint", reader);
  return to;
}

policy::AccessPolicy read(const v1::AccessPolicy& from, PolicyReader& reader) {
  policy::AccessPolicy to;
  to.service = from.target().service();
  if (!reader.fits(static_cast<int>(from.target().workload_labels_size()), policy::kMaxLabels,
                   "spec.target.workload_labels"))
    return to;
  to.workload_labels = PolicyReader::labels(from.target().workload_labels());
  to.dry_run = from.dry_run();
  to.on_deny = read_refusal(from.on_deny(), policy::Refusal::kDrop, "spec.on_deny", reader);
  if (from.action() == v1::ACTION_DENY)
    to.action = policy::Action::kDeny;
  else if (from.action() == v1::ACTION_AUDIT)
    to.action = policy::Action::kAudit;
  else if (from.action() != v1::ACTION_ALLOW)
    reader.problem("spec.action", "missing; expected ALLOW, DENY or AUDIT");
  if (!reader.fits(from.rules_size(), policy::kMaxRules, "spec.rules")) return to;
  for (int i = 0; i < from.rules_size(); ++i) {
    policy::AccessRule& rule = to.rules.emplace_back();
    const v1::AccessRule& each = from.rules(i);
    if (!reader.fits(each.from_size(), policy::kMaxSources,
                     fmt::format("spec.rules[{}].from", i)) ||
        !reader.fits(each.to_size(), policy::kMaxOperations, fmt::format("spec.rules[{}].to", i)))
      return to;
    for (int j = 0; j < each.from_size(); ++j)
      rule.from.push_back(read_source(each.from(j), fmt::format("spec.rules[{}].from[{}]", i, j),
                                      to.action, reader));
    for (int j = 0; j < each.to_size(); ++j)
      rule.to.push_back(
          read_operation(each.to(j), fmt::format("spec.rules[{}].to[{}]", i, j), reader));
  }
  return to;
}

}  // namespace heddle::server
