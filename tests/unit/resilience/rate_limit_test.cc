#include "resilience/rate_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/random.h"

namespace heddle::resilience {
namespace {

constexpr Instant kStart{1'000'000'000'000};

TEST(RateLimit, WhatIsPossible) {
  EXPECT_TRUE(RateLimit::is_possible({.tokens = 1, .per = seconds(1), .burst = 1}));
  EXPECT_TRUE(RateLimit::is_possible({.tokens = 1, .per = seconds(86'400), .burst = 1}));
  EXPECT_TRUE(RateLimit::is_possible({.tokens = 50'000'000, .per = seconds(1), .burst = 1'000}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 0, .per = seconds(1), .burst = 1}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 1, .per = seconds(1), .burst = 0}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 1, .per = {}, .burst = 1}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 1, .per = seconds(86'401), .burst = 1}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 100'000'000, .per = seconds(1), .burst = 1}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 1, .per = seconds(3'600), .burst = 25}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = UINT64_MAX, .per = seconds(1), .burst = 1}));
  EXPECT_FALSE(RateLimit::is_possible({.tokens = 1, .per = seconds(1), .burst = UINT64_MAX}));
}

TEST(RateLimit, ABucketAndThenTheRate) {
  RateLimit limit({.tokens = 10, .per = seconds(1), .burst = 3}, 1);
  RateLease lease(limit);
  EXPECT_EQ(lease.take(kStart).remaining, 2u);
  EXPECT_EQ(lease.take(kStart).remaining, 1u);
  const RateVerdict last = lease.take(kStart);
  EXPECT_TRUE(last.allowed);
  EXPECT_EQ(last.remaining, 0u);
  const RateVerdict refused = lease.take(kStart);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, milliseconds(100));
  EXPECT_FALSE(lease.take(kStart + milliseconds(99)).allowed);
  EXPECT_EQ(lease.take(kStart + milliseconds(60)).retry_after, milliseconds(40));
  EXPECT_TRUE(lease.take(kStart + milliseconds(100)).allowed);
  EXPECT_FALSE(lease.take(kStart + milliseconds(100)).allowed);
  // After a long pause no more than the bucket.
  int allowed = 0;
  while (lease.take(kStart + seconds(1'000)).allowed) ++allowed;
  EXPECT_EQ(allowed, 3);
}

TEST(RateLimit, OddRatesAreNotRounded) {
  const Rate rates[] = {{.tokens = 3, .per = seconds(1), .burst = 1},
                        {.tokens = 7'777'777, .per = seconds(1), .burst = 100},
                        {.tokens = 1, .per = milliseconds(3), .burst = 2}};
  for (const Rate& rate : rates) {
    RateLimit limit(rate, 1);
    RateLease lease(limit);
    const Duration whole = rate.tokens > 1'000 ? milliseconds(100) : seconds(30);
    const Duration step = rate.tokens > 1'000 ? nanoseconds(100) : milliseconds(1);
    double allowed = 0;
    for (Duration at; at < whole; at = at + step)
      allowed += lease.take(kStart + at).allowed ? 1 : 0;
    const double wanted = static_cast<double>(rate.tokens) * static_cast<double>(whole.ns()) /
                          static_cast<double>(rate.per.ns());
    EXPECT_NEAR(allowed, wanted + static_cast<double>(rate.burst), 0.001 * wanted + 1);
  }
}

// 200,000 a second asked for three times as much by four workers in turns: exact to 1 %.
TEST(RateLimit, AcrossWorkers) {
  for (const uint64_t tokens : {100ull, 5'000ull, 200'000ull}) {
    constexpr int kWorkers = 4;
    RateLimit limit({.tokens = tokens, .per = seconds(1), .burst = tokens / 20}, kWorkers);
    std::vector<std::unique_ptr<RateLease>> leases;
    for (int i = 0; i < kWorkers; ++i) leases.push_back(std::make_unique<RateLease>(limit));
    Random random(tokens);
    const Duration step = Duration(seconds(1).ns() / static_cast<int64_t>(3 * tokens));
    uint64_t allowed = 0;
    for (Duration at; at < seconds(2); at = at + step) {
      allowed += leases[random.below(kWorkers)]->take(kStart + at).allowed ? 1u : 0u;
      // As each turn of a worker does.
      if (random.below(16) == 0) leases[random.below(kWorkers)]->on_tick(kStart + at);
    }
    const double most = static_cast<double>(2 * tokens + tokens / 20);
    EXPECT_LE(static_cast<double>(allowed), most + 1);
    EXPECT_GE(static_cast<double>(allowed), 0.99 * most) << tokens;
  }
}

TEST(RateLimit, WhatIsNotUsedComesBack) {
  RateLimit limit({.tokens = 1'000'000, .per = seconds(1), .burst = 1'000}, 1);
  RateLease a(limit), b(limit);
  ASSERT_TRUE(a.take(kStart).allowed);  // and holds some more
  uint64_t others = 0;
  while (b.take(kStart).allowed) ++others;
  EXPECT_EQ(others, 500u) << "half of the bucket is held";
  a.on_tick(kStart + microseconds(999));
  a.on_tick(kStart + milliseconds(1));
  while (b.take(kStart + milliseconds(1)).allowed) ++others;
  EXPECT_EQ(others, 500u + 1'000u) << "the bucket is full again";
}

TEST(RateLimit, AcrossThreads) {
  constexpr int kThreads = 4;
  RateLimit limit({.tokens = 1'000, .per = seconds(86'400), .burst = 1'000}, kThreads);
  std::atomic<uint64_t> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      RateLease lease(limit);
      for (int i = 0; i < 10'000; ++i) allowed += lease.take(kStart).allowed ? 1u : 0u;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed.load(), 1'000u) << "the bucket, to the last token";
}

}  // namespace
}  // namespace heddle::resilience
