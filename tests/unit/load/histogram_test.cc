// Latencies are told to within a 64th, whatever their size, and never below what was met.
#include "histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "seed.h"

namespace heddle::load {
namespace {

TEST(Histogram, TellsNothingOfNothing) {
  const Histogram none;
  EXPECT_EQ(none.total(), 0u);
  EXPECT_EQ(none.percentile(0.5), Duration());
  EXPECT_EQ(none.longest(), Duration());
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram all;
  for (int64_t ns = 0; ns < 64; ++ns) all.add(Duration(ns));
  EXPECT_EQ(all.percentile(0), Duration(0));
  EXPECT_EQ(all.percentile(0.5), Duration(31));
  EXPECT_EQ(all.percentile(1), Duration(63));
}

TEST(Histogram, EachSizeIsWithinASixtyFourth) {
  for (int64_t ns = 1; ns < int64_t{1} << 41; ns += ns / 7 + 1) {
    Histogram one;
    one.add(Duration(ns));
    one.add(Duration(int64_t{1} << 41));  // so that the longest does not cap the answer
    const int64_t told = one.percentile(0.5).ns();
    EXPECT_GE(told, ns);
    EXPECT_LE(told, ns + ns / 64) << ns;
  }
}

TEST(Histogram, WhatIsTooLongOrNegativeStaysInside) {
  Histogram all;
  all.add(Duration(-5));
  all.add(Duration(INT64_MAX));
  EXPECT_EQ(all.total(), 2u);
  EXPECT_EQ(all.percentile(0.5), Duration(0));
  EXPECT_EQ(all.longest(), Duration(INT64_MAX));
  EXPECT_GE(all.percentile(1), Duration((int64_t{1} << 42) - 1));
}

TEST(Histogram, AgreesWithSortedValuesAndMerges) {
  Random random(test_seed());
  std::vector<int64_t> values;
  Histogram halves[2];
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = static_cast<int64_t>(random.next() >> (24 + random.next() % 39));
    values.push_back(ns);
    halves[i % 2].add(Duration(ns));
  }
  halves[0].merge(halves[1]);
  std::ranges::sort(values);
  ASSERT_EQ(halves[0].total(), values.size());
  EXPECT_EQ(halves[0].longest().ns(), values.back());
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(share * static_cast<double>(values.size()) + 0.999999);
    const int64_t exact = values[rank - 1];
    EXPECT_GE(halves[0].percentile(share).ns(), exact) << share;
    EXPECT_LE(halves[0].percentile(share).ns(), exact + exact / 64) << share;
  }
}

}  // namespace
}  // namespace heddle::load
