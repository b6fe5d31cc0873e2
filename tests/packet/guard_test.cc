// ip4_guard, ip6_guard: who may open flows to a workload, by an AccessPolicy for its labels.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct Guard : testing::Test {};
TYPED_TEST_SUITE(Guard, BothVersions);

Resource cart_workload() {
  return {{Kind::kWorkload, "shop", "cart-1"},
          {},
          policy::Workload{.port = "cart",
                           .addresses = {IpAddress(V4::kWorkload), IpAddress(V6::kWorkload)},
                           .service_account = "cart",
                           .labels = {{"app", "cart"}}}};
}

// Only from the client's networks, and to the ports named.
Resource only_client(std::vector<std::string> ports, Refusal how = Refusal::kDrop) {
  policy::Source client;
  client.cidrs = {*policy::IpPrefix::parse("8.8.0.0/16"),
                  *policy::IpPrefix::parse("2001:4860::/32")};
  return {{Kind::kAccessPolicy, "shop", "callers"},
          {},
          policy::AccessPolicy{.service = {},
                               .workload_labels = {{"app", "cart"}},
                               .action = policy::Action::kAllow,
                               .on_deny = how,
                               .rules = {{.from = {client}, .to = {{.ports = std::move(ports)}}}}}};
}

struct GuardRig : SettledRig {
  explicit GuardRig(Net net = nat_net(), RigOptions options = {})
      : SettledRig(std::move(net), options) {
    know("lan", V4::kFirst, peer_mac(1, 21));
    know("lan", V6::kFirst, peer_mac(1, 21));
    apply({cart_workload(), only_client({"8080"})});
  }
  uint32_t flows() { return worker().flows->tracker.table().size(); }
  uint64_t denied() { return worker().guard_counters.denied.value(); }
};

TYPED_TEST(Guard, LetsWhomPolicyNames) {
  using V = TypeParam;
  GuardRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kWorkload) / syn(40000, 8080, 1000))
      .expect_out("cart",
                  from_us(2) / V::routed(V::kClient, V::kWorkload) / syn(40000, 8080, 1000));
  rig.in("cart", to_us(2) / V::ip(V::kWorkload, V::kClient) / syn_ack(8080, 40000, 5000, 1001))
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kClient) /
                             syn_ack(8080, 40000, 5000, 1001));
  EXPECT_EQ(rig.flows(), 1u);
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kWorkload) / syn(40000, 8081, 1000))
      .expect_drop(V::node("guard.denied"));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / syn(40000, 8080, 1000))
      .expect_drop(V::node("guard.denied"));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / udp(40000, 8080))
      .expect_drop(V::node("guard.denied"));
  EXPECT_EQ(rig.denied(), 3u);
}

TYPED_TEST(Guard, LetsTheWorkloadCallAnybody) {
  using V = TypeParam;
  GuardRig rig;
  rig.in("cart", to_us(2) / V::ip(V::kWorkload, V::kRouter) / udp(40000, 53))
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kRouter) / udp(40000, 53));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / udp(53, 40000))
      .expect_out("cart", from_us(2) / V::routed(V::kRouter, V::kWorkload) / udp(53, 40000));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / udp(54, 40000))
      .expect_drop(V::node("guard.denied"));
}

TYPED_TEST(Guard, LetsErrorsAndFragmentsOfItsFlowsPass) {
  using V = TypeParam;
  GuardRig rig;
  const Stack asked = V::routed(V::kWorkload, V::kRouter) / udp(40000, 53) / data(8);
  rig.in("cart", to_us(2) / V::ip(V::kWorkload, V::kRouter) / udp(40000, 53) / data(8))
      .expect_out("wan", from_us(0) / asked);
  const Stack error = V::no_port() / quote(asked);
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / error)
      .expect_out("cart", from_us(2) / V::routed(V::kRouter, V::kWorkload) / error);
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / V::no_port() /
                    quote(V::routed(V::kWorkload, V::kRouter) / udp(40001, 53)))
      .expect_drop("flow_refused.error_no_flow");
  const Bytes all = l4_of<V>(V::ip(V::kRouter, V::kWorkload) / udp(53, 40000) / data(1000));
  const auto piece = [&](uint16_t id, size_t at, uint8_t hops) {
    return V::piece(V::kRouter, V::kWorkload, id, all, at, 504, IpProtocol::kUdp, hops);
  };
  rig.in("wan", to_us(0) / piece(1, 504, 64));
  rig.in("wan", to_us(0) / piece(1, 0, 64))
      .expect_out("cart", from_us(2) / piece(1, 0, 63))
      .expect_out("cart", from_us(2) / piece(1, 504, 63));
}

