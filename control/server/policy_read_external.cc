// ExternalService, OutboundPolicy.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

policy::UpstreamTls read_tls(const v1::UpstreamTls& from, const std::string& field,
                             const policy::ExternalService& of, PolicyReader& reader) {
  v1::UpstreamTls whole = from;
  // With SPIFFE IDs alone it is not clear what is to be verified, which is asked for as elsewhere.
  const bool unclear = whole.verify() == v1::VERIFY_PEER_UNSPECIFIED && whole.server_ids_size() > 0;
  if (whole.server_name().empty() && !of.hosts.empty() && !unclear)
    whole.set_server_name(of.hosts.front());
  return read_upstream_tls(whole, field, reader);
}

policy::ServicePort read_port(const v1::ExternalPort& from, const std::string& field,
                              const policy::ExternalService& of, PolicyReader& reader) {
  policy::ServicePort to;
  to.name = from.name();
  to.number = reader.port(from.port(), field + ".port");
  if (from.target_port() != 0)
    to.target_port = reader.port(from.target_port(), field + ".target_port");
  read_protocol(from.protocol(), field, to, reader);
  to.ends_here = to.protocol == policy::Protocol::kTcp;
  if (from.protocol() == v1::PROTOCOL_TLS)
    to.tls = policy::ServerTls{.mode = policy::ClientTls::kPassthrough};
  if (to.http || to.tls) to.hostnames = of.hosts;
  if (from.has_tls()) to.upstream_tls = read_tls(from.tls(), field + ".tls", of, reader);
  return to;
}

// How the UDP of a port gets there; what is TCP ends here whatever this is.
policy::Forwarding forwarding_of(const std::vector<policy::ServicePort>& ports) {
  for (const policy::ServicePort& port : ports)
    if (port.protocol == policy::Protocol::kUdp) return policy::Forwarding::kDnat;
  return policy::Forwarding::kProxy;
}

void read_export(const v1::ExternalService& from, policy::ExternalService& to,
                 PolicyReader& reader) {
  if (from.export_to_size() == 0) return;
  to.exported = from.export_to_size() == 1 && from.export_to(0) == "*";
  if (!to.exported)
    reader.problem("spec.export_to",
                   "expected \"*\" alone, for all namespaces; leave it out for its own");
}

}  // namespace

policy::ExternalService read(const v1::ExternalService& from, PolicyReader& reader) {
  policy::ExternalService to;
  policy::Service& offer = to.service;
  if (!reader.fits(from.hosts_size(), policy::kMaxExternalHosts, "spec.hosts") ||
      !reader.fits(from.addresses_size(), policy::kMaxServiceAddresses, "spec.addresses") ||
      !reader.fits(from.endpoints_size(), policy::kMaxExternalEndpoints, "spec.endpoints") ||
      !reader.fits(from.ports_size(), policy::kMaxServicePorts, "spec.ports"))
    return to;
  for (const std::string& host : from.hosts()) to.hosts.push_back(in_small_letters(host));
  for (int i = 0; i < from.addresses_size(); ++i)
    offer.addresses.push_back(
        reader.address(from.addresses(i), fmt::format("spec.addresses[{}]", i)));
  for (int i = 0; i < from.ports_size(); ++i)
    offer.ports.push_back(read_port(from.ports(i), fmt::format("spec.ports[{}]", i), to, reader));
  offer.forwarding = forwarding_of(offer.ports);
  to.endpoints = read_endpoints(from.endpoints(), reader);
  reader.later(from.has_dns_refresh(), "spec.dns_refresh");
  read_export(from, to, reader);
  return to;
}

policy::OutboundPolicy read(const v1::OutboundPolicy& from, PolicyReader& reader) {
  switch (from.mode()) {
    case v1::OUTBOUND_ALLOW:
      return {policy::Outbound::kAllow};
    case v1::OUTBOUND_REGISTERED_ONLY:
      return {policy::Outbound::kRegisteredOnly};
    case v1::OUTBOUND_REFUSE:
      break;
    case v1::OUTBOUND_UNSPECIFIED:
      reader.problem("spec.mode", "missing; expected ALLOW, REGISTERED_ONLY or REFUSE");
      break;
    default:
      reader.problem("spec.mode", "expected ALLOW, REGISTERED_ONLY or REFUSE");
  }
  return {policy::Outbound::kRefuse};
}

}  // namespace heddle::server
