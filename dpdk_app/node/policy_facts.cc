#include "node/policy_facts.h"

#include <algorithm>

#include <sys/random.h>

#include "core/check.h"
#include "wire/ipv6.h"

namespace heddle::app {

namespace {

using Reserved = std::vector<policy::NodeFacts::Reserved>;

void reserve_subnet(const InterfaceAddress<wire::Ipv4Address>& own, const std::string& port,
                    Reserved& to) {
  if (own.prefix_length >= 31) return;  // RFC 3021
  const wire::Ipv4Address network = wire::network_of(own.address, own.prefix_length);
  const uint32_t last =
      network.host() | (own.prefix_length == 0 ? UINT32_MAX : UINT32_MAX >> own.prefix_length);
  to.push_back({policy::IpAddress(network), "the network address of port " + port});
  to.push_back({policy::IpAddress(wire::Ipv4Address::from_host(last)),
                "the broadcast address of port " + port});
}

void reserve_port(const PortConfig& port, Reserved& to) {
  for (const auto& own : port.addresses4) reserve_subnet(own, port.name, to);
  if (port.gateway4)
    to.push_back({policy::IpAddress(*port.gateway4), "the gateway of port " + port.name});
  if (port.gateway6)
    to.push_back({policy::IpAddress(*port.gateway6), "the gateway of port " + port.name});
  if (port.role != Role::kUplink) return;
  for (const StaticNeighbor& each : port.neighbors)
    std::visit(
        [&](const auto& address) {
          to.push_back(
              {policy::IpAddress(address), "a neighbor in heddled.yaml on port " + port.name});
        },
        each.address);
}

template <class Route>
void reserve_route(const Route& route, Reserved& to) {
  for (const auto& via : route.via)
    to.push_back({policy::IpAddress(via), "the next hop of a route in heddled.yaml"});
  if (route.prefix.length == 8 * sizeof(route.prefix.address))
    to.push_back(
        {policy::IpAddress(route.prefix.address), "what a route in heddled.yaml leads to"});
}

}  // namespace

policy::NodeFacts policy_facts(const NodeConfig& config) {
  policy::NodeFacts facts;
  facts.workers = static_cast<uint16_t>(std::max<size_t>(1, config.cores.size()));
  HEDDLE_CHECK(getrandom(facts.secret.data(), sizeof(facts.secret), 0) == sizeof(facts.secret),
               "the kernel gives random bytes");
  facts.node = config.node;
  facts.trust_domain = config.trust_domain;
  if (config.dns) facts.dns_suffix = *dns::Suffix::parse(config.dns->suffix);
  for (const PortConfig& port : config.ports) {
    policy::NodeFacts::Port fact;
    fact.name = port.name;
    fact.is_workload = port.role == Role::kWorkload;
    fact.is_uplink = port.role == Role::kUplink;
    fact.takes_ipv6 = !port.mtu || *port.mtu >= wire::kIpv6MinMtu;
    for (const auto& address : port.workload4) fact.addresses.emplace_back(address);
    for (const auto& address : port.workload6) fact.addresses.emplace_back(address);
    facts.ports.push_back(std::move(fact));
    for (const auto& own : port.addresses4) facts.own_addresses.emplace_back(own.address);
    for (const auto& own : port.addresses6) facts.own_addresses.emplace_back(own.address);
  }
  for (const PortConfig& port : config.ports) reserve_port(port, facts.reserved);
  for (const auto& address : config.flows.nat4)
    facts.reserved.push_back({policy::IpAddress(address), "an address of nat in heddled.yaml"});
  for (const auto& address : config.flows.nat6)
    facts.reserved.push_back({policy::IpAddress(address), "an address of nat in heddled.yaml"});
  for (const auto& route : config.routes4) reserve_route(route, facts.reserved);
  for (const auto& route : config.routes6) reserve_route(route, facts.reserved);
  return facts;
}

}  // namespace heddle::app
