// Oracle: what may become of a flow, worked out from the resources as they were written, without
// any index or slot. Slow, and of no use to anybody but a test.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "http/chars.h"
#include "http/message.h"
#include "resources.h"

namespace heddle::policy::test {

using Content = std::map<Key, ResourcePtr>;

class Oracle {
 public:
  Oracle(const Content& content, const Model& model) : content_(content), model_(model) {}

  // All outcomes that are allowed: one of them is right, by the hash.
  std::set<std::string> outcomes(const Flow& flow) const {
    std::set<std::string> exactly = outcomes(flow, flow.destination_port);
    return exactly.contains("no port") ? outcomes(flow, 0) : exactly;
  }

  // Whether a request may pass to a port of HTTP that its connection has come to.
  bool admits(const Flow& flow, const http::Message& request) const {
    for (const auto& [key, resource] : content_) {
      if (key.kind != Kind::kService) continue;
      const auto& service = std::get<Service>(resource->spec);
      if (std::ranges::find(service.addresses, flow.destination) == service.addresses.end())
        continue;
      for (const ServicePort& port : service.ports)
        if (port.number == flow.destination_port && port.protocol == flow.protocol)
          return allowed(key, {flow, &port, true, &request});
    }
    return true;
  }

  // Whether the guard of the workload behind a port lets the flow in, or the request.
  bool let_in(const Flow& flow, InterfaceId out, const http::Message* request = nullptr) const {
    for (const auto& [key, resource] : content_) {
      const auto* workload = std::get_if<Workload>(&resource->spec);
      if (workload == nullptr || model_.interface_of(*workload) != out) continue;
      Labels labels = workload->labels;
      labels.insert(resource->labels.begin(), resource->labels.end());
      return judge(key.ns, {.flow = flow, .request = request}, [&](const AccessPolicy& policy) {
        return policy.service.empty() && has(labels, policy.workload_labels);
      });
    }
    return true;
  }

 private:
  std::set<std::string> outcomes(const Flow& flow, uint16_t number) const {
    for (const auto& [key, resource] : content_) {
      if (key.kind != Kind::kService) continue;
      const auto& service = std::get<Service>(resource->spec);
      if (std::ranges::find(service.addresses, flow.destination) == service.addresses.end())
        continue;
      for (const ServicePort& port : service.ports)
        if (port.number == number && port.protocol == flow.protocol)
          return allowed(key, {flow, &port, port.http.has_value()})
                     ? places(key, port, flow)
                     : std::set<std::string>{"denied"};
    }
    return {"no port"};
  }

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
    const std::string account = who == nullptr ? "" : std::get<Workload>(who->spec).service_account;
    for (const std::string& ns : source.not_namespaces)
      if (who != nullptr && who->key.ns == ns) return false;
    for (const std::string& each : source.not_service_accounts)
      if (who != nullptr && account == each) return false;
    for (const Principal& each : source.not_principals)
      if (who != nullptr && !each.foreign && who->key.ns == each.ns &&
          account == each.service_account)
        return false;
    const auto holds = [&](const IpPrefix& prefix) { return prefix.contains(flow.source); };
    if (!source.cidrs.empty() && std::ranges::none_of(source.cidrs, holds)) return false;
    return std::ranges::none_of(source.not_cidrs, holds);
  }

  // "/a/*", "*.png", "*.example.org": a star is any text.
  static bool is_like(std::string_view wanted, std::string_view text) {
    if (wanted == "*") return true;
    if (wanted.ends_with('*')) return text.starts_with(wanted.substr(0, wanted.size() - 1));
    if (!wanted.starts_with('*')) return text == wanted;
    return text.size() >= wanted.size() && text.ends_with(wanted.substr(1));
  }
  static std::string shown(const AccessPath& path) {
    switch (path.kind) {
      case AccessPath::Kind::kAny:
        return "*";
      case AccessPath::Kind::kExact:
        return path.text;
      case AccessPath::Kind::kUnder:
        return path.text + "/*";
      case AccessPath::Kind::kSuffix:
        return "*" + path.text;
    }
    return "?";
  }

