#include "resilience/shared_rate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace heddle::resilience {
namespace {

constexpr Instant kStart(1'000'000'000'000);
using Keys = SharedRate::Keys;

TEST(SharedRate, WithoutKeysAllWorkersShareOneBucket) {
  SharedRate rate({.tokens = 5, .per = seconds(60), .burst = 5}, 2, Keys::kNone);
  for (uint16_t i = 0; i < 5; ++i) EXPECT_TRUE(rate.take(WorkerId(i % 2), i, kStart).allowed);
  EXPECT_FALSE(rate.take(WorkerId(0), 7, kStart).allowed);
  EXPECT_FALSE(rate.take(WorkerId(1), 8, kStart).allowed);
  EXPECT_EQ(rate.take(WorkerId(1), 8, kStart).retry_after, seconds(12));
  EXPECT_EQ(rate.keys_in_use(kStart), 0u);
}

TEST(SharedRate, KeysWithoutAPlaceShareTheCommonBucket) {
  SharedRate rate({.tokens = 3, .per = seconds(60), .burst = 3}, 2, Keys::kSome, 1);
  for (uint64_t key = 1; key <= KeyedRates::kPlaces; ++key) {
    const SharedRate::Verdict verdict = rate.take(WorkerId(0), key, kStart);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_FALSE(verdict.common);
  }
  EXPECT_EQ(rate.keys_in_use(kStart), KeyedRates::kPlaces);
  for (uint64_t key = 100; key < 103; ++key) {
    const SharedRate::Verdict verdict = rate.take(WorkerId(key % 2), key, kStart);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_TRUE(verdict.common);
  }
  EXPECT_FALSE(rate.take(WorkerId(0), 103, kStart).allowed) << "however many keys there are";
  EXPECT_TRUE(rate.take(WorkerId(0), 1, kStart).allowed) << "who has a place has his own";
}

TEST(SharedRate, WhatAnIdleWorkerHoldsGoesBack) {
  const auto rate = std::make_shared<SharedRate>(
      Rate{.tokens = 1'000'000, .per = seconds(1), .burst = 1'000}, 1, Keys::kNone);
  HeldRates held(WorkerId(0), 4);
  EXPECT_EQ(held.next_deadline(), kNever);
  ASSERT_TRUE(rate->take(WorkerId(0), 0, kStart).allowed);
  held.note(rate, kStart);
  EXPECT_EQ(held.next_deadline(), kStart + milliseconds(1));
  EXPECT_EQ(rate.use_count(), 2);
  held.on_tick(kStart + microseconds(999));
  EXPECT_EQ(rate.use_count(), 2);
  held.on_tick(kStart + milliseconds(1));
  EXPECT_EQ(held.next_deadline(), kNever);
  EXPECT_EQ(rate.use_count(), 1);
  // Nothing is lost: the bucket is full.
  uint64_t taken = 0;
  while (rate->take(WorkerId(0), 0, kStart + milliseconds(1)).allowed) ++taken;
  EXPECT_EQ(taken, 1'000u);
}

TEST(SharedRate, MoreThanAWorkerCanListGiveBackAtOnce) {
  std::vector<std::shared_ptr<SharedRate>> rates;
  HeldRates held(WorkerId(0), 2);
  for (int i = 0; i < 5; ++i) {
    rates.push_back(std::make_shared<SharedRate>(
        Rate{.tokens = 1'000'000, .per = seconds(1), .burst = 1'000}, 1, Keys::kNone));
    ASSERT_TRUE(rates.back()->take(WorkerId(0), 0, kStart).allowed);
    held.note(rates.back(), kStart);
    held.note(rates.back(), kStart);  // again: nothing
  }
  EXPECT_EQ(rates[0].use_count() + rates[1].use_count(), 4);
  for (int i = 2; i < 5; ++i) EXPECT_EQ(rates[static_cast<size_t>(i)].use_count(), 1);
  held.on_tick(kStart + seconds(1));
  for (const auto& rate : rates) EXPECT_EQ(rate.use_count(), 1);
}

// Workers take, give back and drop a rate while others do.
TEST(SharedRate, AcrossThreads) {
  constexpr uint16_t kThreads = 4;
  std::atomic<uint64_t> allowed{0};
  {
    const auto rate = std::make_shared<SharedRate>(
        Rate{.tokens = 86'400'000, .per = seconds(86'400), .burst = 40'000}, kThreads, Keys::kNone);
    std::vector<std::thread> threads;
    for (uint16_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&allowed, rate, t] {
        HeldRates held{WorkerId(t), 4};
        for (int i = 0; i < 20'000; ++i) {
          const Instant now = kStart + microseconds(i / 100);
          allowed += rate->take(WorkerId(t), 0, now).allowed ? 1u : 0u;
          held.note(rate, now);
          held.on_tick(now);
        }
        held.on_tick(kStart + seconds(1));
      });
    for (std::thread& thread : threads) thread.join();
    uint64_t rest = 0;
    while (rate->take(WorkerId(0), 0, kStart + microseconds(200)).allowed) ++rest;
    EXPECT_EQ(allowed + rest, 40'000u) << "to the last token";
  }
}

}  // namespace
}  // namespace heddle::resilience
