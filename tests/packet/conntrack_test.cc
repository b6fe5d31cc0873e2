// ip4_conntrack, ip6_conntrack: what may be part of a flow, and when a flow ends. The tables behind
// it have their own tests (lib/flow); here it is that they are asked, and with what.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct Conntrack : testing::Test {};
TYPED_TEST_SUITE(Conntrack, BothVersions);

TYPED_TEST(Conntrack, RefusesASourceThatIsItsDestination) {
  using V = TypeParam;
  NatRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kVip, V::kVip) / tcp(80, 80))
      .expect_drop("flow_refused.land_attack");
  rig.in("wan", to_us(0) / V::ip(V::kVip, V::kVip) / udp(53, 53))
      .expect_drop("flow_refused.land_attack");
}

TYPED_TEST(Conntrack, RefusesBrokenTransportHeaders) {
  using V = TypeParam;
  NatRig rig;
  const auto to_vip = [](const Stack& l4) { return to_us(0) / V::ip(V::kClient, V::kVip) / l4; };
  rig.in("wan", to_vip(raw(Bytes(19)).as(IpProtocol::kTcp))).expect_drop("flow_refused.tcp_header");
  rig.in("wan", to_vip(raw(Bytes(7)).as(IpProtocol::kUdp))).expect_drop("flow_refused.udp_header");
  rig.in("wan", to_vip(tcp(1, 80).flags(Tcp::kSyn | Tcp::kFin)))
      .expect_drop("flow_refused.tcp_flags");
  rig.in("wan", to_vip(tcp(1, 80).flags(0))).expect_drop("flow_refused.tcp_flags");
  rig.in("wan", to_vip(tcp(1, 80).options({2, 1, 0, 0}))).expect_drop("flow_refused.tcp_options");
  EXPECT_EQ(rig.flows(), 0u);
}

// Headers that a driver has cut apart, in a place where they are not looked for.
TYPED_TEST(Conntrack, RefusesHeadersInSeveralBuffers) {
  using V = TypeParam;
  NatRig rig;
  const Stack packet = V::ip(V::kClient, V::kVip) / udp(1, 53) / data(1000);
  rig.in("wan", to_us(0) / packet, {.segments = {200}}).expect_drop("flow_refused.scattered");
  rig.in("wan", to_us(0) / packet, {.segments = {600}})
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kFirst) / udp(1, 5353) / data(1000));
}

// Extension headers that leave the transport header to the next buffer.
TEST(Conntrack6, RefusesATransportHeaderInAnotherBuffer) {
  NatRig rig;
  const auto packet = [](size_t options, size_t size) {
    return to_us(0) / ip6(V6::kClient, V6::kVip) / destination_options(Bytes(options)) /
           udp(1, 53) / data(size);
  };
  rig.in("wan", packet(530, 600), {.segments = {600}}).expect_drop("flow_refused.scattered");
  rig.in("wan", packet(530, 600), {.segments = {1100}}).ignore_output();
  EXPECT_EQ(rig.flows(), 1u);
}

TYPED_TEST(Conntrack, DropsWhatBelongsToNoConnection) {
  using V = TypeParam;
  NatRig rig;
  const auto to_vip = [](const Stack& l4) { return to_us(0) / V::ip(V::kClient, V::kVip) / l4; };
  rig.in("wan", to_vip(rst(40000, 80, 1))).expect_drop("flow_refused.no_tcp_flow");
  rig.in("wan", to_vip(fin(40000, 80, 1, 1))).expect_drop("flow_refused.no_tcp_flow");
  rig.in("wan", to_vip(syn_ack(40000, 80, 1, 1))).expect_drop("flow_refused.no_tcp_flow");
  EXPECT_EQ(rig.flows(), 0u);
}

// A restart has forgotten it; by hash it comes to its endpoint again.
TYPED_TEST(Conntrack, PicksUpConnectionsInTheirMiddle) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  rig.in("wan", tcp.from_client(ack(40000, 80, 7000, 9000) / data(10)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 7000, 9000) / data(10)));
  rig.in("lan", tcp.from_endpoint(ack(8080, 40000, 9000, 7010)))
      .expect_out("wan", tcp.at_client(ack(80, 40000, 9000, 7010)));
}

TYPED_TEST(Conntrack, PicksUpNoneWhereItMayNot) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().pick_up = false;
  NatRig rig(Forwarding::kDnat, net);
  rig.in("wan", Connection<V>{rig}.from_client(ack(40000, 80, 7000, 9000)))
      .expect_drop("flow_refused.no_tcp_flow");
}

// Nobody knows the port that it had.
TYPED_TEST(Conntrack, PicksUpNoneUnderFullNat) {
  using V = TypeParam;
  NatRig full(Forwarding::kFullNat);
  full.in("wan", Connection<V>{full}.from_client(ack(40000, 80, 7000, 9000)))
      .expect_drop("flow_refused.no_tcp_flow");
}

TYPED_TEST(Conntrack, RefusesTheWayThatOnlyWeTake) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  // Straight to the endpoint, with what it gets from us.
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kFirst) / ack(40000, 8080, 1001, 5001))
      .expect_drop("flow_refused.wrong_way");
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kFirst) / syn(40000, 8080, 1))
      .expect_drop("flow_refused.wrong_way");
  // Other ports have nothing to do with it.
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kFirst) / syn(40001, 8080, 1))
      .expect_out("lan", tcp.at_endpoint(syn(40001, 8080, 1)));
}

