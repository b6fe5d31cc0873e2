// Where workloads may send: an OutboundPolicy for what is for nobody that policy knows, and
// connections that are taken on their way to an ExternalService.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct OutboundTo : testing::Test {};
TYPED_TEST_SUITE(OutboundTo, BothVersions);

constexpr uint16_t kCartPort = 2;

Resource cart_workload() {
  return {{Kind::kWorkload, "shop", "cart-1"},
          {},
          policy::Workload{.port = "cart",
                           .addresses = {IpAddress(V4::kWorkload), IpAddress(V6::kWorkload)},
                           .service_account = "cart",
                           .labels = {{"app", "cart"}}}};
}

// Behind the router, on another node.
Resource far_workload() {
  return {{Kind::kWorkload, "shop", "far"},
          {},
          policy::Workload{.port = {},
                           .addresses = {IpAddress(V4::kLanRouter), IpAddress(V6::kLanRouter)},
                           .service_account = {},
                           .labels = {},
                           .node = "there"}};
}

Resource outbound(policy::Outbound mode) {
  return {{Kind::kOutboundPolicy, "shop", "outbound"}, {}, policy::OutboundPolicy{mode}};
}

policy::ServicePort smtp() {
  policy::ServicePort port{"smtp", 25, policy::Protocol::kTcp};
  port.ends_here = true;
  return port;
}

// At its own address, far behind wan.
Resource mail() {
  policy::ExternalService spec;
  spec.service.addresses = {IpAddress(V4::kClient), IpAddress(V6::kClient)};
  spec.service.ports = {smtp()};
  spec.service.forwarding = Forwarding::kProxy;
  return {{Kind::kExternalService, "shop", "mail"}, {}, std::move(spec)};
}

// Behind an address of the node's.
Resource time() {
  policy::ExternalService spec;
  spec.service.addresses = {IpAddress(V4::kVip), IpAddress(V6::kVip)};
  spec.service.ports = {{"ntp", 123, policy::Protocol::kUdp}};
  spec.endpoints = first();
  return {{Kind::kExternalService, "shop", "time"}, {}, std::move(spec)};
}

struct OutboundRig : SettledRig {
  explicit OutboundRig(policy::Outbound mode) : SettledRig(nat_net()) {
    know("lan", V4::kFirst, peer_mac(1, 21));
    know("lan", V6::kFirst, peer_mac(1, 21));
    apply({cart_workload(), far_workload(), outbound(mode), mail(), time()});
    now_expect();
  }
  uint64_t refused() { return worker().outbound_refused[interface_id("cart").index()].value(); }
  uint32_t flows() { return worker().flows->tracker.table().size(); }
};

template <class V>
Stack from_cart(const Stack& l4, const typename V::Address& to) {
  return to_us(kCartPort) / V::ip(V::kWorkload, to) / l4;
}

// Whether the frame is the node's word that it may not be.
template <class V>
bool is_prohibited(const Bytes& frame) {
  const size_t at = 14 + V::kHeader;
  constexpr bool kFour = std::is_same_v<V, V4>;
  return frame.size() > at + 1 && frame[at] == (kFour ? 3 : 1) && frame[at + 1] == (kFour ? 13 : 1);
}

constexpr policy::Outbound kStrict[] = {policy::Outbound::kRegisteredOnly,
                                        policy::Outbound::kRefuse};

TYPED_TEST(OutboundTo, RefusesWhatNobodyKnowsAndSaysSo) {
  using V = TypeParam;
  for (const policy::Outbound mode : kStrict) {
    OutboundRig rig(mode);
    for (const Stack& each : {Stack(udp(40000, 53)), Stack(V::ping())}) {
      Row row = rig.in("cart", from_cart<V>(each, V::kRouter));
      row.expect_drop(V::node("guard.outbound_told"));
      EXPECT_TRUE(is_prohibited<V>(row.take("cart")));
    }
    rig.in("cart", from_cart<V>(syn(40000, 80, 1000), V::kRouter))
        .expect_drop(V::node("guard.outbound"));
    {
      Row row = rig.after(milliseconds(10));
      const Bytes frame = row.take("cart");
      const size_t flags = 14 + V::kHeader + 13;
      EXPECT_GT(frame.size(), flags);
      EXPECT_EQ(frame[flags], 0x14) << "RST, and an acknowledgment";
    }
    // A port that the ExternalService does not have.
    rig.in("cart", from_cart<V>(syn(40000, 26, 1000), V::kClient))
        .expect_drop(V::node("guard.outbound"));
    rig.after(milliseconds(10)).ignore_output();
    // What is in the middle of no connection that is known.
    rig.in("cart", from_cart<V>(ack(40001, 80, 9, 9), V::kRouter))
        .expect_drop(V::node("guard.outbound"));
    rig.after(milliseconds(10)).ignore_output();
    EXPECT_EQ(rig.refused(), 5u);
    EXPECT_EQ(rig.flows(), 0u);
  }
}

