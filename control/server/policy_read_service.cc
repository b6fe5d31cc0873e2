// Workload, Service, EndpointSet.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {

policy::IpAddress PolicyReader::address(const std::string& text, const std::string& field) {
  const auto parsed = policy::IpAddress::parse(text);
  if (parsed) return *parsed;
  problem(field, parsed.error().text);
  return {};
}

std::vector<policy::IpPrefix> PolicyReader::prefixes(
    const google::protobuf::RepeatedPtrField<std::string>& from, const std::string& field) {
  std::vector<policy::IpPrefix> all;
  for (int i = 0; i < from.size(); ++i) {
    const auto parsed = policy::IpPrefix::parse(from[i]);
    if (parsed)
      all.push_back(*parsed);
    else
      problem(fmt::format("{}[{}]", field, i), parsed.error().text);
  }
  return all;
}

std::optional<Duration> PolicyReader::time(const google::protobuf::Duration& from, Duration least,
                                           Duration most) {
  constexpr int64_t kSecond = 1'000'000'000;
  if (from.seconds() < 0 || from.seconds() > most.ns() / kSecond) return {};
  if (from.nanos() < 0 || from.nanos() >= kSecond) return {};
  const Duration time = seconds(from.seconds()) + nanoseconds(from.nanos());
  return time < least || time > most ? std::nullopt : std::optional(time);
}

uint16_t PolicyReader::port(uint32_t number, const std::string& field) {
  if (number == 0 || number > UINT16_MAX)
    problem(field, fmt::format("{} is no port; expected 1 to 65535", number));
  return static_cast<uint16_t>(number);
}

policy::Workload read(const v1::Workload& from, PolicyReader& reader) {
  policy::Workload to;
  if (!reader.fits(from.addresses_size(), policy::kMaxWorkloadAddresses, "spec.addresses") ||
      !reader.fits(static_cast<int>(from.labels_size()), policy::kMaxLabels, "spec.labels"))
    return to;
  to.port = from.port();
  to.service_account = from.service_account();
  to.node = from.node();
  to.certificate = from.certificate();
  to.labels = PolicyReader::labels(from.labels());
  for (int i = 0; i < from.addresses_size(); ++i)
    to.addresses.push_back(reader.address(from.addresses(i), fmt::format("spec.addresses[{}]", i)));
  return to;
}

void read_protocol(v1::Protocol from, const std::string& field, policy::ServicePort& to,
                   PolicyReader& reader) {
  switch (from) {
    case v1::PROTOCOL_TCP:
    case v1::PROTOCOL_TLS:
      to.protocol = policy::Protocol::kTcp;
      break;
    case v1::PROTOCOL_UDP:
      to.protocol = policy::Protocol::kUdp;
      break;
    case v1::PROTOCOL_HTTP:
      to.http = policy::HttpUpstream::kHttp1;
      break;
    case v1::PROTOCOL_HTTP2:
    case v1::PROTOCOL_GRPC:
      to.http = policy::HttpUpstream::kHttp2;
      break;
    case v1::PROTOCOL_AUTO:
      to.http = policy::HttpUpstream::kAsClient;
      to.sniffed = true;
      break;
    case v1::PROTOCOL_UNSPECIFIED:
      reader.problem(field + ".protocol",
                     "missing; expected auto, http, http2, grpc, tcp, tls or udp");
      break;
    default:
      reader.problem(field + ".protocol", "expected auto, http, http2, grpc, tcp, tls or udp");
  }
}

