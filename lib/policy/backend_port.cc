#include "backend_port.h"

#include <fmt/format.h>

#include <algorithm>

#include "names.h"

namespace heddle::policy {
namespace {

bool is_tcp(const ServicePort& port) { return port.protocol == Protocol::kTcp; }
bool is_http(const ServicePort& port) { return port.http.has_value(); }

// The only one, or null. One for all ports is none that could be meant.
template <class Is>
const ServicePort* only(const std::vector<ServicePort>& ports, const Is& is) {
  const auto first = std::ranges::find_if(ports, is);
  if (first == ports.end() || first->number == 0) return nullptr;
  return std::any_of(first + 1, ports.end(), is) ? nullptr : &*first;
}

}  // namespace

bool has_own_terms(const Route& route, const Backend& backend) {
  return !route.gateway.empty() || backend.port != 0;
}

const ServicePort* port_of(const Service& service, const Backend& backend, const Route& route) {
  const std::vector<ServicePort>& ports = service.ports;
  if (backend.port == 0) {
    const ServicePort* port = only(ports, is_tcp);
    return port == nullptr && !route.http.empty() ? only(ports, is_http) : port;
  }
  for (const uint16_t number : {backend.port, uint16_t{0}})
    for (const ServicePort& port : ports)
      if (is_tcp(port) && port.number == number) return &port;
  return nullptr;
}

std::string why_no_port(const Service& service, const Backend& backend) {
  std::string list;
  for (const ServicePort& port : service.ports)
    list += (list.empty() ? "" : ", ") + port_text(port.protocol, port.number);
  if (backend.port != 0)
    return fmt::format("Service {}/{} has no port tcp/{}; it has {}", backend.ns, backend.service,
                       backend.port, list);
  return fmt::format("is missing: it is not clear which port of Service {}/{} is meant; it has {}",
                     backend.ns, backend.service, list);
}

}  // namespace heddle::policy
