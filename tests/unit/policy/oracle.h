// Oracle: what may become of a flow, worked out from the resources as they were written, without
// any index or slot. Slow, and of no use to anybody but a test.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "resources.h"

namespace heddle::policy::test {

using Content = std::map<Key, ResourcePtr>;

class Oracle {
 public:
  Oracle(const Content& content, const Model& model) : content_(content), model_(model) {}

  // All outcomes that are allowed: one of them is right, by the hash.
  std::set<std::string> outcomes(const Flow& flow) const {
    for (const auto& [key, resource] : content_) {
      if (key.kind != Kind::kService) continue;
      const auto& service = std::get<Service>(resource->spec);
      if (std::ranges::find(service.addresses, flow.destination) == service.addresses.end())
        continue;
      for (const ServicePort& port : service.ports)
        if (port.number == flow.destination_port && port.protocol == flow.protocol)
          return allowed(key, port, flow) ? places(key, port, flow)
                                          : std::set<std::string>{"denied"};
    }
    return {"no port"};
  }

 private:
  template <class Spec>
  std::vector<std::pair<const Resource*, const Spec*>> all(const std::string& ns) const {
    std::vector<std::pair<const Resource*, const Spec*>> found;
    for (const auto& [key, resource] : content_)
      if (const auto* spec = std::get_if<Spec>(&resource->spec); spec != nullptr && key.ns == ns)
        found.emplace_back(resource.get(), spec);
    return found;
  }

  const Resource* sender(const Flow& flow) const {
    if (!flow.identified) return nullptr;
    for (const auto& [key, resource] : content_)
      if (const auto* workload = std::get_if<Workload>(&resource->spec))
        if (model_.interface_of(*workload) == flow.in) return resource.get();
    return nullptr;
  }

  bool fits(const Source& source, const Flow& flow) const {
    const Resource* who = sender(flow);
    if (source.foreign) return false;
    if (source.identified && who == nullptr) return false;
    if (!source.ns.empty() && (who == nullptr || who->key.ns != source.ns)) return false;
    if (!source.service_account.empty() &&
        (who == nullptr || std::get<Workload>(who->spec).service_account != source.service_account))
      return false;
    for (const std::string& ns : source.not_namespaces)
      if (who != nullptr && who->key.ns == ns) return false;
    const auto holds = [&](const IpPrefix& prefix) { return prefix.contains(flow.source); };
    if (!source.cidrs.empty() && std::ranges::none_of(source.cidrs, holds)) return false;
    return std::ranges::none_of(source.not_cidrs, holds);
  }

  bool fits(const AccessRule& rule, const ServicePort& port, const Flow& flow) const {
    const auto names = [&](const std::string& text) {
      return text == port.name || text == std::to_string(port.number);
    };
    if (!rule.ports.empty() && std::ranges::none_of(rule.ports, names)) return false;
    return rule.from.empty() ||
           std::ranges::any_of(rule.from, [&](const Source& source) { return fits(source, flow); });
  }

  bool allowed(const Key& key, const ServicePort& port, const Flow& flow) const {
    bool has_allow = false, is_allowed = false;
    for (const auto& [resource, policy] : all<AccessPolicy>(key.ns)) {
      if (policy->service != key.name) continue;
      const bool matches = std::ranges::any_of(
          policy->rules, [&](const AccessRule& rule) { return fits(rule, port, flow); });
      if (policy->action == Action::kDeny && matches) return false;
      has_allow |= policy->action == Action::kAllow;
      is_allowed |= policy->action == Action::kAllow && matches;
    }
    return !has_allow || is_allowed;
  }

  std::set<std::string> places(const Key& key, const ServicePort& port, const Flow& flow) const {
    const bool v4 = flow.destination.is_v4();
    for (const auto& [resource, route] : all<Route>(key.ns)) {
      if (route->service != key.name) continue;
      for (const TcpRule& rule : route->rules) {
        if (!rule.port.empty() && rule.port != port.name) continue;
        std::set<std::string> found;
        for (const Backend& backend : rule.backends)
          if (backend.weight > 0)
            found.merge(of_service(backend.ns, backend.service, backend.subset, v4));
        return found.empty() ? std::set<std::string>{"no endpoint"} : found;
      }
    }
    return of_service(key.ns, key.name, {}, v4);
  }

  static bool has(const Labels& labels, const Labels& wanted) {
    return std::ranges::includes(labels, wanted);
  }

  std::set<std::string> of_service(const std::string& ns, const std::string& name,
                                   const Labels& subset, bool v4) const {
    const auto& service = std::get<Service>(content_.at({Kind::kService, ns, name})->spec);
    std::map<IpAddress, std::pair<uint16_t, Labels>> found;
    for (const auto& [resource, set] : all<EndpointSet>(ns))
      if (set->service == name)
        for (const Endpoint& endpoint : set->endpoints)
          found.emplace(endpoint.address, std::pair(endpoint.weight, endpoint.labels));
    for (const auto& [resource, workload] : all<Workload>(ns)) {
      Labels labels = workload->labels;
      labels.insert(resource->labels.begin(), resource->labels.end());
      if (service.selector.empty() || !has(labels, service.selector)) continue;
      for (const IpAddress& address : workload->addresses)
        found.emplace(address, std::pair(uint16_t{1}, labels));
    }
    std::set<std::string> texts;
    for (const auto& [address, endpoint] : found)
      if (address.is_v4() == v4 && endpoint.first > 0 && has(endpoint.second, subset))
        texts.insert(address.text());
    if (!texts.empty()) return texts;
    if (service.fallback.empty()) return {"no endpoint"};
    return of_service(ns, service.fallback, {}, v4);
  }

  const Content& content_;
  const Model& model_;
};

}  // namespace heddle::policy::test
