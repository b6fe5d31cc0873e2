#include "nodes/owner.h"

#include "wire/steering.h"
#include "worker/dns.h"
#include "worker/tcp.h"

namespace heddle::app {

namespace {

template <class Address>
using Tuple = wire::SteeringTuple<Address>;

template <class Address>
bool is_own(const Worker& worker, const Address& address) {
  return worker.flows->translator.pool<Address>().has(address);
}

// Whether one side is a connection of our own to an endpoint: an address of an interface, or the
// gateway that workloads see, with a port that our TCP may take.
template <class Address>
bool is_our_tcp(const Worker& worker, const Tuple<Address>& tuple) {
  if (worker.tcp == nullptr || !tuple.has_ports || tuple.protocol != wire::IpProtocol::kTcp)
    return false;
  const tcp::PortRange range = worker.tcp->limits.ports;
  const auto ours = [&](const Address& address, Be16 port) {
    if (port.host() < range.first || port.host() > range.last) return false;
    if constexpr (sizeof(Address) == 4)
      if (address == l3::kGateway4) return true;
    return worker.topology->is_own(address);
  };
  return ours(tuple.destination, tuple.destination_port) || ours(tuple.source, tuple.source_port);
}

// The same of a query that we pass on, and its answer.
template <class Address>
bool is_our_dns(const Worker& worker, const Tuple<Address>& tuple) {
  if (worker.dns == nullptr || !tuple.has_ports || tuple.protocol != wire::IpProtocol::kUdp)
    return false;
  const dns::Forwarder& forwarder = worker.dns->forwarder;
  const auto asks = [&](const Address& resolver, Be16 port, Be16 own_port) {
    if (port.host() != dns::kPort || !forwarder.is_own_port(own_port.host())) return false;
    if constexpr (sizeof(Address) == 4)
      return forwarder.is_resolver(dns::from_ipv4(resolver));
    else
      return forwarder.is_resolver(resolver);
  };
  return asks(tuple.source, tuple.source_port, tuple.destination_port) ||
         asks(tuple.destination, tuple.destination_port, tuple.source_port);
}

template <class Address>
uint32_t by_client(const Address& client) {
  return wire::steering_hash(client, Address());
}

template <class Address>
bool is_endpoint(const policy::AddressRoles& roles, const Address& address,
                 const Tuple<Address>& tuple, Be16 port) {
  if (!tuple.has_ports) return roles.is_endpoint(policy::IpAddress(address));
  const auto protocol =
      tuple.protocol == wire::IpProtocol::kTcp ? policy::Protocol::kTcp : policy::Protocol::kUdp;
  return roles.is_endpoint(policy::IpAddress(address), protocol, port.host());
}

template <class Address>
uint32_t symmetric(const Tuple<Address>& tuple) {
  if (!tuple.has_ports) return wire::steering_hash(tuple.source, tuple.destination);
  return wire::steering_hash(tuple.source, tuple.destination, tuple.source_port,
                             tuple.destination_port);
}

template <class Address>
uint32_t hash_of(const Worker& worker, const Tuple<Address>& tuple) {
  const policy::AddressRoles& roles = worker.policy->roles;
  if (!worker.policy->stateful) return symmetric(tuple);
  // Translated are TCP and UDP, of which fragments do not say that they are.
  const bool fragment = tuple.protocol == wire::IpProtocol::kNoNextHeader;
  if (!tuple.has_ports && !fragment) return symmetric(tuple);
  if (is_own(worker, tuple.source) || is_own(worker, tuple.destination)) return symmetric(tuple);
  if (roles.is_service(policy::IpAddress(tuple.destination))) return by_client(tuple.source);
  if (roles.is_service(policy::IpAddress(tuple.source))) return by_client(tuple.destination);
  if (is_our_tcp(worker, tuple) || is_our_dns(worker, tuple)) return symmetric(tuple);
  if (is_endpoint(roles, tuple.source, tuple, tuple.source_port))
    return by_client(tuple.destination);
  if (is_endpoint(roles, tuple.destination, tuple, tuple.destination_port))
    return by_client(tuple.source);
  return symmetric(tuple);
}

template <class Address>
uint16_t owner_of(const Worker& worker, const Tuple<Address>& tuple) {
  return worker.owners[hash_of(worker, tuple) % kSteeringSlots];
}

}  // namespace

template <class Address>
uint16_t owner_of_flow(const Worker& worker, const flow::Key<Address>& key) {
  if (worker.peers.size() <= 1) return worker.id.value();
  const bool has_ports =
      key.protocol() == wire::IpProtocol::kTcp || key.protocol() == wire::IpProtocol::kUdp;
  return owner_of(worker, Tuple<Address>{.source = key.source(),
                                         .destination = key.destination(),
                                         .protocol = key.protocol(),
                                         .has_ports = has_ports,
                                         .source_port = key.source_port(),
                                         .destination_port = key.destination_port()});
}

template uint16_t owner_of_flow(const Worker&, const flow::Key4&);
template uint16_t owner_of_flow(const Worker&, const flow::Key6&);

std::optional<uint16_t> owner_of_ipv4(const Worker& worker, std::span<const uint8_t> l3) {
  if (!worker.policy->stateful) return worker.owners[wire::steer_ipv4(l3) % kSteeringSlots];
  const auto tuple = wire::steering_tuple_ipv4(l3);
  if (!tuple) return std::nullopt;
  return owner_of(worker, *tuple);
}

std::optional<uint16_t> owner_of_ipv6(const Worker& worker, std::span<const uint8_t> l3) {
  if (!worker.policy->stateful) return worker.owners[wire::steer_ipv6(l3) % kSteeringSlots];
  const auto tuple = wire::steering_tuple_ipv6(l3);
  if (!tuple) return std::nullopt;
  return owner_of(worker, *tuple);
}

template <class Address>
bool concerns_us(const Worker& worker, const Address& source, const Address& destination) {
  const policy::AddressRoles& roles = worker.policy->roles;
  const policy::IpAddress from(source), to(destination);
  return roles.is_service(to) || roles.is_service(from) || roles.is_endpoint(from) ||
         roles.is_endpoint(to) || is_own(worker, source) || is_own(worker, destination) ||
         !worker.policy->guards.empty();
}

template bool concerns_us(const Worker&, const wire::Ipv4Address&, const wire::Ipv4Address&);
template bool concerns_us(const Worker&, const wire::Ipv6Address&, const wire::Ipv6Address&);

}  // namespace heddle::app
