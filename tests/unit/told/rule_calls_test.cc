#include "rule_calls.h"

#include <gtest/gtest.h>

namespace heddle::server {
namespace {

RouteTotals totals_of(telemetry::RouteKey key, uint64_t requests, Duration time) {
  telemetry::RouteCounts counts;
  for (uint64_t i = 0; i < requests; ++i) {
    counts.times.add(time);
    counts.classes[2].add();
  }
  RouteTotals totals{.key = key, .sum = std::make_unique<telemetry::RouteSum>()};
  totals.sum->add(counts);
  return totals;
}

RequestNames names() {
  RequestNames names;
  names.services = {{"shop", "web", "shop/web:http"}, {"shop", "web", "shop/web:https"}, {}};
  names.rules = {{},
                 {"shop/web", "shop/web", "path prefix /b", 1, "shop/web[1]"},
                 {"shop/web", "shop/web", "path prefix /a", 0, "shop/web[0]"}};
  return names;
}

TEST(ListRules, AddsUpThePortsOfAService) {
  RequestTotals totals;
  totals.routes.push_back(totals_of({0, 1}, 3, milliseconds(1)));
  totals.routes.push_back(totals_of({1, 1}, 1, milliseconds(100)));
  totals.routes.push_back(totals_of({0, telemetry::kNoRule}, 2, milliseconds(1)));
  totals.routes.push_back(totals_of({2, telemetry::kNoRule}, 9, milliseconds(1)));  // it is gone
  v1::ListRulesResponse response;
  list_rules(totals, names(), true, response);
  ASSERT_EQ(response.rules_size(), 3);
  EXPECT_EQ(response.rules(0).text(), "path prefix /a");
  EXPECT_EQ(response.rules(0).requests(), 0u);
  EXPECT_EQ(response.rules(0).times_size(), 0);
  const v1::RuleCounts& rule = response.rules(1);
  EXPECT_EQ(rule.rule(), 1u);
  EXPECT_EQ(rule.requests(), 4u);
  EXPECT_EQ(rule.status_2xx(), 4u);
  EXPECT_NEAR(static_cast<double>(rule.p50_us()), 1'000, 35);
  EXPECT_NEAR(static_cast<double>(rule.p99_us()), 100'000, 3'300);
  ASSERT_EQ(rule.times_size(), 2);
  EXPECT_EQ(rule.times(0).count(), 3u);
  EXPECT_EQ(response.rules(2).route(), "");
  EXPECT_EQ(response.rules(2).service(), "shop/web");
  EXPECT_EQ(response.rules(2).requests(), 2u);
}

TEST(RequestNames, SayNothingOfWhatIsUnknown) {
  const RequestNames known = names();
  EXPECT_EQ(known.of({.route = {0, 1}}, "none").route, "shop/web[1]");
  EXPECT_EQ(known.of({.route = {0, 1}}, "none").service, "shop/web:http");
  for (const uint32_t slot : {2u, 3u, 0xff'ffffu}) {
    EXPECT_EQ(known.of({.route = {slot, 0}}, "none").service, "");
    EXPECT_EQ(known.of({.route = {slot, telemetry::kNoRule}}, "none").route, "");
  }
  EXPECT_EQ(known.of({}, "none").source, "");
}

}  // namespace
}  // namespace heddle::server
