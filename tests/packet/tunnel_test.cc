// ip4_tunnel, ip6_tunnel: services whose endpoints get packets inside others; and what these share
// with direct return, that the flow remembers the endpoint.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct Tunnel : testing::Test {};
TYPED_TEST_SUITE(Tunnel, BothVersions);

template <class V>
std::string hops_used_up() {
  return V::node(std::is_same_v<V, V4> ? "tunnel.ttl_expired" : "tunnel.hop_limit_exceeded");
}

TYPED_TEST(Tunnel, PutsPacketsIntoOthersToTheEndpoint) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  for (uint16_t n = 0; n < 2; ++n)
    rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53) / data(33))
        .expect_out("lan", to_first() / V::own(V::kLan, V::kFirst, n) /
                               V::routed(V::kClient, V::kVip) / udp(40000, 53) / data(33));
  EXPECT_EQ(rig.flows(), 1u);
}

TEST(Tunnel4, CopiesWhatRoutersLookAt) {
  NatRig rig(Forwarding::kIpInIp);
  rig.in("wan", to_us(0) / V4::ip(V4::kClient, V4::kVip).dscp(46).df() / tcp(40000, 80))
      .expect_out("lan", to_first() / ip4(V4::kLan, V4::kFirst).dscp(46).df() /
                             V4::routed(V4::kClient, V4::kVip).dscp(46).df() / tcp(40000, 80));
}

TYPED_TEST(Tunnel, TakesAHop) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  const Stack packet = V::with_hops(V::kClient, V::kVip, 1) / udp(40000, 53);
  rig.in("wan", to_us(0) / packet)
      .expect_drop(hops_used_up<V>())
      .expect_out("wan", from_us(0) / V::own(V::kWan, V::kClient) / V::expired() / quote(packet));
}

TEST(Tunnel4, SaysWhatFitsWhereNothingMayBeCut) {
  NatRig rig(Forwarding::kIpInIp);
  const Ip4 ip = ip4(V4::kClient, V4::kVip).df();
  const Stack fits = ip / udp(40000, 53) / data(1480 - 28);
  const Stack packet = ip / udp(40000, 53) / data(1480 - 27);
  rig.in("wan", to_us(0) / fits).ignore_output();
  rig.in("wan", to_us(0) / packet)
      .expect_drop("ip4_tunnel.too_big")
      .expect_out("wan", from_us(0) / V4::own(V4::kWan, V4::kClient, 1) / V4::too_big(1480) /
                             quote(packet, 548));
}

TEST(Tunnel4, CutsTheOuterPacketOtherwise) {
  NatRig rig(Forwarding::kIpInIp);
  const Stack inner = V4::routed(V4::kClient, V4::kVip) / udp(40000, 53) / data(1472);
  const Bytes all = inner.bytes();
  ASSERT_EQ(all.size(), 1500u);
  rig.in("wan", to_us(0) / V4::ip(V4::kClient, V4::kVip) / udp(40000, 53) / data(1472))
      .expect_out("lan", to_first() / V4::piece(V4::kLan, V4::kFirst, 0, all, 0, 1480,
                                                IpProtocol::kIpip, 63))
      .expect_out("lan", to_first() / V4::piece(V4::kLan, V4::kFirst, 0, all, 1480, 20,
                                                IpProtocol::kIpip, 63));
}

TEST(Tunnel6, SaysWhatFits) {
  NatRig rig(Forwarding::kIpInIp);
  const Ip6 ip = ip6(V6::kClient, V6::kVip);
  rig.in("wan", to_us(0) / ip / udp(40000, 53) / data(1460 - 48)).ignore_output();
  const Stack packet = ip / udp(40000, 53) / data(1460 - 47);
  rig.in("wan", to_us(0) / packet)
      .expect_drop("ip6_tunnel.too_big")
      .expect_out("wan", from_us(0) / V6::own(V6::kWan, V6::kClient) / V6::too_big(1460) /
                             quote(packet, 1280 - 48));
}

// Nobody need send less than 1,280 bytes (RFC 8200 5).
TEST(Tunnel6, DropsWhereTheLinkIsTooSmall) {
  NatRig rig(Forwarding::kIpInIp);
  rig.set_mtu("lan", 1300);
  rig.in("wan", to_us(0) / ip6(V6::kClient, V6::kVip) / udp(40000, 53) / data(1280 - 48))
      .expect_drop("ip6_tunnel.link_too_small");
}

TYPED_TEST(Tunnel, DropsWithoutAWay) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  const Stack packet = to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53);
  rig.in("wan", packet).ignore_output();
  rig.set_link("lan", false);
  rig.set_link("wan", false);  // and with it the default route
  rig.in("wan", packet).expect_drop(V::node("tunnel.no_way"));
}