  static bool fits(const Operation& to, const http::Message& request) {
    const std::string path(request.path().substr(0, request.path().find('?')));
    std::string host(request.authority().substr(0, request.authority().find(':')));
    if (host.ends_with('.')) host.pop_back();
    for (char& c : host) c = http::lower(c);
    const auto is_method = [&](const std::string& each) { return each == request.method_text(); };
    const auto is_path = [&](const AccessPath& each) {
      return (each.kind != AccessPath::Kind::kUnder || path.starts_with('/')) &&
             is_like(shown(each), path);
    };
    const auto is_host = [&](const std::string& each) {
      return is_like(each, host) && host.size() >= each.size();
    };
    const auto has = [&](const NamedMatch& each) {
      const http::Field* field = request.fields.find(each.name);
      return field != nullptr && (each.value.kind == TextMatch::Kind::kPresent ||
                                  request.fields.value(*field) == each.value.text);
    };
    return (to.methods.empty() || std::ranges::any_of(to.methods, is_method)) &&
           std::ranges::none_of(to.not_methods, is_method) &&
           (to.paths.empty() || std::ranges::any_of(to.paths, is_path)) &&
           std::ranges::none_of(to.not_paths, is_path) &&
           (to.hosts.empty() || std::ranges::any_of(to.hosts, is_host)) &&
           std::ranges::none_of(to.not_hosts, is_host) && std::ranges::all_of(to.fields, has);
  }

  // What is judged: a flow to a port (none: by a guard), or a request in it.
  struct Judging {
    const Flow& flow;
    const ServicePort* port = nullptr;
    bool http = false;
    const http::Message* request = nullptr;
  };

  bool fits(const Operation& to, Action action, const Judging& judged) const {
    const auto names = [&](const std::string& text) {
      return (judged.port != nullptr && text == judged.port->name) ||
             text == std::to_string(judged.flow.destination_port);
    };
    if (!to.ports.empty() && std::ranges::none_of(to.ports, names)) return false;
    if (std::ranges::any_of(to.not_ports, names)) return false;
    if (!to.asks_request()) return true;
    if (judged.request != nullptr) return fits(to, *judged.request);
    return action == (judged.http ? Action::kAllow : Action::kDeny);
  }

  bool fits(const AccessRule& rule, Action action, const Judging& judged) const {
    const auto asks = [&](const Operation& each) { return fits(each, action, judged); };
    const auto is = [&](const Source& source) { return fits(source, judged.flow); };
    return (rule.to.empty() || std::ranges::any_of(rule.to, asks)) &&
           (rule.from.empty() || std::ranges::any_of(rule.from, is));
  }

  bool allowed(const Key& key, const Judging& judged) const {
    return judge(key.ns, judged, [&](const AccessPolicy& policy) {
      return policy.service == key.name ||
             (policy.service.empty() && policy.workload_labels.empty());
    });
  }

  template <class IsFor>
  bool judge(const std::string& ns, const Judging& judged, const IsFor& is_for) const {
    bool has_allow = false, is_allowed = false;
    for (const auto& [resource, policy] : all<AccessPolicy>(ns)) {
      if (!is_for(*policy) || policy->dry_run || policy->action == Action::kAudit) continue;
      const bool matches = std::ranges::any_of(policy->rules, [&](const AccessRule& rule) {
        return fits(rule, policy->action, judged);
      });
      if (policy->action == Action::kDeny && matches) return false;
      has_allow |= policy->action == Action::kAllow;
      is_allowed |= policy->action == Action::kAllow && matches;
    }
    return !has_allow || is_allowed;
  }

  std::set<std::string> places(const Key& key, const ServicePort& port, const Flow& flow) const {
    const bool v4 = flow.destination.is_v4();
    if (port.http) return of_service(key.ns, key.name, {}, v4);  // requests are led, not flows
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
    std::map<std::pair<IpAddress, uint16_t>, Endpoint> found;
    for (const auto& [resource, set] : all<EndpointSet>(ns))
      if (set->service == name)
        for (const Endpoint& endpoint : set->endpoints)
          found.emplace(std::pair(endpoint.address, endpoint.port), endpoint);
    for (const auto& [resource, workload] : all<Workload>(ns)) {
      Labels labels = workload->labels;
      labels.insert(resource->labels.begin(), resource->labels.end());
      if (service.selector.empty() || !has(labels, service.selector)) continue;
      for (const IpAddress& address : workload->addresses) {
        const auto at = found.lower_bound({address, 0});
        if (at == found.end() || at->first.first != address)
          found.emplace(std::pair(address, 0), Endpoint{.address = address, .labels = labels});
      }
    }
    std::map<uint8_t, std::set<std::string>> texts;  // by priority
    for (const auto& [place, endpoint] : found)
      if (place.first.is_v4() == v4 && endpoint.weight > 0 && has(endpoint.labels, subset))
        texts[endpoint.priority].insert(place.first.text());
    if (!texts.empty()) return texts.begin()->second;
    if (service.fallback.empty()) return {"no endpoint"};
    return of_service(ns, service.fallback, {}, v4);
  }

  const Content& content_;
  const Model& model_;
};

}  // namespace heddle::policy::test
