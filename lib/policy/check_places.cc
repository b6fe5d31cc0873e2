// Who has which address: Workload, Service, EndpointSet.
#include <fmt/format.h>

#include <algorithm>

#include "check.h"
#include "names.h"

namespace heddle::policy {

std::string Facts::no_port(const std::string& wanted) const {
  std::vector<std::string_view> names;
  for (const auto& [name, at] : ports)
    if (workload_port(name)) names.push_back(name);
  return fmt::format("heddled.yaml has no port {} of role workload{}", quote(wanted),
                     suggestion(wanted, names));
}

void Checker::check_workload(const Key& key, const Workload& spec) {
  const bool here = index_.is_here(spec);
  std::optional<uint32_t> port;
  if (here) port = facts_.workload_port(spec.port);
  if (here && !port) {
    problems_.add(key, "spec.port", facts_.no_port(spec.port));
  } else if (port) {
    for (const Resource* other : index_.workloads_at(*port))
      if (other->key != key)
        problems_.add(key, "spec.port", fmt::format("port {} {}", spec.port, also_of(other->key)));
  }
  for (size_t i = 0; i < spec.addresses.size(); ++i) {
    const IpAddress& address = spec.addresses[i];
    const std::string field = element("spec.addresses", i);
    const auto say = [&](std::string text) {
      problems_.add(key, field, fmt::format("{} {}", address.text(), text));
    };
    check_own(key, field, address);
    check_reserved(key, field, address);
    if (!address.is_v4() && port && !facts_.node.ports[*port].takes_ipv6)
      say(fmt::format("is IPv6, which needs an MTU of 1280; that of port {} is smaller",
                      spec.port));
    if (const Key* other = index_.workloads().other(address, key)) say(also_of(*other));
    if (const Key* service = index_.services().first(address)) say(also_of(*service));
    if (const Key* external = index_.external_at(address))
      say("is an endpoint of " + title_of(*external));
    else if (const Key* set = index_.endpoints().outside(address, key.ns))
      say(fmt::format("is an endpoint of namespace {}, in {} {}", set->ns, name_of(set->kind),
                      path_of(*set)));
    const auto of_port = facts_.port_addresses.find(address);
    if (of_port != facts_.port_addresses.end() && (!port || of_port->second != *port))
      say((here ? "is of another port, " : "is of this node's port ") +
          facts_.node.ports[of_port->second].name);
  }
  if (here && !spec.certificate.empty())
    material(key, "spec.certificate", Kind::kSecret, spec.certificate);
  check_meshed(*index_.find(key), key);
}

// Whoever takes such an address answers for it on the network, too.
void Checker::check_reserved(const Key& key, const std::string& field, const IpAddress& address) {
  const auto found = facts_.reserved.find(address);
  if (found != facts_.reserved.end())
    problems_.add(key, field, fmt::format("{} is {}", address.text(), found->second));
}

void Checker::check_service(const Key& key, const Service& spec) {
  if (const Key other{Kind::kExternalService, key.ns, key.name};
      key.kind == Kind::kService && index_.find_exactly(other) != nullptr)
    problems_.add(key, "metadata.name",
                  title_of(other) + " has it; Services and ExternalServices share names");
  for (size_t i = 0; i < spec.addresses.size(); ++i) {
    const IpAddress& address = spec.addresses[i];
    const std::string field = element("spec.addresses", i);
    const auto say = [&](std::string text) {
      problems_.add(key, field, fmt::format("{} {}", address.text(), text));
    };
    check_own(key, field, address);
    check_reserved(key, field, address);
    if (const Key* workload = index_.workloads().first(address)) say(also_of(*workload));
    if (const Key* set = index_.endpoints().other(address, key))
      say(fmt::format("is an endpoint, in {} {}", name_of(set->kind), path_of(*set)));
    if (const auto port = facts_.port_addresses.find(address); port != facts_.port_addresses.end())
      say("is of workload port " + facts_.node.ports[port->second].name);
    if (const Key* outside = index_.services().outside(address, key.ns)) {
      say("belongs to namespace " + outside->ns);
      continue;
    }
    for (const ServicePort& port : spec.ports)
      if (const Key* other = index_.other_listener({address, port.protocol, port.number}, key))
        say(fmt::format("{} {}", port_text(port.protocol, port.number), also_of(*other)));
  }
  check_fallbacks(key, spec);
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    const std::string field = element(ports_field(key.kind), i);
    if (spec.ports[i].tls) check_port_tls(key, field + ".tls", *spec.ports[i].tls);
    check_jwt(key, field + ".jwt", spec.ports[i].jwt);
  }
}

