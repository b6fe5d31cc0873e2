// How much AccessPolicies ask for, and which ports of a service they are for.
#include <algorithm>

#include "index.h"
#include "names.h"
#include "policy/limits.h"

namespace heddle::policy {
namespace {

size_t terms_of(const Source& source) {
  return 1 + source.cidrs.size() + source.not_cidrs.size() + source.not_namespaces.size() +
         source.not_service_accounts.size() + source.not_principals.size() + source.claims.size() +
         source.not_claims.size();
}

size_t terms_of(const Operation& to) {
  return 1 + to.ports.size() + to.not_ports.size() + to.methods.size() + to.not_methods.size() +
         to.paths.size() + to.not_paths.size() + to.hosts.size() + to.not_hosts.size() +
         to.fields.size();
}

uint64_t bytes_of(const Operation& of) {
  uint64_t bytes = 0;
  for (const auto* list : {&of.methods, &of.not_methods, &of.hosts, &of.not_hosts})
    for (const std::string& text : *list) bytes += sizeof(std::string) + text.size();
  for (const auto* list : {&of.paths, &of.not_paths})
    for (const AccessPath& path : *list) bytes += sizeof(AccessPath) + path.text.size();
  for (const NamedMatch& each : of.fields)
    bytes += kHttpMatchCost + each.name.size() + each.value.text.size();
  return bytes + kHttpMatchCost;
}

}  // namespace

void add_access_rules(const AccessPolicy& policy, Totals& to) {
  to.access_rules = policy.rules.size();
  for (const AccessRule& rule : policy.rules) {
    for (const Source& source : rule.from)
      for (const auto* list : {&source.claims, &source.not_claims})
        for (const ClaimMatch& each : *list)
          to.http_bytes += kHttpMatchCost + each.path.size() + each.value.size();
    for (const Operation& operation : rule.to) {
      if (!operation.asks_request()) continue;
      to.http_bytes += bytes_of(operation);
      for (const NamedMatch& each : operation.fields)
        to.regexes += each.value.kind == TextMatch::Kind::kRegex ? 1 : 0;
    }
  }
}

bool names_port(const std::string& text, const ServicePort& port) {
  if (text == port.name) return true;
  const uint16_t number = number_of(text);
  return number != 0 && (port.number == 0 || number == port.number);
}

// Of all ports a number leaves out one alone.
bool is_for(const Operation& operation, const ServicePort& port) {
  const auto names = [&](const std::string& text) { return names_port(text, port); };
  const auto is = [&](const std::string& text) {
    return text == port.name || (port.number != 0 && names(text));
  };
  return (operation.ports.empty() || std::ranges::any_of(operation.ports, names)) &&
         std::ranges::none_of(operation.not_ports, is);
}

bool is_for(const AccessRule& rule, const ServicePort& port) {
  return rule.to.empty() ||
         std::ranges::any_of(rule.to, [&](const Operation& each) { return is_for(each, port); });
}

size_t access_terms(const AccessPolicy& policy, const std::vector<ServicePort>* ports) {
  size_t terms = 0;
  for (const AccessRule& rule : policy.rules) {
    size_t of_rule = 1;
    for (const Source& source : rule.from) of_rule += terms_of(source);
    for (const Operation& operation : rule.to) of_rule += terms_of(operation);
    const auto fits = [&](const ServicePort& port) { return is_for(rule, port); };
    terms +=
        of_rule * (ports == nullptr ? 1 : static_cast<size_t>(std::ranges::count_if(*ports, fits)));
  }
  return terms;
}

}  // namespace heddle::policy
