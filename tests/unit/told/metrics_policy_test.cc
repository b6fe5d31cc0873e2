#include <gtest/gtest.h>

#include "metrics_page.h"
#include "told_node.h"

namespace heddle::server {
namespace {

RequestNames names() {
  RequestNames names;
  names.services = {{"Service", "shop", "web", "shop/web", "shop/web:http", 1},
                    {"Gateway", "shop", "web", "gateway shop/web", "gateway shop/web:http", 1}};
  names.rules = {{"shop/web", "shop/web", "path prefix /b", 0, "shop/web[0]", 1}, {}};
  return names;
}

void count(RequestTotals& totals, telemetry::RouteKey route, uint64_t requests) {
  totals.requests.push_back({.key = {.route = route, .status = 200}, .requests = requests});
  auto& routes = totals.routes.emplace_back();
  routes = {.key = route, .sum = std::make_unique<telemetry::RouteSum>()};
  routes.sum->bytes_in = requests;
}

std::string text_of(const RequestTotals& totals) {
  ToldNode node;
  telemetry::MetricsText text;
  add_requests(totals, names(), node, text);
  return text.take();
}

bool has(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

// Between the delete of a Route and the next change its slot is nobody's, and its counts are there.
TEST(MetricsOfRequests, CountsOfARuleEndWithIt) {
  RequestTotals totals;
  count(totals, {0, 0}, 3);
  count(totals, {0, 1}, 5);
  count(totals, {0, telemetry::kNoRule}, 2);
  const std::string text = text_of(totals);
  const std::string of =
      "{destination_service=\"web\",destination_namespace=\"shop\",destination_kind=\"Service\",";
  EXPECT_TRUE(has(text, "heddle_request_bytes_total" + of + "route=\"shop/web[0]\"} 3")) << text;
  EXPECT_TRUE(has(text, "heddle_request_bytes_total" + of + "route=\"\"} 2")) << text;
  const std::string rest =
      ",response_code=\"200\",grpc_status=\"\",response_flags=\"\",tls=\"false\","
      "source_workload=\"\",source_namespace=\"\"}";
  EXPECT_TRUE(has(text, "heddle_requests_total" + of + "route=\"\"" + rest + " 2")) << text;
}

TEST(MetricsOfRequests, AGatewayIsNoServiceOfItsName) {
  RequestTotals totals;
  count(totals, {0, telemetry::kNoRule}, 2);
  count(totals, {1, telemetry::kNoRule}, 3);
  const std::string text = text_of(totals);
  const std::string of =
      "heddle_request_bytes_total{destination_service=\"web\",destination_namespace=\"shop\","
      "destination_kind=";
  EXPECT_TRUE(has(text, of + "\"Service\",route=\"\"} 2")) << text;
  EXPECT_TRUE(has(text, of + "\"Gateway\",route=\"\"} 3")) << text;
}

TEST(MetricsOfRequests, TellOverflowOfBothTables) {
  RequestTotals totals;
  totals.requests_overflow = 2;
  totals.routes_overflow.times.total = 7;
  const std::string text = text_of(totals);
  EXPECT_TRUE(has(text, "heddle_request_series_overflow_total{table=\"requests\"} 2")) << text;
  EXPECT_TRUE(has(text, "heddle_request_series_overflow_total{table=\"routes\"} 7")) << text;
}

// One that has drained since its address had no port is as people see it the same.
TEST(MetricsOfEndpoints, AddUpByLabels) {
  EndpointFacts facts;
  for (const bool draining : {true, false}) {
    v1::EndpointCounts& one = *facts.told.add_endpoints();
    one.set_namespace_("shop");
    one.set_service("web");
    one.set_address("10.1.0.7");
    one.set_port(8080);
    one.set_packets(draining ? 3 : 4);
    one.set_active_flows(1);
    one.set_draining(draining);
  }
  telemetry::MetricsText text;
  add_endpoints(facts, text);
  const std::string of =
      "{destination_namespace=\"shop\",destination_service=\"web\",address=\"10.1.0.7\","
      "port=\"8080\"} ";
  EXPECT_TRUE(has(text.text(), "heddle_endpoint_packets_total" + of + "7")) << text.text();
  EXPECT_TRUE(has(text.text(), "heddle_endpoint_active_flows" + of + "2"));
  EXPECT_TRUE(has(text.text(), "heddle_endpoint_draining" + of + "0"));
}

TEST(MetricsOfAccess, SumAPolicysRules) {
  v1::ListAccessResponse list;
  const auto add = [&](const char* policy, const char* action, bool dry_run) -> auto& {
    v1::AccessRuleCounts& rule = *list.add_rules();
    rule.set_namespace_("shop");
    rule.set_policy(policy);
    rule.set_action(action);
    rule.set_dry_run(dry_run);
    return rule;
  };
  add("a", "ALLOW", false).set_allowed(3);
  add("a", "ALLOW", false).set_allowed(4);
  add("b", "DENY", false);
  add("c", "DENY", true).set_dry_run_matches(5);
  telemetry::MetricsText made;
  add_access(list, made);
  const std::string text = made.take();
  const auto line = [](const char* policy, const char* action, const char* outcome,
                       const char* count) {
    return std::string("heddle_access_policy_total{namespace=\"shop\",policy=\"") + policy +
           "\",action=\"" + action + "\",outcome=\"" + outcome + "\"} " + count;
  };
  EXPECT_TRUE(has(text, line("a", "ALLOW", "allowed", "7"))) << text;
  EXPECT_TRUE(has(text, line("b", "DENY", "denied", "0"))) << text;
  EXPECT_TRUE(has(text, line("c", "DENY", "dry_run", "5"))) << text;
  EXPECT_EQ(text.find("outcome=\"audited\""), std::string::npos) << text;
}

TEST(MetricsOfJwt, OneSeriesForEachOutcomeThatThereWas) {
  v1::ListJwtProvidersResponse list;
  v1::JwtProviderInfo& provider = *list.add_providers();
  provider.set_namespace_("shop");
  provider.set_name("idp");
  for (const auto& [name, count] : {std::pair("verified", 0u), std::pair("missing", 3u),
                                    std::pair("expired", 2u), std::pair("busy", 0u)}) {
    v1::JwtOutcome& outcome = *provider.add_outcomes();
    outcome.set_name(name);
    outcome.set_count(count);
  }
  telemetry::MetricsText made;
  add_jwt(list, made);
  const std::string text = made.take();
  const auto line = [](const char* outcome, const char* count) {
    return std::string("heddle_jwt_total{provider=\"shop/idp\",outcome=\"") + outcome + "\"} " +
           count;
  };
  EXPECT_TRUE(has(text, line("verified", "0"))) << text;
  EXPECT_TRUE(has(text, line("missing", "3"))) << text;
  EXPECT_TRUE(has(text, line("expired", "2"))) << text;
  EXPECT_EQ(text.find("busy"), std::string::npos) << text;
}

TEST(MetricsOfLimits, SeriesOfEachLimitAndFault) {
  v1::ListLimitsResponse list;
  v1::RateLimitInfo& limit = *list.add_limits();
  limit.set_namespace_("shop");
  limit.set_name("a");
  limit.set_allowed(7);
  limit.set_limited(2);
  v1::RateLimitInfo& keyed = *list.add_limits();
  keyed.set_namespace_("shop");
  keyed.set_name("b");
  keyed.set_keyed(true);
  keyed.set_keys(5);
  keyed.set_overflow(1);
  v1::FaultInfo& fault = *list.add_faults();
  fault.set_namespace_("shop");
  fault.set_name("slow");
  fault.set_delayed(3);
  telemetry::MetricsText made;
  add_limits(list, made);
  const std::string text = made.take();
  for (const char* line :
       {"heddle_rate_limit_requests_total{limit=\"shop/a\",outcome=\"allowed\"} 7",
        "heddle_rate_limit_requests_total{limit=\"shop/a\",outcome=\"limited\"} 2",
        "heddle_rate_limit_overflow_total{limit=\"shop/b\"} 1",
        "heddle_rate_limit_keys{limit=\"shop/b\"} 5",
        "heddle_fault_requests_total{fault=\"shop/slow\",kind=\"delay\"} 3",
        "heddle_fault_requests_total{fault=\"shop/slow\",kind=\"abort\"} 0"})
    EXPECT_TRUE(has(text, line)) << line << text;
  EXPECT_FALSE(has(text, "heddle_rate_limit_keys{limit=\"shop/a\"")) << "it has none";
}

}  // namespace
}  // namespace heddle::server
