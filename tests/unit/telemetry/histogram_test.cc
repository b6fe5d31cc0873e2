#include "telemetry/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "core/random.h"
#include "seed.h"

namespace heddle::telemetry {
namespace {

TEST(LogScale, EverySlotBeginsWhereTheOneBeforeEnds) {
  for (size_t slot = 0; slot < TimeScale::kSlots; ++slot) {
    EXPECT_EQ(TimeScale::slot_of(TimeScale::begin_of(slot)), slot);
    EXPECT_EQ(TimeScale::slot_of(TimeScale::end_of(slot)), slot);
    if (slot > 0) {
      EXPECT_EQ(TimeScale::begin_of(slot), TimeScale::end_of(slot - 1) + 1);
    }
  }
}

TEST(LogScale, ReachesAHundredSeconds) {
  EXPECT_GT(TimeScale::end_of(TimeScale::kSlots - 1), 100'000'000u);
  EXPECT_EQ(TimeScale::slot_of(UINT64_MAX), TimeScale::kSlots - 1);
}

TEST(Histogram, QuantilesAreRightToWithinAStep) {
  const uint64_t seed = test_seed();
  Random random(seed);
  Histogram histogram;
  std::vector<int64_t> all;
  for (int i = 0; i < 20'000; ++i) {
    const int64_t us = 1 + static_cast<int64_t>(random.next() >> (38 + random.below(26)));
    all.push_back(us);
    histogram.add(microseconds(us));
  }
  std::ranges::sort(all);
  HistogramSum sum;
  histogram.add_to(sum);
  EXPECT_EQ(sum.total, all.size());
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto at = static_cast<size_t>(share * static_cast<double>(all.size()) + 0.9999) - 1;
    const auto exact = static_cast<double>(all[at]);
    const auto got = static_cast<double>(sum.quantile(share).us());
    EXPECT_NEAR(got, exact, exact * 0.033 + 1) << "share " << share << ", seed " << seed;
  }
}

TEST(Histogram, IsZeroWithoutAnything) {
  HistogramSum sum;
  EXPECT_EQ(sum.quantile(0.5), Duration());
  Histogram histogram;
  histogram.add(microseconds(-5));
  histogram.add_to(sum);
  EXPECT_EQ(sum.quantile(0.5), Duration());
  EXPECT_EQ(sum.total, 1u);
  histogram.clear();
  HistogramSum after;
  histogram.add_to(after);
  EXPECT_EQ(after.total, 0u);
}

TEST(Histogram, WorkersAddUpWhileTheyCount) {
  Histogram one, two;
  std::thread writer([&] {
    for (int i = 0; i < 50'000; ++i) one.add(microseconds(i));
  });
  for (int i = 0; i < 100; ++i) {
    HistogramSum sum;
    one.add_to(sum);
    EXPECT_LE(sum.total, 50'000u);
  }
  writer.join();
  two.add(seconds(1));
  HistogramSum sum;
  one.add_to(sum);
  two.add_to(sum);
  EXPECT_EQ(sum.total, 50'001u);
  EXPECT_EQ(sum.sum_us, 50'000u * 49'999 / 2 + 1'000'000);
}

}  // namespace
}  // namespace heddle::telemetry
