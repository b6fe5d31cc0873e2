// ip4_local, ip6_local, icmp4_input, icmp6_input: what is addressed to the node itself.
#include "expect.h"

namespace heddle::rig {
namespace {

constexpr uint8_t kGre = 47;

Stack lan4(const Stack& body) { return to_us(1) / ip4(kLanPeer4, kLan4) / body; }
Stack lan6(const Stack& body) { return to_us(1) / ip6(kLanPeer6, kLan6) / body; }
const Ipv6Address kPeerLocal = "fe80::7"_v6;

TEST(Echo, AnswersIpv4OfAnyLength) {
  SettledRig rig;
  uint16_t id = 0;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{2}, size_t{55}, size_t{56}, size_t{57},
                            size_t{63}, size_t{1000}, size_t{1471}, size_t{1472}})
    rig.in("lan", lan4(ping4(0x1234'0001) / data(size)))
        .expect_out("lan",
                    from_us(1) / ip4(kLan4, kLanPeer4).id(id++) / pong4(0x1234'0001) / data(size));
}

TEST(Echo, AnswersIpv6OfAnyLength) {
  SettledRig rig;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{2}, size_t{55}, size_t{56}, size_t{57},
                            size_t{63}, size_t{1000}, size_t{1451}, size_t{1452}})
    rig.in("lan", lan6(ping6(0x1234'0001) / data(size)))
        .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / pong6(0x1234'0001) / data(size));
}

TEST(Echo, AnswersChainsOfSegments) {
  SettledRig rig;
  uint16_t id = 0;
  for (const std::vector<uint16_t>& segments :
       {std::vector<uint16_t>{100}, {101}, {14 + 60, 1, 1, 1}, {103, 501, 2, 3}, {100, 300, 300}}) {
    rig.in("lan", lan4(ping4() / data(1001)), {.segments = segments})
        .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).id(id++) / pong4() / data(1001));
    rig.in("lan", lan6(ping6() / data(1001)), {.segments = segments})
        .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / pong6() / data(1001));
    rig.in("lan", lan4(ping4().bad_checksum() / data(1001)), {.segments = segments})
        .expect_drop("icmp4_input.bad_checksum");
    rig.in("lan", lan6(ping6().bad_checksum() / data(1001)), {.segments = segments})
        .expect_drop("icmp6_input.bad_checksum");
  }
}

TEST(Echo, AnswersFromEachOwnAddressOnEachPort) {
  SettledRig rig;
  uint16_t id = 0;
  for (const Ipv4Address& own : {kWan4, kLan4, kV100})
    rig.in("lan", to_us(1) / ip4(kLanPeer4, own) / ping4() / data(9))
        .expect_out("lan", from_us(1) / ip4(own, kLanPeer4).id(id++) / pong4() / data(9));
  for (const Ipv6Address& own : {kWan6, kLan6})
    rig.in("lan", to_us(1) / ip6(kLanPeer6, own) / ping6() / data(9))
        .expect_out("lan", from_us(1) / ip6(own, kLanPeer6) / pong6() / data(9));
  rig.in("wan", to_us(0) / vlan(100) / ip4(kV100Peer, kV100) / ping4())
      .expect_out("wan", from_us(0) / vlan(100) / ip4(kV100, kV100Peer).id(id++) / pong4());
}

TEST(Echo, AnswersWithAFreshTtl) {
  SettledRig rig;
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kLan4).ttl(1).id(99).options({1, 1, 1, 1}) / ping4())
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).ttl(64).id(0) / pong4());
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kLan6).hops(1) / ping6())
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6).hops(64) / pong6());
}

TEST(Echo, AnswersWorkloadsAsTheirGateway) {
  SettledRig rig;
  const Ipv4Address gateway4 = "169.254.1.1"_v4;
  const Ipv6Address gateway6 = "fe80::1"_v6, local = "fe80::22"_v6;
  rig.know("cart", local, peer_mac(2));
  rig.in("cart", to_us(2) / ip4(kCart4, gateway4) / ping4())
      .expect_out("cart", from_us(2) / ip4(gateway4, kCart4) / pong4());
  rig.in("cart", to_us(2) / ip6(kCart6, gateway6) / ping6())
      .expect_out("cart", from_us(2) / ip6(gateway6, kCart6) / pong6());
  rig.in("cart", to_us(2) / ip6(local, gateway6) / ping6())
      .expect_out("cart", from_us(2) / ip6(gateway6, local) / pong6());
}

