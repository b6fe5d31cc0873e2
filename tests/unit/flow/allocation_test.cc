// Nothing allocates once all is made: packets of every kind go through with a counting allocator.
#include <gtest/gtest.h>

#include "allocations.h"
#include "core/random.h"
#include "flow/fragments.h"
#include "flow/icmp_related.h"
#include "flow/translator.h"
#include "seed.h"
#include "tracking.h"

namespace heddle::flow {
namespace {

struct Nobody : FragmentListener {
  void gone(uint32_t) override {}
};

template <class Address>
class Allocation : public testing::Test {};
TYPED_TEST_SUITE(Allocation, Families);

TYPED_TEST(Allocation, NoneInSteadyState) {
  Random random(test_seed());
  TrackerConfig config = small_config(64);
  config.limits.evict_idle = seconds(0);
  config.limits.source_rate = 1'000;
  Tracker tracker(config, random.next(), kStart);
  TranslatorConfig nat;
  nat.pool4.groups = {{host<Ipv4Address>(8, 1)}};
  nat.pool6.groups = {{host<Ipv6Address>(8, 1)}};
  nat.mappings4 = nat.mappings6 = 32;
  Translator translator(nat, tracker, random.next());
  Fragments<TypeParam> fragments(FragmentLimits{.datagrams = 16}, random.next());
  Nobody nobody;
  std::vector<Bytes> packets;
  std::vector<Parsed<TypeParam>> all;
  for (int i = 0; i < 256; ++i) packets.push_back(packet_of(random_key<TypeParam>(random)));
  for (Bytes& packet : packets) all.push_back(parsed<TypeParam>(packet));
  Bytes error = icmp_packet(host<TypeParam>(2, 1), host<TypeParam>(1, 1), kIsV6<TypeParam> ? 1 : 3,
                            0, 0, packets[0]);
  const auto about = parsed<TypeParam>(error);
  std::vector<Tracked> out(256);
  uint64_t passed = 0, allocated = 0;
  Instant now = kStart;
  {
    const rig::AllocationCount count;
    for (int turn = 0; turn < 50; ++turn) {
      // Now and then so long a silence that flows expire; else they push each other out.
      now = now + seconds(turn % 10 == 9 ? 500 : 1);
      tracker.table().advance(now, 1'000);
      fragments.advance(now, 100, nobody);
      tracker.track(std::span<const Parsed<TypeParam>>(all), kCurrent, now, out);
      for (size_t i = 0; i < 256; ++i) {
        if (out[i].outcome == Outcome::kNew) {
          const auto source = static_cast<SourceNat>(random.below(3));
          out[i] = translator.open(all[i],
                                   Plan<TypeParam>{.source = source, .generation = kCurrent}, now);
        }
        passed += out[i].outcome == Outcome::kPass;
        fragments.see({.source = host<TypeParam>(1, 1),
                       .destination = host<TypeParam>(2, 2),
                       .id = random.below(40),
                       .offset = 8 * random.below(50),
                       .length = 8,
                       .more = true},
                      now, nobody);
      }
      relate(tracker, about);
    }
    allocated = count.value();
  }
  EXPECT_EQ(allocated, 0u);
  EXPECT_GT(passed, 1'000u);
  EXPECT_GT(tracker.table().counters().expired.value(), 10u);
}

}  // namespace
}  // namespace heddle::flow
