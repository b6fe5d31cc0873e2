// Slow start's ramp, and the hashes of addresses.
#include "balance/slow_start.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "balance/address_hash.h"
#include "balance/maglev.h"
#include "endpoints.h"
#include "seed.h"

namespace heddle::balance {
namespace {

TEST(SlowStart, GrowsAsEnvoy) {
  struct Row {
    const char* what;
    Duration age;
    SlowStart policy;
    double factor;
  };
  const Row rows[] = {
      {"half of the window", seconds(30), {seconds(60)}, 0.5},
      {"the window's end", seconds(60), {seconds(60)}, 1},
      {"long after", seconds(6'000), {seconds(60)}, 1},
      {"new: the least", seconds(0), {seconds(60)}, 0.1},
      {"new without a least: one second", milliseconds(1), {seconds(60), 1.0, 0}, 1 / 60.0},
      {"before its time", seconds(-5), {seconds(60), 1.0, 0}, 1 / 60.0},
      {"faster at first", seconds(15), {seconds(60), 2.0}, 0.5},
      {"slower at first", seconds(30), {seconds(60), 0.5}, 0.25},
      {"a window below a second", milliseconds(1), {milliseconds(500)}, 1},
      {"no window", seconds(0), {}, 1},
      {"all from the start", seconds(1), {seconds(60), 1.0, 100}, 1},
  };
  for (const Row& row : rows)
    EXPECT_NEAR(slow_start_factor(row.age, row.policy), row.factor, 1e-9) << row.what;
}

TEST(SlowStart, NeverShrinks) {
  for (const double aggression : {0.3, 1.0, 4.0}) {
    double last = 0;
    for (int64_t ms = 0; ms < 70'000; ms += 100) {
      const double factor = slow_start_factor(milliseconds(ms), {seconds(60), aggression, 5});
      ASSERT_GE(factor, last);
      ASSERT_LE(factor, 1);
      last = factor;
    }
    EXPECT_EQ(last, 1);
  }
}

TEST(SlowStart, WeighsTheNewLess) {
  std::vector<Endpoint> endpoints = {{1, 1}, {2, 1}, {3, 2}, {4, 0}};
  const Instant now(seconds(1'000).ns());
  const std::vector<Instant> since = {Instant(), now - seconds(30), now - seconds(6), now};
  EXPECT_TRUE(apply_slow_start(endpoints, since, now, {seconds(60)}));
  EXPECT_EQ(endpoints[0].weight, 1'024u);
  EXPECT_EQ(endpoints[1].weight, 512u);
  EXPECT_EQ(endpoints[2].weight, 204u);
  EXPECT_EQ(endpoints[3].weight, 0u);
}

TEST(SlowStart, ChangesNothingAfterTheWindow) {
  std::vector<Endpoint> endpoints = {{1, 3}, {2, 5}, {3, 0}};
  const Instant now(seconds(1'000).ns());
  // The one without weight is new, but that does not matter.
  const std::vector<Instant> since = {Instant(), now - seconds(60), now};
  EXPECT_FALSE(apply_slow_start(endpoints, since, now, {seconds(60)}));
  EXPECT_EQ(endpoints[0].weight, 3u);
  EXPECT_EQ(endpoints[1].weight, 5u);
}

TEST(SlowStart, LargestWeightsDoNotOverflow) {
  std::vector<Endpoint> endpoints = {{1, UINT32_MAX}, {2, 1}, {3, 100}};
  const Instant now(seconds(1'000).ns());
  const std::vector<Instant> since = {Instant(), now, now - seconds(30)};
  EXPECT_TRUE(apply_slow_start(endpoints, since, now, {seconds(60)}));
  EXPECT_EQ(endpoints[0].weight, UINT32_MAX);
  EXPECT_EQ(endpoints[1].weight, 1u);
  EXPECT_EQ(endpoints[2].weight, 50u);
}

// Scaling alone must not move the flows of those who are not new.
TEST(SlowStart, ScalingLeavesAMaglevTableAsItIs) {
  Random random(test_seed());
  auto endpoints = make_endpoints(random, 30);
  for (Endpoint& e : endpoints) e.weight = 1 + random.below(10);
  const Maglev before(endpoints);
  const Instant now(seconds(1'000).ns());
  std::vector<Instant> since(30);
  since[7] = now;
  endpoints[7].weight = 10;
  ASSERT_TRUE(apply_slow_start(endpoints, since, now, {seconds(60), 1.0, 100}));
  endpoints[7].weight = 1'024u * 10;
  auto scaled = endpoints;
  for (Endpoint& e : scaled) e.weight /= 1'024;
  EXPECT_TRUE(std::ranges::equal(Maglev(scaled).entries(), Maglev(endpoints).entries()));
}

TEST(AddressHash, TellsEndpointsApart) {
  std::set<uint64_t> keys;
  for (uint32_t host = 0; host < 256; ++host)
    for (uint16_t port = 8'000; port < 8'016; ++port) {
      keys.insert(endpoint_key(wire::Ipv4Address::from_host(0x0a000000 + host), Be16(port)));
      keys.insert(
          endpoint_key(wire::Ipv6Address::from_host(0x20010db8ull << 32, host), Be16(port)));
      keys.insert(
          endpoint_key(wire::Ipv6Address::from_host(host, 0x20010db8ull << 32), Be16(port)));
    }
  EXPECT_EQ(keys.size(), 3u * 256 * 16);
}

TEST(AddressHash, AClientKeepsItsEndpoint) {
  const auto client = wire::Ipv6Address::from_host(0x20010db8'00010002, 0x1234);
  const auto moved = wire::Ipv6Address::from_host(0x20010db8'00010002, 0x9999);
  const auto other = wire::Ipv6Address::from_host(0x20010db8'00010003, 0x1234);
  EXPECT_NE(client_hash(client, 1), client_hash(moved, 1));
  EXPECT_EQ(client_hash(client, 1, 64), client_hash(moved, 1, 64));
  EXPECT_NE(client_hash(client, 1, 64), client_hash(other, 1, 64));
  EXPECT_EQ(client_hash(client, 1, 200), client_hash(client, 1));
  EXPECT_NE(client_hash(client, 1), client_hash(client, 2));
  EXPECT_NE(client_hash(wire::Ipv4Address(10, 0, 0, 1), 1),
            client_hash(wire::Ipv4Address(10, 0, 0, 1), 2));
}

// Neighbouring addresses, as clients have them, are spread as well as any.
TEST(AddressHash, SpreadsNeighbours) {
  Random random(test_seed());
  const auto endpoints = make_endpoints(random, 50);
  const Maglev table(endpoints);
  const uint64_t secret = random.next();
  uint32_t host = 0;
  const auto counts = count_picks(50, 200'000, [&] {
    return table.pick(client_hash(wire::Ipv4Address::from_host(0x0a000000 + host++), secret));
  });
  EXPECT_LT(chi_square_sigmas(counts, shares_of(endpoints)), 6);
}

}  // namespace
}  // namespace heddle::balance
