// What of a request says to which endpoint it goes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "allocations.h"
#include "http_support.h"
#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;

constexpr uint64_t kOtherwise = 4711;

TrafficPolicy by_header(std::string name = "x-user") {
  return {.service = "cart", .hash_on = HashOn::kHeader, .hash_name = std::move(name)};
}
TrafficPolicy by_cookie(std::optional<Duration> ttl = {}) {
  return {
      .service = "cart", .hash_on = HashOn::kCookie, .hash_name = "sid", .hash_cookie_ttl = ttl};
}

std::vector<Edit> shop(TrafficPolicy policy) {
  EndpointSet set{.service = "cart"};
  for (int i = 1; i <= 20; ++i)
    set.endpoints.push_back({.address = ip("10.1.0." + std::to_string(i))});
  return {put("shop/cart",
              http_service({"10.96.0.1", "10.96.0.2"},
                           {http_port(), http_port("h2", 81), {"raw", 82, Protocol::kTcp}})),
          put("shop/set", set), put("shop/other", service({"10.96.0.9"})),
          put("shop/more", endpoints("other", {"10.1.1.1"})), put("shop/tp", std::move(policy))};
}

uint64_t hash_in(const World& world, const FieldList& fields, uint64_t otherwise = kOtherwise) {
  const Request request("GET", "a", "/", fields);
  return hash_of_request(*world.frontend("10.96.0.1", 80), flow("10.9.0.1", "10.96.0.1", 80),
                         request.message, otherwise);
}

TEST(HttpAffinity, HeadersAreOneValue) {
  World world;
  world.apply(shop(by_header()));
  const uint64_t anna = hash_in(world, {{"x-user", "anna"}});
  EXPECT_EQ(hash_in(world, {{"accept", "*/*"}, {"x-user", "anna"}, {"x", "y"}}), anna);
  EXPECT_EQ(anna, hash_of_value("anna"));
  EXPECT_NE(hash_in(world, {{"x-user", "berta"}}), anna);
  EXPECT_EQ(hash_in(world, {{"x-user", "anna"}, {"x", "y"}, {"x-user", "berta"}}),
            hash_of_value("anna, berta"));
  EXPECT_EQ(hash_in(world, {}), kOtherwise);
  EXPECT_EQ(hash_in(world, {{"x-user", ""}}), kOtherwise) << "says nothing";
  EXPECT_EQ(hash_in(world, {{"x-users", "anna"}}), kOtherwise);
  world.apply({put("shop/tp", by_header("authorization"))});
  EXPECT_EQ(hash_in(world, {{"authorization", "b c"}, {"x-user", "anna"}}), hash_of_value("b c"))
      << "one that has a number";
  world.apply({put("shop/tp", by_header("cookie"))});
  EXPECT_EQ(hash_in(world, {{"cookie", "a=1"}, {"cookie", "b=2"}}), hash_of_value("a=1; b=2"));
}

// However a value comes in parts, and whatever its length.
TEST(HttpAffinity, PartsAreOneText) {
  World world;
  world.apply(shop(by_header()));
  std::set<uint64_t> seen;
  for (size_t size = 0; size <= 40; ++size)
    for (size_t cut = 0; cut <= size; ++cut) {
      const std::string left(cut, 'l'), right(size - cut, 'r');
      const uint64_t whole = hash_of_value(left + ", " + right);
      EXPECT_EQ(hash_in(world, {{"x-user", left}, {"x-user", right}}), whole);
      EXPECT_TRUE(seen.insert(whole).second);
    }
}

