// What policy does to flows that are there: endpoints that drain, services that go, denies, each
// at the flow's next packet and without any; and what the ends are told.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct Cut : testing::Test {};
TYPED_TEST_SUITE(Cut, BothVersions);

uint64_t cuts(NatRig& rig) { return rig.worker().flows->counters.cut.value(); }

TYPED_TEST(Cut, FlowsStayWithAnEndpointThatDrains) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({endpoints_of_web(second())});
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001) / data(5)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 1001, 5001) / data(5)));
  rig.in("lan", tcp.from_endpoint(ack(8080, 40000, 5001, 1006)))
      .expect_out("wan", tcp.at_client(ack(80, 40000, 5001, 1006)));
  // New ones go elsewhere.
  rig.in("wan", tcp.from_client(syn(40001, 80, 1)))
      .expect_out("lan", to_second() / V::routed(V::kClient, V::kSecond) / syn(40001, 8080, 1));
  rig.after(seconds(59));
  rig.end_drains();
  rig.in("wan", tcp.from_client(ack(40000, 80, 1006, 5001)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 1006, 5001)));
  EXPECT_EQ(cuts(rig), 0u);
}

TYPED_TEST(Cut, FlowsEndWithTheTimeToDrain) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({traffic_of_web(seconds(10), Refusal::kDrop)});
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({endpoints_of_web(second())});
  rig.after(seconds(9));
  rig.end_drains();
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 1u);
  rig.after(seconds(2));
  EXPECT_LE(rig.model().next_drain_end(), rig.now());
  rig.end_drains();
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 0u);
  EXPECT_EQ(cuts(rig), 1u);
  // As nothing is known of it, what follows is another's.
  rig.in("wan", tcp.from_client(fin(40000, 80, 1001, 5001)))
      .expect_drop("flow_refused.no_tcp_flow");
}

// A connection cannot go on with another endpoint; datagrams can.
TYPED_TEST(Cut, DatagramsGoOnWithAnotherEndpoint) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({traffic_of_web(Duration(), Refusal::kDrop)});
  open_many<V>(rig);
  Connection<V> tcp{rig};
  tcp.establish();
  const Stack ask = to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53);
  rig.in("wan", ask).ignore_output();
  rig.apply({endpoints_of_web(second())});
  rig.put("wan", tcp.from_client(ack(40000, 80, 1001, 5001)).bytes());
  rig.in("wan", ask)
      .expect_drop(V::node("conntrack.cut"))
      .expect_out("lan", to_second() / V::routed(V::kClient, V::kSecond) / udp(40000, 5353));
}

TYPED_TEST(Cut, AnEndpointWithoutWeightDrains) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply(
      {endpoints_of_web({endpoint(IpAddress(V::kFirst), 0), endpoint(IpAddress(V::kSecond), 1)})});
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 1001, 5001)));
  rig.in("wan", tcp.from_client(syn(40001, 80, 1)))
      .expect_out("lan", to_second() / V::routed(V::kClient, V::kSecond) / syn(40001, 8080, 1));
}

TYPED_TEST(Cut, ANewConnectionUnderTheSamePortsLeavesTheDrainingEndpoint) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  tcp.close();
  rig.apply({endpoints_of_web(second())});
  rig.in("wan", tcp.from_client(syn(40000, 80, 9'000'000)))
      .expect_out("lan",
                  to_second() / V::routed(V::kClient, V::kSecond) / syn(40000, 8080, 9'000'000));
  EXPECT_EQ(rig.flows(), 1u);
  EXPECT_EQ(cuts(rig), 0u);
}

TYPED_TEST(Cut, ASynDoesNotEndALiveConnectionToADrainingEndpoint) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({endpoints_of_web(second())});
  rig.in("wan", tcp.from_client(syn(40000, 80, 9'000'000)))
      .expect_out("lan", tcp.at_endpoint(syn(40000, 8080, 9'000'000)));
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 1001, 5001)));
}

