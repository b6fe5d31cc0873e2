// The forward path: ip4_lookup, ip4_forward, ip4_output and their IPv6 twins.
#include <set>

#include "expect.h"

namespace heddle::rig {
namespace {

TEST(Forward, Ipv4LosesOneTtl) {
  SettledRig rig;
  rig.in("lan",
         to_us(1) / ip4(kLanPeer4, kFar4).ttl(9).id(77).df().dscp(46) / udp(1000, 53) / data(33))
      .expect_out("wan", from_us(0) / ip4(kLanPeer4, kFar4).ttl(8).id(77).df().dscp(46) /
                             udp(1000, 53) / data(33));
}

TEST(Forward, Ipv6LosesOneHop) {
  SettledRig rig;
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6).hops(9) / udp(1000, 53) / data(33))
      .expect_out("wan", from_us(0) / ip6(kLanPeer6, kFar6).hops(8) / udp(1000, 53) / data(33));
}

// The checksum is right for each TTL and identification, not only where no carry happens.
TEST(Forward, Ipv4ChecksumIsRightForEveryTtl) {
  SettledRig rig;
  for (int ttl = 2; ttl < 256; ++ttl) {
    const auto in = static_cast<uint8_t>(ttl), out = static_cast<uint8_t>(ttl - 1);
    for (const uint16_t id :
         {uint16_t{0}, uint16_t{0xb1e6}, uint16_t{0xffff}, static_cast<uint16_t>(ttl * 257)})
      rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4).ttl(in).id(id) / udp(1, 2))
          .expect_out("wan", from_us(0) / ip4(kLanPeer4, kFar4).ttl(out).id(id) / udp(1, 2));
  }
}

TEST(Forward, TakesTheLongestPrefix) {
  SettledRig rig(standard()
                     .route("203.0.112.0/20", {"192.0.2.1"})
                     .route("8.8.0.0/16", {"198.51.100.7"})
                     .route("8.8.8.0/24", {})
                     .route("2001:4860::/32", {"2001:db8:1::7"}));
  const auto send = [&](Ipv4Address target) {
    return rig.in("cart", to_us(2) / ip4(kCart4, target) / udp(1, 2));
  };
  const auto expected = [](Ipv4Address target) { return ip4(kCart4, target).ttl(63) / udp(1, 2); };
  send("8.9.0.1"_v4).expect_out("wan", from_us(0) / expected("8.9.0.1"_v4));
  send("8.8.7.1"_v4).expect_out("lan", from_us(1) / expected("8.8.7.1"_v4));
  send("8.8.8.8"_v4).expect_drop("ip4_lookup.blackhole");
  send(kV100Peer).expect_out("wan", from_us(0) / vlan(100) / expected(kV100Peer));
  rig.in("cart", to_us(2) / ip6(kCart6, kFar6) / udp(1, 2))
      .expect_out("lan", from_us(1) / ip6(kCart6, kFar6).hops(63) / udp(1, 2));
}

TEST(Forward, TagsWhatLeavesByAVlan) {
  SettledRig rig;
  const Ipv6Address peer = "2001:db8:64::7"_v6;
  rig.know("v100", peer, peer_mac(0));
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kV100Peer) / tcp(1, 2))
      .expect_out("wan", from_us(0) / vlan(100) / ip4(kLanPeer4, kV100Peer).ttl(63) / tcp(1, 2));
  rig.in("lan", to_us(1) / ip6(kLanPeer6, peer) / tcp(1, 2))
      .expect_out("wan", from_us(0) / vlan(100) / ip6(kLanPeer6, peer).hops(63) / tcp(1, 2));
}

TEST(Forward, ReachesWorkloadsFromOutsideAndEachOther) {
  SettledRig rig(standard().workload("web", {"10.8.0.12"}));
  rig.know("web", "10.8.0.12"_v4, peer_mac(3));
  rig.in("wan", to_us(0) / ip4(kFar4, kCart4) / tcp(1, 80))
      .expect_out("cart", from_us(2) / ip4(kFar4, kCart4).ttl(63) / tcp(1, 80));
  rig.in("web", to_us(3) / ip4("10.8.0.12"_v4, kCart4) / tcp(1, 80))
      .expect_out("cart", from_us(2) / ip4("10.8.0.12"_v4, kCart4).ttl(63) / tcp(1, 80));
  rig.in("wan", to_us(0) / ip6(kFar6, kCart6) / tcp(1, 80))
      .expect_out("cart", from_us(2) / ip6(kFar6, kCart6).hops(63) / tcp(1, 80));
}

TEST(Forward, KeepsBroadcastsOffOtherSubnets) {
  SettledRig rig;
  for (const Ipv4Address target : {"198.51.100.255"_v4, "198.51.100.0"_v4, "203.0.113.255"_v4})
    rig.in("wan", to_us(0) / ip4(kFar4, target) / udp(1, 2))
        .expect_drop("ip4_lookup.subnet_broadcast");
}

TEST(Forward, BlackholesBothFamilies) {
  SettledRig rig(standard().route("2001:4860::/32", {}).route("8.0.0.0/8", {}));
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6) / udp(1, 2)).expect_drop("ip6_lookup.blackhole");
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kFar4) / udp(1, 2)).expect_drop("ip4_lookup.blackhole");
}

TEST(Forward, SaysWhenThereIsNoRoute) {
  SettledRig rig;
  rig.set_link("wan", false);
  const Stack four = ip4(kLanPeer4, kFar4) / udp(1, 2) / data(5);
  rig.in("lan", to_us(1) / four)
      .expect_drop("ip4_lookup.no_route")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 0) / quote(four));
  const Stack six = ip6(kLanPeer6, kFar6) / udp(1, 2) / data(5);
  rig.in("lan", to_us(1) / six)
      .expect_drop("ip6_lookup.no_route")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(1, 0) / quote(six));
}

