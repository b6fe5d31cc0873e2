// FrontendTable against a map, and against somebody who wants long look-ups.
#include <gtest/gtest.h>

#include <map>

#include "core/random.h"
#include "policy/snapshot.h"
#include "seed.h"

namespace heddle::policy {
namespace {

FrontendKey random_key(Random& random, uint32_t addresses) {
  const auto host = random.below(addresses);
  const IpAddress address =
      random.below(2) == 0 ? IpAddress(wire::Ipv4Address::from_host(0x0a60'0000 + host))
                           : IpAddress(wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, host));
  return {address, random.below(2) == 0 ? Protocol::kTcp : Protocol::kUdp,
          static_cast<uint16_t>(1 + random.below(5))};
}

TEST(FrontendTable, FindsNothingWhenEmpty) { EXPECT_EQ(FrontendTable().find({}), kNoSlot); }

TEST(FrontendTable, FindsWhatAMapFinds) {
  Random random(test_seed());
  for (const uint32_t size : {1u, 2u, 10u, 1'000u, 16'384u}) {
    std::map<FrontendKey, uint32_t> map;
    while (map.size() < size) map.emplace(random_key(random, size), map.size());
    std::vector<FrontendTable::Entry> entries;
    for (const auto& [key, slot] : map) entries.push_back({key, slot});
    const FrontendTable table(entries);
    for (const auto& [key, slot] : map) ASSERT_EQ(table.find(key), slot);
    for (int i = 0; i < 10'000; ++i) {
      const FrontendKey key = random_key(random, 2 * size);
      const auto found = map.find(key);
      ASSERT_EQ(table.find(key), found == map.end() ? kNoSlot : found->second);
    }
    EXPECT_LE(table.bytes(), std::max<size_t>(2, 4 * size) * sizeof(FrontendTable::Entry));
    EXPECT_LE(table.probes(), 40u) << size;
  }
}

TEST(FrontendTable, PortZeroIsEveryOther) {
  const IpAddress a(wire::Ipv4Address(10, 96, 0, 1)), b(wire::Ipv4Address(10, 96, 0, 2));
  const std::vector<FrontendTable::Entry> entries = {
      {{a, Protocol::kTcp, 0}, 1}, {{a, Protocol::kTcp, 80}, 2}, {{b, Protocol::kTcp, 80}, 3}};
  const FrontendTable table(entries);
  EXPECT_EQ(table.find({a, Protocol::kTcp, 80}), 2u);
  EXPECT_EQ(table.find({a, Protocol::kTcp, 81}), 1u);
  EXPECT_EQ(table.find({a, Protocol::kUdp, 81}), kNoSlot);
  EXPECT_EQ(table.find({b, Protocol::kTcp, 81}), kNoSlot);
}

// Keys that all start at one place under the first seed.
TEST(FrontendTable, HostileKeysAreNoLongerToFind) {
  Random random(test_seed());
  std::vector<FrontendTable::Entry> entries;
  const uint32_t mask = 2 * 512 - 1;
  while (entries.size() < 512) {
    FrontendKey key = random_key(random, UINT32_MAX);
    key.port = static_cast<uint16_t>(random.next());
    if (FrontendTable::place(key, 1, mask) == 7)
      entries.push_back({key, static_cast<uint32_t>(entries.size())});
  }
  const FrontendTable table(entries);
  EXPECT_LE(table.probes(), 40u);
  for (const auto& [key, slot] : entries) ASSERT_EQ(table.find(key), slot);
}

}  // namespace
}  // namespace heddle::policy
