// What steers traffic: Route, TrafficPolicy, AccessPolicy.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "check.h"
#include "names.h"

namespace heddle::policy {
namespace {

std::string no_port(const std::string& text, const Key& service, const Service& spec) {
  std::vector<std::string_view> names;
  for (const ServicePort& port : spec.ports) names.push_back(port.name);
  const char* what = service.kind == Kind::kGateway ? "listener" : "port";
  return fmt::format("{} has no {} {}{}", title_of(service), what, quote(text),
                     suggestion(text, names));
}

}  // namespace

void Checker::check_route(const Key& key, const Route& spec) {
  const Service* target = route_target(key, spec);
  for (size_t i = 0; i < spec.rules.size(); ++i) {
    const TcpRule& rule = spec.rules[i];
    const std::string field = element("spec.tcp", i);
    const auto named = [&](const ServicePort& port) { return port.name == rule.port; };
    if (target != nullptr && !rule.port.empty() && std::ranges::none_of(target->ports, named))
      problems_.add(key, field + ".port", no_port(rule.port, target_of(key, spec), *target));
    for (size_t j = 0; j < rule.backends.size(); ++j) {
      const std::string at = fmt::format("{}.backends[{}]", field, j);
      const Service* backend = check_backend({key, spec, at}, rule.backends[j]);
      if (target != nullptr && backend != nullptr)
        check_untranslated(key, at + ".service", *target, rule.backends[j].service, *backend);
    }
  }
  for (size_t i = 0; i < spec.tls.size(); ++i)
    for (size_t j = 0; j < spec.tls[i].backends.size(); ++j)
      check_backend({key, spec, fmt::format("spec.tls[{}].backends[{}]", i, j)},
                    spec.tls[i].backends[j]);
  if (!spec.http.empty()) check_http(key, spec, target);
  if (target == nullptr) return;
  check_route_names(key, spec, *target);
  if (spec.gateway.empty()) return check_tcp_ports(key, spec, *target);
  check_listener_rules(key, spec, *target);
  check_hostnames(key, spec, *target);
}

// What goes on as it is is decided packet by packet, so only a hash keeps a flow together.
void Checker::check_traffic_policy(const Key& key, const TrafficPolicy& spec) {
  const Service* target = service(key, "spec.service", spec.service);
  if (target == nullptr) return;
  if (keeps_packets(target->forwarding) && !is_hash(spec.algorithm))
    problems_.add(key, "spec.balancer.algorithm",
                  fmt::format("{} needs a forwarding that remembers flows, dnat, full-nat or "
                              "proxy; with {} take maglev or ring-hash",
                              name_of(spec.algorithm), name_of(target->forwarding)));
  const auto is_http = [](const ServicePort& port) { return port.http.has_value(); };
  const bool has_http = std::ranges::any_of(target->ports, is_http);
  if (!has_http && spec.per_try != Duration())
    problems_.add(key, "spec.limits.per_try_timeout",
                  fmt::format("is of requests, and Service {}/{} has no port of protocol http, "
                              "http2 or grpc",
                              key.ns, spec.service));
  if (!has_http && spec.retry)
    problems_.add(key, "spec.retry",
                  fmt::format("Service {}/{} has no port of protocol http, http2 or grpc, whose "
                              "requests could be tried again",
                              key.ns, spec.service));
  if (is_of_requests(spec.hash_on) && std::ranges::none_of(target->ports, is_http))
    problems_.add(key, "spec.balancer.hash_on",
                  fmt::format("Service {}/{} has no port of protocol http, http2 or grpc, whose "
                              "requests it could look at",
                              key.ns, spec.service));
  if (const Key external{Kind::kExternalService, key.ns, spec.service};
      spec.upstream_tls && index_.find(group_key(external))->key == external)
    return problems_.add(key, "spec.upstream_tls",
                         fmt::format("is said by the ports of {}, under tls", title_of(external)));
  if (spec.upstream_tls) check_upstream_tls(key, *spec.upstream_tls, *target);
  if (ends_connections(*target)) return;
  const auto refuse = [&](const char* field) {
    problems_.add(key, field,
                  fmt::format("needs forwarding: proxy, and Service {}/{} has forwarding: {}",
                              key.ns, spec.service, name_of(target->forwarding)));
  };
  if (spec.connect_timeout) refuse("spec.limits.connect_timeout");
  if (spec.bounds != resilience::BreakerTerms()) refuse("spec.limits");
  if (spec.outliers) refuse("spec.outlier_detection");
  if (spec.idle_timeout) refuse("spec.limits.idle_timeout");
  if (spec.proxy_protocol != ProxyProtocol::kOff) refuse("spec.proxy_protocol");
}

void Checker::check_access_policy(const Key& key, const AccessPolicy& spec) {
  const Service* target =
      spec.service.empty() ? nullptr : service(key, "spec.target.service", spec.service);
  for (size_t i = 0; i < spec.rules.size() && !problems_.full(); ++i)
    for (size_t j = 0; j < spec.rules[i].to.size(); ++j) {
      const Operation& to = spec.rules[i].to[j];
      const std::string field = fmt::format("spec.rules[{}].to[{}]", i, j);
      for (size_t n = 0; n < to.fields.size(); ++n)
        if (to.fields[n].value.kind == TextMatch::Kind::kRegex)
          check_regex(key, fmt::format("{}.headers[{}]", field, n), to.fields[n].value.text);
      if (target == nullptr) continue;
      check_port_texts(key, field + ".ports", to.ports, *target);
      check_port_texts(key, field + ".not_ports", to.not_ports, *target);
    }
}

void Checker::check_port_texts(const Key& key, const std::string& field,
                               const std::vector<std::string>& texts, const Service& target) {
  const auto& spec = std::get<AccessPolicy>(index_.find(key)->spec);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto named = [&](const ServicePort& port) { return names_port(texts[i], port); };
    if (std::ranges::none_of(target.ports, named))
      problems_.add(key, fmt::format("{}[{}]", field, i),
                    no_port(texts[i], {Kind::kService, key.ns, spec.service}, target));
  }
}