// Two addresses of a service and one endpoint: the endpoint could not tell the flows apart.
TYPED_TEST(Conntrack, RefusesATupleThatAnotherFlowHas) {
  using V = TypeParam;
  NatRig rig;
  Resource both = web();
  std::get<policy::Service>(both.spec).addresses.push_back(IpAddress(V::kOtherVip));
  rig.apply({both});
  const auto to = [](typename V::Address vip, uint16_t port) {
    return to_us(0) / V::ip(V::kClient, vip) / udp(port, 53);
  };
  rig.in("wan", to(V::kVip, 40000)).ignore_output();
  rig.in("wan", to(V::kOtherVip, 40000)).expect_drop("flow_refused.tuple_taken");
  rig.in("wan", to(V::kOtherVip, 40001)).ignore_output();
}

TYPED_TEST(Conntrack, RefusesSegmentsOutOfTheWindow) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  const auto sends = [&](uint32_t sequence, uint32_t acknowledges) {
    return tcp.from_client(ack(40000, 80, sequence, acknowledges) / data(10));
  };
  rig.in("wan", sends(1001 + 70'000, 5001)).expect_drop("flow_refused.tcp_beyond_window");
  rig.in("wan", sends(1001u - 80'000u, 5001)).expect_drop("flow_refused.tcp_before_window");
  rig.in("wan", sends(1001, 5002)).expect_drop("flow_refused.tcp_ack_beyond");
  rig.in("wan", sends(1001, 5001u - 70'000u)).expect_drop("flow_refused.tcp_ack_before");
  rig.in("wan", tcp.from_client(syn_ack(40000, 80, 1001, 5001)))
      .expect_drop("flow_refused.tcp_unexpected");
  rig.in("wan", sends(1001, 5001))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 1001, 5001) / data(10)));
}

TYPED_TEST(Conntrack, RefusesAnAnswerToAnotherSyn) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.send_syn();
  rig.in("lan", tcp.from_endpoint(syn_ack(8080, 40000, 5000, 999)))
      .expect_drop("flow_refused.tcp_bad_syn_ack");
  rig.in("lan", tcp.from_endpoint(own_rst(8080, 40000, 0, 999)))
      .expect_drop("flow_refused.rst_outside");
  rig.in("lan", tcp.from_endpoint(own_rst(8080, 40000, 0, 1001)))
      .expect_out("wan", tcp.at_client(own_rst(80, 40000, 0, 1001)));
}

TYPED_TEST(Conntrack, BelievesOnlyResetsAtTheNextByte) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.in("wan", tcp.from_client(rst(40000, 80, 1002))).expect_drop("flow_refused.rst_inexact");
  rig.in("wan", tcp.from_client(rst(40000, 80, 900))).expect_drop("flow_refused.rst_outside");
  rig.in("wan", tcp.from_client(rst(40000, 80, 1001)))
      .expect_out("lan", tcp.at_endpoint(rst(40000, 8080, 1001)));
  rig.after(seconds(239));
  EXPECT_EQ(rig.flows(), 1u);
  rig.after(seconds(3));
  EXPECT_EQ(rig.flows(), 0u);
}

TYPED_TEST(Conntrack, LetsAConnectionEnd) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.after(seconds(300));
  EXPECT_EQ(rig.flows(), 1u) << "established";
  tcp.close();
  rig.after(seconds(239));
  EXPECT_EQ(rig.flows(), 1u) << "time wait";
  rig.after(seconds(3));
  EXPECT_EQ(rig.flows(), 0u);
  rig.in("lan", tcp.from_endpoint(ack(8080, 40000, 5002, 1002)))
      .expect_out("wan",
                  from_us(0) / V::routed(V::kFirst, V::kClient) / ack(8080, 40000, 5002, 1002));
}

TYPED_TEST(Conntrack, LetsAConnectionBeginAnewInTimeWait) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  tcp.close();
  // An old SYN that comes late changes nothing; its receiver answers it.
  rig.in("wan", tcp.from_client(syn(40000, 80, 900)))
      .expect_out("lan", tcp.at_endpoint(syn(40000, 8080, 900)));
  EXPECT_EQ(rig.worker().flows->counters.opened.value(), 1u);
  tcp.send_syn(2000);
  EXPECT_EQ(rig.worker().flows->counters.opened.value(), 2u);
  EXPECT_EQ(rig.flows(), 1u);
  rig.in("lan", tcp.from_endpoint(syn_ack(8080, 40000, 9000, 2001)))
      .expect_out("wan", tcp.at_client(syn_ack(80, 40000, 9000, 2001)));
}

TYPED_TEST(Conntrack, ForgetsSilentDatagramFlows) {
  using V = TypeParam;
  NatRig rig;
  const auto ask = [&] {
    rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53)).ignore_output();
  };
  ask();
  rig.after(seconds(119));
  EXPECT_EQ(rig.flows(), 1u) << "nobody has answered";
  ask();
  rig.after(seconds(119));
  EXPECT_EQ(rig.flows(), 1u) << "but it has been heard of again";
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / udp(5353, 40000)).ignore_output();
  rig.after(seconds(299));
  EXPECT_EQ(rig.flows(), 1u) << "answered";
  rig.after(seconds(3));
  EXPECT_EQ(rig.flows(), 0u);
}

TYPED_TEST(Conntrack, LiberalWindowsLetDataPass) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().window = app::TcpWindow::kLiberal;
  NatRig rig(Forwarding::kDnat, net);
  Connection<V> tcp{rig};
  tcp.establish();
  rig.in("wan", tcp.from_client(ack(40000, 80, 90'000, 5001)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 90'000, 5001)));
  rig.in("wan", tcp.from_client(rst(40000, 80, 900))).expect_drop("flow_refused.rst_outside");
}

}  // namespace
}  // namespace heddle::rig
