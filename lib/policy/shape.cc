#include "shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "names.h"
#include "policy/limits.h"

namespace heddle::policy {
namespace {

Kind kind_of(const Resource& resource) { return static_cast<Kind>(resource.spec.index()); }

bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

bool has_letter(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

void check_shape(const Key& key, const Resource& resource, Problems& problems) {
  ShapeChecker checker(key, problems);
  if (resource.key != key || kind_of(resource) != key.kind) {
    problems.add(key, "", "the resource has another kind, namespace or name than its edit");
    return;
  }
  checker.check_metadata(resource.labels);
  std::visit([&](const auto& spec) { checker.check(spec); }, resource.spec);
}

bool ShapeChecker::count(const std::string& field, size_t number, size_t least, size_t most,
                         const char* what) {
  if (number < least) {
    fail(field, fmt::format("{} {} at least are needed", least, what));
  } else if (number > most) {
    fail(field, fmt::format("{} {} are too many: at most {} are allowed", number, what, most));
  }
  return number >= least && number <= most;
}

void ShapeChecker::label(const std::string& field, std::string_view text) {
  const std::string_view why = why_no_label(text);
  if (why.empty()) return;
  fail(field, text.empty() ? std::string(why) : fmt::format("{} {}", quote(text), why));
}

void ShapeChecker::labels(const std::string& field, const Labels& labels) {
  if (!count(field, labels.size(), 0, kMaxLabels, "labels")) return;
  for (const auto& [name, value] : labels) {
    if (name.empty() || name.size() > kMaxLabelValue || !is_printable(name))
      fail(field,
           fmt::format("{} is no label: 1 to {} printable bytes", quote(name), kMaxLabelValue));
    if (value.size() > kMaxLabelValue || !is_printable(value))
      fail(field, fmt::format("the value of {} must be printable and at most {} bytes long",
                              quote(name), kMaxLabelValue));
  }
}

void ShapeChecker::check_metadata(const Labels& metadata) {
  label("metadata.name", key_.name);
  label("metadata.namespace", key_.ns);
  labels("metadata.labels", metadata);
}

void ShapeChecker::host(const std::string& field, const IpAddress& address) {
  if (const std::string_view why = why_no_host(address); !why.empty())
    fail(field, fmt::format("{} is {}; expected a unicast address", address.text(), why));
}

void ShapeChecker::addresses(const std::vector<IpAddress>& addresses, size_t most) {
  if (!count("spec.addresses", addresses.size(), 1, most, "addresses")) return;
  std::set<IpAddress> seen;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const std::string field = fmt::format("spec.addresses[{}]", i);
    host(field, addresses[i]);
    if (!seen.insert(addresses[i]).second)
      fail(field, fmt::format("{} is there twice", addresses[i].text()));
  }
}

void ShapeChecker::check(const MeshPolicy& spec) {
  labels("spec.workload_labels", spec.workload_labels);
  names("spec.trust", spec.trust, kMaxTrust);
  if (spec.tls > MeshTls::kStrict) fail("spec.tls", "is none that is known");
  for (const auto& [port, mode] : spec.ports)
    if (mode > MeshTls::kStrict)
      fail("spec.ports", fmt::format("the mode of {} is none that is known", port));
  if (spec.ports.size() > kMaxMeshPorts || spec.ports.contains(0))
    fail("spec.ports", fmt::format("expected at most {} ports", kMaxMeshPorts));
}

void ShapeChecker::check(const Workload& spec) {
  if (spec.port.empty() && spec.node.empty()) fail("spec.port", "is missing");
  if (!spec.node.empty()) label("spec.node", spec.node);
  if (!spec.certificate.empty()) label("spec.certificate", spec.certificate);
  addresses(spec.addresses, kMaxWorkloadAddresses);
  if (!spec.service_account.empty()) label("spec.service_account", spec.service_account);
  labels("spec.labels", spec.labels);
}

// Rules name ports by name or by number, so a name must not look like a number.
void ShapeChecker::ports(const std::vector<ServicePort>& ports) {
  const bool listens = key_.kind == Kind::kGateway;
  if (!count(ports_, ports.size(), 1, kMaxServicePorts, listens ? "listeners" : "ports")) return;
  std::set<std::string_view> names;
  std::map<std::pair<Protocol, uint16_t>, std::string_view> numbers;
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& name = ports[i].name;
    const uint16_t number = ports[i].number;
    const Protocol protocol = ports[i].protocol;
    const std::string field = fmt::format("{}[{}]", ports_, i);
    label(field + ".name", name);
    if (!name.empty() && !has_letter(name))
      fail(field + ".name", quote(name) + " needs a letter, or it could be taken for a number");
    if (!names.insert(name).second) fail(field + ".name", quote(name) + " is there twice");
    if (number == 0 && ports[i].target_port != 0)
      fail(field + ".target_port",
           "all ports have their own number at the endpoints; leave it out");
    const auto [first, fresh] = numbers.insert({{protocol, number}, name});
    if (fresh) continue;
    const std::string text = port_text(protocol, number);
    fail(field + ".port", !listens ? text + " is there twice"
                                   : fmt::format("{} is that of listener {}; one listener takes "
                                                 "several hostnames",
                                                 text, quote(first->second)));
  }
}

void ShapeChecker::check(const Service& spec) {
  check_offer(spec);
  for (size_t i = 0; i < spec.ports.size() && i < kMaxServicePorts; ++i) {
    const ServicePort& port = spec.ports[i];
    const std::string field = fmt::format("spec.ports[{}]", i);
    if (!port.hostnames.empty() || port.proxy_protocol)
      fail(field, "has what is of a Gateway's listeners");
    if (port.ends_here || port.upstream_tls) fail(field, "has what is of ExternalServices");
  }
}

// What Services and Gateways have in common.
void ShapeChecker::check_offer(const Service& spec) {
  addresses(spec.addresses, kMaxServiceAddresses);
  ports(spec.ports);
  labels("spec.selector", spec.selector);
  if (!spec.fallback.empty()) label("spec.fallback", spec.fallback);
  if (spec.forwarding > Forwarding::kProxy) return fail("spec.forwarding", "is none that is known");
  if (spec.source_mapping != SourceMapping::kPerFlow && spec.forwarding != Forwarding::kFullNat)
    fail("spec.source_mapping",
         fmt::format("is for forwarding: full-nat, and this is {}", name_of(spec.forwarding)));
  proxied_ports(spec);
  for (size_t i = 0; i < spec.ports.size() && i < kMaxServicePorts; ++i) {
    const ServicePort& port = spec.ports[i];
    if (port.tls) port_tls(fmt::format("{}[{}].tls", ports_, i), port, spec);
    if (port.tls && port.sniffed)
      fail(fmt::format("{}[{}].tls", ports_, i),
           "is given, and through a port of protocol auto TLS passes as it is; name the protocol "
           "of what is inside");
    const std::string jwt = fmt::format("{}[{}].jwt", ports_, i);
    jwt_use(jwt, port.jwt);
    if (port.jwt && !port.http)
      fail(jwt,
           "is asked of requests, and the port's protocol has none: give http, http2 or grpc, "
           "or leave it out");
  }
  if (!keeps_packets(spec.forwarding)) return;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    const ServicePort& port = spec.ports[i];
    if (port.target_port != 0 && port.target_port != port.number)
      fail(fmt::format("spec.ports[{}].target_port", i),
           fmt::format("is another than the port {}, which forwarding: {} cannot change",
                       port.number, name_of(spec.forwarding)));
  }
}