// Each service of a chain is checked for itself, so this ends at the first that is not there.
void Checker::check_fallbacks(const Key& key, const Service& spec) {
  std::vector<std::string> chain = {key.name};
  for (const std::string* next = &spec.fallback; !next->empty();) {
    const Resource* found = index_.find({Kind::kService, key.ns, *next});
    if (found == nullptr) {
      if (chain.size() == 1) service(key, "spec.fallback", *next);
      return;
    }
    // How it is spoken to is said by the port that was called, which knows nothing of its TLS.
    if (found->key.kind == Kind::kExternalService)
      return problems_.add(
          key, "spec.fallback",
          title_of(found->key) +
              " cannot be one: only a Route leads there, as one of its ports says");
    if (chain.size() == 1)
      check_untranslated(key, "spec.fallback", spec, *next, std::get<Service>(found->spec));
    chain.push_back(*next);
    const bool cycle = std::find(chain.begin(), chain.end() - 1, *next) != chain.end() - 1;
    if (cycle || chain.size() > kMaxFallbacks + 1) {
      std::string text = chain[0];
      for (size_t i = 1; i < chain.size(); ++i) text += " -> " + chain[i];
      problems_.add(key, "spec.fallback",
                    cycle ? "fallbacks in a cycle: " + text
                          : fmt::format("more than {} fallbacks one behind the other: {} ...",
                                        kMaxFallbacks, text));
      return;
    }
    next = &std::get<Service>(found->spec).fallback;
  }
}

// What leaves packets as they are leaves their ports, too.
void Checker::check_untranslated(const Key& key, const std::string& field, const Service& from,
                                 const std::string& name, const Service& to) {
  if (!keeps_packets(from.forwarding) || keeps_packets(to.forwarding)) return;
  problems_.add(key, field,
                fmt::format("Service {}/{} has forwarding: {}, and forwarding: {} leads only to "
                            "direct and ip-in-ip, whose endpoints have no ports of their own",
                            key.ns, name, name_of(to.forwarding), name_of(from.forwarding)));
}

void Checker::check_endpoint_set(const Key& key, const EndpointSet& spec) {
  const Service* of = service(key, "spec.service", spec.service);
  const bool keeps_ports = of != nullptr && keeps_packets(of->forwarding);
  if (const Key external{Kind::kExternalService, key.ns, spec.service};
      of != nullptr && index_.find(group_key(external))->key == external)
    problems_.add(key, "spec.service", title_of(external) + " has its endpoints in itself");
  for (size_t i = 0; i < spec.endpoints.size() && !problems_.full(); ++i) {
    if (keeps_ports && spec.endpoints[i].port != 0)
      problems_.add(key, element("spec.endpoints", i) + ".port",
                    fmt::format("forwarding: {} of Service {}/{} cannot change it; leave it out",
                                name_of(of->forwarding), key.ns, spec.service));
    const IpAddress& address = spec.endpoints[i].address;
    const Key* other = index_.services().first(address);
    const Key* workload = index_.workloads().outside(address, key.ns);
    if (other == nullptr && workload == nullptr && !facts_.own.contains(address)) continue;
    const std::string field = element("spec.endpoints", i) + ".address";
    check_own(key, field, address);
    if (other != nullptr)
      problems_.add(key, field, fmt::format("{} {}", address.text(), also_of(*other)));
    if (workload != nullptr)
      problems_.add(key, field,
                    fmt::format("{} belongs to namespace {}", address.text(), workload->ns));
  }
}

void Checker::check_endpoints(const Group& group) {
  if (group.endpoints > limits_.endpoints_per_service)
    problems_.add(group.key, "",
                  fmt::format("it would have {} endpoints; at most {} are allowed for one Service",
                              group.endpoints, limits_.endpoints_per_service));
  std::vector<EndpointPlace> places;
  places.reserve(group.endpoints);
  for (const Resource* set : group.endpoint_sets)
    for (const Endpoint& endpoint : std::get<EndpointSet>(set->spec).endpoints)
      places.push_back({endpoint.address, endpoint.port});
  std::ranges::sort(places);
  for (auto at = places.begin(); !problems_.full();) {
    at = std::adjacent_find(at, places.end());
    if (at == places.end()) return;
    duplicate_endpoint(group, *at);
    at = std::upper_bound(at, places.end(), *at);
  }
}

void Checker::duplicate_endpoint(const Group& group, const EndpointPlace& place) {
  const std::string text =
      place.address.text() + (place.port == 0 ? "" : fmt::format(" port {}", place.port));
  const Key* first = nullptr;
  for (const Resource* set : group.endpoint_sets) {
    const auto& endpoints = std::get<EndpointSet>(set->spec).endpoints;
    for (size_t i = 0; i < endpoints.size(); ++i) {
      if (endpoints[i].address != place.address || endpoints[i].port != place.port) continue;
      if (first != nullptr)
        problems_.add(set->key, element("spec.endpoints", i) + ".address",
                      fmt::format("{} is an endpoint of {} already, in EndpointSet {}", text,
                                  quote(group.key.name), path_of(*first)));
      first = &set->key;
    }
  }
}

}  // namespace heddle::policy
