// DNAT and full NAT through the graph, to the byte: what the endpoint gets and what the client
// gets, with all checksums.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct Nat : testing::Test {};
TYPED_TEST_SUITE(Nat, BothVersions);

TYPED_TEST(Nat, TranslatesBothDirectionsOfTcp) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  for (const size_t size : {size_t{1}, size_t{2}, size_t{1000}})
    rig.in("lan", tcp.from_endpoint(ack(8080, 40000, 5001, 1001) / data(size)))
        .expect_out("wan", tcp.at_client(ack(80, 40000, 5001, 1001) / data(size)));
  EXPECT_EQ(rig.flows(), 1u);
}

TYPED_TEST(Nat, TranslatesBothDirectionsOfUdp) {
  using V = TypeParam;
  NatRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53) / data(31))
      .expect_out("lan",
                  to_first() / V::routed(V::kClient, V::kFirst) / udp(40000, 5353) / data(31));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / udp(5353, 40000) / data(7))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, 40000) / data(7));
}

TYPED_TEST(Nat, LeavesAChecksumAloneThatWasNotComputed) {
  using V = TypeParam;
  NatRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53).no_checksum() / data(8))
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kFirst) /
                             udp(40000, 5353).no_checksum() / data(8));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / udp(5353, 40000).no_checksum())
      .expect_out("wan",
                  from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, 40000).no_checksum());
}

TYPED_TEST(Nat, KeepsThePortOfAServiceWithoutATarget) {
  using V = TypeParam;
  NatRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / tcp(40000, 7000))
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kFirst) / tcp(40000, 7000));
}

TYPED_TEST(Nat, PrefersThePortOfTheEndpoint) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({endpoints_of_web({endpoint(IpAddress(V::kFirst), 1, 9090)})});
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / tcp(40000, 80))
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kFirst) / tcp(40000, 9090));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / syn_ack(9090, 40000, 7, 2))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / syn_ack(80, 40000, 7, 2));
}

TYPED_TEST(Nat, CountsPacketsAndFlowsByPortAndEndpoint) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  uint64_t packets = 0, flows = 0;
  for (const auto& [slot, name] : rig.model().frontends()) {
    const auto& counters = rig.worker().services[slot];
    const bool here = name.port == "http" && name.key.address == IpAddress(V::kVip);
    EXPECT_EQ(counters.flows.value(), here ? 1u : 0u);
    packets += counters.packets.value();
    flows += counters.flows.value();
  }
  EXPECT_EQ(packets, 2u) << "the client's alone";
  EXPECT_EQ(flows, 1u);
}

// What an endpoint sends to its client as itself has nothing to do with the service.
TYPED_TEST(Nat, LeavesOtherFlowsOfTheEndpointAlone) {
  using V = TypeParam;
  NatRig rig;
  Connection<V> tcp{rig};
  tcp.establish();
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / udp(8080, 40000))
      .expect_out("wan", from_us(0) / V::routed(V::kFirst, V::kClient) / udp(8080, 40000));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / syn(8081, 40000, 1))
      .expect_out("wan", from_us(0) / V::routed(V::kFirst, V::kClient) / syn(8081, 40000, 1));
}

// Full NAT: what the endpoint answers to is ours.
template <class V>
uint16_t open_full_nat(NatRig& rig, uint16_t client_port) {
  auto row = rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(client_port, 53) / data(5));
  const Bytes got = row.take("lan");
  const uint16_t port = source_port_of<V>(got);
  const Stack wanted = to_first() / V::routed(V::kNat, V::kFirst) / udp(port, 5353) / data(5);
  EXPECT_EQ(got, wanted.bytes());
  EXPECT_GE(port, 1024);
  return port;
}

TYPED_TEST(Nat, FullNatTakesAnAddressAndPortOfTheNode) {
  using V = TypeParam;
  NatRig rig(Forwarding::kFullNat);
  const uint16_t one = open_full_nat<V>(rig, 40000);
  const uint16_t other = open_full_nat<V>(rig, 40001);
  EXPECT_NE(one, other);
  EXPECT_EQ(open_full_nat<V>(rig, 40000), one) << "the same flow";
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / udp(5353, one) / data(3))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, 40000) / data(3));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / udp(5353, other) / data(4))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, 40001) / data(4));
}

TYPED_TEST(Nat, FullNatTranslatesTcp) {
  using V = TypeParam;
  NatRig rig(Forwarding::kFullNat);
  auto row = rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / syn(40000, 80, 1000));
  const Bytes got = row.take("lan");
  const uint16_t port = source_port_of<V>(got);
  EXPECT_EQ(got, (to_first() / V::routed(V::kNat, V::kFirst) / syn(port, 8080, 1000)).bytes());
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / syn_ack(8080, port, 5000, 1001))
      .expect_out("wan",
                  from_us(0) / V::routed(V::kVip, V::kClient) / syn_ack(80, 40000, 5000, 1001));
}

TYPED_TEST(Nat, FullNatAnswersFromElsewhereBelongToNobody) {
  using V = TypeParam;
  NatRig rig(Forwarding::kFullNat);
  const uint16_t port = open_full_nat<V>(rig, 40000);
  rig.in("lan", from_second() / V::ip(V::kSecond, V::kNat) / udp(5353, port))
      .expect_drop(V::node("lookup.no_nat_flow"));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / udp(5354, port))
      .expect_drop(V::node("lookup.no_nat_flow"));
}

