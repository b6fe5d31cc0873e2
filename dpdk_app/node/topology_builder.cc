#include "node/topology_builder.h"

#include <algorithm>

namespace heddle::app {

namespace {

using l3::Hop;
using l3::HopKind;
using l3::Interface;
using l3::Topology;

l3::InterfaceRole role_of(Role role) {
  switch (role) {
    case Role::kUplink:
      return l3::InterfaceRole::kUplink;
    case Role::kWorkload:
      return l3::InterfaceRole::kWorkload;
    case Role::kHost:
      return l3::InterfaceRole::kHost;
  }
  return l3::InterfaceRole::kUplink;
}

// Builds one family's routes. Both families differ in types and in two rules that the type's
// size tells.
template <class Address, class Prefix>
class RouteTable {
 public:
  using Entry = typename l3::Lpm<Address>::Entry;

  explicit RouteTable(Topology& topology) : topology_(topology) {}

  uint32_t add_hop(Hop hop) {
    topology_.hops.push_back(hop);
    return static_cast<uint32_t>(topology_.hops.size() - 1);
  }
  uint32_t simple_hop(HopKind kind) {
    Hop hop;
    hop.kind = kind;
    return add_hop(hop);
  }
  void add(const Address& prefix, uint8_t length, uint32_t hop) {
    entries_.push_back({prefix, length, hop});
  }
  void line(std::string prefix, const char* action, const char* source,
            std::vector<std::string> via, bool active) {
    topology_.lines.push_back({std::move(prefix), action, source, std::move(via), active});
  }

  void add_connected(const Interface& interface,
                     const std::vector<l3::OwnAddress<Address>>& addresses) {
    for (const auto& own : addresses) {
      const Address network = wire::network_of(own.address, own.prefix_length);
      line(fmt::format("{}/{}", network, own.prefix_length), "connected", "connected",
           {interface.name}, interface.up);
      if (interface.up) add(network, own.prefix_length, topology_.connected_hop(interface.id));
      if constexpr (sizeof(Address) == 4) {
        if (interface.up && own.prefix_length < 31) add_broadcasts(network, own.prefix_length);
      }
    }
  }

  void add_own(const Address& address) {
    if (local_ == kNone) local_ = simple_hop(HopKind::kLocal);
    add(address, 8 * sizeof(Address), local_);
    line(fmt::format("{}/{}", address, 8 * sizeof(Address)), "local", "local", {}, true);
  }

  // A workload whose link is down is unreachable, rather than looked for on an uplink.
  void add_workload(const Interface& interface, const Address& address) {
    line(fmt::format("{}/{}", address, 8 * sizeof(Address)), "connected", "workload",
         {interface.name}, interface.up);
    uint32_t hop = topology_.connected_hop(interface.id);
    if (!interface.up) hop = simple_hop(HopKind::kUnreachable);
    add(address, 8 * sizeof(Address), hop);
  }

  void add_service(const Address& address) {
    if (service_ == kNone) service_ = simple_hop(HopKind::kService);
    add(address, 8 * sizeof(Address), service_);
    line(fmt::format("{}/{}", address, 8 * sizeof(Address)), "service", "policy", {}, true);
  }

  void add_nat(const Address& address) {
    add(address, 8 * sizeof(Address), simple_hop(HopKind::kNat));
    line(fmt::format("{}/{}", address, 8 * sizeof(Address)), "nat", "nat", {}, true);
  }

  struct Path {
    Address gateway;
    const Interface* out;
  };

  // A route leaves by the links that are up; with none of them it is withdrawn, and a shorter
  // prefix may serve.
  void add_paths(const Prefix& prefix, const std::vector<Path>& paths, const char* source) {
    std::vector<Hop> live;
    std::vector<std::string> names;
    for (const Path& path : paths) {
      names.push_back(fmt::format("{} {}", path.gateway, path.out->name));
      if (path.out->up) live.push_back(via_hop(path.gateway, *path.out));
    }
    line(fmt::format("{}", prefix), "forward", source, std::move(names), !live.empty());
    if (!live.empty()) add(prefix.address, prefix.length, add_group(live));
  }

