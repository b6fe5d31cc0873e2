// RateLimits and Faults: what is refused, whose requests they are for, and what stays of them when
// policy changes.
#include <gtest/gtest.h>

#include "allocations.h"
#include "http_support.h"
#include "policy/request_limits.h"

namespace heddle::policy {
namespace {

using namespace test;
using resilience::FaultAbort;
using resilience::FaultDelay;

constexpr Instant kStart(1'000'000'000'000);

RateLimit limit(uint64_t requests, Duration per = seconds(60), RequestScope scope = {}) {
  if (scope.gateway.empty() && scope.service.empty()) scope.service = "cart";
  return {.scope = std::move(scope), .rate = {requests, per, requests}};
}
RateLimit keyed(uint64_t requests, std::vector<RateKey> keys) {
  RateLimit made = limit(requests);
  made.keys = std::move(keys);
  return made;
}
RequestScope of(std::vector<HttpMatch> matches, std::vector<std::string> routes = {}) {
  return {.service = "cart", .routes = std::move(routes), .matches = std::move(matches)};
}
Fault aborts(uint16_t status, uint32_t share = kWholeShare, RequestScope scope = of({})) {
  return {.scope = std::move(scope), .abort = FaultAbort{.code = status, .share = share}};
}
Fault delays(Duration time, uint32_t share = kWholeShare) {
  return {.scope = of({}), .delay = FaultDelay{.time = time, .most = time, .share = share}};
}

class LimitsTest : public testing::Test {
 protected:
  explicit LimitsTest(uint16_t workers = 2) : world(Limits(), with_workers(workers)) {
    world.apply({put("shop/cart", http_service({"10.96.0.1"})),
                 put("shop/api", http_route({rule({asks(under("/api"))})})),
                 put("shop/rest", http_route({rule({})}))});
  }
  static NodeFacts with_workers(uint16_t workers) {
    NodeFacts facts = node();
    facts.workers = workers;
    facts.secret = {1, 2};
    return facts;
  }
  const Frontend& cart() const { return *world.frontend("10.96.0.1", 80); }

  // "allowed", or the name of who refuses.
  std::string take(const Request& request, const Flow& from, uint16_t worker = 0,
                   Instant at = kStart) {
    const HttpTarget* target =
        cart().http->find(request.message, from.identified ? from.in : kNoInterface).target;
    const auto limited =
        cart().limits->take({from, request.message, target}, {WorkerId(worker), at, held});
    return limited ? limited->by->resource->key.name : "allowed";
  }
  std::string take(const char* path = "/", uint16_t worker = 0) {
    return take(Request("GET", "shop", path), flow("192.0.2.1", "10.96.0.1", 80), worker);
  }
  Injected draw(const char* path = "/") {
    const Request request("GET", "shop", path);
    const Flow from = flow("192.0.2.1", "10.96.0.1", 80);
    const HttpTarget* target = cart().http->find(request.message, kNoInterface).target;
    return cart().limits->draw({from, request.message, target}, WorkerId(1), random);
  }

  World world;
  resilience::HeldRates held{WorkerId(0), 8};
  Random random{7};
};

TEST_F(LimitsTest, ABucketIsShared) {
  EXPECT_EQ(cart().limits, nullptr);
  world.apply({put("shop/a", limit(3))});
  for (uint16_t i = 0; i < 3; ++i) EXPECT_EQ(take("/", i % 2), "allowed");
  EXPECT_EQ(take("/", 0), "a");
  EXPECT_EQ(take("/api", 1), "a");
  const auto known = world.model.rate_limits();
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0]->counts->sum(&LimitCounts::allowed), 3u);
  EXPECT_EQ(known[0]->counts->sum(&LimitCounts::limited), 2u);
  world.apply({remove(Kind::kRateLimit, "shop/a")});
  EXPECT_EQ(cart().limits, nullptr);
}