TYPED_TEST(Guard, JudgesFragmentsByTheirFirst) {
  using V = TypeParam;
  GuardRig rig;
  const auto all = [](uint16_t port) {
    return l4_of<V>(V::ip(V::kClient, V::kWorkload) / udp(40000, port) / data(1000));
  };
  const auto piece = [&](uint16_t port, size_t at, uint8_t hops = 64) {
    return V::piece(V::kClient, V::kWorkload, port, all(port), at, 504, IpProtocol::kUdp, hops);
  };
  rig.in("wan", {to_us(0) / piece(8080, 504), to_us(0) / piece(8080, 0)})
      .expect_out("cart", from_us(2) / piece(8080, 0, 63))
      .expect_out("cart", from_us(2) / piece(8080, 504, 63));
  rig.in("wan", {to_us(0) / piece(22, 0), to_us(0) / piece(22, 504)})
      .expect_drop(V::node("guard.denied"))
      .expect_drop("flow_refused.fragment_ports");
}

// Rules that name ports say nothing about what has none.
TYPED_TEST(Guard, LetsNoEchoByItsIdentifier) {
  using V = TypeParam;
  GuardRig rig;
  const auto echo = [](Icmp message) { return V::ip(V::kClient, V::kWorkload) / message; };
  const uint32_t id = uint32_t{8080} << 16 | 1;
  const bool four = std::is_same_v<V, V4>;
  rig.in("wan", to_us(0) / echo(four ? ping4(id) : ping6(id))).expect_drop(V::node("guard.denied"));
  rig.in("wan", to_us(0) / echo(four ? pong4(id) : pong6(id))).expect_drop(V::node("guard.denied"));
  rig.apply({only_client({})});
  rig.in("wan", to_us(0) / echo(V::ping()))
      .expect_out("cart", from_us(2) / V::routed(V::kClient, V::kWorkload) / V::ping());
  rig.in("cart", to_us(2) / V::ip(V::kWorkload, V::kClient) / V::pong())
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kClient) / V::pong());
  rig.in("wan", to_us(0) / echo(four ? pong4(id) : pong6(id)))
      .expect_drop("flow_refused.no_query_flow");
}

TYPED_TEST(Guard, RefusesWhatItCannotRead) {
  using V = TypeParam;
  GuardRig rig;
  const auto to_cart = [](const Stack& l4) {
    return to_us(0) / V::ip(V::kClient, V::kWorkload) / l4;
  };
  rig.in("wan", to_cart(raw(Bytes(7)).as(IpProtocol::kUdp))).expect_drop("flow_refused.udp_header");
  rig.in("wan", to_cart(std::is_same_v<V, V4> ? icmp4(uint8_t{40}) : icmp6(uint8_t{200})))
      .expect_drop("flow_refused.no_query_flow");
}

TYPED_TEST(Guard, TellsAsPolicyWants) {
  using V = TypeParam;
  GuardRig rig;
  rig.apply({only_client({"8080"}, Refusal::kUnreachable)});
  const Stack tcp = V::ip(V::kClient, V::kWorkload) / syn(40000, 22, 1000);
  rig.in("wan", to_us(0) / tcp)
      .expect_drop(V::node("guard.denied_told"))
      .expect_out("wan", from_us(0) / V::own(V::kWan, V::kClient) / V::prohibited() / quote(tcp));
  rig.apply({only_client({"8080"}, Refusal::kReset)});
  rig.in("wan", to_us(0) / tcp).expect_drop(V::node("guard.denied"));
  rig.after(milliseconds(10))
      .expect_out("wan",
                  from_us(0) / V::own(V::kWorkload, V::kClient, 1) / own_rst(22, 40000, 0, 1001));
}