namespace {

policy::ServicePort read_port(const v1::ServicePort& from, const std::string& field,
                              PolicyReader& reader) {
  policy::ServicePort to;
  to.name = from.name();
  if (!from.all_ports()) {
    to.number = reader.port(from.port(), field + ".port");
  } else if (from.port() != 0) {
    reader.problem(field + ".port", "all_ports names every port; leave one of the two out");
  }
  if (from.target_port() != 0)
    to.target_port = reader.port(from.target_port(), field + ".target_port");
  read_protocol(from.protocol(), field, to, reader);
  if (from.protocol() == v1::PROTOCOL_TLS && !from.has_tls())
    reader.problem(field + ".tls", "missing; protocol tls needs it, with its mode");
  if (from.has_tls()) to.tls = read_server_tls(from.tls(), field + ".tls", reader);
  if (from.has_jwt()) to.jwt = read_jwt_use(from.jwt(), field + ".jwt", reader);
  return to;
}

void read_forwarding(const v1::Service& from, policy::Service& to, PolicyReader& reader) {
  switch (from.forwarding()) {
    case v1::FORWARDING_UNSPECIFIED:
    case v1::FORWARDING_DNAT:
      to.forwarding = policy::Forwarding::kDnat;
      break;
    case v1::FORWARDING_FULL_NAT:
      to.forwarding = policy::Forwarding::kFullNat;
      break;
    case v1::FORWARDING_DIRECT:
      to.forwarding = policy::Forwarding::kDirect;
      break;
    case v1::FORWARDING_IP_IN_IP:
      to.forwarding = policy::Forwarding::kIpInIp;
      break;
    case v1::FORWARDING_PROXY:
      to.forwarding = policy::Forwarding::kProxy;
      break;
    default:
      reader.problem("spec.forwarding", "expected dnat, full-nat, direct, ip-in-ip or proxy");
  }
  switch (from.source_mapping()) {
    case v1::SOURCE_MAPPING_UNSPECIFIED:
      return;
    case v1::SOURCE_MAPPING_PER_FLOW:
      break;
    case v1::SOURCE_MAPPING_PER_SOURCE:
      to.source_mapping = policy::SourceMapping::kPerSource;
      break;
    default:
      return reader.problem("spec.source_mapping", "expected per-flow or per-source");
  }
  if (from.forwarding() != v1::FORWARDING_FULL_NAT)
    reader.problem("spec.source_mapping", "is for forwarding: full-nat alone; leave it out");
}

}  // namespace

policy::Service read(const v1::Service& from, PolicyReader& reader) {
  policy::Service to;
  if (!reader.fits(from.addresses_size(), policy::kMaxServiceAddresses, "spec.addresses") ||
      !reader.fits(from.ports_size(), policy::kMaxServicePorts, "spec.ports") ||
      !reader.fits(static_cast<int>(from.selector_size()), policy::kMaxLabels, "spec.selector"))
    return to;
  for (int i = 0; i < from.addresses_size(); ++i)
    to.addresses.push_back(reader.address(from.addresses(i), fmt::format("spec.addresses[{}]", i)));
  for (int i = 0; i < from.ports_size(); ++i)
    to.ports.push_back(read_port(from.ports(i), fmt::format("spec.ports[{}]", i), reader));
  to.selector = PolicyReader::labels(from.selector());
  to.fallback = from.fallback();
  read_forwarding(from, to, reader);
  // It may stay away with ports of HTTP, where it is for the others.
  for (int i = 0; i < from.ports_size(); ++i)
    if (to.ports[static_cast<size_t>(i)].http && from.forwarding() == v1::FORWARDING_DNAT)
      reader.problem("spec.forwarding",
                     fmt::format("is dnat, and the node ends the connections of spec.ports[{}] "
                                 "itself: leave it out, or give proxy",
                                 i));
  return to;
}

policy::EndpointSet read(const v1::EndpointSet& from, PolicyReader& reader) {
  policy::EndpointSet to;
  to.service = from.service();
  if (reader.fits(from.endpoints_size(), policy::Limits().endpoints_per_service, "spec.endpoints"))
    to.endpoints = read_endpoints(from.endpoints(), reader);
  return to;
}

std::vector<policy::Endpoint> read_endpoints(
    const google::protobuf::RepeatedPtrField<v1::Endpoint>& from, PolicyReader& reader) {
  std::vector<policy::Endpoint> to;
  to.reserve(static_cast<size_t>(from.size()));
  for (int i = 0; i < from.size(); ++i) {
    const v1::Endpoint& each = from[i];
    const auto field = [&](const char* name) {
      return fmt::format("spec.endpoints[{}].{}", i, name);
    };
    policy::Endpoint endpoint;
    endpoint.address = reader.address(each.address(), field("address"));
    if (!reader.fits(static_cast<int>(each.labels_size()), policy::kMaxLabels, field("labels")))
      return to;
    endpoint.labels = PolicyReader::labels(each.labels());
    if (each.has_weight()) {
      if (each.weight() > policy::kMaxEndpointWeight)
        reader.problem(field("weight"), fmt::format("{} is above the limit of {}", each.weight(),
                                                    policy::kMaxEndpointWeight));
      endpoint.weight = static_cast<uint16_t>(each.weight());
    }
    if (each.port() != 0) endpoint.port = reader.port(each.port(), field("port"));
    reader.later(!each.zone().empty(), field("zone"));
    if (each.priority() > policy::kMaxPriority)
      reader.problem(field("priority"), fmt::format("{} is above the limit of {}", each.priority(),
                                                    policy::kMaxPriority));
    endpoint.priority = static_cast<uint8_t>(each.priority());
    to.push_back(std::move(endpoint));
  }
  return to;
}

}  // namespace heddle::server
