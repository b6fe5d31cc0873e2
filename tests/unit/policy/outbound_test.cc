// OutboundPolicies: where workloads may send what is for nobody that policy knows.
#include <gtest/gtest.h>

#include "external_support.h"

namespace heddle::policy {
namespace {

using namespace test;

class OutboundModes : public testing::Test {
 protected:
  OutboundModes() {
    world.apply({put("shop/w", workload("w2", {"10.8.0.2", "fd08::2"})),
                 put("test/w", workload("w3", {"10.8.0.3"})), put("shop/far", far()),
                 put("shop/mail", external({kOutside}, {outside({"a", 25})}))});
  }
  static Workload far() {
    Workload spec = workload("any", {"10.8.1.9"});
    spec.node = "there";
    return spec;
  }
  Flow from(uint16_t port, const char* source, const char* to) const {
    Flow asked = flow(source, to, 25);
    asked.in = InterfaceId(port);
    asked.identified = true;
    return asked;
  }
  bool leaves(const char* to, const char* source = "10.8.0.2", uint16_t port = 2) const {
    return may_leave(*world.snapshot, from(port, source, to));
  }
  bool calls_outside() const {
    return may_leave(*world.snapshot, from(2, "10.8.0.2", kOutside), *world.frontend(kOutside, 25));
  }
  void have(Outbound mode) { world.apply({put("shop/out", OutboundPolicy{mode})}); }
  World world;
};

TEST_F(OutboundModes, NothingIsAskedWithoutOne) {
  EXPECT_TRUE(world.snapshot->outbound.empty());
  EXPECT_EQ(world.snapshot->workload_addresses, nullptr);
  EXPECT_TRUE(world.snapshot->guards.empty()) << "no flow has to be remembered";
  EXPECT_TRUE(leaves("198.51.100.1") && calls_outside());
  have(Outbound::kAllow);
  EXPECT_TRUE(world.snapshot->outbound.empty());
  EXPECT_TRUE(leaves("198.51.100.1") && calls_outside());
  EXPECT_FALSE(world.may_cut);
}

TEST_F(OutboundModes, WhatIsNotKnownIsRefused) {
  for (const Outbound mode : {Outbound::kRegisteredOnly, Outbound::kRefuse}) {
    have(mode);
    EXPECT_FALSE(leaves("198.51.100.1"));
    EXPECT_FALSE(leaves(kOutside)) << "at a port that the ExternalService does not have";
    EXPECT_FALSE(leaves("2001:db8::99", "fd08::2"));
    EXPECT_TRUE(leaves("10.8.0.3")) << "a workload of this node";
    EXPECT_TRUE(leaves("10.8.1.9")) << "a workload of another node";
    EXPECT_TRUE(leaves("10.8.0.1")) << "of a port, as the file says";
    EXPECT_TRUE(leaves("198.51.100.1", "10.8.0.3", 3)) << "another namespace's";
    EXPECT_EQ(calls_outside(), mode == Outbound::kRegisteredOnly);
    ASSERT_GT(world.snapshot->guards.size(), 2u);
    EXPECT_NE(world.snapshot->guards[2], nullptr) << "flows are remembered";
    EXPECT_EQ(world.snapshot->guards[3], nullptr);
    EXPECT_TRUE(
        guard(*world.snapshot, flow("198.51.100.1", "10.8.0.2", 80), InterfaceId(2)).allowed)
        << "who may come in is another matter";
  }
  world.apply({remove(Kind::kOutboundPolicy, "shop/out")});
  EXPECT_TRUE(leaves("198.51.100.1"));
  EXPECT_TRUE(world.snapshot->guards.empty());
}

TEST_F(OutboundModes, LiveFlowsAreAskedAboutAgain) {
  have(Outbound::kRegisteredOnly);
  EXPECT_TRUE(world.may_cut);
  const uint32_t before = world.snapshot->generation;
  world.apply({put("shop/late", service({"10.96.0.50"}))});
  EXPECT_FALSE(world.may_cut);
  EXPECT_EQ(world.snapshot->generation, before);
  world.apply({remove(Kind::kWorkload, "shop/far")});
  EXPECT_TRUE(world.may_cut) << "its address is nobody's now";
  EXPECT_FALSE(leaves("10.8.1.9"));
}

TEST_F(OutboundModes, AGuardThatIsThereAlreadyHidesNothing) {
  world.apply({put("shop/all", AccessPolicy{.action = Action::kAllow, .rules = {{}}})});
  have(Outbound::kRefuse);
  EXPECT_TRUE(world.may_cut);
}

// Of another namespace only what it exports is known.
TEST_F(OutboundModes, OthersExternalServicesAreNotRegistered) {
  const auto calls = [&](const char* to) {
    return may_leave(*world.snapshot, from(2, "10.8.0.2", to), *world.frontend(to, 25));
  };
  ExternalService theirs = external({"203.0.113.66"}, {outside({"a", 25})});
  const ExternalService behind =
      leads_to(external({kVirtual}, {outside({"a", 25})}), {"203.0.113.8"});
  world.apply({put("evil/x", theirs), put("evil/y", behind)});
  EXPECT_TRUE(calls("203.0.113.66") && calls(kVirtual));
  have(Outbound::kRegisteredOnly);
  EXPECT_FALSE(calls("203.0.113.66") || calls(kVirtual));
  EXPECT_TRUE(calls_outside());
  theirs.exported = true;
  world.apply({put("evil/x", theirs)});
  EXPECT_TRUE(calls("203.0.113.66"));
  have(Outbound::kRefuse);
  EXPECT_FALSE(calls("203.0.113.66"));
}

// A connection goes on to its end; a workload may send datagrams for ever.
TEST_F(OutboundModes, FlowsOfDatagramsEndWithWhatLetThemOut) {
  const ExternalService time =
      leads_to(external({kVirtual}, {outside({"ntp", 123, Protocol::kUdp}), outside({"sql", 25})}),
               {kOutside});
  world.apply({remove(Kind::kExternalService, "shop/mail"), put("shop/time", time)});
  Flow udp = from(2, "10.8.0.2", kVirtual);
  udp.protocol = Protocol::kUdp;
  udp.destination_port = 123;
  const auto again = [&](const Flow& flow, uint16_t port) {
    return recheck(*world.snapshot, flow, ip(kOutside), port).recheck;
  };
  have(Outbound::kRegisteredOnly);
  EXPECT_EQ(again(udp, 123), Recheck::kStays);
  have(Outbound::kRefuse);
  EXPECT_TRUE(world.may_cut) << "stricter, though it was strict before";
  EXPECT_EQ(again(udp, 123), Recheck::kDenied);
  EXPECT_EQ(again(from(2, "10.8.0.2", kVirtual), 25), Recheck::kStays);
  have(Outbound::kRegisteredOnly);
  EXPECT_FALSE(world.may_cut);
}

TEST_F(OutboundModes, OneForNobodyIsTold) {
  world.apply({put("empty/out", OutboundPolicy{})});
  const std::vector<Advice> advice = world.model.advice(10);
  ASSERT_EQ(advice.size(), 1u);
  EXPECT_EQ(advice[0].key, key(Kind::kOutboundPolicy, "empty/out"));
}

TEST_F(OutboundModes, OneIsForANamespace) {
  have(Outbound::kRefuse);
  EXPECT_NE(world.refuse({put("shop/two", OutboundPolicy{})})
                .find("OutboundPolicy shop/out is for the namespace already"),
            std::string::npos);
  EXPECT_NE(world.refuse({put("test/bad", OutboundPolicy{static_cast<Outbound>(7)})})
                .find("spec.mode: is none that is known"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::policy