void Checker::check_rules(const Group& group) {
  if (group.traffic_policies.size() > 1) {
    const Key& first = (*group.traffic_policies.begin())->key;
    const Key& last = (*group.traffic_policies.rbegin())->key;
    problems_.add(last, "spec.service",
                  fmt::format("Service {} has a TrafficPolicy already, {}", path_of(group.key),
                              path_of(first)));
  }
  // "" is a rule for all ports, which no other rule may be beside.
  std::map<std::string_view, const Key*> rules;
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    for (size_t i = 0; i < spec.rules.size() && !problems_.full(); ++i) {
      const std::string& port = spec.rules[i].port;
      const auto found = rules.contains("") ? rules.find("")
                         : port.empty()     ? rules.begin()
                                            : rules.find(port);
      if (found != rules.end())
        problems_.add(
            route->key, element("spec.tcp", i) + ".port",
            fmt::format("it overlaps with a rule of Route {} for {} of {}", path_of(*found->second),
                        found->first.empty() ? "all ports" : "port " + quote(found->first),
                        title_of(group.key)));
      rules.emplace(port, &route->key);
    }
  }
  check_server_names(group);
  check_alike(group);
}

void Checker::check_access(const Group& group) {
  if (group.service != nullptr) check_terms(index_.policies_of(group), title_of(group.key));
}

void Checker::check_guard(uint32_t port) {
  for (const Resource* workload : index_.workloads_at(port))
    check_terms(index_.guards_of(port), "Workload " + path_of(workload->key));
}

void Checker::check_terms(const ResourceSet& policies, const std::string& target) {
  size_t terms = 0;
  for (const Resource* policy : policies)
    terms += access_terms(std::get<AccessPolicy>(policy->spec));
  if (terms > kMaxAccessTerms)
    problems_.add(
        (*policies.rbegin())->key, "spec.rules",
        fmt::format("all AccessPolicies of {} have {} rules and things that these list; at "
                    "most {} are allowed",
                    target, terms, kMaxAccessTerms));
}

}  // namespace heddle::policy
