// Lpm against a linear twin: all prefixes, searched each time.
#include "l3/lpm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/random.h"
#include "seed.h"
#include "wire/address.h"

namespace heddle::l3 {
namespace {

using wire::Ipv4Address;
using wire::Ipv6Address;

template <class Address>
struct Twin {
  using Entry = typename Lpm<Address>::Entry;
  std::vector<Entry> entries;

  uint32_t lookup(const Address& address) const {
    const Entry* best = nullptr;
    for (const Entry& entry : entries) {
      const bool holds =
          wire::network_of(address, entry.length) == wire::network_of(entry.prefix, entry.length);
      if (holds && (best == nullptr || entry.length >= best->length)) best = &entry;
    }
    return best == nullptr ? Lpm<Address>::kNoRoute : best->value;
  }
};

Ipv4Address random_address(Random& random, Ipv4Address) {
  return Ipv4Address::from_host(static_cast<uint32_t>(random.next()));
}
Ipv6Address random_address(Random& random, Ipv6Address) {
  return Ipv6Address::from_host(random.next(), random.next());
}

// An address that differs from `base` in a few bits of its tail: close prefixes nest and share
// bytes, far ones do not.
template <class Address>
Address near_address(Random& random, const Address& base) {
  auto bytes = base.bytes();
  const uint32_t from = random.below(sizeof(Address));
  for (uint32_t i = from; i < sizeof(Address); ++i)
    if (random.below(2) == 0) bytes[i] = static_cast<uint8_t>(random.next() >> 56);
  return Address(bytes);
}

template <class Address>
class LpmTwin : public testing::Test {};
using Addresses = testing::Types<Ipv4Address, Ipv6Address>;
TYPED_TEST_SUITE(LpmTwin, Addresses);

TYPED_TEST(LpmTwin, FindsWhatTheTwinFinds) {
  using Address = TypeParam;
  constexpr uint32_t kBits = 8 * sizeof(Address);
  Random random(test_seed());
  for (int round = 0; round < 150; ++round) {
    Twin<Address> twin;
    const uint32_t count = random.below(60);
    const uint32_t bases = 1 + random.below(4);
    std::vector<Address> pool;
    for (uint32_t i = 0; i < bases; ++i) pool.push_back(random_address(random, Address()));
    for (uint32_t i = 0; i < count; ++i) {
      const Address address = random.below(10) == 0
                                  ? random_address(random, Address())
                                  : near_address(random, pool[random.below(bases)]);
      const uint32_t edges[] = {0, 1, 7, 8, 9, kBits - 8, kBits - 1, kBits};
      const auto length = static_cast<uint8_t>(
          random.below(3) == 0 ? edges[random.below(std::size(edges))] : random.below(kBits + 1));
      twin.entries.push_back({address, length, random.below(1000)});
      if (random.below(8) == 0) twin.entries.push_back({address, length, random.below(1000)});
      pool.push_back(address);
    }
    const Lpm<Address> lpm(twin.entries);
    for (int i = 0; i < 400; ++i) {
      Address address = random_address(random, Address());
      if (i % 4 != 0)
        address = near_address(random, pool[random.below(static_cast<uint32_t>(pool.size()))]);
      ASSERT_EQ(lpm.lookup(address), twin.lookup(address))
          << wire::to_string(address) << " round " << round;
    }
    // The first and last address of each prefix, and the ones beside them.
    for (const auto& entry : twin.entries) {
      auto first = wire::network_of(entry.prefix, entry.length).bytes();
      auto last = first;
      for (uint32_t bit = entry.length; bit < kBits; ++bit)
        last[bit / 8] = static_cast<uint8_t>(last[bit / 8] | 0x80 >> bit % 8);
      const auto step = [](auto bytes, int by) {
        for (size_t i = bytes.size(); i-- > 0;) {
          bytes[i] = static_cast<uint8_t>(bytes[i] + by);
          if (bytes[i] != (by > 0 ? 0x00 : 0xff)) break;
        }
        return bytes;
      };
      for (const auto& bytes : {first, last, step(first, -1), step(last, 1)})
        ASSERT_EQ(lpm.lookup(Address(bytes)), twin.lookup(Address(bytes)))
            << wire::to_string(Address(bytes));
    }
  }
}

TYPED_TEST(LpmTwin, HoldsNothingWhenEmpty) {
  const Lpm<TypeParam> lpm;
  EXPECT_EQ(lpm.lookup(TypeParam()), Lpm<TypeParam>::kNoRoute);
  EXPECT_EQ(lpm.node_count(), 1u);
}

TYPED_TEST(LpmTwin, HoldsADefaultRouteAlone) {
  using Entry = typename Lpm<TypeParam>::Entry;
  Random random(test_seed());
  const Lpm<TypeParam> lpm(std::vector<Entry>{{TypeParam(), 0, 7}});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(lpm.lookup(random_address(random, TypeParam())), 7u);
}

using Entry4 = Lpm<Ipv4Address>::Entry;

TEST(Lpm, LaterEntriesReplaceEqualOnes) {
  const std::vector<Entry4> entries = {
      {Ipv4Address(10, 0, 0, 0), 8, 1},
      {Ipv4Address(10, 9, 9, 9), 8, 2},  // the same, with bits past it
      {Ipv4Address(10, 1, 1, 1), 32, 3},
      {Ipv4Address(10, 1, 1, 1), 32, 4}};
  const Lpm<Ipv4Address> lpm(entries);
  EXPECT_EQ(lpm.lookup(Ipv4Address(10, 0, 0, 1)), 2u);
  EXPECT_EQ(lpm.lookup(Ipv4Address(10, 1, 1, 1)), 4u);
  EXPECT_EQ(lpm.lookup(Ipv4Address(11, 1, 1, 1)), Lpm<Ipv4Address>::kNoRoute);
}

TEST(Lpm, FallsBackToTheShorterPrefixInSkippedBytes) {
  const std::vector<Entry4> entries = {{Ipv4Address(10, 0, 0, 0), 8, 1},
                                       {Ipv4Address(10, 1, 2, 3), 32, 2}};
  const Lpm<Ipv4Address> lpm(entries);
  EXPECT_EQ(lpm.lookup(Ipv4Address(10, 1, 2, 3)), 2u);
  EXPECT_EQ(lpm.lookup(Ipv4Address(10, 1, 2, 4)), 1u);
  EXPECT_EQ(lpm.lookup(Ipv4Address(10, 7, 2, 3)), 1u);
  EXPECT_EQ(lpm.lookup(Ipv4Address(10, 1, 7, 3)), 1u);
}

// The promise of lpm.h: nodes only where prefixes differ.
TEST(Lpm, TakesFewNodesForDistantHostRoutes) {
  std::vector<Lpm<Ipv6Address>::Entry> entries;
  for (uint64_t i = 0; i < 200; ++i)
    entries.push_back(
        {Ipv6Address::from_host(0x20010db8'00000000 + i, 1), 128, static_cast<uint32_t>(i)});
  EXPECT_LE(Lpm<Ipv6Address>(entries).node_count(), 201u);
}

}  // namespace
}  // namespace heddle::l3