TEST(HttpAffinity, Cookies) {
  World world;
  world.apply(shop(by_cookie()));
  const std::pair<FieldList, const char*> rows[] = {
      {{{"cookie", "sid=42"}}, "42"},
      {{{"cookie", "a=b; sid=42; c=d"}}, "42"},
      {{{"cookie", "a=b;sid=42"}}, "42"},
      {{{"cookie", "a=b"}, {"x", "y"}, {"cookie", "sid=42"}}, "42"},
      {{{"cookie", "sid=42; sid=43"}}, "42"},
      {{{"cookie", "sid=a=b"}}, "a=b"},
      {{{"cookie", "sid=\"42\""}}, "\"42\""},
      {{{"cookie", "xsid=1; sidx=2; Sid=3; sid; =4; ; sid=42"}}, "42"},
  };
  for (const auto& [fields, value] : rows)
    EXPECT_EQ(hash_in(world, fields), hash_of_value(value)) << fields[0].second;
  const FieldList absent[] = {{},
                              {{"sid", "42"}},
                              {{"cookie", ""}},
                              {{"cookie", ";;=;"}},
                              {{"cookie", "sid="}},
                              {{"cookie", "a=sid=42"}},
                              {{"set-cookie", "sid=42"}}};
  for (const FieldList& fields : absent) EXPECT_EQ(hash_in(world, fields), kOtherwise);
}

TEST(HttpAffinity, TakesNoMemory) {
  World world;
  world.apply(shop(by_header()));
  const Request request("GET", "a", "/",
                        {{"x-user", "anna"}, {"x-user", "b"}, {"cookie", "sid=1"}});
  const Flow from = flow("10.9.0.1", "10.96.0.1", 80);
  for (const TrafficPolicy& policy : {by_header(), by_cookie(seconds(1))}) {
    world.apply({put("shop/tp", policy)});
    const Frontend& frontend = *world.frontend("10.96.0.1", 80);
    const rig::AllocationCount count;
    EXPECT_NE(hash_of_request(frontend, from, request.message, kOtherwise), kOtherwise);
    EXPECT_FALSE(wants_cookie(frontend, request.message));
    EXPECT_EQ(count.value(), 0u);
  }
}

