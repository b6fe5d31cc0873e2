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
  to.labels = PolicyReader::labels(from.labels());
  for (int i = 0; i < from.addresses_size(); ++i)
    to.addresses.push_back(reader.address(from.addresses(i), fmt::format("spec.addresses[{}]", i)));
  return to;
}

namespace {

policy::ServicePort read_port(const v1::ServicePort& from, const std::string& field,
                              PolicyReader& reader) {
  policy::ServicePort to;
  to.name = from.name();
  to.number = reader.port(from.port(), field + ".port");
  if (from.target_port() != 0 && from.target_port() != from.port())
    reader.problem(
        field + ".target_port",
        fmt::format("is another than the port {}, which forwarding: direct cannot change",
                    from.port()));
  switch (from.protocol()) {
    case v1::PROTOCOL_TCP:
      to.protocol = policy::Protocol::kTcp;
      break;
    case v1::PROTOCOL_UDP:
      to.protocol = policy::Protocol::kUdp;
      break;
    case v1::PROTOCOL_UNSPECIFIED:
      reader.problem(field + ".protocol", "missing; expected tcp or udp");
      break;
    default:
      reader.problem(field + ".protocol", "does not act in this version; expected tcp or udp");
  }
  return to;
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
  if (from.forwarding() == v1::FORWARDING_UNSPECIFIED)
    reader.problem("spec.forwarding",
                   "missing, which means dnat, and that does not act in this version; expected "
                   "direct");
  else if (from.forwarding() != v1::FORWARDING_DIRECT)
    reader.problem("spec.forwarding", "does not act in this version; expected direct");
  return to;
}

policy::EndpointSet read(const v1::EndpointSet& from, PolicyReader& reader) {
  policy::EndpointSet to;
  to.service = from.service();
  if (!reader.fits(from.endpoints_size(), policy::Limits().endpoints_per_service, "spec.endpoints"))
    return to;
  to.endpoints.reserve(static_cast<size_t>(from.endpoints_size()));
  for (int i = 0; i < from.endpoints_size(); ++i) {
    const v1::Endpoint& each = from.endpoints(i);
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
    if (each.port() != 0)
      reader.problem(field("port"), "cannot be changed with forwarding: direct; leave it out");
    reader.later(!each.zone().empty(), field("zone"));
    reader.later(each.priority() != 0, field("priority"));
    to.endpoints.push_back(std::move(endpoint));
  }
  return to;
}

}  // namespace heddle::server