TYPED_TEST(Cut, AServiceThatGoesTakesItsFlowsAlong) {
  using V = TypeParam;
  NatRig rig;
  open_many<V>(rig);
  Connection<V> tcp{rig};
  tcp.establish();
  rig.remove({{Kind::kService, "shop", "web"}, {Kind::kEndpointSet, "shop", "web"}});
  // Before the sweep comes to it.
  rig.in("lan", tcp.from_endpoint(ack(8080, 40000, 5001, 1001)))
      .expect_drop(V::node("conntrack.cut"))
      .ignore_output();
  rig.after(milliseconds(50)).ignore_output();
  EXPECT_EQ(rig.flows(), 0u);
  EXPECT_EQ(cuts(rig), 201u);
}

TYPED_TEST(Cut, ADenyEndsAFlowAtItsNextPacket) {
  using V = TypeParam;
  NatRig rig;
  open_many<V>(rig);
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({deny_web(Refusal::kDrop)});
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001))).expect_drop(V::node("conntrack.cut"));
  rig.after(milliseconds(50));
  EXPECT_EQ(cuts(rig), 201u);
}

TYPED_TEST(Cut, ADenyEndsAFlowWithoutAnyPacket) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({deny_web(Refusal::kDrop)});
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 0u);
  EXPECT_EQ(cuts(rig), 1u);
  EXPECT_FALSE(rig.worker().sweeping);
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001))).expect_drop(V::node("service.denied"));
}

// What ICMP says of a flow that policy has ended goes nowhere either.
TYPED_TEST(Cut, ADenyEndsAFlowAtAnErrorAboutIt) {
  using V = TypeParam;
  NatRig rig;
  open_many<V>(rig);
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({deny_web(Refusal::kDrop)});
  rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kClient) / V::too_big(1300) /
                    quote(V::ip(V::kClient, V::kFirst) / ack(40000, 8080, 1001, 5001)))
      .expect_drop(V::node("conntrack.cut"));
}

TYPED_TEST(Cut, LeavesFlowsThatMayStay) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({{{Kind::kAccessPolicy, "shop", "others"},
              {},
              policy::AccessPolicy{.service = "web",
                                   .workload_labels = {},
                                   .action = policy::Action::kDeny,
                                   .rules = {{.to = {{.ports = {"dns"}}}}}}}});
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 1u);
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001)))
      .expect_out("lan", tcp.at_endpoint(ack(40000, 8080, 1001, 5001)));
}

// RFC 5961 3.2: a RST counts at exactly the byte that the receiver waits for.
TYPED_TEST(Cut, TellsBothEndsWithNumbersThatTheyTake) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.apply({deny_web(Refusal::kReset)});
  rig.after(milliseconds(20))
      .expect_out("wan",
                  from_us(0) / V::own(V::kVip, V::kClient, 0) / own_rst(80, 40000, 5001, 1001))
      .expect_out("lan",
                  to_first() / V::own(V::kClient, V::kFirst, 1) / own_rst(40000, 8080, 1001, 5001));
}

// Data of the client is under way: the endpoint waits for it, or for what is behind it.
TYPED_TEST(Cut, TellsAnEndThatMayHaveMissedData) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.in("wan", tcp.from_client(ack(40000, 80, 1001, 5001) / data(100))).ignore_output();
  rig.apply({deny_web(Refusal::kReset)});
  rig.after(milliseconds(20))
      .expect_out("wan",
                  from_us(0) / V::own(V::kVip, V::kClient, 0) / own_rst(80, 40000, 5001, 1101))
      .expect_out("lan",
                  to_first() / V::own(V::kClient, V::kFirst, 1) / own_rst(40000, 8080, 1101, 5001))
      .expect_out("lan",
                  to_first() / V::own(V::kClient, V::kFirst, 2) / own_rst(40000, 8080, 1001, 5001));
}

TYPED_TEST(Cut, TellsTheEndsOfAnUnfinishedHandshake) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.send_syn();
  rig.apply({deny_web(Refusal::kReset)});
  rig.after(milliseconds(20))
      .expect_out("wan", from_us(0) / V::own(V::kVip, V::kClient, 0) / own_rst(80, 40000, 0, 1001))
      .expect_out("lan",
                  to_first() / V::own(V::kClient, V::kFirst, 1) / own_rst(40000, 8080, 1001));
}

