// Topology: own addresses behind their filter, interfaces of frames, sources of answers.
#include "l3/topology.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"
#include "seed.h"

namespace heddle::l3 {
namespace {

using wire::Ipv4Address;
using wire::Ipv6Address;

TEST(Topology, FilterNeverHidesAnOwnAddress) {
  Random random(test_seed());
  for (int round = 0; round < 200; ++round) {
    Topology topology;
    for (uint32_t i = random.below(6); i > 0; --i) {
      topology.own4.push_back(Ipv4Address::from_host(0x0a000000 + random.below(256)));
      topology.own6.push_back(Ipv6Address::from_host(0x20010db800000000, random.below(256)));
    }
    topology.prepare_filters();
    for (uint32_t i = 0; i < 256; ++i) {
      const auto four = Ipv4Address::from_host(0x0a000000 + i);
      const auto six = Ipv6Address::from_host(0x20010db800000000, i);
      ASSERT_EQ(topology.is_own(four), std::ranges::count(topology.own4, four) > 0);
      ASSERT_EQ(topology.is_own(six), std::ranges::count(topology.own6, six) > 0);
    }
  }
}

// The filter's worth: few strangers pass it.
TEST(Topology, FilterKeepsMostStrangersOut) {
  Topology topology;
  topology.own4 = {Ipv4Address(192, 0, 2, 10)};
  topology.own6 = {Ipv6Address::from_host(0x20010db800000000, 10)};
  topology.prepare_filters();
  int four = 0, six = 0;
  for (uint32_t i = 0; i < 4096; ++i) {
    four += topology.own_filter4 >> Topology::filter_bit(Ipv4Address::from_host(0x08080000 + i)) & 1
                ? 1
                : 0;
    six += topology.own_filter6 >> Topology::filter_bit(Ipv6Address::from_host(1, i)) & 1 ? 1 : 0;
  }
  EXPECT_LT(four, 4096 / 16);
  EXPECT_LT(six, 4096 / 16);
}

Interface with(uint16_t id, VlanId vlan = kUntagged) {
  Interface interface;
  interface.id = InterfaceId(id);
  interface.port = PortId(0);
  interface.vlan = vlan;
  interface.mac = wire::MacAddress({2, 0, 0, 0, 0, 9});
  interface.link_local = wire::link_local(interface.mac);
  return interface;
}

TEST(Interface, PreparesItsLinkLayer) {
  Interface plain = with(0);
  plain.prepare();
  EXPECT_EQ(plain.header_length, 14);
  EXPECT_EQ(plain.tail4, (std::array<uint8_t, 12>{2, 0, 0, 0, 0, 9, 0x08, 0x00}));
  EXPECT_EQ(plain.tail6, (std::array<uint8_t, 12>{2, 0, 0, 0, 0, 9, 0x86, 0xdd}));
  Interface tagged = with(0, VlanId(0x123));
  tagged.prepare();
  EXPECT_EQ(tagged.header_length, 18);
  EXPECT_EQ(tagged.tail4,
            (std::array<uint8_t, 12>{2, 0, 0, 0, 0, 9, 0x81, 0x00, 0x01, 0x23, 0x08, 0x00}));
  EXPECT_EQ(tagged.tail6,
            (std::array<uint8_t, 12>{2, 0, 0, 0, 0, 9, 0x81, 0x00, 0x01, 0x23, 0x86, 0xdd}));
}

TEST(Topology, FindsTheInterfaceOfAFrame) {
  Topology topology;
  topology.untagged = {InterfaceId(0), kNoInterface};
  topology.vlan_table_of_port = {0, Topology::kNoVlans};
  topology.vlan_tables.emplace_back().fill(kNoInterface);
  topology.vlan_tables[0][100] = InterfaceId(1);
  EXPECT_EQ(topology.interface_of(PortId(0), kUntagged), InterfaceId(0));
  EXPECT_EQ(topology.interface_of(PortId(0), VlanId(100)), InterfaceId(1));
  EXPECT_EQ(topology.interface_of(PortId(0), VlanId(101)), kNoInterface);
  EXPECT_EQ(topology.interface_of(PortId(0), VlanId(4095)), kNoInterface);
  EXPECT_EQ(topology.interface_of(PortId(1), kUntagged), kNoInterface);
  EXPECT_EQ(topology.interface_of(PortId(1), VlanId(100)), kNoInterface);
}

TEST(Topology, ChoosesTheSourceOfAnswers) {
  Topology topology;
  topology.interfaces = {with(0), with(1), with(2)};
  const Interface& bare = topology.interfaces[0];
  EXPECT_EQ(topology.source4(bare), kGateway4);
  EXPECT_EQ(topology.source6(bare), bare.link_local);
  topology.interfaces[1].own4 = {{Ipv4Address(192, 0, 2, 10), 24},
                                 {Ipv4Address(192, 0, 3, 10), 24}};
  topology.interfaces[2].own4 = {{Ipv4Address(198, 51, 100, 10), 24}};
  topology.interfaces[2].own6 = {{Ipv6Address::from_host(1, 2), 64}};
  EXPECT_EQ(topology.source4(bare), Ipv4Address(192, 0, 2, 10));
  EXPECT_EQ(topology.source4(topology.interfaces[2]), Ipv4Address(198, 51, 100, 10));
  EXPECT_EQ(topology.source6(bare), Ipv6Address::from_host(1, 2));
}

}  // namespace
}  // namespace heddle::l3
