// Mirrors: where copies of requests go, which requests have one, and who keeps their clusters.
#include <gtest/gtest.h>

#include <map>

#include "gateway_support.h"

namespace heddle::policy {
namespace {

using namespace test;

std::vector<Edit> shop() {
  EndpointSet more = endpoints("other", {"10.1.0.2", "10.1.0.3", "2001:db8:1::2"});
  more.endpoints[1].labels = {{"version", "v2"}};
  return {put("shop/cart", http_service({"10.96.0.1", "10.96.0.2", "2001:db8:96::1"})),
          put("shop/set", endpoints("cart", {"10.1.0.1", "2001:db8:1::1"})),
          put("shop/other", service({"10.96.0.9"})), put("shop/more", more)};
}

HttpRule mirrored(uint32_t share = kWholeShare, Labels subset = {}, std::string to = "other") {
  HttpRule made = rule({});
  made.mirror = {.backend = backend(std::move(to), 1, std::move(subset)), .share = share};
  return made;
}

uint32_t slot_of(const World& world, const char* address = "10.96.0.1") {
  return world.snapshot->frontend_table->find({ip(address), Protocol::kTcp, 80});
}

const HttpTarget& target_of(const World& world, const char* address = "10.96.0.1") {
  return world.frontend(address, 80)->http->rules()[0].target;
}

std::string copied(const World& world, uint64_t hash, const char* address = "10.96.0.1") {
  const Flow client = flow(*address == '1' ? "10.9.0.1" : "2001:db8:9::1", address, 80);
  return outcome(decide_mirror(*world.snapshot, slot_of(world, address), client,
                               target_of(world, address), hash));
}

TEST(HttpMirror, CopiesGoToItsEndpoints) {
  World world;
  world.apply(shop());
  world.apply({put("shop/r", http_route({mirrored()}))});
  std::map<std::string, int> seen;
  for (uint64_t hash = 0; hash < 1'000; ++hash) ++seen[copied(world, hash * 0x9e3779b97f4a7c15)];
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen["10.1.0.2"], 500, 100);
  EXPECT_EQ(copied(world, 5), copied(world, 5));
  EXPECT_EQ(copied(world, 5, "2001:db8:96::1"), "2001:db8:1::2") << "of the request's family";
  const Decision decision = decide_mirror(*world.snapshot, slot_of(world),
                                          flow("10.9.0.1", "10.96.0.1", 80), target_of(world), 1);
  EXPECT_EQ(decision.frontend, slot_of(world));
  EXPECT_EQ(decision.cluster, target_of(world).mirror->cluster);
  EXPECT_EQ(decision.port, 80);
  EXPECT_EQ(world.model.cluster_name(decision.cluster), "shop/other");
  EXPECT_EQ(world.model.frontend_name(slot_of(world)).endpoints, 1u) << "they serve nobody";
}

TEST(HttpMirror, SubsetsAndFallbacks) {
  World world;
  world.apply(shop());
  world.apply({put("shop/r", http_route({mirrored(kWholeShare, {{"version", "v2"}})}))});
  for (uint64_t hash = 0; hash < 20; ++hash) EXPECT_EQ(copied(world, hash << 57), "10.1.0.3");
  Service spare = service({"10.96.0.9"});
  spare.fallback = "cart";
  world.apply({put("shop/other", spare), put("shop/more", endpoints("other", {}))});
  world.settle();
  EXPECT_EQ(copied(world, 1), "10.1.0.1") << "the fallback's";
  world.apply({put("shop/other", service({"10.96.0.9"}))});
  EXPECT_EQ(copied(world, 1), "no endpoint");
}

TEST(HttpMirror, SharesAreDrawn) {
  const auto mirrored_of = [](uint32_t share, int draws) {
    int count = 0;
    for (int i = 0; i < draws; ++i)
      count += is_mirrored({.share = share}, static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15);
    return count;
  };
  EXPECT_EQ(mirrored_of(kWholeShare, 10'000), 10'000);
  EXPECT_EQ(mirrored_of(0, 10'000), 0);
  EXPECT_NEAR(mirrored_of(250'000, 100'000), 25'000, 800);
  EXPECT_NEAR(mirrored_of(1'000, 100'000), 100, 50);
}

// Clusters live for as long as somebody may be led there.
TEST(HttpMirror, KeepsItsCluster) {
  World world;
  world.apply(shop());
  world.apply({put("shop/r", http_route({mirrored(kWholeShare, {{"version", "v2"}})}))});
  const uint32_t cluster = target_of(world).mirror->cluster;
  ASSERT_NE(world.snapshot->clusters[cluster], nullptr);
  const HttpRoutes* routes = world.frontend("10.96.0.1", 80)->http.get();
  EXPECT_EQ(world.frontend("10.96.0.2", 80)->http.get(), routes);
  const size_t bytes = world.model.stats().snapshot_bytes;
  for (int i = 0; i < 3; ++i) {
    world.apply({put("shop/tp", TrafficPolicy{.service = "cart", .no_endpoint = Refusal::kDrop})});
    world.apply({remove(Kind::kTrafficPolicy, "shop/tp")});
  }
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->http.get(), routes) << "the same, so the same object";
  EXPECT_EQ(world.model.stats().snapshot_bytes, bytes);
  EXPECT_EQ(target_of(world).mirror->cluster, cluster);

  world.apply({put("shop/r", http_route({mirrored(1'000, {{"version", "v2"}})}))});
  EXPECT_EQ(target_of(world).mirror->share, 1'000u);
  EXPECT_EQ(target_of(world).mirror->cluster, cluster);
  world.apply({put("shop/r", http_route({rule({})}))});
  EXPECT_EQ(target_of(world).mirror, std::nullopt);
  EXPECT_EQ(world.snapshot->clusters[cluster], nullptr);
  world.apply({remove(Kind::kRoute, "shop/r"), remove(Kind::kService, "shop/other"),
               remove(Kind::kEndpointSet, "shop/more")});
}

TEST(HttpMirror, IsRefused) {
  const std::string at = "Route shop/r spec.http[0].filters[0].mirror";
  const auto refusal = [](HttpRule rule) {
    World world;
    world.apply(shop());
    return world.refuse({put("shop/r", http_route({std::move(rule)}))});
  };
  EXPECT_EQ(refusal(mirrored(0)), "") << "none is a share";
  EXPECT_EQ(refusal(mirrored(kWholeShare + 1)), at + ".share: is more than 100%\n");
  EXPECT_EQ(refusal(mirrored(1, {}, "othr")),
            at + ".backend.service: no Service \"othr\" in namespace shop (did you mean "
                 "\"other\"?)\n");
  HttpRule weighed = mirrored();
  weighed.mirror->backend.weight = 2;
  EXPECT_EQ(refusal(weighed),
            at + ".backend.weight: a mirror has one backend and a share; leave the weight out\n");
  HttpRule foreign = mirrored();
  foreign.mirror->backend.ns = "else";
  EXPECT_EQ(refusal(foreign),
            at + ".backend.namespace: \"else\" is another namespace; a Route has backends in its "
                 "own\n");
  HttpRule direct = mirrored();
  direct.backends.clear();
  direct.filters.direct = 1;
  direct.direct = HttpDirect{};
  EXPECT_EQ(refusal(direct),
            at + ": copies what is forwarded, and by direct_response nothing is\n");
  HttpRule alone = mirrored();
  alone.backends.clear();
  EXPECT_EQ(refusal(alone), "Route shop/r spec.http[0].backends: 1 backends at least are needed\n");
}

// With a port, and behind a gateway, its own Service says how it is spoken to.
TEST(HttpMirror, HasTermsOfItsOwn) {
  World world;
  ServicePort h2 = http_port("h2", 81, HttpUpstream::kHttp2);
  h2.target_port = 8081;
  TrafficPolicy policy{.service = "other"};
  policy.connect_timeout = seconds(1);
  world.apply(shop());
  world.apply({put("shop/other", http_service({"10.96.0.9"}, {http_port(), h2})),
               put("shop/policy", policy),
               put("shop/web", gateway({listener("http", 80)}, {"10.96.0.100"}))});
  HttpRule plain = mirrored(), with_port = mirrored();
  with_port.mirror->backend.port = 81;
  HttpRule behind = with_port;
  behind.backends[0].port = 80;
  const auto copy = [&](const char* address) {
    return decide_mirror(*world.snapshot, slot_of(world, address), flow("10.9.0.1", address, 80),
                         target_of(world, address), 7);
  };
  world.apply({put("shop/r", http_route({plain}))});
  EXPECT_EQ(copy("10.96.0.1").terms, world.frontend("10.96.0.1", 80)) << "as the port called says";
  EXPECT_EQ(copy("10.96.0.1").port, 80);
  world.apply(
      {put("shop/r", http_route({with_port})), put("shop/g", of_gateway(http_route({behind})))});
  for (const char* address : {"10.96.0.1", "10.96.0.100"}) {
    const Decision decision = copy(address);
    ASSERT_EQ(decision.verdict, Verdict::kForward) << address;
    EXPECT_EQ(decision.port, 8081) << address;
    EXPECT_EQ(decision.terms->upstream_http, HttpUpstream::kHttp2) << address;
    EXPECT_EQ(decision.terms->connect_timeout, seconds(1)) << address;
    EXPECT_EQ(world.model.cluster_name(decision.cluster), "shop/other") << address;
  }
  // They follow their Service.
  policy.connect_timeout = seconds(2);
  world.apply({put("shop/policy", policy)});
  EXPECT_EQ(copy("10.96.0.1").terms->connect_timeout, seconds(2));
  EXPECT_EQ(copy("10.96.0.100").terms->connect_timeout, seconds(2));
}

TEST(HttpMirror, NamesItsService) {
  World world;
  world.apply(shop());
  world.apply({put("shop/r", http_route({mirrored()}))});
  EXPECT_EQ(
      world.refuse({remove(Kind::kService, "shop/other"), remove(Kind::kEndpointSet, "shop/more")}),
      "Route shop/r spec.http[0].filters[0].mirror.backend.service: Service shop/other would "
      "be deleted, and this still names it\n");
  Limits limits;
  limits.backends = 1;
  World small(limits);
  small.apply(shop());
  EXPECT_EQ(small.refuse({put("shop/r", http_route({mirrored()}))}),
            "Route shop/r : there would be 2 backends of all Routes; at most 1 are allowed\n");
}

}  // namespace
}  // namespace heddle::policy
