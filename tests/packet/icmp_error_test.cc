// icmp4_error and icmp6_error: which refused packets are answered, and with what.
#include "expect.h"

namespace heddle::rig {
namespace {

Stack lan4(const Stack& packet) { return to_us(1) / packet; }

TEST(Icmp4Error, TellsOfAnExpiredTtl) {
  SettledRig rig;
  uint16_t id = 0;
  for (const uint8_t ttl : {uint8_t{0}, uint8_t{1}}) {
    const Stack packet =
        ip4(kLanPeer4, kFar4).ttl(ttl).id(4711).dscp(46) / udp(1, 33434) / data(32);
    rig.in("lan", lan4(packet))
        .expect_drop("ip4_forward.ttl_expired")
        .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).id(id++).dscp(46) / icmp4(11, 0) /
                               quote(packet));
  }
}

TEST(Icmp6Error, TellsOfAnExpiredHopLimit) {
  SettledRig rig;
  for (const uint8_t hops : {uint8_t{0}, uint8_t{1}}) {
    const Stack packet = ip6(kLanPeer6, kFar6).hops(hops) / udp(1, 33434) / data(32);
    rig.in("lan", to_us(1) / packet)
        .expect_drop("ip6_forward.hop_limit_exceeded")
        .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(3, 0) / quote(packet));
  }
}

TEST(Icmp4Error, TellsThePathMtu) {
  SettledRig rig;
  rig.set_mtu("wan", 1400);
  const Stack packet = ip4(kLanPeer4, kFar4).df() / udp(1, 2) / data(1373);
  rig.in("lan", lan4(packet))
      .expect_drop("ip4_forward.too_big")
      .expect_out("lan",
                  from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 4, 1400) / quote(packet, 548));
  rig.in("lan", lan4(ip4(kLanPeer4, kFar4).df() / udp(1, 2) / data(1372)))
      .expect_out("wan", from_us(0) / ip4(kLanPeer4, kFar4).df().ttl(63) / udp(1, 2) / data(1372));
}

TEST(Icmp6Error, TellsThePathMtu) {
  SettledRig rig;
  rig.set_mtu("wan", 1400);
  const Stack packet = ip6(kLanPeer6, kFar6) / udp(1, 2) / data(1353);
  rig.in("lan", to_us(1) / packet)
      .expect_drop("ip6_forward.too_big")
      .expect_out("lan",
                  from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(2, 0, 1400) / quote(packet, 1232));
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6) / udp(1, 2) / data(1352))
      .expect_out("wan", from_us(0) / ip6(kLanPeer6, kFar6).hops(63) / udp(1, 2) / data(1352));
}

// RFC 1812 4.3.2.3: as much as fits into 576 bytes. RFC 4443 2.4 (c): into 1280.
TEST(IcmpErrors, QuoteUpToTheirLimits) {
  SettledRig rig;
  uint16_t id = 0;
  for (const size_t size : {size_t{0}, size_t{519}, size_t{520}, size_t{521}, size_t{1472}}) {
    const Stack packet = ip4(kLanPeer4, kFar4).ttl(1) / udp(1, 2) / data(size);
    Row row = rig.in("lan", lan4(packet));
    row.expect_drop("ip4_forward.ttl_expired");
    const Stack answer =
        from_us(1) / ip4(kLan4, kLanPeer4).id(id++) / icmp4(11) / quote(packet, 548);
    EXPECT_LE(answer.bytes().size(), 14u + 576u);
    row.expect_out("lan", answer);
  }
  for (const size_t size : {size_t{0}, size_t{1183}, size_t{1184}, size_t{1185}, size_t{1452}}) {
    const Stack packet = ip6(kLanPeer6, kFar6).hops(1) / udp(1, 2) / data(size);
    Row row = rig.in("lan", to_us(1) / packet);
    row.expect_drop("ip6_forward.hop_limit_exceeded");
    const Stack answer = from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(3) / quote(packet, 1232);
    EXPECT_LE(answer.bytes().size(), 14u + 1280u);
    row.expect_out("lan", answer);
  }
}

TEST(IcmpErrors, QuoteTheHeaderWithItsOptions) {
  SettledRig rig;
  const Stack packet = ip4(kLanPeer4, kFar4).ttl(1).options({7, 7, 4, 0, 0, 0, 0}) / udp(1, 2);
  rig.in("lan", lan4(packet))
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(11) / quote(packet));
}

TEST(IcmpErrors, QuoteOfAChainItsFirstSegment) {
  SettledRig rig;
  const Stack four = ip4(kLanPeer4, kFar4).ttl(1) / udp(1, 2) / data(300);
  rig.in("lan", lan4(four), {.segments = {14 + 61, 100}})
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(11) / quote(four, 61));
  const Stack six = ip6(kLanPeer6, kFar6).hops(1) / udp(1, 2) / data(300);
  rig.in("lan", to_us(1) / six, {.segments = {14 + 63, 100}})
      .expect_drop("ip6_forward.hop_limit_exceeded")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(3) / quote(six, 63));
}

