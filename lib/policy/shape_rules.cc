// The shape of what steers traffic: Route, TrafficPolicy, AccessPolicy.
#include <fmt/format.h>

#include <set>

#include "http/chars.h"
#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::check(const Route& spec) {
  may_leave_ = !spec.gateway.empty();
  if (!may_leave_) label("spec.service", spec.service);
  if (may_leave_) label("spec.gateway", spec.gateway);
  if (may_leave_ && !spec.service.empty())
    fail("spec.gateway", "a Route is for a service or a gateway, and both are given");
  if (!spec.http.empty()) return http_rules(spec);
  if (!spec.hostnames.empty())
    fail("spec.hostnames", "are of requests, for rules under http or grpc");
  if (!spec.tls.empty()) {
    if (!spec.rules.empty())
      fail("spec.tls", "a Route has rules of one kind; what is under tcp takes another Route");
    if (!count("spec.tls", spec.tls.size(), 1, kMaxRules, "rules")) return;
    for (size_t i = 0; i < spec.tls.size(); ++i)
      tls_rule(fmt::format("spec.tls[{}]", i), spec.tls[i]);
    return;
  }
  if (!count("spec.tcp", spec.rules.size(), 1, kMaxRules, "rules")) return;
  for (size_t i = 0; i < spec.rules.size(); ++i)
    rule(fmt::format("spec.tcp[{}]", i), spec.rules[i]);
}

void ShapeChecker::rule(const std::string& field, const TcpRule& rule) {
  if (!rule.port.empty()) label(field + ".port", rule.port);
  backends(field + ".backends", rule.backends);
}

void ShapeChecker::backends(const std::string& field, const std::vector<Backend>& backends) {
  if (!count(field, backends.size(), 1, kMaxBackends, "backends")) return;
  for (size_t i = 0; i < backends.size(); ++i)
    backend(fmt::format("{}[{}]", field, i), backends[i]);
}

void ShapeChecker::backend(const std::string& field, const Backend& backend) {
  label(field + ".service", backend.service);
  if (may_leave_) label(field + ".namespace", backend.ns);
  if (!may_leave_ && backend.ns != key_.ns)
    fail(
        field + ".namespace",
        fmt::format("{} is another namespace; a Route has backends in its own", quote(backend.ns)));
  labels(field + ".subset", backend.subset);
  if (backend.weight > kMaxBackendWeight)
    fail(field + ".weight", fmt::format("{} is more than {}", backend.weight, kMaxBackendWeight));
}

void ShapeChecker::check(const TrafficPolicy& spec) {
  label("spec.service", spec.service);
  balancing(spec);
  if (spec.drain_time < Duration() || spec.drain_time > kMaxDrainTime)
    fail("spec.drain_time", "expected 0s to 24h");
  if (spec.no_endpoint > Refusal::kDrop) fail("spec.no_endpoint", "is none that is known");
  const auto outside = [](const std::optional<Duration>& time, Duration least, Duration most) {
    return time && (*time < least || *time > most);
  };
  if (outside(spec.connect_timeout, kLeastConnectTimeout, kMaxConnectTimeout))
    fail("spec.limits.connect_timeout", "expected 1ms to 10m");
  if (spec.idle_timeout != Duration() &&
      outside(spec.idle_timeout, kLeastIdleTimeout, kMaxIdleTimeout))
    fail("spec.limits.idle_timeout", "expected 1s to 720h, or 0s: never");
  resilience(spec);
  if (spec.upstream_tls) upstream_tls("spec.upstream_tls", *spec.upstream_tls);
  if (spec.proxy_protocol > ProxyProtocol::kV2)
    fail("spec.proxy_protocol", "is none that is known");
}