TYPED_TEST(Guard, PicksUpConnectionsThatEitherMayHaveOpened) {
  using V = TypeParam;
  GuardRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / ack(443, 40000, 9, 9))
      .expect_out("cart", from_us(2) / V::routed(V::kRouter, V::kWorkload) / ack(443, 40000, 9, 9));
  EXPECT_EQ(rig.denied(), 0u);
}

// What picks up a connection in its middle must not let one begin.
TYPED_TEST(Guard, LetsNobodyInByAConnectionThatNeverWas) {
  using V = TypeParam;
  GuardRig rig;
  const auto from_denied = [](const Tcp& segment, uint8_t hops) {
    auto ip = V::ip(V::kRouter, V::kWorkload);
    if constexpr (std::is_same_v<V, V4>)
      ip.ttl(hops);
    else
      ip.hops(hops);
    return to_us(0) / ip / segment;
  };
  const char* expired =
      std::is_same_v<V, V4> ? "ip4_forward.ttl_expired" : "ip6_forward.hop_limit_exceeded";
  for (const Tcp& segment : {ack(40000, 80, 1000, 5000), fin(40000, 80, 1000, 5000)})
    rig.in("wan", from_denied(segment, 1)).expect_drop(expired).ignore_output();
  rig.in("wan", from_denied(syn(40000, 80, 9000), 64)).expect_drop(V::node("guard.denied"));
}

TYPED_TEST(Guard, GoesOnWhenASegmentEndsTheFlowThatItsBurstHasBegun) {
  using V = TypeParam;
  GuardRig rig;
  const auto from_client = [](const Tcp& segment) {
    return to_us(0) / V::ip(V::kClient, V::kWorkload) / segment;
  };
  Row row = rig.in(
      "wan", {from_client(ack(40000, 8080, 1000, 5000)), from_client(syn(40000, 8080, 9000))});
  EXPECT_EQ(row.out_count(), 2u);
  row.ignore_output();
  EXPECT_EQ(rig.flows(), 1u);
}

TYPED_TEST(Guard, KeepsWhatItHasPickedUpFromTheOtherSide) {
  using V = TypeParam;
  GuardRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / ack(443, 40000, 9, 9)).ignore_output();
  rig.apply({only_client({"22"})});
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 1u);
  EXPECT_EQ(rig.worker().flows->counters.cut.value(), 0u);
}

TYPED_TEST(Guard, CutsFlowsThatAreDeniedLater) {
  using V = TypeParam;
  GuardRig rig;
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kWorkload) / syn(40000, 8080, 1000))
      .ignore_output();
  rig.in("cart", to_us(2) / V::ip(V::kWorkload, V::kRouter) / udp(40000, 53)).ignore_output();
  rig.apply({only_client({"22"})});
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 1u) << "that which the workload has opened stays";
  EXPECT_EQ(rig.worker().flows->counters.cut.value(), 1u);
}

TYPED_TEST(Guard, IsAskedForTheEndpointsOfServices) {
  using V = TypeParam;
  GuardRig rig;
  rig.apply({web(), endpoints_of_web(cart())});
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / syn(40000, 80, 1000))
      .expect_out("cart",
                  from_us(2) / V::routed(V::kClient, V::kWorkload) / syn(40000, 8080, 1000));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kVip) / syn(40000, 80, 1000))
      .expect_drop(V::node("service.denied"));
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kVip) / udp(40000, 53))
      .expect_drop(V::node("service.denied"));
}

TYPED_TEST(Guard, LetsPassWhatItHasNoRoomFor) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().new_flows = 1;
  GuardRig rig(net);
  for (uint16_t port = 1; port <= 101; ++port)
    rig.in("wan", to_us(0) / V::ip(V::kClient, V::kWorkload) / udp(port, 8080))
        .expect_out("cart", from_us(2) / V::routed(V::kClient, V::kWorkload) / udp(port, 8080));
  EXPECT_EQ(rig.flows(), 100u);
  EXPECT_EQ(rig.worker().flows->counters.not_learned.value(), 1u);
}

}  // namespace
}  // namespace heddle::rig