// RFC 1812 4.3.2.4: from an address of the interface that the packet came in by; a workload's
// link has none, so one of the node's.
TEST(IcmpErrors, ComeFromTheArrivalInterface) {
  SettledRig rig;
  const Stack far = ip4(kFar4, kLanPeer4).ttl(1) / udp(1, 2);
  rig.in("wan", to_us(0) / far)
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("wan", from_us(0) / ip4(kWan4, kFar4).id(0) / icmp4(11) / quote(far));
  const Stack tagged = ip4(kV100Peer, kLanPeer4).ttl(1) / udp(1, 2);
  rig.in("wan", to_us(0) / vlan(100) / tagged)
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("wan",
                  from_us(0) / vlan(100) / ip4(kV100, kV100Peer).id(1) / icmp4(11) / quote(tagged));
  const Stack cart = ip4(kCart4, kFar4).ttl(1) / udp(1, 2);
  rig.in("cart", to_us(2) / cart)
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("cart", from_us(2) / ip4(kWan4, kCart4).id(2) / icmp4(11) / quote(cart));
  const Stack cart6 = ip6(kCart6, kFar6).hops(1) / udp(1, 2);
  rig.in("cart", to_us(2) / cart6)
      .expect_drop("ip6_forward.hop_limit_exceeded")
      .expect_out("cart", from_us(2) / ip6(kWan6, kCart6) / icmp6(3) / quote(cart6));
}

TEST(IcmpErrors, ComeFromTheGatewayWhereNothingHasAnAddress) {
  TestRig rig(Net().workload("cart", {"10.8.0.11", "2001:db8:8::11"}));
  rig.know("cart", kCart4, peer_mac(0));
  rig.know("cart", kCart6, peer_mac(0));
  const Stack four = ip4(kCart4, kFar4) / udp(1, 2);
  rig.in("cart", to_us(0) / four)
      .expect_drop("ip4_lookup.no_route")
      .expect_out("cart", from_us(0) / ip4("169.254.1.1"_v4, kCart4) / icmp4(3, 0) / quote(four));
  const Stack six = ip6(kCart6, kFar6) / udp(1, 2);
  rig.in("cart", to_us(0) / six)
      .expect_drop("ip6_lookup.no_route")
      .expect_out("cart", from_us(0) / ip6(wire::link_local(own_mac(0)), kCart6) / icmp6(1, 0) /
                              quote(six));
}

TEST(Icmp6Error, KeepsLinkLocalSourcesOnTheirLink) {
  SettledRig rig;
  const Ipv6Address peer = "fe80::7"_v6;
  rig.know("lan", peer, peer_mac(1));
  const Stack packet = ip6(peer, kFar6) / udp(1, 2);
  rig.in("lan", to_us(1) / packet)
      .expect_drop("ip6_forward.beyond_scope")
      .expect_out("lan", from_us(1) / ip6(wire::link_local(own_mac(1)), peer) / icmp6(1, 2) /
                             quote(packet));
}

// RFC 1812 4.3.2.7.
TEST(Icmp4Error, IsNotSentWhereItMustNot) {
  SettledRig rig;
  const Stack quoted = quote(ip4(kFar4, kLanPeer4) / udp(1, 2));
  for (const uint8_t error : {uint8_t{3}, uint8_t{4}, uint8_t{5}, uint8_t{11}, uint8_t{12}})
    rig.in("lan", lan4(ip4(kLanPeer4, kFar4).ttl(1) / icmp4(error) / quoted))
        .expect_drop("ip4_forward.ttl_expired")
        .expect_drop("icmp4_error.not_allowed");
  rig.in("lan", lan4(ip4(kLanPeer4, kFar4).ttl(1).protocol(1) / data(7)))
      .expect_drop("ip4_forward.ttl_expired")
      .expect_drop("icmp4_error.not_allowed");
  rig.in("lan", lan4(ip4(kLanPeer4, kFar4).ttl(1).offset(8).protocol(17) / data(40)))
      .expect_drop("ip4_forward.ttl_expired")
      .expect_drop("icmp4_error.not_allowed");
  // Questions are no errors: traceroute -I.
  const Stack question = ip4(kLanPeer4, kFar4).ttl(1) / ping4();
  rig.in("lan", lan4(question))
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(11) / quote(question));
  // A first fragment is answered.
  const Stack first = ip4(kLanPeer4, kFar4).ttl(1).mf() / udp(1, 2) / data(8);
  rig.in("lan", lan4(first))
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).id(1) / icmp4(11) / quote(first));
}

