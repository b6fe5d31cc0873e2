#include "resilience/outlier_detector.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

namespace heddle::resilience {
namespace {

constexpr Instant kStart{5'000'000'000};
using State = OutlierDetector::State;
using Windows = std::vector<OutlierCounts::Window>;

TEST(OutlierCounts, Rows) {
  OutlierCounts counts;
  EXPECT_EQ(counts.note(Outcome::kServerError).server, 1u);
  EXPECT_EQ(counts.note(Outcome::kGatewayError).server, 2u) << "is a server error as well";
  EXPECT_EQ(counts.note(Outcome::kGatewayError).gateway, 2u);
  EXPECT_EQ(counts.note(Outcome::kServerError).server, 4u);
  EXPECT_EQ(counts.note(Outcome::kGatewayError).gateway, 1u) << "another error was between";
  EXPECT_EQ(counts.note(Outcome::kLocalError).local, 1u);
  EXPECT_EQ(counts.note(Outcome::kServerError).server, 6u) << "that it said nothing is no success";
  EXPECT_EQ(counts.note(Outcome::kLocalError).local, 1u);
  counts.note(Outcome::kSuccess);
  EXPECT_EQ(counts.note(Outcome::kServerError).server, 1u);
  const OutlierCounts::Window window = counts.take();
  EXPECT_EQ(window.successes, 1u);
  EXPECT_EQ(window.failures, 9u);
  EXPECT_EQ(counts.take().failures, 0u);
}

TEST(OutlierCounts, AcrossThreadsNothingIsLost) {
  OutlierCounts counts;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i)
        counts.note(t % 2 == 0 ? Outcome::kSuccess : Outcome::kServerError);
    });
  uint64_t seen = 0;
  for (int i = 0; i < 100; ++i) {
    const auto window = counts.take();
    seen += window.successes + window.failures;
  }
  for (std::thread& thread : threads) thread.join();
  const auto rest = counts.take();
  EXPECT_EQ(seen + rest.successes + rest.failures, 80'000u);
}

TEST(OutlierDetector, RowsEject) {
  OutlierTerms terms{.server_errors = 5, .gateway_errors = 3, .local_errors = 2};
  terms.most_ejected_percent = 100;
  OutlierDetector detector(terms, 4);
  EXPECT_FALSE(detector.on_rows(0, {.server = 4, .gateway = 2, .local = 1}, kStart));
  EXPECT_TRUE(detector.on_rows(0, {.server = 5}, kStart));
  EXPECT_EQ(detector.endpoint(0).state, State::kOut);
  EXPECT_EQ(detector.endpoint(0).why, Ejection::kServerErrors);
  EXPECT_FALSE(detector.on_rows(0, {.server = 6}, kStart)) << "it is out already";
  EXPECT_TRUE(detector.on_rows(1, {.server = 9, .gateway = 3}, kStart));
  EXPECT_EQ(detector.endpoint(1).why, Ejection::kGatewayErrors);
  EXPECT_TRUE(detector.on_rows(2, {.local = 2}, kStart));
  EXPECT_EQ(detector.endpoint(2).why, Ejection::kLocalErrors);
  OutlierTerms off{.server_errors = 0, .gateway_errors = 0, .local_errors = 0};
  OutlierDetector none(off, 1);
  EXPECT_FALSE(none.on_rows(0, {.server = 99, .gateway = 99, .local = 99}, kStart));
}

TEST(OutlierDetector, OnlySoManyAreOut) {
  OutlierTerms terms;
  terms.most_ejected_percent = 30;
  OutlierDetector ten(terms, 10);
  size_t out = 0;
  for (size_t i = 0; i < 10; ++i) out += ten.on_rows(i, {.server = 5}, kStart) ? 1u : 0u;
  EXPECT_EQ(out, 3u);
  terms.most_ejected_percent = 10;
  OutlierDetector three(terms, 3);
  EXPECT_TRUE(three.on_rows(0, {.server = 5}, kStart)) << "one may always be";
  EXPECT_FALSE(three.on_rows(1, {.server = 5}, kStart));
}

TEST(OutlierDetector, ComesBackByOneProbe) {
  OutlierTerms terms;
  terms.base_time = seconds(30);
  terms.most_time = seconds(80);
  OutlierDetector detector(terms, 10);
  EXPECT_EQ(detector.next(), kNever);
  ASSERT_TRUE(detector.on_rows(4, {.server = 5}, kStart));
  EXPECT_EQ(detector.next(), kStart + seconds(30));
  EXPECT_TRUE(detector.on_time(kStart + seconds(29)).empty());
  Instant now = kStart + seconds(30);
  EXPECT_EQ(detector.on_time(now), std::vector<size_t>{4});
  EXPECT_EQ(detector.endpoint(4).state, State::kProbing);
  EXPECT_TRUE(detector.on_time(now).empty()) << "one request alone";
  EXPECT_EQ(detector.ejected(), 1u);
  // A bad answer: out again, for longer, up to a bound.
  detector.on_probe(4, false, now);
  EXPECT_EQ(detector.endpoint(4).until, now + seconds(60));
  now = now + seconds(60);
  ASSERT_EQ(detector.on_time(now).size(), 1u);
  detector.on_probe(4, false, now);
  EXPECT_EQ(detector.endpoint(4).until, now + seconds(80));
  now = now + seconds(80);
  ASSERT_EQ(detector.on_time(now).size(), 1u);
  detector.on_probe(4, true, now);
  EXPECT_EQ(detector.endpoint(4).state, State::kIn);
  EXPECT_EQ(detector.ejected(), 0u);
  EXPECT_EQ(detector.next(), kNever);
  // It is forgiven one time for each good interval.
  EXPECT_EQ(detector.endpoint(4).times, 3u);
  Windows good(10, {100, 0});
  detector.on_interval(good, now);
  EXPECT_EQ(detector.endpoint(4).times, 2u);
  good[4].failures = 1;
  detector.on_interval(good, now);
  EXPECT_EQ(detector.endpoint(4).times, 2u);
}

TEST(OutlierDetector, WindowsEjectWhoIsFarBelowTheOthers) {
  OutlierTerms terms;
  terms.deviation_thousandths = 1'900;
  terms.most_ejected_percent = 50;
  OutlierDetector detector(terms, 10);
  Windows windows(10, {199, 1});
  EXPECT_TRUE(detector.on_interval(windows, kStart).empty()) << "all are alike";
  windows[3] = {150, 50};
  EXPECT_EQ(detector.on_interval(windows, kStart), std::vector<size_t>{3});
  EXPECT_EQ(detector.endpoint(3).why, Ejection::kDeviation);
  // Too few requests say nothing.
  windows[5] = {10, 80};
  EXPECT_TRUE(detector.on_interval(windows, kStart).empty());
  // Nor do too few endpoints.
  OutlierDetector few(terms, 4);
  EXPECT_TRUE(few.on_interval(Windows{{200, 0}, {200, 0}, {200, 0}, {0, 200}}, kStart).empty());
}

TEST(OutlierDetector, WindowsEjectWhoFailsTooOften) {
  OutlierTerms terms;
  terms.failure_percent = 50;
  terms.most_ejected_percent = 20;
  OutlierDetector detector(terms, 10);
  Windows windows(10, {100, 99});
  EXPECT_TRUE(detector.on_interval(windows, kStart).empty());
  for (auto& window : windows) window = {100, 100};
  windows[7] = {10, 190};
  windows[2] = {20, 180};
  EXPECT_EQ(detector.on_interval(windows, kStart), (std::vector<size_t>{7, 2}))
      << "the worst first";
  EXPECT_EQ(detector.endpoint(7).why, Ejection::kFailures);
}

TEST(OutlierDetector, Panic) {
  OutlierTerms terms;
  terms.most_ejected_percent = 100;
  terms.panic_percent = 50;
  OutlierDetector detector(terms, 4);
  for (size_t i = 0; i < 2; ++i) detector.on_rows(i, {.server = 5}, kStart);
  EXPECT_FALSE(detector.panics());
  detector.on_rows(2, {.server = 5}, kStart);
  EXPECT_TRUE(detector.panics());
  terms.panic_percent = 0;
  OutlierDetector never(terms, 1);
  never.on_rows(0, {.server = 5}, kStart);
  EXPECT_FALSE(never.panics());
}

}  // namespace
}  // namespace heddle::resilience