TEST(Echo, AnswersLinkLocalPeersOnTheirLink) {
  SettledRig rig;
  rig.know("lan", kPeerLocal, peer_mac(1));
  const Ipv6Address own = wire::link_local(own_mac(1));
  rig.in("lan", to_us(1) / ip6(kPeerLocal, own) / ping6() / data(3))
      .expect_out("lan", from_us(1) / ip6(own, kPeerLocal) / pong6() / data(3));
  rig.in("lan", to_us(1) / ip6(kPeerLocal, kLan6) / ping6())
      .expect_out("lan", from_us(1) / ip6(kLan6, kPeerLocal) / pong6());
}

TEST(Echo, AnswersAGroupFromAnOwnAddress) {
  SettledRig rig;
  rig.know("lan", kPeerLocal, peer_mac(1));
  const Eth group = eth("33:33:00:00:00:01"_mac, peer_mac(1));
  rig.in("lan", group / ip6(kPeerLocal, wire::kAllNodes) / ping6() / data(5))
      .expect_out("lan",
                  from_us(1) / ip6(wire::link_local(own_mac(1)), kPeerLocal) / pong6() / data(5));
  rig.in("lan", group / ip6(kLanPeer6, wire::kAllRouters) / ping6() / data(5))
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / pong6() / data(5));
}

// The answer leaves by whatever link leads to the sender, and no link takes more than its MTU.
TEST(Echo, CutsAnAnswerThatLeavesByASmallerLink) {
  SettledRig rig(
      standard().route("198.18.0.0/16", {"192.0.2.1"}).route("2001:2::/48", {"2001:db8::1"}));
  rig.set_mtu("wan", 1280);
  rig.in("lan", to_us(1) / ip4("198.18.0.1"_v4, kLan4).df() / ping4() / data(1400))
      .expect_drop("ip4_forward.too_big")
      .expect_drop("icmp4_error.not_allowed");
  Row row = rig.in("lan", to_us(1) / ip4("198.18.0.1"_v4, kLan4) / ping4() / data(1400));
  EXPECT_EQ(row.take("wan").size(), 14u + 20u + 1256u);
  EXPECT_EQ(row.take("wan").size(), 14u + 20u + 1408u - 1256u);
  rig.in("lan", to_us(1) / ip6("2001:2::1"_v6, kLan6) / ping6() / data(1400))
      .expect_drop("ip6_forward.too_big")
      .expect_drop("icmp6_error.not_allowed");
}

TEST(Icmp4Input, NamesEachDrop) {
  SettledRig rig;
  rig.in("lan", lan4(raw(Bytes(7))))
      .expect_drop("ip4_local.protocol_unreachable")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 2) /
                             quote(ip4(kLanPeer4, kLan4) / raw(Bytes(7))));
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kLan4).protocol(1) / data(7))
      .expect_drop("icmp4_input.truncated");
  rig.in("lan", lan4(ping4().bad_checksum() / data(9))).expect_drop("icmp4_input.bad_checksum");
  for (const uint8_t type : {uint8_t{0}, uint8_t{13}, uint8_t{17}, uint8_t{3}, uint8_t{255}})
    rig.in("lan", lan4(icmp4(type) / data(9))).expect_drop("icmp4_input.not_wanted");
}

TEST(Icmp6Input, NamesEachDrop) {
  SettledRig rig;
  rig.in("lan", to_us(1) / ip6(kLanPeer6, kLan6).next(58) / data(7))
      .expect_drop("icmp6_input.truncated");
  rig.in("lan", lan6(ping6().bad_checksum() / data(9))).expect_drop("icmp6_input.bad_checksum");
  for (const uint8_t type : {uint8_t{133}, uint8_t{134}, uint8_t{137}})
    rig.in("lan", lan6(icmp6(type) / data(9))).expect_drop("icmp6_input.router_discovery");
  for (const uint8_t type : {uint8_t{1}, uint8_t{129}, uint8_t{131}, uint8_t{143}, uint8_t{255}})
    rig.in("lan", lan6(icmp6(type) / data(9))).expect_drop("icmp6_input.not_wanted");
  // An echo request that asks nobody in particular to answer nobody.
  rig.in("lan", eth("33:33:00:00:00:01"_mac, peer_mac(1)) / ip6("::"_v6, wire::kAllNodes) / ping6())
      .expect_drop("icmp6_input.not_wanted");
}