TEST(HttpAffinity, CookiesAreGiven) {
  World world;
  world.apply(shop(by_cookie(seconds(3'600))));
  const Request without("GET", "a", "/"), with("GET", "a", "/", {{"cookie", "sid=1"}});
  const auto wants = [&](const Request& request, uint16_t port = 80) {
    return wants_cookie(*world.frontend("10.96.0.1", port), request.message);
  };
  const auto attributes = [&] {
    return world.frontend("10.96.0.1", 80)->affinity->cookie_attributes;
  };
  EXPECT_TRUE(wants(without));
  EXPECT_FALSE(wants(with));
  EXPECT_FALSE(wants(without, 82)) << "no port of HTTP";
  EXPECT_EQ(attributes(), "; Path=/; HttpOnly; Max-Age=3600");
  world.apply({put("shop/tp", by_cookie(Duration()))});
  EXPECT_TRUE(wants(without));
  EXPECT_EQ(attributes(), "; Path=/; HttpOnly");
  world.apply({put("shop/tp", by_cookie())});
  EXPECT_FALSE(wants(without));
  EXPECT_EQ(attributes(), "");
  world.apply({put("shop/tp", by_header())});
  EXPECT_FALSE(wants(without));
  world.apply({remove(Kind::kTrafficPolicy, "shop/tp")});
  EXPECT_FALSE(wants(without));
}

TEST(HttpAffinity, IsOfAllPortsOfHttp) {
  World world;
  world.apply(shop(by_header()));
  const Frontend* first = world.frontend("10.96.0.1", 80);
  ASSERT_NE(first->affinity, nullptr);
  EXPECT_EQ(first->affinity->name, "x-user");
  EXPECT_EQ(*world.frontend("10.96.0.2", 81)->affinity, *first->affinity);
  const Frontend& raw = *world.frontend("10.96.0.1", 82);
  EXPECT_EQ(raw.affinity, nullptr);
  EXPECT_EQ(raw.hash_on, HashOn::kFlow) << "connections have no headers";
  world.apply({put("shop/tp", by_header())});
  EXPECT_EQ(world.frontend("10.96.0.1", 80), first) << "as nothing has changed";
  world.apply({put("shop/tp", by_header("x-other"))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->affinity->name, "x-other");
  EXPECT_FALSE(world.may_cut) << "live connections go on";
  world.apply({put("shop/tp", TrafficPolicy{.service = "cart"})});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->affinity, nullptr);
}

// By whose hash a request goes, and to which endpoint.
TEST(HttpAffinity, LeadingTerms) {
  World world;
  TrafficPolicy of_other{.service = "other", .hash_on = HashOn::kSourceAddress};
  HttpRule plain = rule({asks(exact("/plain"))}), own = rule({asks(exact("/own"))}, "other"),
           second = rule({asks(exact("/second"))}), gone = rule({asks(exact("/gone"))});
  own.backends[0].port = second.backends.emplace_back(backend("other")).port = 80;
  own.backends.push_back(backend("cart"));
  gone.backends.clear();
  gone.redirect = HttpRedirect{.host = "b.example"};
  world.apply(shop(by_header()));
  world.apply({put("shop/other", http_service({"10.96.0.9"})), put("shop/of-other", of_other),
               put("shop/more", endpoints("other", {"10.1.1.1", "10.1.1.2", "10.1.1.3"})),
               put("shop/r", http_route({plain, own, second, gone}))});
  const Frontend& frontend = *world.frontend("10.96.0.1", 80);
  const auto target = [&](const char* path) {
    return frontend.http->find(Request("GET", "a", path).message, kNoInterface).target;
  };
  EXPECT_EQ(&leading_terms(frontend, nullptr), &frontend) << "there are no rules";
  EXPECT_EQ(&leading_terms(frontend, target("/gone")), &frontend) << "it leads nowhere";
  EXPECT_EQ(&leading_terms(frontend, target("/plain")), &frontend);
  EXPECT_EQ(&leading_terms(frontend, target("/second")), &frontend) << "the first one's, not any";
  const BackendTerms& terms = leading_terms(frontend, target("/own"));
  EXPECT_EQ(&terms, target("/own")->choices[0].terms.get());
  EXPECT_EQ(terms.hash_on, HashOn::kSourceAddress);
  // Whatever is drawn, a client of /own keeps its backend; of /second, the endpoint behind other.
  std::set<std::string> by_own, by_second;
  const uint32_t slot = world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
  for (uint64_t drawn = 1; drawn < 200; ++drawn) {
    const Flow client = flow("10.9.0.1", "10.96.0.1", 80);
    const auto go = [&](const char* path) {
      const Request request("GET", "a", path);
      const uint64_t hash = hash_of_request(leading_terms(frontend, target(path)), client,
                                            request.message, drawn * 0x9e3779b97f4a7c15);
      return outcome(decide_request(*world.snapshot, slot, client, target(path), hash));
    };
    by_own.insert(go("/own"));
    by_second.insert(go("/second"));
  }
  EXPECT_EQ(by_own.size(), 1u);
  EXPECT_EQ(
      std::ranges::count_if(by_second, [](const auto& it) { return it.starts_with("10.1.1."); }),
      1);
  EXPECT_GT(by_second.size(), 10u) << "drawn between the two, and among those of cart";
}

// As it is compared by what it says, no rule that leads by it is made again.
TEST(HttpAffinity, OfAnotherServiceIsComparedByWhatItSays) {
  World world;
  TrafficPolicy policy = by_header();
  policy.service = "front";
  HttpRule to_cart = rule({});
  to_cart.backends[0].port = 80;
  world.apply(shop(by_header()));
  world.apply({put("shop/front", http_service({"10.96.0.7"})), put("shop/front", policy),
               put("shop/r", http_route({to_cart}, {}, "front"))});
  ASSERT_NE(world.frontend("10.96.0.7", 80)->http->rules()[0].target.choices[0].terms, nullptr);
  world.apply({put("shop/tp", by_header("x-other"))});
  const auto routes = world.frontend("10.96.0.7", 80)->http;
  const uint32_t generation = world.snapshot->generation;
  EXPECT_EQ(routes->rules()[0].target.choices[0].terms->affinity->name, "x-other");
  world.apply({put("shop/tp", by_header("x-other"))});
  EXPECT_EQ(world.frontend("10.96.0.7", 80)->http, routes);
  EXPECT_EQ(world.snapshot->generation, generation);
  EXPECT_FALSE(world.may_cut);
}

// Its own terms are asked for while its frontends are compiled.
TEST(HttpAffinity, OfAServiceThatLeadsToItself) {
  TlsWorld tls;
  World& world = tls.world;
  Service self = http_service({"10.96.0.5"}, {http_port(), {"raw", 90}, {"tls", 443}});
  self.forwarding = Forwarding::kProxy;
  self.ports[2].tls = ServerTls{.mode = ClientTls::kPassthrough};
  TrafficPolicy policy = by_header();
  policy.service = "self";
  const Backend to{.service = "self", .ns = "shop", .port = 80};
  world.apply({put("shop/self", self), put("shop/self", endpoints("self", {"10.1.0.5"})),
               put("shop/self", policy),
               put("shop/raw", Route{.service = "self", .rules = {{"raw", {to}}}}),
               put("shop/tls", Route{.service = "self", .tls = {{{"a.example"}, {to}}}})});
  for (const char* name : {"x-other", "x-user"}) {
    policy.hash_name = name;
    world.apply({put("shop/self", policy)});
    EXPECT_EQ(world.frontend("10.96.0.5", 80)->affinity->name, name);
    const Decision raw = decide(*world.snapshot, flow("10.9.0.1", "10.96.0.5", 90));
    EXPECT_EQ(outcome(raw), "10.1.0.5");
    EXPECT_EQ(raw.port, 80);
    EXPECT_EQ(
        outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.5", 443), nullptr, "a.example")),
        "10.1.0.5");
  }
}

TEST(HttpAffinity, OthersAsBefore) {
  World world;
  world.apply(shop({.service = "cart"}));
  EXPECT_EQ(hash_in(world, {{"x-user", "anna"}}), kOtherwise);
  world.apply(
      {put("shop/tp", TrafficPolicy{.service = "cart", .hash_on = HashOn::kSourceAddress})});
  EXPECT_EQ(hash_in(world, {}), hash_of(flow("10.9.0.1", "10.96.0.1", 80), HashOn::kSourceAddress));
}

// Where each of 2,000 clients is led.
std::map<std::string, std::string> clients_of(const World& world) {
  const uint32_t slot = world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
  std::map<std::string, std::string> led;
  for (int i = 0; i < 2'000; ++i) {
    const std::string client = "client-" + std::to_string(i);
    const Frontend& frontend = *world.snapshot->frontends[slot];
    const Request request("GET", "a", "/", {{"cookie", "sid=" + client}});
    const Flow from = flow("10.9.0.1", "10.96.0.1", 80, static_cast<uint16_t>(i + 1));
    const HttpTarget* target = frontend.http == nullptr
                                   ? nullptr
                                   : frontend.http->find(request.message, kNoInterface).target;
    led[client] =
        outcome(decide_request(*world.snapshot, slot, from, target,
                               hash_of_request(frontend, from, request.message, kOtherwise)));
  }
  return led;
}

TEST(HttpAffinity, ClientsStayWhenEndpointsChange) {
  for (const Algorithm algorithm : {Algorithm::kMaglev, Algorithm::kRingHash}) {
    World world;
    TrafficPolicy policy = by_cookie();
    policy.algorithm = algorithm;
    world.apply(shop(policy));
    const auto before = clients_of(world);
    std::map<std::string, int> share;
    for (const auto& [client, endpoint] : before) ++share[endpoint];
    EXPECT_EQ(share.size(), 20u);
    for (const auto& [endpoint, clients] : share) EXPECT_NEAR(clients, 100, 60) << endpoint;
    EndpointSet fewer{.service = "cart"};
    for (int i = 1; i <= 19; ++i)
      fewer.endpoints.push_back({.address = ip("10.1.0." + std::to_string(i))});
    world.apply({put("shop/set", fewer)});
    const auto after = clients_of(world);
    int moved = 0;
    for (const auto& [client, endpoint] : before)
      if (endpoint != "10.1.0.20") moved += after.at(client) != endpoint;
    EXPECT_LT(moved, 2'000 / 20) << name_of(algorithm);
  }
}

TEST(HttpAffinity, ClientsStayWithTheirBackend) {
  World world;
  world.apply(shop(by_cookie()));
  HttpRule split = rule({});
  split.backends = {backend("cart", 90), backend("other", 10)};
  world.apply({put("shop/r", http_route({split}))});
  const auto before = clients_of(world);
  const auto others = [](const auto& led) {
    std::set<std::string> clients;
    for (const auto& [client, endpoint] : led)
      if (endpoint == "10.1.1.1") clients.insert(client);
    return clients;
  };
  EXPECT_NEAR(static_cast<double>(others(before).size()), 200, 60);
  world.apply({put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.2"}))});
  EXPECT_EQ(others(clients_of(world)), others(before));
}

TEST(HttpAffinity, IsRefused) {
  const auto refusal = [](TrafficPolicy policy, bool http = true) {
    World world;
    return world.refuse(
        {put("shop/cart", http ? http_service({"10.96.0.1"}) : service({"10.96.0.1"})),
         put("shop/tp", std::move(policy))});
  };
  const std::string at = "TrafficPolicy shop/tp spec.balancer.";
  EXPECT_EQ(refusal(by_header()), "");
  EXPECT_EQ(refusal(by_cookie(seconds(400 * 86'400))), "");
  EXPECT_EQ(refusal(by_header(), false),
            at + "hash_on: Service shop/cart has no port of protocol http, http2 or grpc, whose "
                 "requests it could look at\n");
  EXPECT_EQ(refusal(by_header("")), at + "hash_name: is missing\n");
  EXPECT_EQ(refusal(by_header("X-User")), at + "hash_name: \"X-User\" is no name of a header\n");
  EXPECT_EQ(refusal(by_header(std::string(257, 'a'))),
            at + "hash_name: is longer than 256 bytes\n");
  EXPECT_EQ(refusal(by_header("connection")),
            at + "hash_name: connection is about the connection or how a message is framed, which "
                 "rules have nothing to do with\n");
  TrafficPolicy policy = by_cookie();
  policy.hash_name = "";
  EXPECT_EQ(refusal(policy), at + "hash_name: is missing\n");
  policy.hash_name = "a b";
  EXPECT_EQ(refusal(policy),
            at + "hash_name: \"a b\" is no name of a cookie, or longer than 256 bytes\n");
  for (const Duration ttl : {milliseconds(1), seconds(-1), seconds(400 * 86'400 + 1)})
    EXPECT_EQ(refusal(by_cookie(ttl)),
              at +
                  "hash_cookie_ttl: expected whole seconds, 1s to 9600h, or 0s: until the client's "
                  "session ends\n");
  policy = by_header();
  policy.hash_cookie_ttl = seconds(1);
  EXPECT_EQ(refusal(policy), at + "hash_cookie_ttl: is for hash_on: cookie; leave it out\n");
  for (const HashOn hash_on : {HashOn::kFlow, HashOn::kSourceAddress})
    EXPECT_EQ(refusal({.service = "cart", .hash_on = hash_on, .hash_name = "x"}),
              at + "hash_name: is for hash_on: header or cookie; leave it out\n");
  policy = by_header();
  policy.algorithm = Algorithm::kLeastRequest;
  EXPECT_EQ(refusal(policy), at + "hash_on: algorithm least-request does not look at it: leave it "
                                  "out, or take maglev or ring-hash\n");
  // The Service loses its ports of HTTP.
  World world;
  world.apply({put("shop/cart", http_service({"10.96.0.1"})), put("shop/tp", by_header())});
  EXPECT_EQ(world.refuse({put("shop/cart", service({"10.96.0.1"}))}),
            at + "hash_on: Service shop/cart has no port of protocol http, http2 or grpc, whose "
                 "requests it could look at\n");
}

}  // namespace
}  // namespace heddle::policy