TEST(Forward, SaysWhenAWorkloadsLinkIsDown) {
  SettledRig rig;
  rig.set_link("cart", false);
  const Stack four = ip4(kLanPeer4, kCart4) / udp(1, 2) / data(5);
  rig.in("lan", to_us(1) / four)
      .expect_drop("ip4_lookup.links_down")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 0) / quote(four));
  const Stack six = ip6(kLanPeer6, kCart6) / udp(1, 2) / data(5);
  rig.in("lan", to_us(1) / six)
      .expect_drop("ip6_lookup.links_down")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(1, 0) / quote(six));
}

TEST(Forward, FallsBackToAShorterPrefixWhenALinkGoesDown) {
  SettledRig rig(standard().route("8.8.0.0/16", {"198.51.100.7"}));
  const Stack in = to_us(2) / ip4(kCart4, kFar4) / udp(1, 2);
  const Stack out = ip4(kCart4, kFar4).ttl(63) / udp(1, 2);
  rig.in("cart", in).expect_out("lan", from_us(1) / out);
  rig.set_link("lan", false);
  rig.in("cart", in).expect_out("wan", from_us(0) / out);
  rig.set_link("lan", true);
  rig.now_expect().ignore_output();  // announcements
  rig.in("cart", in).expect_out("lan", from_us(1) / out);
}

// Equal-cost paths: two uplinks with a gateway each.
Net two_gateways() {
  return Net()
      .uplink("east")
      .address("192.0.2.10/24")
      .address("2001:db8::10/64")
      .gateway("192.0.2.1")
      .gateway("2001:db8::1")
      .uplink("west")
      .address("198.51.100.10/24")
      .address("2001:db8:1::10/64")
      .gateway("198.51.100.7")
      .gateway("2001:db8:1::7")
      .workload("cart", {"10.8.0.11", "2001:db8:8::11"});
}

struct EcmpRig : TestRig {
  EcmpRig() : TestRig(two_gateways()) {
    know("east", kWanPeer4, peer_mac(0));
    know("east", kWanPeer6, peer_mac(0));
    know("west", kLanPeer4, peer_mac(1));
    know("west", kLanPeer6, peer_mac(1));
  }
  // The port by which this packet of the workload leaves.
  std::string path(const Stack& packet) {
    Row row = in("cart", to_us(2) / packet);
    const auto sent = row.take_all();
    return sent.size() == 1 ? sent[0].port : "";
  }
};

constexpr uint16_t kFlows = 256;

TEST(Ecmp, KeepsAFlowOnOnePathAndUsesBoth) {
  EcmpRig rig;
  std::map<std::string, int> flows;
  for (uint16_t flow = 0; flow < kFlows; ++flow) {
    const auto port = static_cast<uint16_t>(30000 + flow);
    const std::string path = rig.path(ip4(kCart4, kFar4) / udp(port, 443));
    ++flows[path];
    for (uint16_t i = 1; i < 4; ++i)
      EXPECT_EQ(rig.path(ip4(kCart4, kFar4).id(i) / udp(port, 443) / data(i)), path);
    EXPECT_EQ(
        rig.path(ip4(kCart4, kFar4) / icmp4(3, 3) / quote(ip4(kFar4, kCart4) / udp(443, port))),
        path)
        << "an error about the flow takes the flow's path";
  }
  EXPECT_GE(flows["east"], kFlows / 4);
  EXPECT_GE(flows["west"], kFlows / 4);
  EXPECT_EQ(flows["east"] + flows["west"], kFlows);
}

TEST(Ecmp, KeepsAnIpv6FlowOnOnePathAndUsesBoth) {
  EcmpRig rig;
  std::map<std::string, int> flows;
  for (uint16_t flow = 0; flow < kFlows; ++flow) {
    const auto port = static_cast<uint16_t>(30000 + flow);
    const std::string path = rig.path(ip6(kCart6, kFar6) / tcp(port, 443));
    ++flows[path];
    EXPECT_EQ(rig.path(ip6(kCart6, kFar6) / tcp(port, 443).sequence(99) / data(7)), path);
  }
  EXPECT_GE(flows["east"], kFlows / 4);
  EXPECT_GE(flows["west"], kFlows / 4);
  EXPECT_EQ(flows["east"] + flows["west"], kFlows);
}

TEST(Ecmp, SendsAllFragmentsOneWay) {
  EcmpRig rig;
  for (uint16_t host = 1; host < 40; ++host) {
    const Ipv4Address target(8, 8, 8, static_cast<uint8_t>(host));
    const std::string path = rig.path(ip4(kCart4, target).mf() / udp(1, 2) / data(8));
    EXPECT_EQ(rig.path(ip4(kCart4, target).offset(16).protocol(17) / data(9)), path);
  }
}

TEST(Ecmp, MovesFlowsOffALinkThatGoesDown) {
  EcmpRig rig;
  rig.set_link("west", false);
  for (uint16_t flow = 0; flow < 64; ++flow) {
    const auto port = static_cast<uint16_t>(30000 + flow);
    EXPECT_EQ(rig.path(ip4(kCart4, kFar4) / udp(port, 443)), "east");
    EXPECT_EQ(rig.path(ip6(kCart6, kFar6) / udp(port, 443)), "east");
  }
}

}  // namespace
}  // namespace heddle::rig