TYPED_TEST(Cut, TellsNobodyOfAConnectionThatHasEnded) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  tcp.close();
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(1, 53)).ignore_output();
  rig.apply({deny_web(Refusal::kReset)});
  rig.after(milliseconds(20));
  EXPECT_EQ(cuts(rig), 2u);
}

TYPED_TEST(Cut, ResetsNewConnectionsThatAreDenied) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({deny_web(Refusal::kReset)});
  auto row = rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / syn(40000, 80, 1000));
  row.expect_drop(V::node("service.denied"));
  rig.after(milliseconds(10))
      .expect_out("wan", from_us(0) / V::own(V::kVip, V::kClient) / own_rst(80, 40000, 0, 1001));
  // RFC 9293 3.10.7.1: what acknowledges is answered by that number; a RST is not answered.
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / ack(40000, 80, 1000, 7000))
      .expect_drop(V::node("service.denied"));
  rig.after(milliseconds(10))
      .expect_out("wan", from_us(0) / V::own(V::kVip, V::kClient, 1) / own_rst(80, 40000, 7000));
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / rst(40000, 80, 1000))
      .expect_drop(V::node("service.denied"));
  rig.after(milliseconds(10));
  // Datagrams have no resets.
  const Stack datagram = V::ip(V::kClient, V::kVip) / udp(40000, 53);
  rig.in("wan", to_us(0) / datagram)
      .expect_drop(V::node("service.denied_told"))
      .expect_out("wan",
                  from_us(0) / V::own(V::kWan, V::kClient, 2) / V::prohibited() / quote(datagram));
}

TYPED_TEST(Cut, TellsThatAFlowIsDenied) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({deny_web(Refusal::kUnreachable)});
  const Stack packet = V::ip(V::kClient, V::kVip) / syn(40000, 80, 1000);
  rig.in("wan", to_us(0) / packet)
      .expect_drop(V::node("service.denied_told"))
      .expect_out("wan",
                  from_us(0) / V::own(V::kWan, V::kClient) / V::prohibited() / quote(packet));
}

TYPED_TEST(Cut, SaysAsPolicyWantsThatThereIsNoEndpoint) {
  using V = TypeParam;
  NatRig rig;
  const Stack tcp = V::ip(V::kClient, V::kVip) / syn(40000, 80, 1000);
  const Stack udp_packet = V::ip(V::kClient, V::kVip) / udp(40000, 53);
  rig.apply({endpoints_of_web({}), traffic_of_web(seconds(1), Refusal::kUnreachable)});
  rig.in("wan", to_us(0) / tcp)
      .expect_drop(V::node("service.no_endpoint"))
      .expect_out("wan", from_us(0) / V::own(V::kWan, V::kClient, 0) / V::no_host() / quote(tcp));
  rig.apply({traffic_of_web(seconds(1), Refusal::kDrop)});
  rig.in("wan", to_us(0) / tcp).expect_drop(V::node("service.no_endpoint_silent"));
  rig.in("wan", to_us(0) / udp_packet).expect_drop(V::node("service.no_endpoint_silent"));
  rig.apply({traffic_of_web(seconds(1), Refusal::kReset)});
  rig.in("wan", to_us(0) / tcp).expect_drop(V::node("service.no_endpoint_silent"));
  rig.after(milliseconds(10))
      .expect_out("wan", from_us(0) / V::own(V::kVip, V::kClient, 1) / own_rst(80, 40000, 0, 1001));
  rig.in("wan", to_us(0) / udp_packet)
      .expect_drop(V::node("service.no_endpoint"))
      .expect_out("wan",
                  from_us(0) / V::own(V::kWan, V::kClient, 2) / V::no_host() / quote(udp_packet));
}

// A service that comes to translate can do nothing for flows that it did not.
TYPED_TEST(Cut, AServiceThatBeginsToTranslateEndsItsFlows) {
  using V = TypeParam;
  NatRig rig(Forwarding::kDirect);
  const Stack packet = to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 7000);
  rig.in("wan", packet)
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kVip) / udp(40000, 7000));
  rig.apply({web(Forwarding::kDnat)});
  rig.after(milliseconds(20));
  EXPECT_EQ(cuts(rig), 1u);
  rig.in("wan", packet)
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kFirst) / udp(40000, 7000));
}

}  // namespace
}  // namespace heddle::rig