TEST(Local, RefusesTransportsWithoutAHost) {
  SettledRig rig;
  uint16_t id = 0;
  const Stack bodies[] = {udp(9, 53) / data(30), tcp(9, 22)};
  for (const Stack& body : bodies) {
    rig.in("lan", lan4(body))
        .expect_drop("ip4_local.port_unreachable")
        .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).id(id++) / icmp4(3, 3) /
                               quote(ip4(kLanPeer4, kLan4) / body));
    rig.in("lan", lan6(body))
        .expect_drop("ip6_local.port_unreachable")
        .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(1, 4) /
                               quote(ip6(kLanPeer6, kLan6) / body));
  }
  const Stack gre = ip4(kLanPeer4, kLan4).protocol(kGre) / data(12);
  rig.in("lan", to_us(1) / gre)
      .expect_drop("ip4_local.protocol_unreachable")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4).id(id++) / icmp4(3, 2) / quote(gre));
}

// RFC 1122 3.2.2, RFC 4443 2.2: from the address that was asked.
TEST(Local, RefusesFromTheAddressThatWasAsked) {
  SettledRig rig;
  const Stack four = ip4(kLanPeer4, kWan4) / tcp(9, 22);
  rig.in("lan", to_us(1) / four)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("lan", from_us(1) / ip4(kWan4, kLanPeer4) / icmp4(3, 3) / quote(four));
  const Stack six = ip6(kLanPeer6, kWan6) / tcp(9, 22);
  rig.in("lan", to_us(1) / six)
      .expect_drop("ip6_local.port_unreachable")
      .expect_out("lan", from_us(1) / ip6(kWan6, kLanPeer6) / icmp6(1, 4) / quote(six));
  const Ipv6Address own = wire::link_local(own_mac(1));
  const Stack local = ip6(kLanPeer6, own) / tcp(9, 22);
  rig.in("lan", to_us(1) / local)
      .expect_drop("ip6_local.port_unreachable")
      .expect_out("lan", from_us(1) / ip6(own, kLanPeer6) / icmp6(1, 4) / quote(local));
}

TEST(Local, NamesTheFieldOfAnUnknownNextHeader) {
  SettledRig rig;
  const Stack plain = ip6(kLanPeer6, kLan6).next(kGre) / data(12);
  rig.in("lan", to_us(1) / plain)
      .expect_drop("ip6_local.unknown_next_header")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(4, 1, 6) / quote(plain));
  // Behind options of 8, an atomic fragment header and AH the field is that of the last one.
  const Stack deep = ip6(kLanPeer6, kLan6) / hop_by_hop({}) / fragment(0, false) /
                     Extension(IpProtocol::kAh, {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}) /
                     destination_options(Bytes(14, 0)) / data(4);
  rig.in("lan", to_us(1) / deep)
      .expect_drop("ip6_local.unknown_next_header")
      .expect_out("lan",
                  from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(4, 1, 40 + 8 + 8 + 12) / quote(deep));
}

TEST(Local, DropsFragmentsWithoutAHost) {
  SettledRig rig;
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kLan4).mf() / ping4() / data(8))
      .expect_drop("ip4_local.fragment");
  rig.in("lan", to_us(1) / ip4(kLanPeer4, kLan4).offset(8).protocol(1) / data(8))
      .expect_drop("ip4_local.fragment");
  rig.in("lan", lan6(fragment(0, true) / ping6() / data(8))).expect_drop("ip6_local.fragment");
  rig.in("lan", lan6(fragment(8, false) / data(8))).expect_drop("ip6_local.fragment");
  // An atomic fragment is whole (RFC 6946).
  rig.in("lan", lan6(fragment(0, false) / ping6() / data(8)))
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / pong6() / data(8));
}