TEST_F(LimitsTest, ABucketStaysUntilItsRateOrKeysAreOthers) {
  world.apply({put("shop/a", limit(3))});
  for (int i = 0; i < 3; ++i) take();
  const auto before = cart().limits;
  world.apply({put("other/x", http_service({"10.96.0.9"}))});
  EXPECT_EQ(cart().limits, before) << "the same object";
  world.apply({put("shop/b", limit(100))});
  EXPECT_EQ(take(), "a") << "another RateLimit";
  world.apply({put("shop/a", limit(3, seconds(60), of({asks(under("/"))})))});
  EXPECT_EQ(take(), "a") << "other requests";
  world.apply({put("shop/a", limit(4))});
  EXPECT_EQ(take(), "allowed") << "another rate: the bucket is full";
  EXPECT_EQ(world.model.rate_limits()[0]->counts->sum(&LimitCounts::allowed), 4u)
      << "and counts go on";
  for (int i = 0; i < 3; ++i) take();
  EXPECT_EQ(take(), "a");
  RateLimit by_address = keyed(4, {{.kind = RateKey::Kind::kSourceAddress}});
  world.apply({put("shop/a", by_address)});
  EXPECT_EQ(take(), "allowed") << "other keys";
}

TEST_F(LimitsTest, TheFirstByNameThatHasNoTokenRefuses) {
  world.apply({put("shop/a", limit(5)), put("shop/b", limit(2))});
  EXPECT_EQ(take() + take(), "allowedallowed");
  EXPECT_EQ(take() + take() + take(), "bbb");
  EXPECT_EQ(take(), "a") << "which has given tokens to those that b refused";
}

TEST_F(LimitsTest, ItIsForRequestsThatItsMatchesAndRoutesSay) {
  world.apply({put("shop/a", limit(1, seconds(60), of({asks(under("/api"), "POST")}))),
               put("shop/b", limit(1, seconds(60), of({}, {"api"}))),
               put("shop/c", limit(1, seconds(60),
                                   of({asks(exact("/x"), "", {is("x-a", "1")}),
                                       asks(regex("/n/[0-9]+"))})))});
  const Flow from = flow("192.0.2.1", "10.96.0.1", 80);
  const auto ask = [&](const char* method, const char* path, const FieldList& fields = {}) {
    return take(Request(method, "shop", path, fields), from);
  };
  EXPECT_EQ(ask("GET", "/"), "allowed");
  EXPECT_EQ(ask("GET", "/api/1?x=1"), "allowed");
  EXPECT_EQ(ask("GET", "/api"), "b");
  EXPECT_EQ(ask("POST", "/apix"), "allowed") << "is not under it";
  EXPECT_EQ(ask("POST", "/api/2?y"), "b") << "and a has given its token";
  EXPECT_EQ(ask("POST", "/api/2"), "a");
  EXPECT_EQ(ask("GET", "/x", {{"x-a", "2"}}), "allowed");
  EXPECT_EQ(ask("GET", "/x", {{"x-a", "1"}}), "allowed");
  EXPECT_EQ(ask("GET", "/n/5"), "c") << "one bucket for all of its matches";
  EXPECT_EQ(ask("GET", "/n/5x"), "allowed");
}

