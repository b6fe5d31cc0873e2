#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "core/random.h"
#include "flow/bucket_index.h"
#include "flow/hash.h"
#include "packets.h"
#include "seed.h"

namespace heddle::flow {
namespace {

// A slow, obviously correct twin: entries by hash and reference.
TEST(BucketIndex, AgreesWithAMultimap) {
  Random random(test_seed());
  BucketIndex index(300);
  std::multimap<uint64_t, uint32_t> twin;
  for (int step = 0; step < 200'000; ++step) {
    // Few different homes and signatures, so that buckets overflow and signatures collide.
    const uint32_t home = random.below(40), low = 1 + random.below(6);
    const uint64_t hash = uint64_t{home} << 58 | low;
    const uint32_t reference = (home * 8 + low) * 8 + random.below(8);
    const auto range = twin.equal_range(hash);
    const bool there = std::any_of(range.first, range.second,
                                   [&](const auto& entry) { return entry.second == reference; });
    const uint32_t found = index.find(hash, [&](uint32_t at) { return at == reference; });
    ASSERT_EQ(found != BucketIndex::kNone, there);
    if (there && random.below(2) == 0) {
      index.erase(hash, reference);
      twin.erase(std::find_if(range.first, range.second,
                              [&](const auto& entry) { return entry.second == reference; }));
    } else if (!there) {
      const bool full = twin.size() == index.capacity();
      ASSERT_EQ(index.insert(hash, reference), !full);
      if (!full) twin.emplace(hash, reference);
    }
    ASSERT_EQ(index.size(), twin.size());
  }
  for (const auto& [hash, reference] : twin) index.erase(hash, reference);
  EXPECT_EQ(index.size(), 0u);
  // Nothing is left of what went past: every look-up ends in its own bucket.
  for (uint64_t home = 0; home < 64; ++home) EXPECT_EQ(index.probes(home << 58), 1u);
}

TEST(BucketIndex, GuessesWhatIsInItsOwnBucket) {
  BucketIndex index(1000);
  EXPECT_EQ(index.guess(0x1234'5678'0000'9abc), BucketIndex::kNone);
  ASSERT_TRUE(index.insert(0x1234'5678'0000'9abc, 7));
  EXPECT_EQ(index.guess(0x1234'5678'0000'9abc), 7u);
}

TEST(BucketIndex, AFullOneMissesAfterItsOwnBucketMostly) {
  Random random(test_seed());
  BucketIndex index(100'000);
  for (uint32_t i = 0; i < 100'000; ++i) ASSERT_TRUE(index.insert(random.next(), i));
  uint64_t probes = 0;
  uint32_t worst = 0;
  for (uint32_t i = 0; i < 100'000; ++i) {
    const uint32_t walked = index.probes(random.next());
    probes += walked;
    worst = std::max(worst, walked);
  }
  EXPECT_LT(static_cast<double>(probes) / 100'000, 1.25);
  EXPECT_LT(worst, 12u);
}

template <class Address>
class KeyHashOf : public testing::Test {};
TYPED_TEST_SUITE(KeyHashOf, Families);

TYPED_TEST(KeyHashOf, IsTheSameForBothDirections) {
  Random random(test_seed());
  const KeyHash hash(random.next());
  for (int i = 0; i < 1000; ++i) {
    const auto key = random_key<TypeParam>(random);
    ASSERT_EQ(hash(key), hash(key.reversed()));
    ASSERT_EQ(key.reversed().reversed(), key);
  }
}

TYPED_TEST(KeyHashOf, TellsTheProtocolsApart) {
  const KeyHash hash(5);
  const auto a = host<TypeParam>(1, 1), b = host<TypeParam>(2, 2);
  EXPECT_NE(hash(key_of(a, 1, b, 2, IpProtocol::kTcp)), hash(key_of(a, 1, b, 2, IpProtocol::kUdp)));
}

// Somebody who knows the hash with one seed chooses keys of one bucket. With another seed, which
// he does not know, the same keys are spread as any others.
TYPED_TEST(KeyHashOf, CollisionsUnderOneSeedAreNoneUnderAnother) {
  Random random(test_seed());
  const KeyHash known(random.next());
  const KeyHash secret(random.next());
  std::vector<Key<TypeParam>> chosen;
  for (uint32_t i = 0; chosen.size() < 500; ++i) {
    const auto key = key_of(host<TypeParam>(1, i % 60'000), static_cast<uint16_t>(i / 60'000),
                            host<TypeParam>(2, 1), 80);
    if (known(key) >> 55 == 77) chosen.push_back(key);  // one of 512 buckets
  }
  std::map<uint64_t, int> spread;
  int most = 0;
  for (const auto& key : chosen) most = std::max(most, ++spread[secret(key) >> 55]);
  EXPECT_LE(most, 12);  // of a mean of 1; 500 would share one bucket
}

// Tuples of a scan differ in few low bits; they must not share buckets or signatures.
TYPED_TEST(KeyHashOf, SpreadsNeighbouringTuples) {
  Random random(test_seed());
  const KeyHash hash(random.next());
  std::vector<int> buckets(1024);
  std::vector<int> signatures(1024);
  for (uint32_t i = 0; i < 32'768; ++i) {
    const uint64_t h = hash(key_of(host<TypeParam>(1, i / 256), static_cast<uint16_t>(i % 256),
                                   host<TypeParam>(2, 1), 80));
    ++buckets[h >> 54];
    ++signatures[h & 1023];
  }
  for (size_t i = 0; i < 1024; ++i) {
    EXPECT_NEAR(buckets[i], 32, 32);
    EXPECT_NEAR(signatures[i], 32, 32);
  }
}

}  // namespace
}  // namespace heddle::flow
