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
  names.services = {{"Service", "shop", "web", "shop/web", "shop/web:http", 7},
                    {"Service", "shop", "web", "shop/web", "shop/web:https", 7},
                    {}};
  names.rules = {{},
                 {"shop/web", "shop/web", "path prefix /b", 1, "shop/web[1]", 8},
                 {"shop/web", "shop/web", "path prefix /a", 0, "shop/web[0]", 8}};
  return names;
}

TEST(ListRules, AddsUpThePortsOfAService) {
  RequestTotals totals;
  totals.routes.push_back(totals_of({0, 1}, 3, milliseconds(1)));
  totals.routes.push_back(totals_of({1, 1}, 1, milliseconds(100)));
  totals.routes.push_back(totals_of({0, telemetry::kNoRule}, 2, milliseconds(1)));
  // What has gone: a service, and rules.
  totals.routes.push_back(totals_of({2, telemetry::kNoRule}, 9, milliseconds(1)));
  totals.routes.push_back(totals_of({0, 0}, 9, milliseconds(1)));
  totals.routes.push_back(totals_of({0, 3}, 9, milliseconds(1)));
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

TEST(ListRules, KeepsAGatewayApartFromAServiceOfItsName) {
  RequestNames known = names();
  known.services[1] = {"Gateway", "shop", "web", "gateway shop/web", "gateway shop/web:http", 7};
  RequestTotals totals;
  totals.routes.push_back(totals_of({0, telemetry::kNoRule}, 2, milliseconds(1)));
  totals.routes.push_back(totals_of({1, telemetry::kNoRule}, 3, milliseconds(1)));
  v1::ListRulesResponse response;
  list_rules(totals, known, false, response);
  ASSERT_EQ(response.rules_size(), 4);
  EXPECT_EQ(response.rules(2).service(), "gateway shop/web");
  EXPECT_EQ(response.rules(2).requests(), 3u);
  EXPECT_EQ(response.rules(3).service(), "shop/web");
  EXPECT_EQ(response.rules(3).requests(), 2u);
}

telemetry::AccessRecord record_of(telemetry::RouteKey route, uint64_t frontend_since,
                                  uint64_t rule_since) {
  telemetry::AccessRecord record{};
  record.key = {.route = route};
  record.frontend_since = frontend_since;
  record.rule_since = rule_since;
  return record;
}

TEST(RequestNames, SayNothingOfWhatIsUnknown) {
  const RequestNames known = names();
  EXPECT_EQ(known.of(record_of({0, 1}, 7, 8), "none").route, "shop/web[1]");
  EXPECT_EQ(known.of(record_of({0, 1}, 7, 8), "none").service, "shop/web:http");
  for (const uint32_t slot : {2u, 3u, 0xff'ffffu}) {
    EXPECT_EQ(known.of(record_of({slot, 0}, 7, 8), "none").service, "");
    EXPECT_EQ(known.of(record_of({slot, telemetry::kNoRule}, 7, 0), "none").route, "");
  }
  EXPECT_EQ(known.of(record_of({}, 7, 0), "none").source, "");
}

// The names are older, or younger, than what had the slot when the request ended.
TEST(RequestNames, DoNotNameTheSlotsOfOthers) {
  const RequestNames known = names();
  EXPECT_EQ(known.of(record_of({0, 1}, 9, 8), "none").service, "");
  EXPECT_EQ(known.of(record_of({0, 1}, 6, 8), "none").service, "");
  EXPECT_EQ(known.of(record_of({0, 1}, 7, 9), "none").route, "");
  EXPECT_EQ(known.of(record_of({0, 1}, 7, 9), "none").service, "shop/web:http");
}

}  // namespace
}  // namespace heddle::server
