// What bounds the flows of a worker, as packets meet it.
#include "nat.h"

namespace heddle::rig {
namespace {

template <class V>
struct FlowLimits : testing::Test {};
TYPED_TEST_SUITE(FlowLimits, BothVersions);

template <class V>
Stack ask(uint16_t port) {
  return to_us(0) / V::ip(V::kClient, V::kVip) / udp(port, 53);
}
template <class V>
Stack ask_syn(uint16_t port) {
  return to_us(0) / V::ip(V::kClient, V::kVip) / syn(port, 80, 1000);
}

TYPED_TEST(FlowLimits, OfUnfinishedHandshakes) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().half_open = 2;
  NatRig rig(Forwarding::kDnat, net);
  Connection<V>{rig, 1}.establish();
  rig.in("wan", ask_syn<V>(2)).ignore_output();
  rig.in("wan", ask_syn<V>(3)).ignore_output();
  rig.in("wan", ask_syn<V>(4)).expect_drop("flow_refused.half_open_limit");
  rig.in("wan", ask<V>(4)).ignore_output();
  EXPECT_EQ(rig.worker().flows->counters.not_learned.value(), 1u);
  rig.after(seconds(245)).ignore_output();
  rig.in("wan", ask_syn<V>(4)).ignore_output();
}

TYPED_TEST(FlowLimits, OfANamespace) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().flows_per_namespace = 2;
  NatRig rig(Forwarding::kDnat, net);
  rig.in("wan", ask<V>(1)).ignore_output();
  rig.in("wan", ask<V>(2)).ignore_output();
  rig.in("wan", ask<V>(3)).expect_drop("flow_refused.tenant_quota");
  rig.in("wan", ask<V>(2)).ignore_output();
}

TYPED_TEST(FlowLimits, OfASource) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().new_flows_per_source = 10;
  NatRig rig(Forwarding::kDnat, net);
  for (uint16_t port = 1; port <= 10; ++port) rig.in("wan", ask<V>(port)).ignore_output();
  rig.in("wan", ask<V>(11)).expect_drop("flow_refused.source_rate");
  rig.in("wan", to_us(0) / V::ip(V::kRouter, V::kVip) / udp(11, 53)).ignore_output();
  rig.pass(milliseconds(110));
  rig.in("wan", ask<V>(11)).ignore_output();
}

TYPED_TEST(FlowLimits, OfThePaceOfLearning) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().new_flows = 100;
  NatRig rig(Forwarding::kDnat, net);
  open_many<V>(rig, 100);
  rig.in("wan", ask<V>(1)).expect_drop("flow_refused.learn_rate");
  rig.pass(milliseconds(20));
  rig.in("wan", ask<V>(1)).ignore_output();
}

// Direct return goes on by hash: the endpoint has the service's address itself.
TYPED_TEST(FlowLimits, DoNotStopWhatGoesOnByHash) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().new_flows = 100;
  NatRig rig(Forwarding::kDirect, net);
  open_many<V>(rig, 100);
  rig.in("wan", ask<V>(1))
      .expect_out("lan", to_first() / V::routed(V::kClient, V::kVip) / udp(1, 53));
  EXPECT_EQ(rig.flows(), 100u);
  EXPECT_EQ(rig.worker().flows->counters.not_learned.value(), 1u);
}

// Established flows are not given up for new ones before they have been silent for a minute.
TYPED_TEST(FlowLimits, OfTheTable) {
  using V = TypeParam;
  Net net = nat_net();
  net.flows().flows = 8;  // half of them IPv6
  net.flows().half_open = 8;
  net.flows().flows_per_namespace = 100;
  NatRig rig(Forwarding::kDnat, net);
  const uint16_t room = V::kHeader == 20 ? 8 : 4;
  for (uint16_t port = 1; port <= room; ++port) Connection<V>{rig, port}.establish();
  rig.in("wan", ask<V>(100)).expect_drop("flow_refused.table_full");
  rig.after(seconds(61));
  rig.in("wan", ask<V>(100)).ignore_output();
  EXPECT_EQ(rig.flows(), room);
}

TEST(FlowLimits6, OfOwnAddresses) {
  NatRig rig(Forwarding::kDnat, nat_net(),
             {.tune = [](app::FlowOptions& options) { options.tracker.limits.own_addresses = 1; }});
  Resource both = web();
  std::get<policy::Service>(both.spec).addresses.push_back(IpAddress(V6::kOtherVip));
  rig.apply({both});
  rig.in("wan", ask<V6>(1)).ignore_output();
  rig.in("wan", to_us(0) / ip6(V6::kClient, V6::kOtherVip) / udp(2, 53))
      .expect_drop("flow_refused.addresses_full");
}

}  // namespace
}  // namespace heddle::rig
