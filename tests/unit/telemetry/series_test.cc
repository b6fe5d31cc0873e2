#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "allocations.h"
#include "telemetry/request_series.h"

namespace heddle::telemetry {
namespace {

std::map<RequestKey, uint64_t> requests_of(const RequestSeries& series) {
  std::map<RequestKey, uint64_t> all;
  series.requests().for_each([&](const SeriesKey& key, const RequestCounts& counts) {
    all[request_key(key)] += counts.requests.value();
  });
  return all;
}

RequestKey key_of(uint32_t frontend, uint32_t rule = kNoRule, uint16_t status = 200) {
  return {.route = {frontend, rule}, .status = status};
}

TEST(SeriesKey, ComesBackAsItWas) {
  const RequestKey keys[] = {
      {},
      {.route = {0, 0}, .source = 0, .status = 0, .grpc_status = 0},
      {.route = {16'381, 32'767},
       .source = 255,
       .status = 599,
       .grpc_status = 16,
       .fault = 19,
       .tls = true},
  };
  for (const RequestKey& key : keys) EXPECT_EQ(request_key(pack(key)), key);
  EXPECT_EQ(route_key(pack(RouteKey{7, 9})), (RouteKey{7, 9}));
}

void forget(RequestSeries& series, const std::vector<uint32_t>& frontends,
            const std::vector<uint32_t>& rules) {
  RequestSeries::Places places = series.places_of(frontends, rules);
  while (series.forget(places)) {
  }
}

TEST(RequestSeries, CountsByKeyAndByRoute) {
  RequestSeries series;
  series.count(key_of(1, 2),
               {.bytes_in = 10, .bytes_out = 20, .retries = 1, .time = milliseconds(3)});
  series.count(key_of(1, 2, 503), {.time = seconds(100)});
  series.count(key_of(1), {.time = microseconds(250)});
  const auto requests = requests_of(series);
  EXPECT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests.at(key_of(1, 2)), 1u);
  std::map<RouteKey, RouteSum> routes;
  series.routes().for_each(
      [&](const SeriesKey& key, const RouteCounts& counts) { routes[route_key(key)].add(counts); });
  ASSERT_EQ(routes.size(), 2u);
  const RouteSum& route = routes.at({1, 2});
  EXPECT_EQ(route.times.total, 2u);
  EXPECT_EQ(route.classes[2], 1u);
  EXPECT_EQ(route.classes[5], 1u);
  EXPECT_EQ(route.retries, 1u);
  EXPECT_EQ(route.bytes_in, 10u);
  EXPECT_EQ(route.bytes_out, 20u);
  EXPECT_EQ(route.by_bound[4], 1u);      // 3 ms: up to 5 ms
  EXPECT_EQ(route.by_bound.back(), 1u);  // longer than all bounds
  EXPECT_EQ(routes.at({1, kNoRule}).by_bound[0], 1u) << "a bound is its own";
}

TEST(RequestSeries, WhatDoesNotFitIsOverflowAndNothingIsLost) {
  RequestSeries series(64, 8);
  for (uint32_t i = 0; i < 1'000; ++i) series.count(key_of(i), {});
  uint64_t sum = series.requests().overflow().requests.value();
  EXPECT_GT(sum, 900u);
  for (const auto& [key, count] : requests_of(series)) sum += count;
  EXPECT_EQ(sum, 1'000u);
  EXPECT_LE(series.requests().size(), series.requests().capacity());
  EXPECT_EQ(series.requests().capacity(), 46u);
}

TEST(RequestSeries, ForgetsSlotsAndTheirPlacesAreUsedAgain) {
  RequestSeries series(64, 64);
  for (uint32_t round = 0; round < 200; ++round) {
    for (uint32_t i = 0; i < 40; ++i) series.count(key_of(round * 40 + i, i), {});
    EXPECT_EQ(series.requests().overflow().requests.value(), 0u) << "round " << round;
    std::vector<uint32_t> gone;
    for (uint32_t i = 0; i < 20; ++i) gone.push_back(round * 40 + i);
    std::vector<uint32_t> rules;
    for (uint32_t i = 20; i < 40; ++i) rules.push_back(i);
    forget(series, gone, rules);
    EXPECT_EQ(series.requests().size(), 0u);
    EXPECT_EQ(series.routes().size(), 0u);
  }
}

TEST(RequestSeries, ForgetsInPieces) {
  RequestSeries series;
  std::vector<uint32_t> gone;
  for (uint32_t i = 0; i < 200; ++i) {
    series.count(key_of(i), {});
    gone.push_back(i);
  }
  RequestSeries::Places places = series.places_of(gone, {});
  EXPECT_EQ(places.routes.size(), 200u);
  EXPECT_TRUE(series.forget(places));
  EXPECT_EQ(series.routes().size(), 200u - RequestSeries::kForgotten);
  EXPECT_EQ(series.requests().size(), 200u - RequestSeries::kForgotten);
  while (series.forget(places)) {
  }
  EXPECT_EQ(series.routes().size(), 0u);
  EXPECT_EQ(series.requests().size(), 0u);
}

TEST(RouteSum, AddsUpToTheSameAsCounts) {
  RequestSeries series;
  series.count(key_of(1), {.bytes_in = 1, .bytes_out = 2, .retries = 3, .time = seconds(1)});
  RouteSum one, two;
  series.routes().for_each([&](const SeriesKey&, const RouteCounts& counts) {
    one.add(counts);
    two.add(counts);
    two.add(counts);
  });
  RouteSum twice = one;
  twice.add(one);
  EXPECT_EQ(twice.times.slots, two.times.slots);
  EXPECT_EQ(twice.times.total, 2u);
  EXPECT_EQ(twice.times.sum_us, two.times.sum_us);
  EXPECT_EQ(twice.by_bound, two.by_bound);
  EXPECT_EQ(twice.classes, two.classes);
  EXPECT_EQ(twice.faults, two.faults);
  EXPECT_EQ(twice.retries, 6u);
  EXPECT_EQ(twice.bytes_in, 2u);
  EXPECT_EQ(twice.bytes_out, 4u);
}

TEST(RequestSeries, AForgottenKeyBeginsAtZero) {
  RequestSeries series;
  series.count(key_of(1), {.time = seconds(1)});
  const std::vector<uint32_t> one{1};
  forget(series, one, {});
  series.count(key_of(1), {.time = seconds(1)});
  EXPECT_EQ(requests_of(series).at(key_of(1)), 1u);
  series.routes().for_each([](const SeriesKey&, const RouteCounts& counts) {
    RouteSum sum;
    sum.add(counts);
    EXPECT_EQ(sum.times.total, 1u);
    EXPECT_EQ(sum.times.sum_us, 1'000'000u);
  });
}

TEST(RequestSeries, CountingTakesNoMemory) {
  RequestSeries series(256, 64);
  const rig::AllocationCount taken;
  for (uint32_t i = 0; i < 5'000; ++i) series.count(key_of(i % 700, i % 3), {.time = seconds(i)});
  EXPECT_EQ(taken.value(), 0u);
}

TEST(RequestSeries, IsReadWhileItCounts) {
  RequestSeries series(128, 32);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    const std::vector<uint32_t> gone{1, 2, 3};
    for (uint32_t i = 0; i < 100'000; ++i) {
      series.count(key_of(i % 50), {});
      if (i % 1'000 == 0) forget(series, gone, {});
    }
    done = true;
  });
  while (!done)
    for (const auto& [key, count] : requests_of(series)) EXPECT_LT(key.route.frontend, 50u);
  writer.join();
}

}  // namespace
}  // namespace heddle::telemetry
