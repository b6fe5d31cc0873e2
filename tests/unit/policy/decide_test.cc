// decide: what becomes of a packet.
#include "policy/decide.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/random.h"
#include "resources.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

TEST(Decide, ForwardsToAnEndpointOfTheService) {
  World world;
  world.apply({put("shop/cart", service({"10.96.0.20"})),
               put("shop/cart-1", endpoints("cart", {"10.1.0.1"}))});
  const Decision decision = decide(*world.snapshot, flow("10.9.0.1", "10.96.0.20", 80));
  EXPECT_EQ(outcome(decision), "10.1.0.1");
  EXPECT_EQ(world.model.cluster_name(decision.cluster), "shop/cart");
  EXPECT_EQ(decision.access, nullptr);
  EXPECT_EQ(world.snapshot->frontends[decision.frontend]->route, kNoSlot);
}

TEST(Decide, SaysWhyNot) {
  World world;
  world.apply({put("shop/cart", service({"10.96.0.20", "2001:db8:96::20"})),
               put("shop/cart-1", endpoints("cart", {"10.1.0.1"})),
               put("shop/empty", service({"10.96.0.21"}))});
  EXPECT_EQ(outcome(decide({}, flow("10.9.0.1", "10.96.0.20", 80))), "no port");
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.20", 81))), "no port");
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.21", 80))), "no endpoint");
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("2001:db8::1", "2001:db8:96::20", 80))),
            "no endpoint")
      << "an IPv4 endpoint serves no IPv6 address";
  Flow udp = flow("10.9.0.1", "10.96.0.20", 80);
  udp.protocol = Protocol::kUdp;
  EXPECT_EQ(outcome(decide(*world.snapshot, udp)), "no port");
}

