// Ports of HTTP and rules for requests in the model: what workers get, what stays the same object,
// and which endpoint a request goes to.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "http_support.h"

namespace heddle::policy {
namespace {

using namespace test;

std::vector<Edit> shop() {
  return {put("shop/cart", http_service({"10.96.0.1", "10.96.0.2", "2001:db8:96::1"},
                                        {http_port("http", 80),
                                         http_port("h2", 81, HttpUpstream::kHttp2),
                                         {"dns", 53, Protocol::kUdp}})),
          put("shop/set", endpoints("cart", {"10.1.0.1", "2001:db8:1::1"})),
          put("shop/other", service({"10.96.0.9"})),
          put("shop/more", endpoints("other", {"10.1.0.2", "2001:db8:1::2"}))};
}

const HttpRoutes* routes_of(const World& world, const char* address, uint16_t port = 80) {
  return world.frontend(address, port)->http.get();
}

TEST(HttpModel, FrontendsOfHttp) {
  World world;
  world.apply(shop());
  const Frontend& http = *world.frontend("10.96.0.1", 80);
  EXPECT_TRUE(http.is_http);
  EXPECT_EQ(http.upstream_http, HttpUpstream::kHttp1);
  EXPECT_EQ(http.forwarding, Forwarding::kProxy);
  EXPECT_EQ(http.http, nullptr);
  EXPECT_EQ(world.frontend("10.96.0.1", 81)->upstream_http, HttpUpstream::kHttp2);
  const Frontend& dns = *world.frontend("10.96.0.1", 53, Protocol::kUdp);
  EXPECT_FALSE(dns.is_http);
  EXPECT_EQ(dns.forwarding, Forwarding::kDnat);
  ASSERT_NE(world.snapshot->listeners, nullptr);
  EXPECT_EQ(world.snapshot->listeners->size(), 6u);
  EXPECT_EQ(world.model
                .frontend_name(
                    world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80}))
                .forwarding,
            Forwarding::kProxy);
}

// Steering knows what is translated alone.
TEST(HttpModel, RolesAreOfTranslatedPorts) {
  World world;
  const auto is_service = [&] { return world.snapshot->roles.is_service(ip("10.96.0.1")); };
  const auto answers = [&](const char* address, Protocol protocol, uint16_t port) {
    return world.snapshot->roles.is_endpoint(ip(address), protocol, port);
  };
  world.apply(shop());
  EXPECT_TRUE(is_service()) << "for dns";
  EXPECT_TRUE(answers("10.1.0.1", Protocol::kUdp, 53));
  EXPECT_FALSE(answers("10.1.0.1", Protocol::kTcp, 80));
  world.apply({put("shop/r", http_route({rule({}, "other")}))});
  EXPECT_FALSE(answers("10.1.0.2", Protocol::kUdp, 53)) << "requests go there, not packets";
  world.apply({remove(Kind::kRoute, "shop/r"), put("shop/cart", http_service({"10.96.0.1"}))});
  EXPECT_FALSE(is_service());
  EXPECT_FALSE(world.snapshot->roles.is_endpoint(ip("10.1.0.1")));
  world.apply({put("shop/cart", service({"10.96.0.1"}))});
  EXPECT_TRUE(is_service());
  EXPECT_TRUE(answers("10.1.0.1", Protocol::kTcp, 80));
}