TEST_F(LimitsTest, KeysKeepSendersApart) {
  world.apply({put("shop/web", workload("w1", {"10.8.0.1"})),
               put("shop/a", keyed(1, {{.kind = RateKey::Kind::kSourceIdentity}}))});
  const Request request("GET", "shop", "/");
  Flow local = flow("10.8.0.1", "10.96.0.1", 80);
  local.identified = true;
  local.in = InterfaceId(1);
  Flow peer = flow("192.0.2.9", "10.96.0.1", 80);
  peer.peer = {"spiffe://a/ns/x/sa/y", "a", "x", "y"};
  Flow other = peer;
  other.peer.id = "spiffe://a/ns/x/sa/z";
  const Flow nobody = flow("192.0.2.1", "10.96.0.1", 80);
  for (const Flow* each : std::initializer_list<const Flow*>{&local, &peer, &other, &nobody})
    EXPECT_EQ(take(request, *each), "allowed");
  for (const Flow* each : std::initializer_list<const Flow*>{&local, &peer, &other})
    EXPECT_EQ(take(request, *each, 1), "a");
  EXPECT_EQ(take(request, flow("192.0.2.7", "10.96.0.1", 80)), "a") << "nobody is one";
  EXPECT_EQ(world.model.rate_limits()[0]->rate->keys_in_use(kStart), 4u);

  world.apply({put("shop/a", keyed(1, {{.kind = RateKey::Kind::kSourceAddress}}))});
  EXPECT_EQ(take(request, nobody), "allowed");
  EXPECT_EQ(take(request, nobody), "a");
  EXPECT_EQ(take(request, peer), "allowed");
  EXPECT_EQ(take(request, other), "a") << "from the same address";

  world.apply({put("shop/a", keyed(1, {{.kind = RateKey::Kind::kHeader, .header = "x-key"},
                                       {.kind = RateKey::Kind::kSourceAddress}}))});
  const auto with = [&](FieldList fields, const Flow& from) {
    return take(Request("GET", "shop", "/", fields), from);
  };
  EXPECT_EQ(with({{"x-key", "1"}}, nobody), "allowed");
  EXPECT_EQ(with({{"x-key", "1"}}, nobody), "a");
  EXPECT_EQ(with({{"x-key", "1"}}, peer), "allowed") << "both keys count";
  EXPECT_EQ(with({{"x-key", "2"}}, nobody), "allowed");
  EXPECT_EQ(with({{"x-key", "1"}, {"x-key", "2"}}, nobody), "allowed") << "another value";
  EXPECT_EQ(with({}, nobody), "allowed");
  EXPECT_EQ(with({{"x-other", "1"}}, nobody), "a") << "without it all share one";
}

TEST_F(LimitsTest, KeysBeyondTheTableShareOneBucket) {
  world.apply({put("shop/a", keyed(1, {{.kind = RateKey::Kind::kSourceAddress}}))});
  const Request request("GET", "shop", "/");
  uint64_t allowed = 0;
  Flow from = flow("10.0.0.0", "10.96.0.1", 80);
  for (uint32_t i = 0; i < 40'000; ++i) {
    from.source = IpAddress(wire::Ipv4Address::from_host(0x0a000000 + i));
    allowed += take(request, from) == "allowed" ? 1u : 0u;
  }
  const auto& known = *world.model.rate_limits()[0];
  EXPECT_EQ(known.rate->keys_in_use(kStart), known.rate->places()) << "every place is taken";
  EXPECT_EQ(allowed, known.rate->places() + 1u);
  EXPECT_EQ(known.counts->sum(&LimitCounts::overflow), 40'000u - known.rate->places());
}

TEST_F(LimitsTest, SendersOfAMatchAreWorkloads) {
  RequestScope scope = of({sent_by({.workload = "web", .ns = "shop"})});
  world.apply(
      {put("shop/web", workload("w1", {"10.8.0.1"})), put("shop/a", limit(1, seconds(60), scope))});
  Flow from = flow("10.8.0.2", "10.96.0.1", 80);
  from.identified = true;
  from.in = InterfaceId(2);
  const Request request("GET", "shop", "/");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(request, from), "allowed");
  from.in = InterfaceId(1);
  EXPECT_EQ(take(request, from), "allowed");
  EXPECT_EQ(take(request, from), "a");
  // It comes to another port: it is that port's now, with the same bucket.
  world.apply({put("shop/web", workload("w2", {"10.8.0.2"}))});
  EXPECT_EQ(take(request, from), "allowed");
  from.in = InterfaceId(2);
  EXPECT_EQ(take(request, from), "a");
}

TEST_F(LimitsTest, FaultsAreDrawnOneOfEachKind) {
  world.apply({put("shop/a", delays(milliseconds(5))), put("shop/b", delays(seconds(7))),
               put("shop/c", aborts(503)), put("shop/d", aborts(418))});
  const Injected drawn = draw();
  EXPECT_EQ(drawn.delay, milliseconds(5));
  ASSERT_NE(drawn.delayed_by, nullptr);
  EXPECT_EQ(drawn.delayed_by->resource->key.name, "a");
  ASSERT_NE(drawn.aborted_by, nullptr);
  EXPECT_EQ(drawn.aborted_by->resource->key.name, "c");
  const auto known = world.model.faults();
  ASSERT_EQ(known.size(), 4u);
  EXPECT_EQ(known[0]->counts->sum(&FaultCounts::delayed), 1u);
  EXPECT_EQ(known[1]->counts->sum(&FaultCounts::delayed), 0u);
  EXPECT_EQ(known[2]->counts->sum(&FaultCounts::aborted), 1u);
  world.apply({put("shop/a", delays(milliseconds(5), 0)), remove(Kind::kFault, "shop/c")});
  EXPECT_EQ(draw().delay, seconds(7)) << "one that is not drawn makes room";
  EXPECT_EQ(draw().aborted_by->resource->key.name, "d");
}

