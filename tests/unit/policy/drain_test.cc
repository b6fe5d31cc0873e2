// Drains: endpoints that take no new flows and keep their old ones for a while.
#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

EndpointSet weighted(std::initializer_list<std::pair<const char*, uint16_t>> list) {
  EndpointSet set{.service = "cart"};
  for (const auto& [address, weight] : list)
    set.endpoints.push_back({.address = ip(address), .weight = weight});
  return set;
}

struct Drains : World {
  explicit Drains(Duration time = seconds(30), const Limits& limits = {}) : World(limits) {
    now = Instant() + seconds(1'000);
    apply({put("shop/cart", service({"10.96.0.1"})),
           put("shop/tp", TrafficPolicy{.service = "cart", .drain_time = time}),
           put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.2", 1}}))});
  }
  void at(int64_t second, std::vector<Edit> edits = {}) {
    now = Instant() + seconds(1'000 + second);
    if (edits.empty())
      commit();
    else
      apply(std::move(edits));
  }
  const Cluster& cluster() const {
    return *snapshot->clusters[frontend("10.96.0.1", 80)->choices[0].cluster];
  }
  // "1 2- 3d": weight 0 has a hyphen, what drains a d.
  std::string entries() const {
    std::string text;
    for (const EndpointEntry& entry : cluster().endpoints) {
      if (!text.empty()) text += " ";
      text += entry.address.text().substr(7);
      if (entry.draining)
        text += "d";
      else if (entry.weight == 0)
        text += "-";
    }
    return text;
  }
  Recheck check(const char* endpoint) const {
    return recheck(*snapshot, flow("10.9.0.1", "10.96.0.1", 80), ip(endpoint), 80).recheck;
  }
  Instant end(int64_t second) const { return Instant() + seconds(1'000 + second); }
};

TEST(Drain, OfARemovedEndpoint) {
  Drains world;
  EXPECT_EQ(world.model.next_drain_end(), kNever);
  const uint32_t slot = world.cluster().endpoints[1].slot;
  world.at(10, {put("shop/set", weighted({{"10.1.0.1", 1}}))});
  EXPECT_EQ(world.entries(), "1 2d");
  EXPECT_EQ(world.cluster().endpoints[1].slot, slot);
  EXPECT_EQ(world.model.next_drain_end(), world.end(40));
  EXPECT_EQ(world.check("10.1.0.1"), Recheck::kStays);
  EXPECT_EQ(world.check("10.1.0.2"), Recheck::kDraining);
  EXPECT_EQ(world.model.stats().endpoints, 1u);
  for (uint16_t port = 1; port < 200; ++port)
    EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80, port))),
              "10.1.0.1");
  const uint32_t generation = world.snapshot->generation;
  world.at(39);
  EXPECT_EQ(world.entries(), "1 2d");
  EXPECT_EQ(world.snapshot->generation, generation);
  EXPECT_FALSE(world.may_cut);
  world.at(40);
  EXPECT_EQ(world.entries(), "1");
  EXPECT_EQ(world.check("10.1.0.2"), Recheck::kGone);
  EXPECT_NE(world.snapshot->generation, generation);
  EXPECT_TRUE(world.may_cut);
  EXPECT_EQ(world.model.next_drain_end(), kNever);
}

TEST(Drain, OfWeightZero) {
  Drains world;
  world.at(0, {put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.2", 0}, {"10.1.0.3", 0}}))});
  EXPECT_EQ(world.entries(), "1 2d 3-") << "what has just come has no old flows";
  EXPECT_EQ(world.check("10.1.0.2"), Recheck::kDraining);
  EXPECT_EQ(world.check("10.1.0.3"), Recheck::kGone);
  world.at(20, {put("shop/other", service({"10.96.0.2"}))});
  EXPECT_EQ(world.entries(), "1 2d 3-");
  world.at(25, {put("shop/set", weighted({{"10.1.0.1", 1}}))});
  EXPECT_EQ(world.entries(), "1 2d") << "removed while it drains: no time is added";
  EXPECT_EQ(world.model.next_drain_end(), world.end(30));
  world.at(25, {put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.2", 0}}))});
  world.at(30);
  EXPECT_EQ(world.entries(), "1 2-");
  EXPECT_EQ(world.check("10.1.0.2"), Recheck::kGone);
}

TEST(Drain, EndsWhenItComesBack) {
  Drains world;
  const uint32_t slot = world.cluster().endpoints[1].slot;
  world.at(0, {put("shop/set", weighted({{"10.1.0.1", 1}}))});
  world.at(5, {put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.2", 1}}))});
  EXPECT_EQ(world.entries(), "1 2");
  EXPECT_EQ(world.cluster().endpoints[1].slot, slot);
  EXPECT_EQ(world.check("10.1.0.2"), Recheck::kStays);
  EXPECT_EQ(world.model.next_drain_end(), kNever);
}

TEST(Drain, MayTakeNoTime) {
  Drains world((Duration()));
  world.at(0, {put("shop/set", weighted({{"10.1.0.1", 1}}))});
  EXPECT_EQ(world.entries(), "1");
  EXPECT_TRUE(world.may_cut);
}

TEST(Drain, OfAWorkloadThatHasGone) {
  Drains world;
  Service selecting = service({"10.96.0.1"});
  selecting.selector = {{"app", "cart"}};
  world.at(0, {put("shop/cart", selecting),
               put("shop/w", workload("w1", {"10.1.0.7"}, {{"app", "cart"}}))});
  EXPECT_EQ(world.entries(), "1 2 7");
  world.at(1, {remove(Kind::kWorkload, "shop/w")});
  EXPECT_EQ(world.entries(), "1 2 7d");
  world.at(2, {remove(Kind::kTrafficPolicy, "shop/tp"), remove(Kind::kEndpointSet, "shop/set"),
               remove(Kind::kService, "shop/cart")});
  EXPECT_EQ(world.model.next_drain_end(), kNever) << "nobody leads there any more";
  EXPECT_EQ(world.check("10.1.0.7"), Recheck::kGone);
}

// A node that has seen an endpoint go has the table of one that never had it.
TEST(Drain, LeavesTheTableAlone) {
  Drains world, fresh;
  world.at(0, {put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.3", 1}, {"10.1.0.4", 1}}))});
  fresh.apply({put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.3", 1}, {"10.1.0.4", 1}}))});
  world.at(1, {put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.4", 1}}))});
  fresh.settle();
  fresh.apply({put("shop/set", weighted({{"10.1.0.1", 1}, {"10.1.0.4", 1}}))});
  fresh.settle();
  for (uint16_t port = 1; port < 500; ++port) {
    const Flow each = flow("10.9.0.1", "10.96.0.1", 80, port);
    ASSERT_EQ(outcome(decide(*world.snapshot, each)), outcome(decide(*fresh.snapshot, each)));
  }
}

// The oldest go first, and no slot is above its bound.
TEST(Drain, IsBounded) {
  const Limits limits{.endpoints = 4, .draining = 4};
  Drains world(seconds(30), limits);
  for (int round = 1; round < 40; ++round) {
    EndpointSet set{.service = "cart"};
    for (int i = 0; i < 3; ++i)
      set.endpoints.push_back(
          {.address = ip("10.2." + std::to_string(round) + "." + std::to_string(i))});
    world.at(0, {put("shop/set", set)});
    size_t draining = 0;
    for (const EndpointEntry& entry : world.cluster().endpoints) {
      draining += entry.draining ? 1 : 0;
      EXPECT_LT(entry.slot, limits.endpoint_slots());
    }
    EXPECT_LE(draining, limits.draining);
    EXPECT_GE(draining, 2u);
  }
  world.at(29);
  EXPECT_NE(world.model.next_drain_end(), kNever);
  world.at(30);
  EXPECT_EQ(world.cluster().endpoints.size(), 3u);
}

}  // namespace
}  // namespace heddle::policy
