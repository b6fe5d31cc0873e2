// NetworkIdentities: who senders outside are taken for by their address, and what that is not
// enough for.
#include <gtest/gtest.h>

#include <map>

#include "core/random.h"
#include "gateway_support.h"
#include "policy/networks.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

NetworkIdentity network(std::initializer_list<const char*> cidrs, std::string account = "erp",
                        std::string node = {}) {
  NetworkIdentity spec{.cidrs = {}, .service_account = std::move(account), .node = std::move(node)};
  for (const char* each : cidrs) spec.cidrs.push_back(prefix(each));
  return spec;
}

// By the uplink.
Flow from(const char* source, const char* to = "10.96.0.1", uint16_t port = 80) {
  Flow its = flow(source, to, port);
  its.in = InterfaceId(0);
  return its;
}

AccessPolicy only(Source source, Action action = Action::kAllow) {
  return {.action = action, .rules = {{.from = {std::move(source)}}}};
}

struct Perimeter : World {
  Perimeter() : World(Limits(), named()) {
    apply({put("shop/cart", service({"10.96.0.1"}, {{"raw", 80}, http_port("http", 81)})),
           put("shop/set", endpoints("cart", {"10.8.1.1"})),
           put("shop/db", workload("w1", {"10.8.1.1"})),
           put("shop/erp", network({"10.1.0.0/24", "2001:db8:1::/64"}))});
  }
  static NodeFacts named() {
    NodeFacts facts = node();
    facts.node = "here";
    facts.trust_domain = "example.org";
    return facts;
  }
  bool lets_in(const Flow& asked) const {
    return decide(*snapshot, asked).verdict != Verdict::kDenied;
  }
};

TEST(Networks, AnAddressIsAnIdentityToAccessPolicies) {
  Perimeter world;
  world.apply({put("shop/only", only({.ns = "shop", .service_account = "erp"}))});
  for (const uint16_t port : std::initializer_list<uint16_t>{80, 81}) {
    EXPECT_TRUE(world.lets_in(from("10.1.0.7", "10.96.0.1", port)));
    EXPECT_FALSE(world.lets_in(from("10.1.1.7", "10.96.0.1", port)));
  }
  const Request request("GET", "a", "/");
  const RequestHead head = RequestHead::of(request.message);
  const uint32_t slot = world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 81});
  EXPECT_TRUE(judge_request(*world.snapshot, slot, from("10.1.0.7"), head).allowed);
  EXPECT_FALSE(judge_request(*world.snapshot, slot, from("10.2.0.7"), head).allowed);
  // At the workload, straight or behind a service, and for what is live.
  EXPECT_TRUE(guard(*world.snapshot, from("10.1.0.7", "10.8.1.1"), InterfaceId(1)).allowed);
  EXPECT_FALSE(guard(*world.snapshot, from("10.1.1.7", "10.8.1.1"), InterfaceId(1)).allowed);
  const Flow behind_it = behind(*world.frontend("10.96.0.1", 80), from("10.1.0.7"));
  EXPECT_TRUE(guard(*world.snapshot, behind_it, InterfaceId(1)).allowed);
  EXPECT_EQ(recheck(*world.snapshot, from("10.1.0.7"), ip("10.8.1.1"), 80).recheck,
            Recheck::kStays);
  const uint32_t generation = world.snapshot->generation;
  world.apply({put("shop/erp", network({"10.1.0.0/25"}))});
  EXPECT_NE(world.snapshot->generation, generation);
  EXPECT_TRUE(world.may_cut);
  EXPECT_EQ(recheck(*world.snapshot, from("10.1.0.200"), ip("10.8.1.1"), 80).recheck,
            Recheck::kDenied);
  world.apply({put("shop/only", only({.ns = "shop", .service_account = "erp"}, Action::kDeny))});
  EXPECT_FALSE(world.lets_in(from("10.1.0.7")));
  EXPECT_TRUE(world.lets_in(from("10.1.0.200")));
  world.apply({remove(Kind::kNetworkIdentity, "shop/erp")});
  EXPECT_EQ(world.snapshot->networks, nullptr);
  EXPECT_TRUE(world.lets_in(from("10.1.0.7")));
}

TEST(Networks, ItCountsForWhoComesInByAnUplinkAlone) {
  Perimeter world;
  world.apply({put("shop/only", only({.ns = "shop", .service_account = "erp"}))});
  Flow its = from("10.1.0.7");
  EXPECT_NE(by_address(*world.snapshot, its), nullptr);
  its.in = InterfaceId(1);
  its.identified = true;
  EXPECT_EQ(by_address(*world.snapshot, its), nullptr) << "a workload is who its port says";
  EXPECT_FALSE(world.lets_in(its));
  its = from("10.1.0.7");
  its.in = kNoInterface;
  EXPECT_EQ(by_address(*world.snapshot, its), nullptr) << "told by a load balancer, or the node's";
  its = from("10.1.0.7");
  its.peer = {"spiffe://example.org/ns/bank/sa/x", "example.org", "bank", "x"};
  EXPECT_EQ(by_address(*world.snapshot, its), nullptr) << "what it has shown is better";
  EXPECT_FALSE(world.lets_in(its));
  EXPECT_EQ(by_address(*world.snapshot, from("2001:db8:1::9", "2001:db8::1"))->text,
            "address:shop/erp");
}