TEST_F(LimitsTest, FaultsByShareAndByMatch) {
  world.apply({put("shop/a", aborts(503, 200'000, of({asks(under("/api"))})))});
  int aborted = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_EQ(draw("/").aborted_by, nullptr);
    aborted += draw("/api").aborted_by != nullptr ? 1 : 0;
  }
  EXPECT_NEAR(aborted, 2'000, 6 * 40) << "six standard deviations";
  EXPECT_EQ(world.model.faults()[0]->counts->sum(&FaultCounts::aborted),
            static_cast<uint64_t>(aborted));
}

TEST_F(LimitsTest, NeitherTakesMemory) {
  world.apply({put("shop/a", keyed(1'000'000, {{.kind = RateKey::Kind::kHeader, .header = "x-k"},
                                               {.kind = RateKey::Kind::kSourceAddress}})),
               put("shop/b", limit(1'000'000, seconds(1), of({asks(under("/"), "GET")}))),
               put("shop/c", delays(seconds(1), 500'000))});
  const Request request("GET", "shop", "/", {{"x-k", "1"}});
  const Flow from = flow("192.0.2.1", "10.96.0.1", 80);
  const HttpTarget* target = cart().http->find(request.message, kNoInterface).target;
  const rig::AllocationCount count;
  for (int i = 0; i < 100; ++i) {
    const Instant now = kStart + microseconds(i * 700);
    held.on_tick(now);
    cart().limits->take({from, request.message, target}, {WorkerId(0), now, held});
    cart().limits->draw({from, request.message, target}, WorkerId(0), random);
  }
  EXPECT_EQ(count.value(), 0u);
}

struct RefuseRow {
  Edit edit;
  const char* problem;
};

TEST_F(LimitsTest, WhatIsRefused) {
  RateLimit no_burst = limit(5), two = keyed(5, {{}, {}}), nobody = limit(5), both = limit(5),
            slow = limit(1, seconds(3'600)),
            bad_header = keyed(5, {{RateKey::Kind::kHeader, "a b"}});
  no_burst.rate.burst = 0;
  nobody.scope.service = "";
  both.scope.gateway = "g";
  slow.rate.burst = 25;
  Fault nothing = aborts(503), early = delays(Duration(1)), grpc = aborts(503);
  nothing.abort.reset();
  grpc.abort->kind = FaultAbort::Kind::kGrpcStatus;
  world.apply({put("shop/plain", service({"10.96.0.2"})),
               put("shop/other", http_service({"10.96.0.3"})),
               put("shop/of-other", http_route({rule({})}, {}, "other"))});
  RequestScope plain = of({}), missing = of({});
  plain.service = "plain";
  missing.service = "cert";
  const RefuseRow rows[] = {
      {put("shop/x", limit(0)), "spec.requests: 0 would let nothing through"},
      {put("shop/x", no_burst), "spec.burst: 0 would let nothing through"},
      {put("shop/x", limit(5, Duration(100))), "spec.per: expected 1ms to 24h"},
      {put("shop/x", slow), "spec.burst: would take more than a day to come again"},
      {put("shop/x", two), "spec.keys[1]: is there twice"},
      {put("shop/x", bad_header), "spec.keys[0].header: "},
      {put("shop/x", nobody), "spec.target: names one Service, or one Gateway"},
      {put("shop/x", both), "spec.target: names one Service, or one Gateway"},
      {put("shop/x", limit(5, seconds(1), of({}, {"api", "api"}))), "spec.routes[1]: "},
      {put("shop/x", limit(5, seconds(1), of({asks(regex("("))}))), "spec.matches[0].path.regex: "},
      {put("shop/x", limit(5, seconds(1), plain)),
       "spec.target.service: Service shop/plain has no port of protocol http"},
      {put("shop/x", limit(5, seconds(1), missing)),
       "spec.target.service: no Service \"cert\" in namespace shop (did you mean \"cart\"?)"},
      {put("shop/x", limit(5, seconds(1), {.gateway = "g"})),
       "spec.target.gateway: no Gateway \"g\" in namespace shop"},
      {put("shop/x", limit(5, seconds(1), of({}, {"apj"}))),
       "spec.routes[0]: no Route \"apj\" in namespace shop (did you mean \"api\"?)"},
      {put("shop/x", limit(5, seconds(1), of({}, {"of-other"}))),
       "spec.routes[0]: Route shop/of-other is for Service shop/other, and not for Service "
       "shop/cart"},
      {put("shop/x", nothing), "spec: does nothing; give delay, abort or both"},
      {put("shop/x", early), "spec.delay.duration: expected 1ms to 1h"},
      {put("shop/x", aborts(199)), "spec.abort.http_status: expected 200 to 599"},
      {put("shop/x", grpc), "spec.abort.grpc_status: expected 1 to 16"},
      {put("shop/x", aborts(503, kWholeShare + 1)), "spec.abort.share: is more than 100%"},
  };
  for (const RefuseRow& row : rows) {
    const std::string told = world.refuse({row.edit});
    EXPECT_NE(told.find(row.problem), std::string::npos) << row.problem << "\n" << told;
    world.model.rollback();
  }
}

TEST_F(LimitsTest, WhatOneNamesStays) {
  world.apply({put("shop/a", limit(3, seconds(60), of({}, {"api"})))});
  EXPECT_EQ(world.refuse({remove(Kind::kRoute, "shop/api")}),
            "RateLimit shop/a spec.routes[0]: Route shop/api would be deleted, and this still "
            "names it\n");
  EXPECT_NE(world.refuse({remove(Kind::kService, "shop/cart")}).find("RateLimit shop/a"),
            std::string::npos);
  EXPECT_NE(world.refuse({put("shop/cart", service({"10.96.0.1"}))}).find("RateLimit shop/a"),
            std::string::npos);
  world.apply({remove(Kind::kRateLimit, "shop/a"), remove(Kind::kRoute, "shop/api")});
}

TEST_F(LimitsTest, AreBoundedForATarget) {
  std::vector<Edit> edits;
  for (size_t i = 0; i <= kMaxRequestLimits; ++i)
    edits.push_back(put("shop/l" + std::to_string(i), limit(5)));
  EXPECT_NE(
      world.refuse(edits).find("there would be 33 RateLimits and Faults of Service shop/cart"),
      std::string::npos);
  edits.pop_back();
  world.apply(edits);
}

TEST_F(LimitsTest, AdviceOnWhatHardlyAnybodyMeans) {
  HttpRule timed = rule({});
  timed.request_timeout = seconds(1);
  world.apply({put("shop/a", limit(10)), put("shop/b", limit(3)), put("shop/c", aborts(503, 0)),
               put("shop/d", delays(seconds(2))), put("shop/rest", http_route({timed}))});
  std::string told;
  for (const Advice& each : world.model.advice(100))
    if (each.key.kind == Kind::kRateLimit || each.key.kind == Kind::kFault)
      told += each.key.name + " " + each.field + ": " + each.text + "\n";
  EXPECT_EQ(told,
            "a : never refuses a request that RateLimit shop/b lets through\n"
            "c spec.abort.share: is 0%: no request is aborted\n"
            "c : puts faults into requests to Service shop/cart: 0% answered with 503\n"
            "d : puts faults into requests to Service shop/cart: 100% delayed by 2s\n"
            "d spec.delay.duration: is no shorter than the time-out of rule 0 of Route shop/rest: "
            "what is delayed there gets a 504\n");
}

}  // namespace
}  // namespace heddle::policy
