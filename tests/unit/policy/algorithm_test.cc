// Algorithms and priorities: which endpoint a new flow gets.
#include <gtest/gtest.h>

#include <map>

#include "resources.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

struct Chosen : World {
  explicit Chosen(Algorithm algorithm, std::vector<Endpoint> list) {
    apply({put("shop/cart", service({"10.96.0.1"})),
           put("shop/tp", TrafficPolicy{.service = "cart", .algorithm = algorithm}),
           put("shop/set", EndpointSet{.service = "cart", .endpoints = std::move(list)})});
    cursors.resize(Limits().cluster_slots());
    active.resize(Limits().endpoint_slots());
  }
  // Flows that stay, by endpoint.
  std::map<std::string, int> open(int flows, bool with_state = true) {
    Random random(test_seed());
    const PickState state{random, cursors, active};
    std::map<std::string, int> count;
    for (int i = 0; i < flows; ++i) {
      const Flow each = flow("10.9.0.1", "10.96.0.1", 80, static_cast<uint16_t>(i));
      const Decision decision = decide(*snapshot, each, with_state ? &state : nullptr);
      ++active[decision.endpoint->slot];
      ++count[outcome(decision)];
    }
    return count;
  }

  std::vector<balance::RoundRobin::Cursor> cursors;
  std::vector<uint32_t> active;
};

std::vector<Endpoint> three() {
  return {{.address = ip("10.1.0.1"), .weight = 2},
          {.address = ip("10.1.0.2"), .weight = 1},
          {.address = ip("10.1.0.3"), .weight = 1}};
}

TEST(Algorithm, SharesFollowWeights) {
  struct Row {
    Algorithm algorithm;
    bool with_state;
    double tolerance;
  };
  const Row rows[] = {{Algorithm::kMaglev, true, 300},       {Algorithm::kRingHash, true, 900},
                      {Algorithm::kRoundRobin, true, 5},     {Algorithm::kRandom, true, 300},
                      {Algorithm::kLeastRequest, true, 60},  {Algorithm::kRandom, false, 300},
                      {Algorithm::kLeastRequest, false, 300}};
  for (const Row& row : rows) {
    Chosen world(row.algorithm, three());
    const auto count = world.open(8'000, row.with_state);
    EXPECT_NEAR(count.at("10.1.0.1"), 4'000, row.tolerance) << name_of(row.algorithm);
    EXPECT_NEAR(count.at("10.1.0.2"), 2'000, row.tolerance) << name_of(row.algorithm);
    EXPECT_NEAR(count.at("10.1.0.3"), 2'000, row.tolerance) << name_of(row.algorithm);
  }
}

TEST(Algorithm, LeastRequestSparesTheBusy) {
  Chosen world(Algorithm::kLeastRequest,
               {{.address = ip("10.1.0.1")}, {.address = ip("10.1.0.2")}});
  const Decision decision = decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80));
  world.active[decision.endpoint->slot] = 1'000;
  const auto count = world.open(500);
  EXPECT_EQ(count.size(), 1u);
  EXPECT_NE(count.begin()->first, outcome(decision));
}

TEST(Algorithm, WithoutStateAFlowKeepsItsEndpoint) {
  for (const Algorithm algorithm :
       {Algorithm::kRoundRobin, Algorithm::kRandom, Algorithm::kLeastRequest}) {
    Chosen world(algorithm, three());
    const Flow each = flow("10.9.0.1", "10.96.0.1", 80);
    const std::string first = outcome(decide(*world.snapshot, each));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(outcome(decide(*world.snapshot, each)), first);
  }
}

TEST(Algorithm, ChangesWithItsPolicy) {
  Chosen world(Algorithm::kRandom, three());
  const auto cluster = [&] {
    return world.snapshot->clusters[world.frontend("10.96.0.1", 80)->choices[0].cluster];
  };
  EXPECT_TRUE(std::holds_alternative<balance::WeightedRandom>(cluster()->table));
  world.apply(
      {put("shop/tp", TrafficPolicy{.service = "cart", .algorithm = Algorithm::kRingHash})});
  EXPECT_TRUE(std::holds_alternative<balance::RingHash>(cluster()->table));
  world.apply({remove(Kind::kTrafficPolicy, "shop/tp")});
  EXPECT_TRUE(std::holds_alternative<balance::Maglev>(cluster()->table));
  EXPECT_NE(world.refuse(
                {put("shop/tp", TrafficPolicy{.service = "cart", .algorithm = Algorithm::kRandom}),
                 put("shop/cart", direct(service({"10.96.0.1"})))}),
            "");
}

TEST(Priority, TheLowestWithAWeightTakesAll) {
  const auto with = [](uint16_t first, uint16_t second) {
    return EndpointSet{.service = "cart",
                       .endpoints = {{.address = ip("10.1.0.1"), .weight = first, .priority = 1},
                                     {.address = ip("10.1.0.2"), .weight = second, .priority = 3},
                                     {.address = ip("10.1.0.3"), .weight = 5, .priority = 7}}};
  };
  Chosen world(Algorithm::kMaglev, with(1, 1).endpoints);
  const auto who = [&] {
    std::string all;
    for (const auto& [address, count] : world.open(300)) all += address.substr(7);
    return all;
  };
  EXPECT_EQ(who(), "1");
  world.apply({put("shop/set", with(0, 1))});
  EXPECT_EQ(who(), "2");
  world.apply({put("shop/set", with(0, 0))});
  EXPECT_EQ(who(), "3");
  world.apply({put("shop/set", with(1, 1))});
  EXPECT_EQ(who(), "1");
  // Who has flows keeps them though another level takes the new ones.
  EXPECT_EQ(recheck(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80), ip("10.1.0.3"), 80).recheck,
            Recheck::kStays);
  auto swapped = with(1, 1);
  std::swap(swapped.endpoints[0].priority, swapped.endpoints[1].priority);
  world.apply({put("shop/set", swapped)});
  EXPECT_EQ(who(), "2");
}

}  // namespace
}  // namespace heddle::policy