TYPED_TEST(Tunnel, DropsWithoutRoomBeforeThePacket) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  const Stack packet = to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53);
  rig.in("wan", packet, {.headroom = V::kHeader - 2}).expect_drop(V::node("tunnel.no_headroom"));
}

// An acknowledgment without a flow begins one that the SYN behind it ends.
TYPED_TEST(Tunnel, TakesABurstThatBeginsAnewUnderTheSamePorts) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  const auto to_vip = [](const Tcp& segment) {
    return to_us(0) / V::ip(V::kClient, V::kVip) / segment;
  };
  Row row = rig.in("wan", {to_vip(ack(40000, 80, 1, 1)), to_vip(syn(40000, 80, 9))});
  EXPECT_EQ(row.out_count(), 2u);
  row.ignore_output();
  EXPECT_EQ(rig.flows(), 1u);
}

TYPED_TEST(Tunnel, CarriesFragmentsToTheEndpointOfTheirFirst) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  const Bytes all = l4_of<V>(V::ip(V::kClient, V::kVip) / udp(40000, 53) / data(1000));
  const auto sent = [&](size_t at) {
    return to_us(0) / V::piece(V::kClient, V::kVip, 7, all, at, 504);
  };
  const auto got = [&](size_t at, uint16_t n) {
    return to_first() / V::own(V::kLan, V::kFirst, n) /
           V::piece(V::kClient, V::kVip, 7, all, at, 504, IpProtocol::kUdp, 63);
  };
  rig.in("wan", sent(504));
  rig.in("wan", sent(0)).expect_out("lan", got(0, 0)).expect_out("lan", got(504, 1));
}

// About what the endpoint has answered with the service's address.
TYPED_TEST(Tunnel, CarriesErrorsToTheEndpoint) {
  using V = TypeParam;
  NatRig rig(Forwarding::kIpInIp);
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53)).ignore_output();
  const Stack error =
      V::too_big(1300) / quote(V::ip(V::kVip, V::kClient) / udp(53, 40000) / data(20));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kVip) / error)
      .expect_out("lan", to_first() / V::own(V::kLan, V::kFirst, 1) /
                             V::routed(V::kRouter, V::kVip) / error);
}

template <class V>
struct Unchanged : testing::Test {};
TYPED_TEST_SUITE(Unchanged, BothVersions);

TYPED_TEST(Unchanged, FlowsStayWithTheirEndpoint) {
  using V = TypeParam;
  NatRig rig(Forwarding::kDirect);
  const auto sent = [](const Stack& l4) { return to_us(0) / V::ip(V::kClient, V::kVip) / l4; };
  const auto got = [](const Stack& l4) { return V::routed(V::kClient, V::kVip) / l4; };
  rig.in("wan", sent(syn(40000, 80, 1))).expect_out("lan", to_first() / got(syn(40000, 80, 1)));
  rig.apply({endpoints_of_web(second()), traffic_of_web(seconds(10))});
  rig.in("wan", sent(ack(40000, 80, 2, 9)))
      .expect_out("lan", to_first() / got(ack(40000, 80, 2, 9)));
  rig.in("wan", sent(syn(40001, 80, 1))).expect_out("lan", to_second() / got(syn(40001, 80, 1)));
  rig.after(seconds(70));
  rig.end_drains();
  rig.after(milliseconds(20));
  // By hash, as of a connection that nobody remembers.
  rig.in("wan", sent(ack(40000, 80, 2, 9)))
      .expect_out("lan", to_second() / got(ack(40000, 80, 2, 9)));
}

TYPED_TEST(Unchanged, FlowsEndWithTheClientsHalf) {
  using V = TypeParam;
  NatRig rig(Forwarding::kDirect);
  const auto sent = [](const Stack& l4) { return to_us(0) / V::ip(V::kClient, V::kVip) / l4; };
  rig.in("wan", sent(syn(40000, 80, 1))).ignore_output();
  rig.in("wan", sent(ack(40000, 80, 2, 9))).ignore_output();
  rig.after(seconds(300));
  EXPECT_EQ(rig.flows(), 1u);
  rig.in("wan", sent(fin(40000, 80, 2, 9))).ignore_output();
  rig.after(seconds(242));
  EXPECT_EQ(rig.flows(), 0u);
  rig.in("wan", sent(tcp(40000, 80).flags(Tcp::kSyn | Tcp::kRst)))
      .expect_drop("flow_refused.tcp_flags");
}

}  // namespace
}  // namespace heddle::rig
