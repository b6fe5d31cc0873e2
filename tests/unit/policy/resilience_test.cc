// Bounds of services, endpoints that are out, and what of retries reaches requests.
#include <gtest/gtest.h>

#include "resilience/breaker.h"
#include "resilience/endpoint_state.h"
#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;
using resilience::Bound;
using resilience::EndpointState;
using resilience::Outcome;

Service proxied(std::initializer_list<const char*> addresses) {
  Service spec = service(addresses);
  spec.forwarding = Forwarding::kProxy;
  return spec;
}

Service http(std::initializer_list<const char*> addresses) {
  Service spec = service(addresses);
  spec.ports[0].http = HttpUpstream::kHttp1;
  spec.forwarding = Forwarding::kProxy;
  return spec;
}

TrafficPolicy watched(const resilience::OutlierTerms& terms = {}) {
  TrafficPolicy policy{.service = "cart"};
  policy.outliers = terms;
  return policy;
}

struct Cart : World {
  explicit Cart(const TrafficPolicy& policy = watched(),
                const Service& spec = proxied({"10.96.0.1"})) {
    now = Instant() + seconds(1'000);
    apply({put("shop/cart", spec), put("shop/tp", policy),
           put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.3"}))});
  }
  const Cluster& cluster() const {
    return *snapshot->clusters[frontend("10.96.0.1", 80)->choices[0].cluster];
  }
  EndpointState& state(size_t at) const { return *cluster().endpoints[at].state; }
  void fail(size_t at, int times, Outcome how = Outcome::kServerError) {
    for (int i = 0; i < times; ++i) state(at).note(how);
  }
  // What the thread of the policy does. True: something has changed.
  bool tend(Duration later = milliseconds(50)) {
    now = now + later;
    if (!model.tend(now)) return false;
    snapshot = model.commit(version, now).snapshot;
    return true;
  }
  // Endpoints that new flows meet, by the last number of their address.
  std::string met(PickState::Tries tries = PickState::Tries::kNothing,
                  std::vector<uint32_t> tried = {}) {
    std::set<std::string> all;
    Random random(1);
    std::vector<balance::RoundRobin::Cursor> cursors(4'096);
    std::vector<uint32_t> active(4'096);
    for (uint16_t port = 1; port < 200; ++port) {
      Flow asked = flow("10.9.0.1", "10.96.0.1", 80);
      asked.source_port = port;
      const PickState pick{random, cursors, active, tried, tries};
      const Decision decision = decide(*snapshot, asked, &pick);
      all.insert(decision.verdict == Verdict::kForward ? decision.endpoint->address.text().substr(7)
                 : decision.verdict == Verdict::kFull  ? "full"
                                                       : "none");
    }
    std::string text;
    for (const std::string& each : all) text += (text.empty() ? "" : " ") + each;
    return text;
  }
};

TEST(PolicyBreaker, IsTheServicesForAllOfItsClusters) {
  TrafficPolicy policy{.service = "cart"};
  policy.bounds.requests = 7;
  Cart world(policy);
  const auto breaker = world.cluster().breaker;
  ASSERT_NE(breaker, nullptr);
  EXPECT_EQ(breaker->terms().requests, 7u);
  EXPECT_TRUE(breaker->end(0).take(Bound::kRequests));
  policy.bounds.requests = 9;
  world.apply(
      {put("shop/tp", policy), put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.4"}))});
  EXPECT_EQ(world.cluster().breaker, breaker) << "what is in use stays known";
  EXPECT_EQ(breaker->terms().requests, 9u);
  world.apply({remove(Kind::kTrafficPolicy, "shop/tp")});
  EXPECT_EQ(breaker->terms(), resilience::BreakerTerms());
  ASSERT_EQ(world.model.breakers().size(), 1u);
  EXPECT_EQ(world.model.breakers()[0].key.name, "cart");
  EXPECT_EQ(world.model.breakers()[0].breaker->in_use(Bound::kRequests), 1u);
}

TEST(PolicyBreaker, NoneWherePacketsAreForwarded) {
  World world;
  world.apply(
      {put("shop/cart", service({"10.96.0.1"})), put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  EXPECT_TRUE(world.model.breakers().empty());
  // But where a Route of one that ends connections leads there.
  world.apply({put("shop/web", http({"10.96.0.2"})),
               put("shop/r", Route{.service = "web", .http = {{.backends = {backend("cart")}}}})});
  ASSERT_EQ(world.model.breakers().size(), 2u);
  EXPECT_EQ(world.model.breakers()[0].key.name, "cart");
}

TEST(PolicyOutlier, ARowPutsItOut) {
  Cart world;
  EXPECT_EQ(world.met(), "1 2 3");
  world.fail(1, 4);
  EXPECT_FALSE(world.tend());
  world.fail(1, 1);
  EXPECT_TRUE(world.tend());
  EXPECT_EQ(world.met(), "1 3");
  EXPECT_TRUE(world.cluster().endpoints[1].out);
  // Its flows stay, and nothing is judged anew.
  EXPECT_EQ(recheck(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80), ip("10.1.0.2"), 80).recheck,
            Recheck::kStays);
  // At most a share, and one at least, is out: 10 % of three.
  world.fail(0, 9);
  EXPECT_FALSE(world.tend());
  EXPECT_EQ(world.met(), "1 3");
  const auto outliers = world.model.outliers();
  ASSERT_EQ(outliers.size(), 3u);
  EXPECT_EQ(outliers[1].is.state, resilience::OutlierDetector::State::kOut);
  EXPECT_EQ(outliers[1].is.why, resilience::Ejection::kServerErrors);
  EXPECT_EQ(outliers[0].rows.server, 9u);
}

TEST(PolicyOutlier, OneTryDecides) {
  Cart world;
  world.fail(1, 5);
  EXPECT_TRUE(world.tend());
  EXPECT_FALSE(world.tend(seconds(29)));
  EXPECT_TRUE(world.tend(seconds(2)));
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 2 3");
  // The one that met it has the try: nobody else goes there.
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 3");
  world.fail(1, 1, Outcome::kLocalError);
  EXPECT_TRUE(world.tend());
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 3");
  EXPECT_EQ(world.model.outliers()[1].is.times, 2u);
  EXPECT_FALSE(world.tend(seconds(59)));
  EXPECT_TRUE(world.tend(seconds(2)));
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 2 3");
  world.state(1).note(Outcome::kSuccess);
  world.tend();
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 2 3");
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 2 3");
}

// As a stream that goes on for hours, or one whose end nobody tells.
TEST(PolicyOutlier, ATryThatDoesNotEndIsNotWaitedFor) {
  Cart world;
  world.fail(1, 5);
  EXPECT_TRUE(world.tend());
  EXPECT_TRUE(world.tend(seconds(31)));
  EXPECT_TRUE(world.state(1).may_try());
  world.tend(seconds(10));
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 3");
  world.tend(seconds(10));
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1 2 3");
}

TEST(PolicyOutlier, TheLastOneStaysIn) {
  Cart world;
  world.apply({put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  world.fail(0, 50);
  EXPECT_FALSE(world.tend());
  EXPECT_EQ(world.met(), "1");
}

TEST(PolicyOutlier, WithNobodyElseTheOneIsAsked) {
  Cart world;
  EndpointSet set = endpoints("cart", {"10.1.0.1", "10.1.0.2"});
  world.apply({put("shop/set", set)});
  world.fail(0, 5);
  EXPECT_TRUE(world.tend());
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "2");
  EXPECT_TRUE(world.tend(seconds(31)));
  EXPECT_TRUE(world.state(0).may_try());
  // The other one takes no more, and the one try is under way still.
  set.endpoints[1].weight = 0;
  world.apply({put("shop/set", set)});
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1");
}

// One without a weight is nobody that could take over.
TEST(PolicyOutlier, TheLastWithAWeightStaysIn) {
  Cart world;
  EndpointSet set = endpoints("cart", {"10.1.0.1", "10.1.0.2"});
  set.endpoints[1].weight = 0;
  world.apply({put("shop/set", set)});
  world.fail(0, 50);
  EXPECT_FALSE(world.tend());
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "1");
}

TEST(PolicyOutlier, StaysOutWhileOthersChange) {
  Cart world;
  world.fail(1, 5);
  EXPECT_TRUE(world.tend());
  world.apply({put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.4"}))});
  EXPECT_EQ(world.met(), "1 4");
  TrafficPolicy longer = watched({.server_errors = 9});
  world.apply({put("shop/tp", longer)});
  EXPECT_EQ(world.met(), "1 4");
  // Without detection nobody is out.
  world.apply({remove(Kind::kTrafficPolicy, "shop/tp")});
  EXPECT_EQ(world.met(), "1 2 4");
  EXPECT_EQ(world.cluster().endpoints[1].state, nullptr);
  EXPECT_EQ(world.model.next_tend(), kNever);
}

TEST(PolicyOutlier, TheNextPriorityTakesOver) {
  Cart world(watched({.most_ejected_percent = 100, .panic_percent = 10}));
  EndpointSet set = endpoints("cart", {"10.1.0.1", "10.1.0.2"});
  set.endpoints[1].priority = 1;
  world.apply({put("shop/set", set)});
  EXPECT_EQ(world.met(), "1");
  world.fail(0, 5);
  EXPECT_TRUE(world.tend());
  EXPECT_EQ(world.met(), "2");
}

TEST(PolicyOutlier, InAPanicAllAreAsked) {
  Cart world(watched({.most_ejected_percent = 100, .panic_percent = 50}));
  world.fail(0, 5);
  EXPECT_TRUE(world.tend());
  EXPECT_EQ(world.met(), "2 3");
  world.fail(1, 5);
  EXPECT_TRUE(world.tend());
  EXPECT_EQ(world.met(), "1 2 3");
  EXPECT_TRUE(world.model.outliers()[0].panics);
}

TEST(PolicyOutlier, OneThatGoesIsForgotten) {
  Cart world;
  world.fail(1, 5);
  EXPECT_TRUE(world.tend());
  world.apply({remove(Kind::kEndpointSet, "shop/set"), remove(Kind::kTrafficPolicy, "shop/tp"),
               remove(Kind::kService, "shop/cart")});
  EXPECT_EQ(world.model.next_tend(), kNever);
  EXPECT_TRUE(world.model.outliers().empty());
  EXPECT_TRUE(world.model.breakers().empty());
}

TEST(PolicyTries, GoToOthers) {
  Cart world;
  const auto& entries = world.cluster().endpoints;
  EXPECT_EQ(world.met(PickState::Tries::kRequest, {entries[0].slot}), "2 3");
  EXPECT_EQ(world.met(PickState::Tries::kRequest, {entries[0].slot, entries[1].slot}), "3");
  // Where all had it, one has it again.
  EXPECT_EQ(
      world.met(PickState::Tries::kRequest, {entries[0].slot, entries[1].slot, entries[2].slot}),
      "1 2 3");
}

TEST(PolicyTries, BoundsOfEndpoints) {
  TrafficPolicy policy{.service = "cart"};
  policy.bounds.endpoint_requests = 1;
  Cart world(policy);
  EXPECT_TRUE(world.state(0).take_request(1));
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "2 3");
  EXPECT_EQ(world.met(PickState::Tries::kConnection), "1 2 3");
  EXPECT_TRUE(world.state(1).take_request(1));
  EXPECT_TRUE(world.state(2).take_request(1));
  EXPECT_EQ(world.met(PickState::Tries::kRequest), "full");
  EXPECT_EQ(world.met(), "1 2 3");
}

TEST(PolicyRetry, OfTheRuleOrOfTheService) {
  TrafficPolicy policy{.service = "cart"};
  policy.retry = Retry{.attempts = 4};
  policy.retry->add(RetryOn::kReset);
  policy.per_try = milliseconds(70);
  Cart world(policy, http({"10.96.0.1"}));
  const Frontend* its = world.frontend("10.96.0.1", 80);
  ASSERT_NE(its->retry, nullptr);
  EXPECT_EQ(its->retry->attempts, 4);
  EXPECT_EQ(its->per_try, milliseconds(70));
  HttpRule rule{.backends = {backend("cart")}};
  rule.retry = Retry{.attempts = 2};
  rule.retry->add(RetryOn::k5xx);
  rule.per_try = milliseconds(30);
  world.apply({put("shop/r", Route{.service = "cart", .http = {rule}})});
  const HttpTarget& target = world.frontend("10.96.0.1", 80)->http->rules()[0].target;
  ASSERT_NE(target.retry, nullptr);
  EXPECT_EQ(target.retry->attempts, 2);
  EXPECT_EQ(target.per_try, milliseconds(30));
}

TEST(PolicyResilience, WhatContradictsItselfIsRefused) {
  World world;
  world.apply({put("shop/cart", http({"10.96.0.1"})), put("shop/dnat", service({"10.96.0.2"}))});
  const auto refused = [&](const TrafficPolicy& policy) {
    const std::string problems = world.refuse({put("shop/tp", policy)});
    world.model.rollback();
    return problems;
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  TrafficPolicy policy{.service = "dnat"};
  policy.outliers.emplace();
  policy.bounds.requests = 3;
  EXPECT_TRUE(has(refused(policy), "spec.outlier_detection: needs forwarding: proxy"));
  EXPECT_TRUE(has(refused(policy), "spec.limits: needs forwarding: proxy"));

  policy = {.service = "cart"};
  policy.bounds.retries = {.share = 0, .least = 0};
  EXPECT_TRUE(has(refused(policy), "spec.limits.retry_budget: lets nothing"));
  policy = {.service = "cart"};
  policy.bounds.pending = 3;
  EXPECT_TRUE(has(refused(policy), "spec.limits.pending_requests: requests wait where"));
  policy = {.service = "cart"};
  policy.outliers = resilience::OutlierTerms{.most_ejected_percent = 100};
  EXPECT_TRUE(has(refused(policy), "all endpoints could be out at once"));
  policy.outliers = resilience::OutlierTerms{.server_errors = 0, .local_errors = 0};
  EXPECT_TRUE(has(refused(policy), "is switched off"));
  policy = {.service = "cart"};
  policy.retry.emplace();
  EXPECT_TRUE(has(refused(policy), "spec.retry.on: is missing"));
  policy.retry->add(RetryOn::kStatusCodes);
  EXPECT_TRUE(has(refused(policy), "spec.retry.status_codes: is missing"));

  HttpRule rule{.backends = {backend("cart")}, .request_timeout = seconds(1)};
  rule.per_try = seconds(2);
  EXPECT_TRUE(has(world.refuse({put("shop/r", Route{.service = "cart", .http = {rule}})}),
                  "per_try: is longer than request"));
}

}  // namespace
}  // namespace heddle::policy