void ShapeChecker::balancing(const TrafficPolicy& spec) {
  const std::string name = "spec.balancer.hash_name", ttl = "spec.balancer.hash_cookie_ttl";
  if (spec.hash_on > HashOn::kCookie) fail("spec.balancer.hash_on", "is none that is known");
  if (spec.algorithm > Algorithm::kLeastRequest)
    fail("spec.balancer.algorithm", "is none that is known");
  else if (!is_hash(spec.algorithm) && spec.hash_on != HashOn::kFlow)
    fail("spec.balancer.hash_on",
         fmt::format("algorithm {} does not look at it: leave it out, or take maglev or ring-hash",
                     name_of(spec.algorithm)));
  if (spec.hash_on == HashOn::kHeader)
    field_name(name, spec.hash_name);
  else if (spec.hash_on == HashOn::kCookie && spec.hash_name.empty())
    fail(name, "is missing");
  else if (spec.hash_on == HashOn::kCookie && (spec.hash_name.size() > kMaxCookieName ||
                                               !http::all(http::Chars::kToken, spec.hash_name)))
    fail(name, quote(spec.hash_name) + " is no name of a cookie, or longer than 256 bytes");
  else if (!is_of_requests(spec.hash_on) && !spec.hash_name.empty())
    fail(name, "is for hash_on: header or cookie; leave it out");
  if (!spec.hash_cookie_ttl) return;
  if (spec.hash_on != HashOn::kCookie)
    fail(ttl, "is for hash_on: cookie; leave it out");
  else if (*spec.hash_cookie_ttl < Duration() || *spec.hash_cookie_ttl > kMaxCookieTtl ||
           spec.hash_cookie_ttl->ns() % seconds(1).ns() != 0)
    fail(ttl, "expected whole seconds, 1s to 9600h, or 0s: until the client's session ends");
}

void ShapeChecker::check(const AccessPolicy& spec) {
  if (!spec.service.empty()) label("spec.target.service", spec.service);
  labels("spec.target.workload_labels", spec.workload_labels);
  if (!spec.service.empty() && !spec.workload_labels.empty())
    fail("spec.target", "names a service and workload_labels; one policy is for one of them");
  if (spec.action > Action::kAudit) fail("spec.action", "is none that is known");
  if (spec.on_deny > Refusal::kDrop) fail("spec.on_deny", "is none that is known");
  if (!count("spec.rules", spec.rules.size(), 0, kMaxRules, "rules")) return;
  for (size_t i = 0; i < spec.rules.size(); ++i) {
    const std::string field = fmt::format("spec.rules[{}]", i);
    access_rule(field, spec.rules[i]);
    if (spec.service.empty()) port_numbers(field, spec.rules[i]);
  }
}

void ShapeChecker::access_rule(const std::string& field, const AccessRule& rule) {
  if (count(field + ".from", rule.from.size(), 0, kMaxSources, "sources"))
    for (size_t i = 0; i < rule.from.size(); ++i)
      source(fmt::format("{}.from[{}]", field, i), rule.from[i]);
  if (count(field + ".to", rule.to.size(), 0, kMaxOperations, "elements"))
    for (size_t i = 0; i < rule.to.size(); ++i)
      operation(fmt::format("{}.to[{}]", field, i), rule.to[i]);
}

void ShapeChecker::source(const std::string& field, const Source& source) {
  if (!source.ns.empty()) label(field + ".namespace", source.ns);
  if (!source.service_account.empty()) label(field + ".service_account", source.service_account);
  prefixes(field + ".cidrs", source.cidrs);
  prefixes(field + ".not_cidrs", source.not_cidrs);
  claims(field + ".jwt_claims", source.claims);
  claims(field + ".not_jwt_claims", source.not_claims);
  const auto all = [&](const char* list, const std::vector<std::string>& names, const char* what) {
    if (!count(field + list, names.size(), 0, kMaxSourceTerms, what)) return;
    for (size_t i = 0; i < names.size(); ++i)
      label(fmt::format("{}{}[{}]", field, list, i), names[i]);
  };
  all(".not_namespaces", source.not_namespaces, "namespaces");
  all(".not_service_accounts", source.not_service_accounts, "service accounts");
  if (!count(field + ".not_principals", source.not_principals.size(), 0, kMaxSourceTerms,
             "principals"))
    return;
  for (size_t i = 0; i < source.not_principals.size(); ++i) {
    const std::string at = fmt::format("{}.not_principals[{}]", field, i);
    label(at, source.not_principals[i].ns);
    label(at, source.not_principals[i].service_account);
  }
}

void ShapeChecker::prefixes(const std::string& field, const std::vector<IpPrefix>& prefixes) {
  if (!count(field, prefixes.size(), 0, kMaxSourceTerms, "prefixes")) return;
  for (size_t i = 0; i < prefixes.size(); ++i) {
    const auto& [address, length] = prefixes[i];
    const bool good = length <= 128 && (!address.is_v4() || length >= 96) &&
                      wire::network_of(address.v6(), length) == address.v6();
    if (!good) fail(fmt::format("{}[{}]", field, i), "is no prefix: it has bits behind its length");
  }
}

}  // namespace heddle::policy