TEST(Decide, EachFamilyHasItsOwnEndpoints) {
  World world;
  world.apply({put("shop/cart", service({"10.96.0.20", "2001:db8:96::20"})),
               put("shop/a", endpoints("cart", {"10.1.0.1", "2001:db8:1::1"}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.20", 80))), "10.1.0.1");
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("2001:db8::1", "2001:db8:96::20", 80))),
            "2001:db8:1::1");
}

// Shares of `count` flows, each from another source port and address.
std::map<std::string, double> shares(const World& world, const char* destination, int count) {
  std::map<std::string, double> shares;
  for (int i = 0; i < count; ++i) {
    Flow each = flow("10.9.0.1", destination, 80);
    each.source = IpAddress(wire::Ipv4Address::from_host(0x0a09'0000 + static_cast<uint32_t>(i)));
    each.source_port = static_cast<uint16_t>(1024 + i % 60'000);
    shares[outcome(decide(*world.snapshot, each))] += 1.0 / count;
  }
  return shares;
}

TEST(Decide, EndpointsGetTheirWeights) {
  World world;
  EndpointSet set = endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.3"});
  set.endpoints[0].weight = 3;
  set.endpoints[2].weight = 0;
  world.apply({put("shop/cart", service({"10.96.0.20"})), put("shop/cart-1", set)});
  const auto got = shares(world, "10.96.0.20", 100'000);
  EXPECT_EQ(got.size(), 2u);
  EXPECT_NEAR(got.at("10.1.0.1"), 0.75, 0.01);
  EXPECT_NEAR(got.at("10.1.0.2"), 0.25, 0.01);
}

// The chosen endpoint is independent of the chosen backend: all pairs come, each in its share.
TEST(Decide, BackendsGetTheirWeights) {
  World world;
  const Route route{
      .service = "cart",
      .rules = {{.backends = {backend("cart", 90), backend("cart-2", 10), backend("cart-3", 0)}}}};
  world.apply({put("shop/cart", service({"10.96.0.20"})),
               put("shop/cart-2", service({"10.96.0.2"})),
               put("shop/cart-3", service({"10.96.0.3"})),
               put("shop/a", endpoints("cart", {"10.1.0.1", "10.1.0.2"})),
               put("shop/b", endpoints("cart-2", {"10.1.0.3", "10.1.0.4"})),
               put("shop/c", endpoints("cart-3", {"10.1.0.5"})), put("shop/split", route)});
  const auto got = shares(world, "10.96.0.20", 100'000);
  EXPECT_EQ(got.size(), 4u);
  EXPECT_NEAR(got.at("10.1.0.1"), 0.45, 0.01);
  EXPECT_NEAR(got.at("10.1.0.2"), 0.45, 0.01);
  EXPECT_NEAR(got.at("10.1.0.3"), 0.05, 0.005);
  EXPECT_NEAR(got.at("10.1.0.4"), 0.05, 0.005);
}

TEST(Decide, NobodyTakesWhatHasNoWeight) {
  World world;
  const Route route{.service = "cart", .rules = {{.backends = {backend("cart", 0)}}}};
  world.apply({put("shop/cart", service({"10.96.0.20"})),
               put("shop/a", endpoints("cart", {"10.1.0.1"})), put("shop/stop", route)});
  const Decision decision = decide(*world.snapshot, flow("10.9.0.1", "10.96.0.20", 80));
  EXPECT_EQ(outcome(decision), "no endpoint");
  EXPECT_EQ(world.model.route_name(world.snapshot->frontends[decision.frontend]->route),
            "shop/stop");
}

TEST(Decide, FallsBackWhileNobodyIsThere) {
  World world;
  Service first = service({"10.96.0.1"}), second = service({"10.96.0.2"});
  first.fallback = "second";
  second.fallback = "third";
  world.apply({put("shop/first", first), put("shop/second", second),
               put("shop/third", service({"10.96.0.3"})),
               put("shop/c", endpoints("third", {"10.1.0.3"}))});
  const auto now = [&] {
    return outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80)));
  };
  EXPECT_EQ(now(), "10.1.0.3");
  world.apply({put("shop/b", endpoints("second", {"10.1.0.2"}))});
  EXPECT_EQ(now(), "10.1.0.2");
  EndpointSet drained = endpoints("first", {"10.1.0.1"});
  drained.endpoints[0].weight = 0;
  world.apply({put("shop/a", drained)});
  EXPECT_EQ(now(), "10.1.0.2") << "an endpoint without weight takes nothing new";
  world.apply({put("shop/a", endpoints("first", {"10.1.0.1"}))});
  EXPECT_EQ(now(), "10.1.0.1");
  world.apply({remove(Kind::kEndpointSet, "shop/a"), remove(Kind::kEndpointSet, "shop/b"),
               remove(Kind::kEndpointSet, "shop/c")});
  EXPECT_EQ(now(), "no endpoint");
}

TEST(Decide, SourceAddressAloneKeepsAClientTogether) {
  World world;
  world.apply(
      {put("shop/cart", service({"10.96.0.20"}, {{"a", 80}, {"b", 443}})),
       put("shop/cart-1", endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.3"})),
       put("shop/sticky", TrafficPolicy{.service = "cart", .hash_on = HashOn::kSourceAddress})});
  std::map<std::string, int> clients;
  for (int client = 1; client <= 60; ++client) {
    const std::string source = "10.9.0." + std::to_string(client);
    std::map<std::string, int> seen;
    for (uint16_t port = 1'000; port < 1'050; ++port) {
      ++seen[outcome(decide(*world.snapshot, flow(source.c_str(), "10.96.0.20", 80, port)))];
      ++seen[outcome(decide(*world.snapshot, flow(source.c_str(), "10.96.0.20", 443, port)))];
    }
    EXPECT_EQ(seen.size(), 1u) << source;
    ++clients[seen.begin()->first];
  }
  EXPECT_EQ(clients.size(), 3u);
}

// Each bit of each field changes about half of the hash's bits.
TEST(Hash, IsWellMixed) {
  Random random(test_seed());
  const auto flip = [](Flow& flow, int bit) {
    auto bytes = (bit < 128 ? flow.source : flow.destination).v6().bytes();
    if (bit < 256) {
      bytes[static_cast<size_t>(bit % 128 / 8)] ^= static_cast<uint8_t>(1 << (bit % 8));
      (bit < 128 ? flow.source : flow.destination) = IpAddress(wire::Ipv6Address(bytes));
    } else if (bit < 272) {
      flow.source_port ^= static_cast<uint16_t>(1 << (bit - 256));
    } else {
      flow.destination_port ^= static_cast<uint16_t>(1 << (bit - 272));
    }
  };
  for (int bit = 0; bit < 288; ++bit) {
    int changed = 0;
    constexpr int kRounds = 200;
    for (int i = 0; i < kRounds; ++i) {
      const auto address = [&] {
        return IpAddress(wire::Ipv6Address::from_host(random.next(), random.next()));
      };
      Flow flow{.source = address(), .destination = address()};
      const uint32_t before = hash_of(flow, HashOn::kFlow);
      flip(flow, bit);
      changed += std::popcount(before ^ hash_of(flow, HashOn::kFlow));
    }
    EXPECT_NEAR(changed, kRounds * 16, 6 * std::sqrt(kRounds * 8.0)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace heddle::policy