TYPED_TEST(OutboundTo, LetsAnswersPass) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kRefuse);
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / syn(40000, 8080, 1000))
      .ignore_output();
  rig.in("cart", from_cart<V>(syn_ack(8080, 40000, 5000, 1001), V::kRouter))
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kRouter) /
                             syn_ack(8080, 40000, 5000, 1001));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / udp(53, 5353)).ignore_output();
  rig.in("cart", from_cart<V>(udp(5353, 53), V::kRouter))
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kRouter) / udp(5353, 53));
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kWorkload) / V::ping()).ignore_output();
  rig.in("cart", from_cart<V>(V::pong(), V::kRouter))
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kRouter) / V::pong());
  EXPECT_EQ(rig.refused(), 0u);
}

TYPED_TEST(OutboundTo, LetsWorkloadsBeCalled) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kRefuse);
  rig.in("cart", from_cart<V>(udp(40000, 53), V::kLanRouter))
      .expect_out("lan", from_us(1) / V::routed(V::kWorkload, V::kLanRouter) / udp(40000, 53));
  EXPECT_EQ(rig.refused(), 0u);
}

TYPED_TEST(OutboundTo, TakesConnectionsOnTheirWay) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kRegisteredOnly);
  {
    Row row = rig.in("cart", from_cart<V>(syn(40000, 25, 1000), V::kClient));
    const Bytes answer = row.take("cart");
    const size_t flags = 14 + V::kHeader + 13;
    ASSERT_GT(answer.size(), flags);
    EXPECT_EQ(answer[flags] & 0x3f, 0x12) << "SYN and ACK, of the node";
  }
  // Others' go past: the node's own among them, on another node.
  rig.in("lan", from_first() / V::ip(V::kFirst, V::kClient) / syn(40000, 25, 1000))
      .expect_out("wan", from_us(0) / V::routed(V::kFirst, V::kClient) / syn(40000, 25, 1000));
}

// In fragments, of which the first has a whole header, or too little of one. With a policy and
// without one the same: what is taken on its way is not led past it.
TYPED_TEST(OutboundTo, FragmentsDoNotGoPast) {
  using V = TypeParam;
  for (const policy::Outbound mode :
       {policy::Outbound::kAllow, policy::Outbound::kRegisteredOnly}) {
    for (const size_t cut : {size_t{8}, size_t{24}}) {
      OutboundRig rig(mode);
      const Bytes all = l4_of<V>(V::ip(V::kWorkload, V::kClient) / syn(40000, 25, 1000) / data(64));
      const auto piece = [&](size_t at, size_t size) {
        return to_us(kCartPort) /
               V::piece(V::kWorkload, V::kClient, 7, all, at, size, IpProtocol::kTcp);
      };
      const char* drop = cut == 8 ? "flow_refused.tiny_fragment" : "";
      const std::string expected = *drop != 0 ? drop : V::node("service.fragment");
      rig.in("cart", piece(0, cut)).expect_drop(expected);
      rig.after(milliseconds(10)).ignore_output();
      EXPECT_EQ(rig.flows(), 0u) << "nor is it remembered as one that may pass";
      // To a port that is not taken it goes, where it may.
      if (mode != policy::Outbound::kAllow) continue;
      const Bytes other =
          l4_of<V>(V::ip(V::kWorkload, V::kClient) / syn(40000, 26, 1000) / data(64));
      rig.in("cart", to_us(kCartPort) /
                         V::piece(V::kWorkload, V::kClient, 8, other, 0, cut, IpProtocol::kTcp))
          .expect_out("wan", from_us(0) / V::piece(V::kWorkload, V::kClient, 8, other, 0, cut,
                                                   IpProtocol::kTcp, 63));
      // Others' are their own matter.
      rig.in("lan", from_first() / V::piece(V::kFirst, V::kClient, 9, all, 0, 24, IpProtocol::kTcp))
          .expect_out("wan", from_us(0) / V::piece(V::kFirst, V::kClient, 9, all, 0, 24,
                                                   IpProtocol::kTcp, 63));
    }
  }
}

TEST(Outbound, ExtensionHeadersDoNotGoPast) {
  for (const policy::Outbound mode :
       {policy::Outbound::kAllow, policy::Outbound::kRegisteredOnly}) {
    OutboundRig rig(mode);
    rig.in("cart", to_us(kCartPort) / ip6(kCart6, kFar6) / routing(0, 0) / syn(40000, 25, 1000))
        .expect_drop("ip6_tcp_listen.malformed");
    {
      Row row = rig.in("cart", to_us(kCartPort) / ip6(kCart6, kFar6) / destination_options({}) /
                                   syn(40001, 25, 1000));
      EXPECT_FALSE(row.take("cart").empty()) << "an answer of the node's: others are read";
    }
  }
}