TEST(Networks, ItIsNoProofWhereOneIsAskedFor) {
  FakeMaker maker;
  World world(Limits(), Perimeter::named(), &maker);
  Workload db = workload("w1", {"10.8.1.1"});
  db.service_account = "db";
  db.certificate = "svid";
  world.apply({secret("shop/svid"), bundle("shop/mesh", "example.org"), put("shop/db", db),
               put("shop/erp", network({"10.1.0.0/24"})),
               put("shop/mesh", MeshPolicy{.tls = MeshTls::kStrict, .trust = {"mesh"}})});
  const Guarded strict = guard(*world.snapshot, from("10.1.0.7", "10.8.1.1"), InterfaceId(1));
  EXPECT_FALSE(strict.allowed);
  EXPECT_TRUE(strict.unknown);
  world.apply({put("shop/mesh", MeshPolicy{.tls = MeshTls::kPermissive, .trust = {"mesh"}}),
               put("shop/only", only({.ns = "shop", .service_account = "erp"}))});
  EXPECT_TRUE(guard(*world.snapshot, from("10.1.0.7", "10.8.1.1"), InterfaceId(1)).allowed);
  EXPECT_FALSE(guard(*world.snapshot, from("10.1.1.7", "10.8.1.1"), InterfaceId(1)).allowed);
}

TEST(Networks, OtherNodesHaveTheirOwn) {
  Perimeter world;
  world.apply({put("bank/there", network({"10.1.0.0/16"}, "x", "there")),
               put("bank/here", network({"10.2.0.0/16"}, "y", "here"))});
  EXPECT_EQ(by_address(*world.snapshot, from("10.1.0.7"))->ns, "shop");
  EXPECT_EQ(by_address(*world.snapshot, from("10.1.9.7")), nullptr);
  EXPECT_EQ(by_address(*world.snapshot, from("10.2.9.7"))->service_account, "y");
}

TEST(Networks, WhatMeetsIsRefused) {
  Perimeter world;
  EXPECT_EQ(world.refuse({put("bank/x", network({"10.9.0.0/16", "10.1.0.128/25"}))}),
            "NetworkIdentity bank/x spec.cidrs[1]: 10.1.0.128/25 has addresses in common with "
            "those of NetworkIdentity shop/erp\n");
  EXPECT_EQ(world.refuse({put("bank/x", network({"10.0.0.0/8"}))}),
            "NetworkIdentity bank/x spec.cidrs[0]: 10.0.0.0/8 has addresses in common with those "
            "of NetworkIdentity shop/erp\n");
  EXPECT_EQ(world.refuse({put("bank/x", network({"10.3.0.0/16", "10.3.4.0/24"}))}),
            "NetworkIdentity bank/x spec.cidrs[1]: 10.3.4.0/24 and 10.3.0.0/16 have addresses in "
            "common\n");
  EXPECT_EQ(world.refuse({put("bank/x", network({}))}),
            "NetworkIdentity bank/x spec.cidrs: 1 prefixes at least are needed\n");
  EXPECT_NE(world.refuse({put("bank/x", network({"10.3.0.0/16"}, "Not a label"))}), "");
  EXPECT_NE(world.refuse(
                {put("bank/x", network({"10.3.0.0/16"})), put("bank/y", network({"10.3.0.1/32"}))}),
            "");
  world.apply(
      {put("shop/erp", network({"10.1.0.0/25"})), put("bank/x", network({"10.1.0.128/25"}))});
}

TEST(Networks, NoMoreThanTheLimit) {
  World world(Limits{.networks = 2});
  world.apply({put("a/x", network({"10.1.0.0/24"})), put("a/y", network({"10.2.0.0/24"}))});
  EXPECT_EQ(world.refuse({put("a/z", network({"10.3.0.0/24"}))}),
            "NetworkIdentity a/z : there would be 3 NetworkIdentities; at most 2 are allowed\n");
}

// Against a look at all of them.
TEST(Networks, FindsWhatALookAtAllFinds) {
  Random random(test_seed());
  for (int round = 0; round < 50; ++round) {
    std::vector<Networks::Identity> identities(1 + random.below(5));
    std::vector<Networks::Entry> entries;
    for (int i = 0; i < 60; ++i) {
      const auto length = static_cast<uint8_t>(20 + random.below(13));
      const uint32_t mask = ~uint32_t{0} << (32 - length);
      const IpPrefix made{
          IpAddress(wire::Ipv4Address::from_host((0x0a00'0000 | random.below(1 << 14)) & mask)),
          static_cast<uint8_t>(96 + length)};
      const bool free = std::ranges::none_of(
          entries, [&](const Networks::Entry& each) { return meet(each.prefix, made); });
      if (free) entries.push_back({made, random.below(static_cast<uint32_t>(identities.size()))});
    }
    const Networks networks(identities, entries, {true, false});
    for (int i = 0; i < 500; ++i) {
      const IpAddress source(wire::Ipv4Address::from_host(0x0a00'0000 | random.below(1 << 14)));
      const Networks::Identity* expected = nullptr;
      for (const Networks::Entry& each : entries)
        if (each.prefix.contains(source)) expected = &networks.identities()[each.identity];
      ASSERT_EQ(networks.find(InterfaceId(0), source), expected) << source.text();
      ASSERT_EQ(networks.find(InterfaceId(1), source), nullptr);
      ASSERT_EQ(networks.find(kNoInterface, source), nullptr);
    }
  }
}

}  // namespace
}  // namespace heddle::policy
