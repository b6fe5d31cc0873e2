// Gateway.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

// Clients of HTTP speak either version, so there is one word for it.
void read_protocol(const v1::Listener& from, const std::string& field, policy::ServicePort& to,
                   PolicyReader& reader) {
  const bool passes = from.tls().mode() == v1::SERVER_TLS_MODE_PASSTHROUGH;
  switch (from.protocol()) {
    case v1::PROTOCOL_HTTP:
      to.http = policy::HttpUpstream::kHttp1;
      return;
    case v1::PROTOCOL_TLS:
      if (!from.has_tls())
        reader.problem(field + ".tls", "missing; protocol tls needs it, with its mode");
      if (!passes) to.http = policy::HttpUpstream::kHttp1;
      return;
    case v1::PROTOCOL_TCP:
      if (passes)
        reader.problem(
            field + ".protocol",
            "is tcp, and mode: PASSTHROUGH is of protocol tls: it is led by server names");
      return;
    case v1::PROTOCOL_AUTO:
      to.http = policy::HttpUpstream::kAsClient;
      to.sniffed = true;
      return;
    case v1::PROTOCOL_UNSPECIFIED:
      return reader.problem(field + ".protocol", "missing; expected http, tls, tcp or auto");
    case v1::PROTOCOL_HTTP2:
    case v1::PROTOCOL_GRPC:
      return reader.problem(field + ".protocol",
                            "expected http, tls, tcp or auto; at a listener of http clients speak "
                            "HTTP/1.1 or HTTP/2, as they like");
    default:
      reader.problem(field + ".protocol", "expected http, tls, tcp or auto");
  }
}

policy::ServicePort read_listener(const v1::Listener& from, const std::string& field,
                                  PolicyReader& reader) {
  policy::ServicePort to;
  to.name = from.name();
  to.number = reader.port(from.port(), field + ".port");
  to.proxy_protocol = from.proxy_protocol();
  read_protocol(from, field, to, reader);
  if (reader.fits(from.hostnames_size(), policy::kMaxHostnames, field + ".hostnames"))
    for (const std::string& name : from.hostnames()) to.hostnames.push_back(in_small_letters(name));
  if (from.has_tls()) to.tls = read_server_tls(from.tls(), field + ".tls", reader);
  if (from.has_jwt()) to.jwt = read_jwt_use(from.jwt(), field + ".jwt", reader);
  return to;
}

}  // namespace

policy::Gateway read(const v1::Gateway& from, PolicyReader& reader) {
  policy::Gateway to;
  policy::Service& offer = to.service;
  offer.forwarding = policy::Forwarding::kProxy;
  to.service_account = from.service_account();
  to.certificate = from.certificate();
  if (to.service_account.empty() != to.certificate.empty())
    reader.problem(to.certificate.empty() ? "spec.certificate" : "spec.service_account",
                   "missing; service_account and certificate are one identity");
  if (!reader.fits(from.addresses_size(), policy::kMaxServiceAddresses, "spec.addresses") ||
      !reader.fits(from.listeners_size(), policy::kMaxServicePorts, "spec.listeners"))
    return to;
  for (int i = 0; i < from.addresses_size(); ++i)
    offer.addresses.push_back(
        reader.address(from.addresses(i), fmt::format("spec.addresses[{}]", i)));
  for (int i = 0; i < from.listeners_size(); ++i)
    offer.ports.push_back(
        read_listener(from.listeners(i), fmt::format("spec.listeners[{}]", i), reader));
  return to;
}

}  // namespace heddle::server