// An ExternalService is for its namespace, unless it is exported.
TYPED_TEST(OutboundTo, LeavesOthersConnectionsAlone) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kAllow);
  Resource theirs = mail();
  theirs.key.ns = "other";
  rig.remove({mail().key});
  rig.apply({theirs});
  rig.in("cart", from_cart<V>(syn(40000, 25, 1000), V::kClient))
      .expect_out("wan", from_us(0) / V::routed(V::kWorkload, V::kClient) / syn(40000, 25, 1000));
  std::get<policy::ExternalService>(theirs.spec).exported = true;
  rig.apply({theirs});
  Row row = rig.in("cart", from_cart<V>(syn(40001, 25, 1000), V::kClient));
  EXPECT_FALSE(row.take("cart").empty());
}

TYPED_TEST(OutboundTo, EndsConnectionsThatWentPast) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kAllow);
  policy::AccessPolicy everybody{.service = {},
                                 .workload_labels = {{"app", "cart"}},
                                 .action = policy::Action::kAllow,
                                 .rules = {{}}};
  rig.remove({mail().key});
  rig.apply({Resource{{Kind::kAccessPolicy, "shop", "all"}, {}, everybody}});
  const auto open = [&](uint16_t port, uint16_t to) {
    rig.in("cart", from_cart<V>(syn(port, to, 1000), V::kClient)).ignore_output();
    rig.in("wan", to_us(0) / V::ip(V::kClient, V::kWorkload) / syn_ack(to, port, 5000, 1001))
        .ignore_output();
    rig.in("cart", from_cart<V>(ack(port, to, 1001, 5001), V::kClient))
        .expect_out("wan",
                    from_us(0) / V::routed(V::kWorkload, V::kClient) / ack(port, to, 1001, 5001));
  };
  open(40000, 25);
  open(40000, 26);
  EXPECT_EQ(rig.flows(), 2u);
  rig.apply({mail()});
  rig.after(milliseconds(20)).ignore_output();
  EXPECT_EQ(rig.flows(), 1u);
  EXPECT_EQ(rig.worker().flows->counters.cut.value(), 1u);
  rig.in("cart", from_cart<V>(ack(40000, 26, 1001, 5001), V::kClient))
      .expect_out("wan",
                  from_us(0) / V::routed(V::kWorkload, V::kClient) / ack(40000, 26, 1001, 5001));
}

TYPED_TEST(OutboundTo, RefusesExternalServicesToo) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kRefuse);
  rig.in("cart", from_cart<V>(syn(40000, 25, 1000), V::kClient))
      .expect_drop(V::node("service.outbound"));
  rig.after(milliseconds(10)).ignore_output();
  {
    Row row = rig.in("cart", from_cart<V>(udp(40000, 123), V::kVip));
    row.expect_drop(V::node("service.outbound_told"));
    EXPECT_TRUE(is_prohibited<V>(row.take("cart")));
  }
  EXPECT_EQ(rig.refused(), 2u);
  rig.apply({outbound(policy::Outbound::kRegisteredOnly)});
  rig.in("cart", from_cart<V>(udp(40000, 123), V::kVip))
      .expect_out("lan", to_first() / V::routed(V::kWorkload, V::kFirst) / udp(40000, 123));
}

TYPED_TEST(OutboundTo, EndsFlowsThatItWouldNotLetBegin) {
  using V = TypeParam;
  OutboundRig rig(policy::Outbound::kAllow);
  policy::AccessPolicy everybody{.service = {},
                                 .workload_labels = {{"app", "cart"}},
                                 .action = policy::Action::kAllow,
                                 .rules = {{}}};
  rig.apply({Resource{{Kind::kAccessPolicy, "shop", "all"}, {}, everybody}});  // flows are known
  rig.in("cart", from_cart<V>(udp(40000, 53), V::kRouter)).ignore_output();
  rig.in("cart", from_cart<V>(udp(40000, 53), V::kLanRouter)).ignore_output();
  rig.in("wan", to_us(0) / V::ip(V::kClient, V::kWorkload) / udp(53, 5353)).ignore_output();
  EXPECT_EQ(rig.flows(), 3u);
  rig.apply({outbound(policy::Outbound::kRegisteredOnly)});
  rig.after(milliseconds(20));
  EXPECT_EQ(rig.flows(), 2u) << "to a workload, and from outside";
  EXPECT_EQ(rig.worker().flows->counters.cut.value(), 1u);
}

}  // namespace
}  // namespace heddle::rig