// RFC 4443 2.4 (e).
TEST(Icmp6Error, IsNotSentWhereItMustNot) {
  SettledRig rig;
  const Stack quoted = quote(ip6(kFar6, kLanPeer6) / udp(1, 2));
  for (const uint8_t error :
       {uint8_t{1}, uint8_t{2}, uint8_t{3}, uint8_t{4}, uint8_t{100}, uint8_t{137}})
    rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6).hops(1) / icmp6(error) / quoted)
        .expect_drop("ip6_forward.hop_limit_exceeded")
        .expect_drop("icmp6_error.not_allowed");
  rig.in("lan",
         to_us(1) / ip6(kLanPeer6, kFar6).hops(1) / destination_options({}) / icmp6(1) / quoted)
      .expect_drop("ip6_forward.hop_limit_exceeded")
      .expect_drop("icmp6_error.not_allowed");
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6).hops(1).next(58) / data(7))
      .expect_drop("ip6_forward.hop_limit_exceeded")
      .expect_drop("icmp6_error.not_allowed");
  // To a group: no parameter problem but that of an option (e.3).
  rig.in("lan",
         eth("33:33:00:00:00:01"_mac, peer_mac(1)) / ip6(kLanPeer6, wire::kAllNodes) / udp(1, 2))
      .expect_drop("ip6_local.port_unreachable")
      .expect_drop("icmp6_error.not_allowed");
  // From ::, to a group.
  rig.in("lan", eth("33:33:00:00:00:01"_mac, peer_mac(1)) / ip6("::"_v6, wire::kAllNodes) /
                    hop_by_hop({0x81, 0}) / udp(1, 2))
      .expect_drop("ip6_local.unknown_option_reported")
      .expect_drop("icmp6_error.not_allowed");
}

// The way back to the sender is missing too: no error about our own error.
TEST(IcmpErrors, AreNotAnsweredThemselves) {
  TestRig rig(Net().uplink("lan").address("198.51.100.10/24").address("2001:db8:1::10/64"));
  rig.in("lan", to_us(0) / ip4("9.9.9.9"_v4, kFar4) / udp(1, 2))
      .expect_drop("ip4_lookup.no_route", 2)
      .expect_drop("icmp4_error.not_allowed");
  rig.in("lan", to_us(0) / ip6("2001:9::9"_v6, kFar6) / udp(1, 2))
      .expect_drop("ip6_lookup.no_route", 2)
      .expect_drop("icmp6_error.not_allowed");
}

TEST(IcmpErrors, AreLimitedForEachSource) {
  SettledRig rig;
  const Stack four = ip4(kLanPeer4, kFar4).ttl(1) / udp(1, 2);
  const std::vector<Stack> burst(60, lan4(four));
  {
    Row row = rig.in("lan", burst);
    row.expect_drop("ip4_forward.ttl_expired", 60).expect_drop("icmp4_error.rate_limited", 10);
    EXPECT_EQ(row.out_count(), 50u);
    row.ignore_output();
  }
  // 100 a second: one each ten milliseconds.
  rig.pass(milliseconds(10));
  rig.in("lan", {lan4(four), lan4(four)})
      .expect_drop("ip4_forward.ttl_expired", 2)
      .expect_drop("icmp4_error.rate_limited")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).id(50) / icmp4(11) / quote(four));
  const Stack six = ip6(kLanPeer6, kFar6).hops(1) / udp(1, 2);
  Row row = rig.in("lan", std::vector<Stack>(60, to_us(1) / six));
  row.expect_drop("ip6_forward.hop_limit_exceeded", 60).expect_drop("icmp6_error.rate_limited", 10);
  EXPECT_EQ(row.out_count(), 50u);
  row.ignore_output();
}

TEST(IcmpErrors, AreLimitedInAll) {
  SettledRig rig;
  std::vector<Stack> burst;
  for (uint8_t i = 0; i < 60; ++i)
    for (uint8_t net = 1; net <= 5; ++net)
      burst.push_back(to_us(0) / ip4(Ipv4Address(8, net, i, 1), kLanPeer4).ttl(1) / udp(1, 2));
  Row row = rig.in("wan", burst);
  row.expect_drop("ip4_forward.ttl_expired", 300).expect_drop("icmp4_error.rate_limited", 50);
  EXPECT_EQ(row.out_count(), 250u);
  row.ignore_output();
}

TEST(IcmpErrors, WantRoomForTheirHeaders) {
  SettledRig rig;
  rig.in("lan", lan4(ip4(kLanPeer4, kFar4).ttl(1) / udp(1, 2)), {.headroom = 31})
      .expect_drop("ip4_forward.ttl_expired")
      .expect_drop("icmp4_error.no_headroom");
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kFar6).hops(1) / udp(1, 2), {.headroom = 51})
      .expect_drop("ip6_forward.hop_limit_exceeded")
      .expect_drop("icmp6_error.no_headroom");
  const Stack four = ip4(kLanPeer4, kFar4).ttl(1) / udp(1, 2);
  rig.in("lan", lan4(four), {.headroom = 32})
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(11) / quote(four));
}

}  // namespace
}  // namespace heddle::rig
