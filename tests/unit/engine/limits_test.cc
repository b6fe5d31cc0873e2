// RateLimits and Faults: how they are read, what explain tells of them, and how they are listed.
#include "policy_convert.h"
#include "support.h"

namespace heddle::server {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kLimit =
    "rate_limit { target { service: 'web' } requests: 100 per { seconds: 60 } "
    "keys { header: 'X-Key' } matches { path { prefix: '/api' } } }";
constexpr const char* kFault =
    "fault { target { service: 'web' } delay { duration { nanos: 100000000 } share { millionths: "
    "50000 } } abort { http_status: 503 } routes: 'rest' }";

std::string fields_of(const std::string& spec) {
  const auto converted = convert_policy(resource_of(named("x", spec)), "example.org");
  std::string fields;
  if (!converted)
    for (const FieldProblem& problem : converted.error())
      fields += (fields.empty() ? "" : " ") + problem.field;
  return fields;
}

TEST(ConvertLimits, AreTakenAsTheyAreMeant) {
  const auto limit = convert_policy(resource_of(named("x", kLimit)), "");
  ASSERT_TRUE(limit);
  const auto& its = std::get<policy::RateLimit>((*limit)->spec);
  EXPECT_EQ(policy::text_of(its), "100 in 60s by header x-key");
  EXPECT_EQ(its.rate.burst, 100u) << "when not given";
  EXPECT_EQ(its.scope.service, "web");
  ASSERT_EQ(its.scope.matches.size(), 1u);
  EXPECT_EQ(its.scope.matches[0].path.text, "/api");
  const auto fault = convert_policy(resource_of(named("x", kFault)), "");
  ASSERT_TRUE(fault);
  const auto& other = std::get<policy::Fault>((*fault)->spec);
  EXPECT_EQ(policy::text_of(other), "5% delayed by 100ms, 100% answered with 503");
  EXPECT_EQ(other.scope.routes, std::vector<std::string>{"rest"});
  const auto drawn = convert_policy(
      resource_of(named("x",
                        "fault { target { gateway: 'g' } delay { duration { seconds: 1 } "
                        "exponential: true } abort { reset: true share { millionths: 1 } } }")),
      "");
  ASSERT_TRUE(drawn);
  const auto& third = std::get<policy::Fault>((*drawn)->spec);
  EXPECT_EQ(policy::text_of(third), "100% delayed by 1s on average, 0.0001% reset");
  EXPECT_EQ(third.delay->most, seconds(10));
}

TEST(ConvertLimits, WhatSaysNothingIsRefused) {
  const std::string limit = "rate_limit { target { service: 's' } requests: 1 per { seconds: 1 } ";
  const std::string fault = "fault { target { service: 's' } ";
  EXPECT_EQ(fields_of(limit + "}"), "");
  EXPECT_EQ(fields_of(limit + "keys {} }"), "spec.keys[0]");
  EXPECT_EQ(fields_of(limit + "keys { source_address: false } }"), "spec.keys[0].source_address");
  EXPECT_EQ(fields_of(limit + "matches { path {} } }"), "spec.matches[0].path");
  EXPECT_EQ(fields_of("rate_limit { requests: 1 per { seconds: 86401 } }"), "spec.per");
  EXPECT_EQ(fields_of(fault + "abort {} }"), "spec.abort");
  EXPECT_EQ(fields_of(fault + "abort { reset: false } }"), "spec.abort.reset");
  EXPECT_EQ(fields_of(fault + "delay { duration { seconds: -1 } } }"), "spec.delay.duration");
  EXPECT_EQ(fields_of(fault + "throughput: 1000 }"), "spec.throughput") << "does not act yet";
}

class LimitsTest : public EngineTest {
 protected:
  LimitsTest() {
    const auto answer =
        apply({named("web",
                     "service { addresses: '10.96.0.20' ports { name: 'http' port: 80 protocol: "
                     "PROTOCOL_HTTP target_port: 8080 } }"),
               web_endpoints(),
               named("rest", "route { service: 'web' http { backends { service: 'web' } } }"),
               named("calls", kLimit), named("slow", kFault)});
    EXPECT_EQ(answer.response.problems_size(), 0) << answer.response.ShortDebugString();
  }
  std::string tell(const std::string& path) {
    v1::ExplainRequest request;
    request.set_from("10.9.1.1");
    request.set_protocol("tcp");
    request.set_destination("shop/web");
    request.set_port(80);
    request.mutable_request()->set_method("GET");
    request.mutable_request()->set_authority("web");
    request.mutable_request()->set_path(path);
    std::string text;
    const auto told = explain(request);
    for (const auto& line : told.response.lines()) text += line.topic() + ": " + line.text() + "\n";
    return text;
  }
};

TEST_F(LimitsTest, ExplainTellsWhichWouldAct) {
  const std::string api = tell("/api/1");
  EXPECT_TRUE(has(api,
                  "limit: RateLimit shop/calls: 100 in 60s by header x-key; beyond that 429 "
                  "rate_limited\n"))
      << api;
  EXPECT_TRUE(has(api, "fault: Fault shop/slow: 5% delayed by 100ms, 100% answered with 503\n"))
      << api;
  const std::string other = tell("/other");
  EXPECT_FALSE(has(other, "limit:")) << other;
  EXPECT_TRUE(has(other, "fault:")) << other;
}

TEST_F(LimitsTest, AreListed) {
  v1::ListLimitsResponse response;
  on_engine([&] { engine_->list_limits(response); });
  ASSERT_EQ(response.limits_size(), 1);
  EXPECT_EQ(response.limits(0).namespace_() + "/" + response.limits(0).name(), "shop/calls");
  EXPECT_EQ(response.limits(0).target(), "Service shop/web");
  EXPECT_EQ(response.limits(0).text(), "100 in 60s by header x-key");
  EXPECT_TRUE(response.limits(0).keyed());
  EXPECT_EQ(response.limits(0).places(), 15'360u);
  ASSERT_EQ(response.faults_size(), 1);
  EXPECT_EQ(response.faults(0).name(), "slow");
  EXPECT_EQ(response.faults(0).text(), "5% delayed by 100ms, 100% answered with 503");
}

TEST_F(LimitsTest, ComeBackFromHistory) {
  const uint64_t before = status().version();
  remove("RateLimit", "calls");
  const auto answer = rollback(before);
  EXPECT_EQ(answer.response.problems_size(), 0) << answer.response.ShortDebugString();
  v1::ListLimitsResponse response;
  on_engine([&] { engine_->list_limits(response); });
  EXPECT_EQ(response.limits_size(), 1);
}

}  // namespace
}  // namespace heddle::server