TEST(HttpModel, ConnectionsNeedNoRequest) {
  World world;
  world.apply(shop());
  const Flow client = flow("10.9.0.1", "10.96.0.1", 80);
  EXPECT_EQ(outcome(decide(*world.snapshot, client)), "10.1.0.1");
  world.apply({put("shop/r", http_route({rule({}, "other")}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, client)), "10.1.0.1") << "the service's own";
  world.apply({remove(Kind::kEndpointSet, "shop/set")});
  world.settle();
  EXPECT_EQ(outcome(decide(*world.snapshot, client)), "no endpoint");
  world.apply(
      {put("shop/deny", AccessPolicy{.service = "cart", .action = Action::kDeny, .rules = {{}}})});
  EXPECT_EQ(outcome(decide(*world.snapshot, client)), "denied");
}

TEST(HttpModel, RequestsHaveEndpoints) {
  World world;
  world.apply(shop());
  HttpRule split = rule({});
  split.backends = {backend("cart", 80), backend("other", 20), backend("cart", 0)};
  HttpRule none = rule({asks(under("/none"))});
  none.backends[0].weight = 0;
  world.apply({put("shop/r", http_route({split, none}))});
  const uint32_t slot = world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
  const Flow client = flow("10.9.0.1", "10.96.0.1", 80);
  const auto ask = [&](const char* path, uint64_t hash) {
    const Request request("GET", "a", path);
    const HttpMatched found =
        world.snapshot->frontends[slot]->http->find(request.message, kNoInterface);
    return decide_request(*world.snapshot, slot, client, found.target, hash);
  };
  int others = 0;
  for (uint64_t hash = 0; hash < 10'000; ++hash) {
    const Decision decision = ask("/", hash * 0x9e3779b97f4a7c15);
    ASSERT_EQ(decision.verdict, Verdict::kForward);
    EXPECT_EQ(decision.frontend, slot);
    EXPECT_EQ(decision.port, 80);
    if (outcome(decision) == "10.1.0.2") ++others;
  }
  EXPECT_NEAR(others, 2'000, 200);
  EXPECT_EQ(outcome(ask("/", 77)), outcome(ask("/", 77))) << "one hash, one endpoint";
  EXPECT_EQ(outcome(ask("/none", 1)), "no endpoint");
  EXPECT_EQ(outcome(decide_request(*world.snapshot, slot, client, nullptr, 5)), "10.1.0.1");
}

// Algorithms that are no hashes look at the worker's state.
TEST(HttpModel, RequestsAreBalanced) {
  World world;
  TrafficPolicy policy{.service = "cart", .algorithm = Algorithm::kRoundRobin};
  world.apply({put("shop/cart", http_service({"10.96.0.1"})), put("shop/tp", policy),
               put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.3"})),
               put("shop/r", http_route({rule({})}))});
  Random random(1);
  std::vector<balance::RoundRobin::Cursor> cursors(16);
  std::vector<uint32_t> active(64);
  const PickState state{random, cursors, active};
  const HttpTarget& target = routes_of(world, "10.96.0.1")->rules()[0].target;
  std::multiset<std::string> seen;
  for (int i = 0; i < 30; ++i)
    seen.insert(outcome(
        decide_request(*world.snapshot, 0, flow("10.9.0.1", "10.96.0.1", 80), &target, 4, &state)));
  for (const char* address : {"10.1.0.1", "10.1.0.2", "10.1.0.3"})
    EXPECT_EQ(seen.count(address), 10u);
}

TEST(HttpModel, OneObjectForAllFrontendsOfAFamily) {
  World world;
  world.apply(shop());
  world.apply({put("shop/r", http_route({rule({})}))});
  const HttpRoutes* v4 = routes_of(world, "10.96.0.1");
  ASSERT_NE(v4, nullptr);
  EXPECT_EQ(routes_of(world, "10.96.0.2"), v4);
  EXPECT_EQ(routes_of(world, "10.96.0.1", 81), v4);
  const HttpRoutes* v6 = routes_of(world, "2001:db8:96::1");
  ASSERT_NE(v6, nullptr);
  EXPECT_NE(v6, v4) << "other clusters";
  EXPECT_EQ(v6->rules()[0].target.slot, v4->rules()[0].target.slot) << "and the same rule";
}

TEST(HttpModel, WhatDoesNotChangeIsTheSameObject) {
  World world;
  world.apply(shop());
  const Route route = http_route({rule({asks(regex("/a.*"))}), rule({}, "other")});
  world.apply({put("shop/r", route)});
  const HttpRoutes* before = routes_of(world, "10.96.0.1");
  const auto frontend = world.frontend("10.96.0.1", 80);
  world.apply({put("shop/r", route)});
  EXPECT_EQ(routes_of(world, "10.96.0.1"), before) << "applied again";
  EXPECT_EQ(world.frontend("10.96.0.1", 80), frontend);
  world.apply({put("shop/set", endpoints("cart", {"10.1.0.7"})),
               put("shop/tp", TrafficPolicy{.service = "cart", .connect_timeout = seconds(1)})});
  EXPECT_EQ(routes_of(world, "10.96.0.1"), before) << "endpoints and times";
  EXPECT_NE(world.frontend("10.96.0.1", 80), frontend);
  const uint32_t generation = world.snapshot->generation;
  Route changed = route;
  changed.http[1].request.set = {{"x-a", "1"}};
  world.apply({put("shop/r", changed)});
  EXPECT_NE(routes_of(world, "10.96.0.1"), before);
  EXPECT_EQ(world.snapshot->generation, generation) << "connections are not concerned";
  EXPECT_FALSE(world.may_cut);
  EXPECT_EQ(routes_of(world, "10.96.0.1")->rules()[1].target.request.set[0].value, "1");
  world.apply({remove(Kind::kRoute, "shop/r")});
  EXPECT_EQ(routes_of(world, "10.96.0.1"), nullptr);
}

TEST(HttpModel, SlotsOfRulesAreStable) {
  World world;
  world.apply(shop());
  const auto slot = [&](size_t i) { return routes_of(world, "10.96.0.1")->rules()[i].target.slot; };
  world.apply({put("shop/m", http_route({rule({}), rule({asks(under("/x"))})}))});
  const uint32_t first = slot(0), second = slot(1);
  EXPECT_NE(first, second);
  world.apply({put("shop/a", http_route({rule({asks(under("/a"))})}))});
  EXPECT_EQ(slot(1), first);
  EXPECT_EQ(slot(2), second);
  const uint32_t of_a = slot(0);
  const uint64_t then = world.version;
  EXPECT_TRUE(world.snapshot->is_rule_of(second, then));
  world.apply({put("shop/m", http_route({rule({})}))});
  EXPECT_EQ(slot(1), first);
  EXPECT_EQ(world.model.http_rule_name(second).route, "") << "given back";
  EXPECT_FALSE(world.snapshot->is_rule_of(second, then));
  world.apply({put("shop/b", http_route({rule({asks(under("/b"))})}))});
  EXPECT_EQ(slot(1), second) << "another's from the next commit on";
  EXPECT_FALSE(world.snapshot->is_rule_of(second, then)) << "who was led by it before";
  EXPECT_TRUE(world.snapshot->is_rule_of(second, world.version));
  EXPECT_TRUE(world.snapshot->is_rule_of(first, then));
  // Not in the commit that gives it back.
  world.apply(
      {remove(Kind::kRoute, "shop/b"), put("shop/c", http_route({rule({asks(under("/c"))})}))});
  EXPECT_NE(slot(1), second);
  const std::vector<Model::HttpRuleName> rules = world.model.http_rules();
  EXPECT_EQ(rules.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(rules, {}, &Model::HttpRuleName::slot));
  EXPECT_EQ(world.model.http_rule_name(of_a).route, "shop/a");
}

// What was counted of one owner is never told of another.
TEST(HttpModel, SlotsOfARouteThatMovesAreFresh) {
  World world;
  world.apply(shop());
  Service gate = service({"10.96.0.100"}, {http_port()});
  gate.forwarding = Forwarding::kProxy;
  Route of_gate = http_route({rule({}), rule({asks(under("/x"))})});
  for (HttpRule& each : of_gate.http) each.backends[0].port = 80;
  of_gate.gateway = "cart";  // of the same name
  of_gate.service.clear();
  world.apply({put("shop/cart", Gateway{gate}),
               put("shop/m", http_route({rule({}), rule({asks(under("/x"))})}))});
  const auto slots = [&] {
    std::set<uint32_t> all;
    for (const Model::HttpRuleName& name : world.model.http_rules()) all.insert(name.slot);
    return all;
  };
  const std::set<uint32_t> before = slots();
  world.apply({put("shop/m", of_gate)});
  const std::set<uint32_t> after = slots();
  EXPECT_EQ(before.size(), 2u);
  EXPECT_EQ(after.size(), 2u);
  for (const uint32_t slot : after) EXPECT_FALSE(before.contains(slot)) << slot;
  EXPECT_EQ(world.fresh_http_rules, std::vector<uint32_t>(after.begin(), after.end()));
  EXPECT_EQ(world.model.http_rules()[0].kind, Kind::kGateway);
  of_gate.http.pop_back();
  world.apply({put("shop/m", of_gate)});
  EXPECT_EQ(slots().size(), 1u);
  EXPECT_TRUE(after.contains(*slots().begin())) << "it stays where it is";
  EXPECT_TRUE(world.fresh_http_rules.empty());
}

TEST(HttpModel, RulesHaveTexts) {
  World world;
  world.apply(shop());
  HttpMatch match = asks(under("/v2"), "GET", {is("x-beta", "1")});
  match.query = {is("q", "", TextMatch::Kind::kPresent)};
  match.source = HttpSource{"web", "shop", {{"app", "x"}}};
  Route of_hosts =
      http_route({rule({match, asks(exact("/x"))}), rule({}), rule({asks(regex("/[a-z]+"))})},
                 {"a.example", "*.b.example"});
  std::vector<HttpMatch> many(kMaxHttpMatches, asks(exact("/a/long/path/that/is/the/same")));
  of_hosts.http.push_back(rule(std::move(many)));
  world.apply({put("shop/r", of_hosts)});
  const std::vector<Model::HttpRuleName> rules = world.model.http_rules();
  ASSERT_EQ(rules.size(), 4u);
  EXPECT_EQ(rules[0].text,
            "host a.example, *.b.example; GET, path prefix /v2, header x-beta = 1, query q, from "
            "shop/web (app=x) | path /x");
  EXPECT_EQ(rules[0].service, "shop/cart");
  EXPECT_EQ(rules[1].text, "host a.example, *.b.example; any request");
  EXPECT_EQ(rules[2].text, "host a.example, *.b.example; path regex /[a-z]+");
  EXPECT_EQ(rules[3].text.size(), 203u);
  // As committed, whatever is staged.
  EXPECT_EQ(world.refuse({put("shop/r", http_route({rule({})}))}), "");
  EXPECT_EQ(world.model.http_rules().size(), 4u);
  world.model.rollback();
}

TEST(HttpModel, TargetsHaveWhatRulesSay) {
  World world;
  world.apply(shop());
  HttpRule full = rule({asks(under("/v2"))});
  full.request = {.set = {{"x-a", "1"}}, .add = {{"x-b", "2"}}, .remove = {"x-c"}};
  full.response.remove = {"server"};
  full.rewrite = HttpRewrite{"b.example", HttpRewrite::Path::kPrefix, "/v3"};
  full.request_timeout = seconds(2);
  full.stream_idle = seconds(3);
  full.connect = milliseconds(4);
  HttpRule redirect{.redirect = HttpRedirect{.scheme = "https", .status = 301}};
  HttpRule direct{.matches = {asks(exact("/health"))},
                  .direct = HttpDirect{200, "fine\n", "text/plain"}};
  world.apply({put("shop/r", http_route({full, redirect, direct}))});
  const auto rules = routes_of(world, "10.96.0.1")->rules();
  EXPECT_EQ(rules[0].target.request, full.request);
  EXPECT_EQ(rules[0].target.response, full.response);
  EXPECT_EQ(rules[0].target.rewrite, full.rewrite);
  EXPECT_EQ(rules[0].target.request_timeout, seconds(2));
  EXPECT_EQ(rules[0].target.stream_idle, seconds(3));
  EXPECT_EQ(rules[0].target.connect, milliseconds(4));
  EXPECT_EQ(rules[0].target.total_weight, 1u);
  EXPECT_EQ(rules[1].target.redirect, redirect.redirect);
  EXPECT_EQ(rules[1].target.total_weight, 0u);
  EXPECT_TRUE(rules[1].target.choices.empty());
  EXPECT_EQ(rules[2].target.direct, direct.direct);
}

// The same model after all has gone.
TEST(HttpModel, CountsItsBytes) {
  World world;
  world.apply(shop());
  const size_t before = world.model.stats().snapshot_bytes;
  std::vector<HttpRule> rules;
  for (int i = 0; i < 200; ++i) rules.push_back(rule({asks(under("/path/" + std::to_string(i)))}));
  world.apply({put("shop/r", http_route(rules))});
  const size_t with = world.model.stats().snapshot_bytes;
  EXPECT_GT(with, before + 2 * 200 * sizeof(HttpTarget)) << "for each family";
  EXPECT_LT(with, before + 2 * 200 * 2'500) << "and not for each address";
  for (const HttpRoutes::Rule& each : routes_of(world, "10.96.0.1")->rules())
    EXPECT_LT(each.target.slot, Limits().http_rule_slots());
  world.apply({remove(Kind::kRoute, "shop/r")});
  world.settle();
  EXPECT_LE(world.model.stats().snapshot_bytes, before + 4'096);
}

TEST(HttpModel, ClustersGoWithTheirRules) {
  World world;
  world.apply(shop());
  HttpRule to_subset = rule({});
  to_subset.backends[0].subset = {{"version", "v2"}};
  world.apply({put("shop/r", http_route({to_subset}))});
  const auto has_subset = [&] {
    for (uint32_t slot = 0; slot < world.snapshot->clusters.size(); ++slot)
      if (world.model.cluster_name(slot) == "shop/cart (version=v2)") return true;
    return false;
  };
  EXPECT_TRUE(has_subset());
  world.apply({put("shop/cart", http_service({"2001:db8:96::1"}))});
  EXPECT_TRUE(has_subset());
  world.apply({put("shop/r", http_route({rule({})}))});
  EXPECT_FALSE(has_subset());
  world.apply({put("shop/r", http_route({to_subset}))});
  EXPECT_TRUE(has_subset());
  world.apply({remove(Kind::kRoute, "shop/r"), remove(Kind::kEndpointSet, "shop/set"),
               remove(Kind::kService, "shop/cart")});
  EXPECT_FALSE(has_subset());
}

// Rules under tcp lead the ports that are no HTTP's.
TEST(HttpModel, TcpRulesLeadOtherPorts) {
  World world;
  world.apply(shop());
  world.apply(
      {put("shop/tcp", Route{.service = "cart", .rules = {{.backends = {backend("other")}}}}),
       put("shop/r", http_route({rule({})}))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->route, kNoSlot);
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80))), "10.1.0.1");
  Flow dns = flow("10.9.0.1", "10.96.0.1", 53);
  dns.protocol = Protocol::kUdp;
  EXPECT_EQ(outcome(decide(*world.snapshot, dns)), "10.1.0.2");
}

}  // namespace
}  // namespace heddle::policy
