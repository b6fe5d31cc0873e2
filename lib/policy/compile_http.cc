// Rules for requests: what they lead to, their slots, and who asks by them.
#include <algorithm>
#include <utility>

#include "compile.h"
#include "http_text.h"
#include "names.h"

namespace heddle::policy {
namespace {

// But for its choices and numbers.
HttpTarget target_of(const HttpRule& rule) {
  return {.request = rule.request,
          .response = rule.response,
          .redirect = rule.redirect,
          .rewrite = rule.rewrite,
          .direct = rule.direct,
          .request_timeout = rule.request_timeout,
          .stream_idle = rule.stream_idle,
          .connect = rule.connect,
          .per_try = rule.per_try};
}

// Those of mirrors too.
template <class Take>
void for_each_cluster(const HttpRoutes& routes, const Take& take) {
  for (const HttpRoutes::Rule& rule : routes.rules()) {
    for (const Choice& choice : rule.target.choices) take(choice.cluster);
    if (rule.target.mirror) take(rule.target.mirror->cluster);
  }
}

}  // namespace

void Compiler::name_rules(const Key& route) {
  std::vector<RuleSlots::Name> names;
  if (const Resource* resource = index_.find(route)) {
    const auto& spec = std::get<Route>(resource->spec);
    const Key of = target_of(route, spec);
    names.reserve(spec.http.size());
    for (uint16_t i = 0; i < spec.http.size(); ++i)
      names.push_back(
          {path_of(route), path_of(of), of.kind == Kind::kGateway, i, text_of(spec, spec.http[i])});
  }
  rule_slots_.set(path_of(route), std::move(names));
}

HttpRoutes::Senders Compiler::senders_of(const HttpSource& source) const {
  HttpRoutes::Senders senders;
  for (uint32_t port = 0; port < std::min(facts_.node.ports.size(), kMaxPolicyPorts); ++port)
    for (const Resource* workload : index_.workloads_at(port))
      if (workload->key.ns == source.ns &&
          (source.workload.empty() || workload->key.name == source.workload) &&
          carries(*workload, source.labels))
        senders.set(port);
  return senders;
}

std::vector<HttpRoutes::Rule> Compiler::http_rules_of(const Group& group, bool v4) {
  std::vector<HttpRoutes::Rule> rules;
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    if (spec.http.empty()) continue;
    const ResourcePtr shared = index_.shared(route->key);
    const std::string path = path_of(route->key);
    for (uint16_t i = 0; i < spec.http.size(); ++i) {
      HttpRoutes::Rule& rule = rules.emplace_back();
      rule.route = shared;
      rule.target = target_of(spec.http[i]);
      rule.target.slot = rule_slots_.at(path, i);
      rule.target.route = routes_.at(route->key);
      rule.target.rule = i;
      rule.target.jwt = jwt_check(route->key.ns, spec.http[i].jwt);
      if (const auto& retry = spec.http[i].retry)
        rule.target.retry = std::make_shared<const Retry>(*retry);
      rule.target.choices = choices_of(spec, spec.http[i].backends, v4);
      if (!rule.target.choices.empty()) rule.target.total_weight = rule.target.choices.back().until;
      if (const auto& mirror = spec.http[i].mirror)
        rule.target.mirror = {acquire(index_.group_of(mirror->backend.ns, mirror->backend.service),
                                      v4, mirror->backend.subset),
                              mirror->share, own_terms(spec, mirror->backend)};
      for (const HttpMatch& match : spec.http[i].matches)
        if (match.source) rule.senders.push_back(senders_of(*match.source));
    }
  }
  return rules;
}

// Their clusters are in use once for it, which the caller releases. The same object as before where
// the same would be made: regexes and tables take their time.
Compiler::HttpParts Compiler::http_parts(const Group& group) {
  HttpParts parts;
  if (group.service == nullptr) return parts;
  const auto is_http = [](const ServicePort& port) { return port.http.has_value(); };
  if (std::ranges::none_of(group.spec().ports, is_http)) return parts;
  for (const bool v4 : {false, true}) {
    if (std::ranges::find(group.spec().addresses, v4, &IpAddress::is_v4) ==
        group.spec().addresses.end())
      continue;
    std::vector<HttpRoutes::Rule> rules = http_rules_of(group, v4);
    if (rules.empty() && !group.is_gateway()) continue;
    auto& routes = parts[v4 ? 1 : 0];
    for (const auto& [key, slot] : group.compiled.frontends) {
      const auto& old = current_.frontends[slot]->http;
      if (key.address.is_v4() == v4 && old != nullptr && old->is_of(rules)) routes = old;
    }
    if (routes == nullptr) routes = std::make_shared<const HttpRoutes>(std::move(rules));
  }
  return parts;
}

// Each cluster once more: it is in use already.
void Compiler::hold_choices(const HttpRoutes& routes) {
  for_each_cluster(routes, [this](uint32_t cluster) { ++cluster_slots_[cluster].users; });
}

void Compiler::release_choices(const HttpRoutes& routes) {
  for_each_cluster(routes, [this](uint32_t cluster) { release(cluster); });
}

Model::HttpRuleName Compiler::http_rule_name(uint32_t slot) const {
  const std::vector<RuleSlots::Name>& names = rule_slots_.names();
  if (slot >= names.size() || names[slot].route.empty()) return {};
  const auto& [route, service, of_gateway, rule, text] = names[slot];
  return {route, service, of_gateway ? Kind::kGateway : Kind::kService, rule, slot, text};
}

std::vector<Model::HttpRuleName> Compiler::http_rules() const {
  std::vector<Model::HttpRuleName> rules;
  for (uint32_t slot = 0; slot < rule_slots_.names().size(); ++slot)
    if (Model::HttpRuleName name = http_rule_name(slot); !name.route.empty())
      rules.push_back(std::move(name));
  return rules;
}

}  // namespace heddle::policy
