// build_topology: from configuration and link states to routes.
#include "node/topology_builder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "net.h"

namespace heddle::app {
namespace {

using l3::Hop;
using l3::HopKind;
using l3::Topology;
using rig::Net;
using wire::Ipv4Address;
using wire::Ipv6Address;

std::unique_ptr<Topology> build(const Net& net, uint64_t generation = 1) {
  return build_topology(net.config(), net.facts(), generation);
}

// A route as one word: kind, interface or gateways.
std::string name(const Topology& topology, const Hop& hop, bool six) {
  const auto out = [&] { return topology.interface(hop.interface).name; };
  switch (hop.kind) {
    case HopKind::kConnected:
      return "on " + out();
    case HopKind::kVia:
      return "via " + (six ? to_string(hop.via6) : to_string(hop.via4)) + " " + out();
    case HopKind::kLocal:
      return "local";
    case HopKind::kDrop:
      return "drop";
    case HopKind::kBroadcast:
      return "broadcast";
    case HopKind::kUnreachable:
      return "unreachable";
    case HopKind::kService:
      return "service";
    case HopKind::kNat:
      return "nat";
    case HopKind::kGroup:
      break;
  }
  std::string all = "group";
  for (uint32_t i = 0; i < hop.group_size; ++i)
    all += " [" + name(topology, topology.hops[hop.group_first + i], six) + "]";
  return all;
}

std::string route(const Topology& topology, std::string_view text) {
  uint32_t slot = l3::Lpm<Ipv4Address>::kNoRoute;
  const auto four = Ipv4Address::parse(text);
  slot =
      four ? topology.fib4.lookup(*four) : topology.fib6.lookup(Ipv6Address::parse(text).value());
  if (slot == l3::Lpm<Ipv4Address>::kNoRoute) return "none";
  return name(topology, topology.hops[slot], !four.has_value());
}

struct RouteRow {
  const char* address;
  const char* route;
};

void expect_routes(const Topology& topology, std::initializer_list<RouteRow> rows) {
  for (const RouteRow& row : rows)
    EXPECT_EQ(route(topology, row.address), row.route) << row.address;
}

TEST(TopologyBuilder, RoutesByRole) {
  const auto topology = build(rig::standard_with_host());
  expect_routes(*topology, {
                               {"192.0.2.10", "local"},
                               {"192.0.2.7", "on wan"},
                               {"192.0.2.0", "broadcast"},
                               {"192.0.2.255", "broadcast"},
                               {"198.51.100.7", "on lan"},
                               {"203.0.113.7", "on v100"},
                               {"203.0.113.10", "local"},
                               {"10.8.0.11", "on cart"},
                               {"10.8.0.12", "via 192.0.2.1 wan"},
                               {"8.8.8.8", "via 192.0.2.1 wan"},
                               {"169.254.1.1", "local"},
                               {"2001:db8::10", "local"},
                               {"2001:db8::7", "on wan"},
                               {"2001:db8::", "on wan"},  // IPv6 has no broadcast
                               {"2001:db8:64::7", "on v100"},
                               {"2001:db8:8::11", "on cart"},
                               {"2001:4860::8888", "via 2001:db8::1 wan"},
                           });
  ASSERT_NE(topology->host_hop, Topology::kNoHop);
  EXPECT_EQ(name(*topology, topology->hops[topology->host_hop], false), "on host");
  for (const char* own : {"192.0.2.10", "198.51.100.10", "203.0.113.10"})
    EXPECT_TRUE(topology->is_own(Ipv4Address::parse(own).value())) << own;
  EXPECT_FALSE(topology->is_own(l3::kGateway4)) << "it belongs to workload and host ports alone";
}

TEST(TopologyBuilder, HasNoGatewayAddressWithoutWorkloads) {
  const auto topology = build(Net().uplink("wan").address("192.0.2.10/24"));
  expect_routes(*topology, {{"169.254.1.1", "none"}, {"8.8.8.8", "none"}});
  EXPECT_EQ(topology->host_hop, Topology::kNoHop);
}

TEST(TopologyBuilder, GivesSmallSubnetsNoBroadcast) {
  const auto topology =
      build(Net().uplink("wan").address("192.0.2.10/31").uplink("lan").address("10.0.0.1/32"));
  expect_routes(*topology,
                {{"192.0.2.10", "local"}, {"192.0.2.11", "on wan"}, {"10.0.0.1", "local"}});
}

TEST(TopologyBuilder, OwnAddressWinsOverAnotherSubnetsBroadcast) {
  const auto topology =
      build(Net().uplink("wan").address("192.0.2.10/24").uplink("lan").address("192.0.2.255/32"));
  expect_routes(*topology, {{"192.0.2.255", "local"}});
}

TEST(TopologyBuilder, JoinsGatewaysAndStaticPathsToGroups) {
  Net net = Net()
                .uplink("east")
                .address("192.0.2.10/24")
                .address("2001:db8::10/64")
                .gateway("192.0.2.1")
                .gateway("2001:db8::1")
                .uplink("west")
                .address("198.51.100.10/24")
                .address("2001:db8:1::10/64")
                .gateway("198.51.100.1")
                .gateway("2001:db8:1::1")
                .route("10.0.0.0/8", {"192.0.2.7", "192.0.2.8", "198.51.100.7"})
                .route("10.1.0.0/16", {"198.51.100.7"})
                .route("10.2.0.0/16", {})
                .route("2001:dead::/32", {});
  const auto topology = build(net);
  expect_routes(
      *topology,
      {
          {"8.8.8.8", "group [via 192.0.2.1 east] [via 198.51.100.1 west]"},
          {"2001:4860::1", "group [via 2001:db8::1 east] [via 2001:db8:1::1 west]"},
          {"10.9.0.1", "group [via 192.0.2.7 east] [via 192.0.2.8 east] [via 198.51.100.7 west]"},
          {"10.1.0.1", "via 198.51.100.7 west"},
          {"10.2.0.1", "drop"},
          {"2001:dead::1", "drop"},
      });
  net.set_up("west", false);
  expect_routes(*build(net), {
                                 {"8.8.8.8", "via 192.0.2.1 east"},
                                 {"2001:4860::1", "via 2001:db8::1 east"},
                                 {"10.9.0.1", "group [via 192.0.2.7 east] [via 192.0.2.8 east]"},
                                 {"10.1.0.1", "group [via 192.0.2.7 east] [via 192.0.2.8 east]"},
                                 {"10.2.0.1", "drop"},
                                 {"198.51.100.7", "via 192.0.2.1 east"},
                                 {"198.51.100.10", "local"},
                                 {"198.51.100.255", "via 192.0.2.1 east"},
                             });
  net.set_up("east", false);
  expect_routes(*build(net), {{"8.8.8.8", "none"}, {"10.1.0.1", "none"}, {"10.2.0.1", "drop"}});
}

TEST(TopologyBuilder, MakesAWorkloadUnreachableWhileItsLinkIsDown) {
  Net net = rig::standard_with_host();
  net.set_up("cart", false);
  net.set_up("host", false);
  const auto topology = build(net, 7);
  EXPECT_EQ(topology->generation, 7u);
  expect_routes(*topology, {{"10.8.0.11", "unreachable"}, {"2001:db8:8::11", "unreachable"}});
  EXPECT_EQ(topology->host_hop, Topology::kNoHop);
  EXPECT_FALSE(topology->interface(InterfaceId(2)).up);
}

TEST(TopologyBuilder, SaysWhatEachRouteIs) {
  Net net = rig::standard();
  net.set_up("wan", false);
  const auto topology = build(net);
  const auto line = [&](std::string_view prefix, std::string_view source) {
    const auto found = std::ranges::find_if(topology->lines, [&](const auto& each) {
      return each.prefix == prefix && each.source == source;
    });
    EXPECT_NE(found, topology->lines.end()) << prefix;
    return found == topology->lines.end() ? l3::RouteLine{} : *found;
  };
  EXPECT_FALSE(line("192.0.2.0/24", "connected").active);
  EXPECT_TRUE(line("198.51.100.0/24", "connected").active);
  EXPECT_EQ(line("198.51.100.0/24", "connected").via, std::vector<std::string>{"lan"});
  EXPECT_FALSE(line("0.0.0.0/0", "gateway").active);
  EXPECT_EQ(line("0.0.0.0/0", "gateway").via, std::vector<std::string>{"192.0.2.1 wan"});
  EXPECT_TRUE(line("192.0.2.10/32", "local").active);
  EXPECT_EQ(line("10.8.0.11/32", "workload").action, "connected");
  EXPECT_FALSE(line("::/0", "gateway").active);
}

TEST(TopologyBuilder, SortsVlansByPort) {
  const auto topology = build(rig::standard().vlan("v200", "lan", 200).address("10.20.0.1/24"));
  const auto of = [&](uint16_t port, uint16_t vlan) {
    return topology->interface_of(PortId(port), VlanId(vlan));
  };
  EXPECT_EQ(of(0, 0), InterfaceId(0));
  EXPECT_EQ(of(0, 100), InterfaceId(3));
  EXPECT_EQ(of(1, 100), kNoInterface);
  EXPECT_EQ(of(1, 200), InterfaceId(4));
  EXPECT_EQ(of(2, 100), kNoInterface);
  EXPECT_EQ(of(2, 0), InterfaceId(2));
  const auto& v100 = topology->interface(InterfaceId(3));
  EXPECT_EQ(v100.port, PortId(0));
  EXPECT_EQ(v100.mac, rig::own_mac(0));
  EXPECT_EQ(v100.header_length, 18);
  expect_routes(*topology, {{"10.20.0.7", "on v200"}});
}

TEST(TopologyBuilder, TakesTheDevicesMtuUnlessConfigured) {
  Net net = Net().uplink("wan").uplink("lan").mtu(9000);
  const auto topology = build(net);
  EXPECT_EQ(topology->interface(InterfaceId(0)).mtu, 1500);
  EXPECT_EQ(topology->interface(InterfaceId(1)).mtu, 9000);
}

}  // namespace
}  // namespace heddle::app