// RFC 8200 4.2: the first two bits of an option say what a node does that does not know it.
TEST(Local, MindsUnknownOptions) {
  SettledRig rig;
  const auto all_nodes = [](const Stack& body) {
    return eth("33:33:00:00:00:01"_mac, peer_mac(1)) / ip6(kLanPeer6, wire::kAllNodes) / body;
  };
  rig.in("lan", lan6(destination_options({0x1e, 0}) / ping6()))
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / pong6());
  rig.in("lan", lan6(destination_options({0x41, 0}) / ping6()))
      .expect_drop("ip6_local.unknown_option");
  rig.in("lan", lan6(hop_by_hop({0x41, 0}) / ping6())).expect_drop("ip6_local.unknown_option");
  rig.in("lan", all_nodes(destination_options({0xc1, 0}) / ping6()))
      .expect_drop("ip6_local.unknown_option");
  for (const uint8_t type : {uint8_t{0x81}, uint8_t{0xc1}}) {
    const Stack packet = ip6(kLanPeer6, kLan6) / destination_options({1, 0, type, 0}) / ping6();
    rig.in("lan", to_us(1) / packet)
        .expect_drop("ip6_local.unknown_option_reported")
        .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(4, 2, 44) / quote(packet));
  }
  // 10 is reported even for a group (RFC 4443 2.4 (e.3)).
  const Stack packet = ip6(kLanPeer6, wire::kAllNodes) / hop_by_hop({0x81, 0}) / ping6();
  rig.in("lan", eth("33:33:00:00:00:01"_mac, peer_mac(1)) / packet)
      .expect_drop("ip6_local.unknown_option_reported")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(4, 2, 42) / quote(packet));
}

TEST(Local, RefusesRoutingHeadersThatWantOn) {
  SettledRig rig;
  const Stack packet = ip6(kLanPeer6, kLan6) / destination_options({}) / routing(0, 1) / ping6();
  rig.in("lan", to_us(1) / packet)
      .expect_drop("ip6_local.routing_header")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(4, 0, 48 + 2) / quote(packet));
}

struct HostRig : SettledRig {
  HostRig() : SettledRig(standard_with_host()) {
    know("host", kLan4, peer_mac(3));
    know("host", kLan6, peer_mac(3));
  }
};

TEST(Host, GetsWhatTheNodeDoesNotTakeItself) {
  HostRig rig;
  const Stack four[] = {tcp(9, 22), udp(9, 53) / data(8), icmp4(13) / data(12),
                        icmp4(3, 3) / quote(ip4(kLan4, kLanPeer4) / udp(53, 9))};
  for (const Stack& body : four)
    rig.in("lan", lan4(body)).expect_out("host", from_us(3) / ip4(kLanPeer4, kLan4) / body);
  const Stack fragments[] = {ip4(kLanPeer4, kLan4).mf() / ping4() / data(8),
                             ip4(kLanPeer4, kLan4).offset(16).protocol(1) / data(8),
                             ip4(kLanPeer4, kLan4).protocol(kGre) / data(8)};
  for (const Stack& packet : fragments)
    rig.in("lan", to_us(1) / packet).expect_out("host", from_us(3) / packet);
  const Stack six[] = {tcp(9, 22),
                       udp(9, 53) / data(8),
                       icmp6(1, 4) / data(48),
                       icmp6(143) / data(12),
                       fragment(0, true) / ping6() / data(8),
                       destination_options({}) / data(8)};
  for (const Stack& body : six)
    rig.in("lan", lan6(body)).expect_out("host", from_us(3) / ip6(kLanPeer6, kLan6) / body);
}

TEST(Host, DoesNotGetWhatIsOursAlone) {
  HostRig rig;
  rig.in("lan", lan4(ping4())).expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / pong4());
  rig.in("lan", lan6(ping6())).expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / pong6());
  const Stack to_gateway = ip4(kCart4, "169.254.1.1"_v4) / tcp(9, 22);
  rig.in("cart", to_us(2) / to_gateway)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("cart", from_us(2) / ip4("169.254.1.1"_v4, kCart4).id(1) / icmp4(3, 3) /
                              quote(to_gateway));
  rig.in("cart", to_us(2) / ip4(kCart4, "169.254.1.1"_v4) / icmp4(13) / data(12))
      .expect_drop("icmp4_input.not_wanted");
  const Stack to_gateway6 = ip6(kCart6, "fe80::1"_v6) / tcp(9, 22);
  rig.in("cart", to_us(2) / to_gateway6)
      .expect_drop("ip6_local.port_unreachable")
      .expect_out("cart",
                  from_us(2) / ip6("fe80::1"_v6, kCart6) / icmp6(1, 4) / quote(to_gateway6));
}

TEST(Host, DoesNotGetItsOwnPacketsBack) {
  HostRig rig;
  const Stack packet = ip4(kLan4, kWan4) / tcp(9, 22);
  rig.in("host", to_us(3) / packet)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("host", from_us(3) / ip4(kWan4, kLan4) / icmp4(3, 3) / quote(packet));
  rig.in("host", to_us(3) / ip4(kLan4, kWan4) / icmp4(13) / data(12))
      .expect_drop("icmp4_input.not_wanted");
  rig.in("host", to_us(3) / ip6(kLan6, kWan6) / icmp6(143) / data(12))
      .expect_drop("icmp6_input.not_wanted");
}