  void add_static(const Prefix& prefix, const std::vector<Address>& via) {
    if (via.empty()) {
      line(fmt::format("{}", prefix), "drop", "static", {}, true);
      return add(prefix.address, prefix.length, simple_hop(HopKind::kDrop));
    }
    std::vector<Path> paths;
    for (const Address& gateway : via)
      if (const Interface* out = towards(gateway)) paths.push_back({gateway, out});
    add_paths(prefix, paths, "static");
  }

  l3::Lpm<Address> build() const { return l3::Lpm<Address>(entries_); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  void add_broadcasts(const wire::Ipv4Address& network, uint8_t length)
    requires(sizeof(Address) == 4)
  {
    if (broadcast_ == kNone) broadcast_ = simple_hop(HopKind::kBroadcast);
    const uint32_t last = network.host() | (length == 0 ? UINT32_MAX : UINT32_MAX >> length);
    add(network, 32, broadcast_);
    add(wire::Ipv4Address::from_host(last), 32, broadcast_);
  }

  const Interface* towards(const Address& gateway) const {
    for (const Interface& interface : topology_.interfaces) {
      const auto covers = [&](const auto& own) {
        return wire::network_of(gateway, own.prefix_length) ==
               wire::network_of(own.address, own.prefix_length);
      };
      if constexpr (sizeof(Address) == 4) {
        if (std::ranges::any_of(interface.own4, covers)) return &interface;
      } else {
        if (std::ranges::any_of(interface.own6, covers)) return &interface;
      }
    }
    return nullptr;
  }

  Hop via_hop(const Address& gateway, const Interface& out) const {
    Hop hop;
    hop.kind = HopKind::kVia;
    hop.interface = out.id;
    if constexpr (sizeof(Address) == 4)
      hop.via4 = gateway;
    else
      hop.via6 = gateway;
    return hop;
  }

  uint32_t add_group(const std::vector<Hop>& hops) {
    const uint32_t first = add_hop(hops.front());
    for (size_t i = 1; i < hops.size(); ++i) add_hop(hops[i]);
    if (hops.size() == 1) return first;
    Hop group;
    group.kind = HopKind::kGroup;
    group.group_size = static_cast<uint16_t>(hops.size());
    group.group_first = first;
    return add_hop(group);
  }

  Topology& topology_;
  std::vector<Entry> entries_;
  uint32_t local_ = kNone;
  uint32_t broadcast_ = kNone;
  uint32_t service_ = kNone;
};

void add_interface(const PortConfig& port, const PortFacts& facts, Topology& topology) {
  Interface interface;
  interface.name = port.name;
  interface.id = InterfaceId(static_cast<uint16_t>(topology.interfaces.size()));
  interface.port = facts.port;
  interface.vlan = port.vlan;
  interface.role = role_of(port.role);
  interface.up = facts.up;
  interface.mtu = port.mtu.value_or(facts.mtu);
  interface.mac = facts.mac;
  interface.link_local = wire::link_local(facts.mac);
  for (const auto& own : port.addresses4)
    interface.own4.push_back({own.address, own.prefix_length});
  for (const auto& own : port.addresses6)
    interface.own6.push_back({own.address, own.prefix_length});
  interface.workload4 = port.workload4;
  interface.workload6 = port.workload6;
  interface.prepare();
  topology.interfaces.push_back(std::move(interface));
}

void attach(const policy::Attachments& attachments, Topology& topology) {
  for (const auto& port : attachments.ports) {
    Interface& interface = topology.interfaces[port.port];
    for (const policy::IpAddress& address : port.addresses) {
      if (address.is_v4())
        interface.workload4.push_back(address.v4());
      else
        interface.workload6.push_back(address.v6());
    }
    for (const policy::IpAddress& address : port.also_from) {
      if (address.is_v4())
        interface.also_from4.push_back(address.v4());
      else
        interface.also_from6.push_back(address.v6());
    }
  }
}

void add_port_tables(Topology& topology) {
  size_t ports = 0;
  for (const Interface& i : topology.interfaces) ports = std::max(ports, i.port.index() + 1);
  topology.untagged.assign(ports, kNoInterface);
  topology.vlan_table_of_port.assign(ports, Topology::kNoVlans);
  for (const Interface& interface : topology.interfaces) {
    const size_t port = interface.port.index();
    if (!interface.is_tagged()) {
      // An uplink without addresses only carries VLANs: untagged frames are not for it.
      const bool carrier = interface.role == l3::InterfaceRole::kUplink && interface.own4.empty() &&
                           interface.own6.empty();
      if (!carrier) topology.untagged[port] = interface.id;
      continue;
    }
    uint16_t& table = topology.vlan_table_of_port[port];
    if (table == Topology::kNoVlans) {
      table = static_cast<uint16_t>(topology.vlan_tables.size());
      topology.vlan_tables.emplace_back().fill(kNoInterface);
    }
    topology.vlan_tables[table][interface.vlan.index()] = interface.id;
  }
}

template <class Address>
const auto& gateway_of(const PortConfig& port) {
  if constexpr (sizeof(Address) == 4)
    return port.gateway4;
  else
    return port.gateway6;
}

template <class Address>
const auto& workload_of(const Interface& interface) {
  if constexpr (sizeof(Address) == 4)
    return interface.workload4;
  else
    return interface.workload6;
}

template <class Address>
const auto& own_of(const Interface& interface) {
  if constexpr (sizeof(Address) == 4)
    return interface.own4;
  else
    return interface.own6;
}

template <class Address, class Prefix>
l3::Lpm<Address> build_routes(const NodeConfig& config, const policy::Attachments& attachments,
                              Topology& topology, std::vector<Address>& own) {
  RouteTable<Address, Prefix> table(topology);
  for (const Interface& interface : topology.interfaces) {
    table.add_connected(interface, own_of<Address>(interface));
    for (const auto& address : own_of<Address>(interface)) own.push_back(address.address);
  }
  // Own addresses after all subnets, so that they win over another subnet's broadcast.
  for (const Address& address : own) table.add_own(address);
  // The gateways of several uplinks are equal-cost paths.
  std::vector<typename RouteTable<Address, Prefix>::Path> gateways;
  for (size_t i = 0; i < topology.interfaces.size(); ++i) {
    const Interface& interface = topology.interfaces[i];
    for (const auto& address : workload_of<Address>(interface))
      table.add_workload(interface, address);
    if (const auto& gateway = gateway_of<Address>(config.ports[i]))
      gateways.push_back({*gateway, &interface});
  }
  if (!gateways.empty()) table.add_paths(Prefix{}, gateways, "gateway");
  for (const policy::IpAddress& address : attachments.service_addresses) {
    if constexpr (sizeof(Address) == 4) {
      if (address.is_v4()) table.add_service(address.v4());
    } else {
      if (!address.is_v4()) table.add_service(address.v6());
    }
  }
  if constexpr (sizeof(Address) == 4) {
    for (const auto& address : config.flows.nat4) table.add_nat(address);
    for (const auto& route : config.routes4) table.add_static(route.prefix, route.via);
    const bool gateway = std::ranges::any_of(topology.interfaces, [](const Interface& interface) {
      return interface.role != l3::InterfaceRole::kUplink;
    });
    if (gateway) table.add_own(l3::kGateway4);
  } else {
    for (const auto& address : config.flows.nat6) table.add_nat(address);
    for (const auto& route : config.routes6) table.add_static(route.prefix, route.via);
  }
  return table.build();
}

}  // namespace

std::unique_ptr<Topology> build_topology(const NodeConfig& config, std::span<const PortFacts> facts,
                                         uint64_t generation,
                                         const policy::Attachments& attachments) {
  auto topology = std::make_unique<Topology>();
  topology->generation = generation;
  for (size_t i = 0; i < config.ports.size(); ++i)
    add_interface(config.ports[i], facts[i], *topology);
  attach(attachments, *topology);
  add_port_tables(*topology);
  for (const Interface& interface : topology->interfaces) {
    Hop connected;
    connected.kind = HopKind::kConnected;
    connected.interface = interface.id;
    topology->hops.push_back(connected);
    if (interface.role == l3::InterfaceRole::kHost && interface.up)
      topology->host_hop = topology->connected_hop(interface.id);
  }
  topology->fib4 = build_routes<wire::Ipv4Address, wire::Ipv4Prefix>(config, attachments, *topology,
                                                                     topology->own4);
  topology->fib6 = build_routes<wire::Ipv6Address, wire::Ipv6Prefix>(config, attachments, *topology,
                                                                     topology->own6);
  topology->prepare_filters();
  return topology;
}

}  // namespace heddle::app
