// The shape of an ExternalService: a Service's, and what it has besides; and of an OutboundPolicy.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::check(const ExternalService& spec) {
  const Service& offer = spec.service;
  if (!offer.selector.empty() || !offer.fallback.empty() || keeps_packets(offer.forwarding))
    return fail("spec", "is no ExternalService's: these have endpoints outside alone");
  check_offer(offer);
  for (size_t i = 0; i < offer.ports.size() && i < kMaxServicePorts; ++i)
    external_port(fmt::format("spec.ports[{}]", i), offer.ports[i], spec);
  std::set<std::string_view> seen;
  if (count("spec.hosts", spec.hosts.size(), 0, kMaxExternalHosts, "hosts"))
    for (size_t i = 0; i < spec.hosts.size(); ++i) {
      const std::string at = fmt::format("spec.hosts[{}]", i);
      if (const auto why = why_no_server_name(spec.hosts[i], Wildcard::kRefused); !why.empty())
        fail(at, fmt::format("{} {}", quote(spec.hosts[i]), why));
      if (!seen.insert(spec.hosts[i]).second) fail(at, quote(spec.hosts[i]) + " is there twice");
    }
  if (!count("spec.endpoints", spec.endpoints.size(), 0, kMaxExternalEndpoints, "endpoints"))
    return;
  endpoints(spec.endpoints);
  std::set<std::pair<IpAddress, uint16_t>> places;
  for (size_t i = 0; i < spec.endpoints.size(); ++i) {
    const IpAddress& address = spec.endpoints[i].address;
    if (std::ranges::find(offer.addresses, address) != offer.addresses.end())
      fail(fmt::format("spec.endpoints[{}].address", i),
           address.text() +
               " is one of spec.addresses; where it is the destination itself, leave "
               "endpoints out");
    if (!places.insert({address, spec.endpoints[i].port}).second)
      fail(fmt::format("spec.endpoints[{}].address", i), address.text() + " is there twice");
  }
}

void ShapeChecker::external_port(const std::string& field, const ServicePort& port,
                                 const ExternalService& of) {
  const bool passes = port.tls && port.tls->mode == ClientTls::kPassthrough;
  if (port.number == 0) fail(field + ".port", "is missing");
  if (port.proxy_protocol || (port.tls && !passes))
    fail(field, "has what is of the ports of Services and Gateways");
  static const std::vector<std::string> kNone;
  const std::vector<std::string>& hosts = port.http || passes ? of.hosts : kNone;
  if (port.hostnames != hosts) fail(field, "has other hosts than the ExternalService");
  if (port.sniffed && !of.hosts.empty())
    fail(field + ".protocol",
         "is auto, and what is not HTTP asks for no host: name the protocol, or leave spec.hosts "
         "out");
  if (port.sniffed && port.upstream_tls)
    fail(field + ".tls",
         "is given, and through a port of protocol auto TLS passes as it is; name the protocol of "
         "what is inside");
  if (port.upstream_tls) upstream_tls(field + ".tls", *port.upstream_tls);
  if (port.upstream_tls && passes)
    fail(field + ".tls", "is given, and what comes to a port of protocol tls is TLS already");
  if (port.ends_here != (port.protocol == Protocol::kTcp))
    fail(field, "is of TCP, which ends here, or of UDP, which does not");
  if (port.protocol == Protocol::kTcp) return;
  if (port.upstream_tls) fail(field + ".tls", "is of TCP, and the port is one of udp");
  if (of.on_the_way())
    fail(field + ".protocol",
         "is udp, which needs endpoints, and addresses that lead to them: on its way to the "
         "destination's own address only tcp is taken");
}

void ShapeChecker::check(const OutboundPolicy& spec) {
  if (spec.mode > Outbound::kRefuse) fail("spec.mode", "is none that is known");
}

}  // namespace heddle::policy