void ShapeChecker::proxied_ports(const Service& spec) {
  const std::vector<ServicePort>& ports = spec.ports;
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string field = fmt::format("{}[{}]", ports_, i);
    if (ports[i].http) {
      http_port(field, ports[i], spec);
      continue;
    }
    if (spec.forwarding != Forwarding::kProxy) continue;
    if (ports[i].protocol != Protocol::kTcp)
      fail(field + ".protocol",
           fmt::format("is {}, and forwarding: proxy terminates tcp alone; the service takes "
                       "another forwarding, or the port another service",
                       text_of(ports[i].protocol)));
    if (ports[i].number == 0)
      fail(field + ".all_ports", "forwarding: proxy listens at single ports; give the port");
  }
}

void ShapeChecker::check(const EndpointSet& spec) {
  label("spec.service", spec.service);
  endpoints(spec.endpoints);
}

void ShapeChecker::endpoints(const std::vector<Endpoint>& endpoints) {
  for (size_t i = 0; i < endpoints.size() && !problems_.full(); ++i) {
    const Endpoint& endpoint = endpoints[i];
    const bool good = why_no_host(endpoint.address).empty() && endpoint.labels.empty() &&
                      endpoint.weight <= kMaxEndpointWeight && endpoint.priority <= kMaxPriority;
    if (good) continue;
    const std::string field = fmt::format("spec.endpoints[{}]", i);
    host(field + ".address", endpoint.address);
    labels(field + ".labels", endpoint.labels);
    if (endpoint.weight > kMaxEndpointWeight)
      fail(field + ".weight",
           fmt::format("{} is more than {}", endpoint.weight, kMaxEndpointWeight));
    if (endpoint.priority > kMaxPriority)
      fail(field + ".priority", fmt::format("{} is more than {}", endpoint.priority, kMaxPriority));
  }
}

}  // namespace heddle::policy