// The host's own traceroute, path MTU discovery and ping of its gateway.
TEST(Host, GetsAnswersAndErrorsToItsPackets) {
  HostRig rig;
  const Stack four = ip4(kLan4, kFar4).ttl(1) / udp(9, 33434);
  rig.in("host", to_us(3) / four)
      .expect_drop("ip4_forward.ttl_expired")
      .expect_out("host", from_us(3) / ip4(kWan4, kLan4) / icmp4(11) / quote(four));
  const Stack six = ip6(kLan6, kFar6).hops(1) / udp(9, 33434);
  rig.in("host", to_us(3) / six)
      .expect_drop("ip6_forward.hop_limit_exceeded")
      .expect_out("host", from_us(3) / ip6(kWan6, kLan6) / icmp6(3) / quote(six));
  rig.in("host", to_us(3) / ip4(kLan4, "169.254.1.1"_v4) / ping4())
      .expect_out("host", from_us(3) / ip4("169.254.1.1"_v4, kLan4).id(1) / pong4());
  rig.in("host", to_us(3) / ip6(kLan6, "fe80::1"_v6) / ping6())
      .expect_out("host", from_us(3) / ip6("fe80::1"_v6, kLan6) / pong6());
}

// It has arrived: no hop is counted, whatever is left of its TTL.
TEST(Host, GetsPacketsWithTheirTtl) {
  HostRig rig;
  for (const uint8_t ttl : {uint8_t{0}, uint8_t{1}, uint8_t{255}}) {
    const Stack four = ip4(kLanPeer4, kLan4).ttl(ttl) / udp(9, 53);
    rig.in("lan", to_us(1) / four).expect_out("host", from_us(3) / four);
    const Stack question = ip4(kLanPeer4, kLan4).ttl(ttl) / icmp4(13) / data(12);
    rig.in("lan", to_us(1) / question).expect_out("host", from_us(3) / question);
    const Stack six = ip6(kLanPeer6, kLan6).hops(ttl) / udp(9, 53);
    rig.in("lan", to_us(1) / six).expect_out("host", from_us(3) / six);
  }
}

TEST(Host, GetsNothingLongerThanItsMtu) {
  HostRig rig;
  rig.set_mtu("host", 1280);
  const Stack four = ip4(kLanPeer4, kLan4).df() / udp(9, 53) / data(1300);
  rig.in("lan", to_us(1) / four)
      .expect_drop("ip4_forward.too_big")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 4, 1280) / quote(four, 548));
  const Stack six = ip6(kLanPeer6, kLan6) / udp(9, 53) / data(1300);
  rig.in("lan", to_us(1) / six)
      .expect_drop("ip6_forward.too_big")
      .expect_out("lan", from_us(1) / ip6(kLan6, kLanPeer6) / icmp6(2, 0, 1280) / quote(six, 1232));
  const Stack cut = ip4(kLanPeer4, kLan4).protocol(kGre) / data(1400);
  Row row = rig.in("lan", to_us(1) / cut);
  EXPECT_EQ(row.take("host").size(), 14u + 20u + 1256u);
  EXPECT_EQ(row.take("host").size(), 14u + 20u + 144u);
}

// RFC 4007 9: the host's link is another zone than the sender's.
TEST(Host, GetsNothingFromLinkLocalSources) {
  HostRig rig;
  rig.know("lan", kPeerLocal, peer_mac(1));
  const Stack packet = ip6(kPeerLocal, kLan6) / tcp(9, 22);
  rig.in("lan", to_us(1) / packet)
      .expect_drop("ip6_forward.beyond_scope")
      .expect_out("lan", from_us(1) / ip6(kLan6, kPeerLocal) / icmp6(1, 2) / quote(packet));
}

TEST(Host, IsRefusedWhenItsLinkIsDown) {
  HostRig rig;
  rig.set_link("host", false);
  const Stack packet = ip4(kLanPeer4, kLan4) / tcp(9, 22);
  rig.in("lan", to_us(1) / packet)
      .expect_drop("ip4_local.port_unreachable")
      .expect_out("lan", from_us(1) / ip4(kLan4, kLanPeer4) / icmp4(3, 3) / quote(packet));
}

}  // namespace
}  // namespace heddle::rig