TYPED_TEST(Nat, FullNatRunsOutOfPorts) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().first_nat_port = 2000;
  net.flows().last_nat_port = 2007;
  NatRig rig(Forwarding::kFullNat, net);
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 8; ++i)
    ports.insert(open_full_nat<V>(rig, static_cast<uint16_t>(40000 + i)));
  EXPECT_EQ(ports.size(), 8u);
  EXPECT_EQ(*ports.begin(), 2000);
  EXPECT_EQ(*ports.rbegin(), 2007);
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40008, 53))
      .expect_drop("flow_refused.ports_exhausted");
  rig.after(seconds(125)).ignore_output();
  EXPECT_EQ(rig.flows(), 0u);
  open_full_nat<V>(rig, 40008);
}

TYPED_TEST(Nat, PerSourceMappingIsOnePortForAllFlowsOfASource) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({web(Forwarding::kFullNat, policy::SourceMapping::kPerSource)});
  const uint16_t port = open_full_nat<V>(rig, 40000);
  auto row = rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 7000));
  EXPECT_EQ(row.take("lan"),
            (to_first() / V::routed(V::kNat, V::kFirst) / udp(port, 7000)).bytes());
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / udp(7000, port))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / udp(7000, 40000));
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / udp(5353, port))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, 40000));
}

// The endpoint would answer its neighbour without us.
TYPED_TEST(Nat, HidesAClientOnTheEndpointsLink) {
  using V = TypeParam;
  NatRig rig;
  auto row = rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kVip) / syn(40000, 80, 1000));
  const Bytes got = row.take("lan");
  const uint16_t port = source_port_of<V>(got);
  EXPECT_EQ(got, (to_first() / V::routed(V::kNat, V::kFirst) / syn(port, 8080, 1000)).bytes());
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kNat) / syn_ack(8080, port, 5000, 1001))
      .expect_out("lan",
                  from_us(1) / V::routed(V::kVip, V::kLanRouter) / syn_ack(80, 40000, 5000, 1001));
}

TYPED_TEST(Nat, CannotHideWithoutAnAddress) {
  using V = TypeParam;
  NatRig rig(Forwarding::kDnat, standard());
  rig.in("lan", to_us(1) / V::ip(V::kLanRouter, V::kVip) / syn(40000, 80, 1000))
      .expect_drop("flow_refused.ports_exhausted");
}

TYPED_TEST(Nat, LetsAWorkloadCallItselfThroughAService) {
  using V = TypeParam;
  NatRig rig;
  rig.apply({endpoints_of_web(cart())});
  typename V::Address seen = V::kNat;
  if constexpr (std::is_same_v<V, V4>) seen = Ipv4Address(169, 254, 1, 1);
  auto row = rig.in("cart", to_us(2) / V::ip(V::kWorkload, V::kVip) / syn(40000, 80, 1000));
  const Bytes got = row.take("cart");
  const uint16_t port = source_port_of<V>(got);
  EXPECT_EQ(got, (from_us(2) / V::routed(seen, V::kWorkload) / syn(port, 8080, 1000)).bytes());
  rig.in("cart", to_us(2) / V::ip(V::kWorkload, seen) / syn_ack(8080, port, 5000, 1001))
      .expect_out("cart",
                  from_us(2) / V::routed(V::kVip, V::kWorkload) / syn_ack(80, 40000, 5000, 1001));
}

TYPED_TEST(Nat, FollowsPolicyToAnEndpointBehindARouter) {
  using V = TypeParam;
  Net net = nat_net();
  net.route("172.16.0.0/16", {"198.51.100.7"});
  net.route("2001:db8:aaaa::/48", {"2001:db8:1::7"});
  net.route("172.17.0.0/16", {"192.0.2.1", "198.51.100.7"});
  net.route("2001:db8:bbbb::/48", {"2001:db8::1", "2001:db8:1::7"});
  NatRig rig(Forwarding::kDnat, net);
  typename V::Address behind, over_two;
  if constexpr (std::is_same_v<V, V4>) {
    behind = "172.16.0.5"_v4;
    over_two = "172.17.0.5"_v4;
  } else {
    behind = "2001:db8:aaaa::5"_v6;
    over_two = "2001:db8:bbbb::5"_v6;
  }
  rig.apply({endpoints_of_web({endpoint(IpAddress(behind))})});
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53))
      .expect_out("lan", from_us(1) / V::routed(V::kClient, behind) / udp(40000, 5353));
  rig.in("lan", to_us(1) / V::ip(behind, V::kClient) / udp(5353, 40000))
      .expect_out("wan", from_us(0) / V::routed(V::kVip, V::kClient) / udp(53, 40000));
  // By equal-cost routes too.
  rig.apply({endpoints_of_web({endpoint(IpAddress(over_two))})});
  auto row = rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40001, 53));
  EXPECT_EQ(row.take_all().size(), 1u);
}

TYPED_TEST(Nat, DropsForAnEndpointThatNoRouteLeadsTo) {
  using V = TypeParam;
  Net net = Net().uplink("wan");
  if constexpr (std::is_same_v<V, V4>)
    net.address("192.0.2.10/24");
  else
    net.address("2001:db8::10/64");
  net.nat("192.0.2.77").nat("2001:db8::77");
  TestRig rig(net);
  rig.apply({web(), endpoints_of_web(first())});
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kVip) / udp(40000, 53))
      .expect_drop(V::node("service.no_way"));
}

}  // namespace
}  // namespace heddle::rig
