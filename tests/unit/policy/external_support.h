// ExternalServices in a line each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gateway_support.h"

namespace heddle::policy::test {

inline constexpr const char* kOutside = "203.0.113.5";
inline constexpr const char* kVirtual = "10.96.7.1";

inline ServicePort outside(ServicePort port) {
  port.ends_here = port.protocol == Protocol::kTcp;
  return port;
}

// HTTP from workloads, TLS at port 443 to the destination.
inline ServicePort originated(std::string server_name = "api.example.com") {
  ServicePort port = outside(http_port("web", 80));
  port.target_port = 443;
  port.upstream_tls = by_name(std::move(server_name));
  return port;
}

inline ExternalService external(std::initializer_list<const char*> addresses,
                                std::vector<ServicePort> ports,
                                std::vector<std::string> hosts = {}) {
  ExternalService spec{.service = service(addresses, std::move(ports)), .hosts = std::move(hosts)};
  spec.service.forwarding = Forwarding::kProxy;
  for (ServicePort& port : spec.service.ports) {
    if (port.http || port.tls) port.hostnames = spec.hosts;
    if (port.protocol == Protocol::kUdp) spec.service.forwarding = Forwarding::kDnat;
  }
  return spec;
}

inline ExternalService leads_to(ExternalService spec, std::initializer_list<const char*> to) {
  for (const char* address : to) spec.endpoints.push_back({.address = ip(address)});
  return spec;
}

// At its own address.
inline ExternalService api() {
  return external({kOutside, "2001:db8:5::5"}, {originated()}, {"api.example.com"});
}

}  // namespace heddle::policy::test
