// Routes of Gateways, and backends that are spoken to as their own port says.
#include <fmt/format.h>

#include <algorithm>

#include "backend_port.h"
#include "check.h"
#include "names.h"

namespace heddle::policy {
namespace {

bool passes_tls(const ServicePort& port) {
  return port.tls && port.tls->mode == ClientTls::kPassthrough;
}
bool is_http(const ServicePort& port) { return port.http.has_value(); }
bool is_plain(const ServicePort& port) {
  return (!is_http(port) || port.sniffed) && !passes_tls(port);
}

template <class Is>
std::string hostnames_of(const Service& gateway, const Is& is) {
  constexpr size_t kMost = 3;
  std::string list;
  size_t count = 0;
  for (const ServicePort& listener : gateway.ports)
    if (is(listener))
      for (const std::string& each : listener.hostnames)
        if (++count <= kMost) list += (list.empty() ? "" : ", ") + each;
  return list + (count > kMost ? ", ..." : "");
}

}  // namespace

const Service* Checker::route_target(const Key& key, const Route& spec) {
  const Key wanted = target_of(key, spec);
  const Resource* found = index_.find(wanted);
  if (found != nullptr) return &service_of(*found);
  problems_.add(key, wanted.kind == Kind::kGateway ? "spec.gateway" : "spec.service",
                no_resource(wanted));
  return nullptr;
}

const Service* Checker::check_backend(const BackendPlace& place, const Backend& backend) {
  const Key wanted{Kind::kService, backend.ns, backend.service};
  const Resource* found = index_.find(wanted);
  if (found == nullptr) {
    problems_.add(place.key, place.field + ".service", no_resource(wanted));
    return nullptr;
  }
  const Service& service = service_of(*found);
  if (has_own_terms(place.spec, backend)) check_backend_port(place, backend, service);
  if (found->key.kind == Kind::kExternalService) check_external_backend(place, backend, service);
  return &service;
}

void Checker::check_backend_port(const BackendPlace& place, const Backend& backend,
                                 const Service& service) {
  const auto fail = [&](std::string text) {
    problems_.add(place.key, place.field + ".port", std::move(text));
  };
  const ServicePort* port = port_of(service, backend, place.spec);
  if (port == nullptr) return fail(why_no_port(service, backend));
  if (place.spec.grpc && (!port->http || port->http == HttpUpstream::kHttp1))
    fail(fmt::format("port {} of Service {}/{} is not of protocol grpc, http2 or auto", port->name,
                     backend.ns, backend.service));
  if (place.spec.rules.empty()) return;
  const Key target = target_of(place.key, place.spec);
  const Resource* found = index_.find(target);
  if (found == nullptr || service_of(*found).forwarding == Forwarding::kProxy) return;
  fail(fmt::format("needs forwarding: proxy, and {} has forwarding: {}; leave it out",
                   title_of(target), name_of(service_of(*found).forwarding)));
}

// Where nobody could ever come in by a name, it is a mistake (NoMatchingListenerHostname of
// Gateway API).
void Checker::check_hostnames(const Key& key, const Route& spec, const Service& gateway) {
  const auto check = [&](const std::string& field, const std::string& name, auto is) {
    const ListenerNames& listeners = listeners_of(gateway, is);
    if (!listeners.has_listeners() || listeners.take(name)) return;  // the first is told
    problems_.add(key, field,
                  fmt::format("{} is of no listener of {}, which have {}", quote(name),
                              title_of(target_of(key, spec)), hostnames_of(gateway, is)));
  };
  for (size_t i = 0; i < spec.hostnames.size() && !problems_.full(); ++i)
    check(element("spec.hostnames", i), spec.hostnames[i], is_http);
  for (size_t i = 0; i < spec.tls.size(); ++i)
    for (size_t j = 0; j < spec.tls[i].server_names.size() && !problems_.full(); ++j)
      check(fmt::format("spec.tls[{}].server_names[{}]", i, j), spec.tls[i].server_names[j],
            passes_tls);
}

const ListenerNames& Checker::listeners_of(const Service& gateway, ListenerNames::Is is) {
  return listeners_.try_emplace({&gateway, is}, gateway, is).first->second;
}

// A listener is led by rules of one kind, as its protocol says.
void Checker::check_listener_rules(const Key& key, const Route& spec, const Service& gateway) {
  const std::string title = title_of(target_of(key, spec));
  for (size_t i = 0; i < spec.rules.size() && !problems_.full(); ++i) {
    const std::string& name = spec.rules[i].port;
    const std::string field = element("spec.tcp", i) + ".port";
    if (name.empty() && std::ranges::none_of(gateway.ports, is_plain))
      problems_.add(key, field, fmt::format("{} has no listener of protocol tcp", title));
    for (const ServicePort& port : gateway.ports)
      if (port.name == name && !is_plain(port))
        problems_.add(key, field,
                      fmt::format("listener {} is {}, whose rules are under {}", quote(name),
                                  is_http(port) ? "one of HTTP" : "one where TLS passes through",
                                  is_http(port) ? "http" : "tls"));
  }
}

}  // namespace heddle::policy
