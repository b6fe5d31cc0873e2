// Gateways, listeners and their Routes in a line each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "http_support.h"
#include "tls_support.h"

namespace heddle::policy::test {

inline ServicePort listener(std::string name, uint16_t number,
                            std::vector<std::string> hostnames = {}) {
  ServicePort port = http_port(std::move(name), number);
  port.hostnames = std::move(hostnames);
  return port;
}
inline ServicePort tcp_listener(std::string name, uint16_t number) {
  return {.name = std::move(name), .number = number};
}
inline ServicePort passing_listener(std::string name, uint16_t number,
                                    std::vector<std::string> hostnames = {}) {
  ServicePort port = tcp_listener(std::move(name), number);
  port.tls = ServerTls{.mode = ClientTls::kPassthrough};
  port.hostnames = std::move(hostnames);
  return port;
}

inline Gateway gateway(std::vector<ServicePort> listeners,
                       std::initializer_list<const char*> addresses = {"10.96.0.100"}) {
  Gateway spec{service(addresses, std::move(listeners))};
  spec.service.forwarding = Forwarding::kProxy;
  return spec;
}

inline Route of_gateway(Route route, std::string name = "web") {
  route.service.clear();
  route.gateway = std::move(name);
  return route;
}
// Requests for the hosts, to the backend.
inline Route leads(std::vector<std::string> hostnames, Backend to) {
  HttpRule rule;
  rule.backends = {std::move(to)};
  return of_gateway(http_route({rule}, std::move(hostnames)));
}
inline Route leads_tcp(std::string listener, Backend to) {
  return of_gateway(Route{.rules = {{std::move(listener), {std::move(to)}}}});
}
inline Route leads_tls(std::vector<std::string> names, Backend to) {
  return of_gateway(Route{.tls = {{std::move(names), {std::move(to)}}}});
}

inline Backend at_port(std::string of, uint16_t port, std::string ns = "shop") {
  Backend to = backend(std::move(of), 1, {}, std::move(ns));
  to.port = port;
  return to;
}

}  // namespace heddle::policy::test
