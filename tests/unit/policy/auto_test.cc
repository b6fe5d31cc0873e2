// Ports of HTTP and bytes: who leads what, what access says of either, and what is refused.
#include <gtest/gtest.h>

#include "external_support.h"
#include "gateway_support.h"
#include "jwt_support.h"
#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;

ServicePort either(std::string name = "any", uint16_t number = 80) {
  ServicePort port = http_port(std::move(name), number, HttpUpstream::kAsClient);
  port.sniffed = true;
  return port;
}

std::vector<Edit> shop() {
  return {put("shop/cart", service({"10.96.0.1"}, {either(), http_port("http", 81)})),
          put("shop/set", endpoints("cart", {"10.1.0.1"})),
          put("shop/next", service({"10.96.0.2"}, {either()})),
          put("shop/more", endpoints("next", {"10.1.0.2"}))};
}

Flow bytes(uint16_t port = 80, const char* to = "10.96.0.1") {
  Flow its = flow("10.9.0.1", to, port);
  its.bytes = true;
  return its;
}

TEST(AutoPorts, RulesOfEitherKindLeadWhatTheyAreFor) {
  World world;
  world.apply(shop());
  const Frontend& any = *world.frontend("10.96.0.1", 80);
  EXPECT_TRUE(any.is_http && any.sniffs && any.takes_bytes());
  EXPECT_EQ(any.upstream_http, HttpUpstream::kAsClient);
  EXPECT_EQ(any.forwarding, Forwarding::kProxy);
  EXPECT_FALSE(world.frontend("10.96.0.1", 81)->takes_bytes());
  Route tcp{.service = "cart", .rules = {{.port = "any", .backends = {backend("next")}}}};
  world.apply({put("shop/tcp", tcp), put("shop/r", http_route({rule({}, "cart")}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, bytes())), "10.1.0.2");
  const uint32_t slot = world.snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
  const HttpTarget& target = world.frontend("10.96.0.1", 80)->http->rules()[0].target;
  EXPECT_EQ(outcome(decide_request(*world.snapshot, slot, bytes(), &target, 1)), "10.1.0.1");
  tcp.rules[0].port = "http";
  EXPECT_EQ(world.refuse({put("shop/tcp", tcp)}),
            "Route shop/tcp spec.tcp[0].port: port \"http\" is one of HTTP, whose rules are under "
            "http\n");
}

TEST(AutoPorts, RulesThatAskForRequestsAreClosedToBytes) {
  World world;
  world.apply(shop());
  AccessPolicy policy{.service = "cart",
                      .action = Action::kDeny,
                      .rules = {{.from = {}, .to = {Operation{.methods = {"POST"}}}}}};
  const auto denied = [&](const Flow& asked) {
    return decide(*world.snapshot, asked).verdict == Verdict::kDenied;
  };
  world.apply({put("shop/policy", policy)});
  EXPECT_TRUE(denied(bytes()));
  EXPECT_FALSE(denied(flow("10.9.0.1", "10.96.0.1", 80))) << "it may still be HTTP";
  EXPECT_FALSE(denied(bytes(81))) << "of HTTP alone: nothing is taken for bytes there";
  policy.action = Action::kAllow;
  world.apply({put("shop/policy", policy)});
  EXPECT_TRUE(denied(bytes()));
  EXPECT_FALSE(denied(flow("10.9.0.1", "10.96.0.1", 80)));
  EXPECT_EQ(recheck(*world.snapshot, bytes(), ip("10.1.0.1"), 80).recheck, Recheck::kDenied);
  policy.rules[0].to.clear();
  world.apply({put("shop/policy", policy)});
  EXPECT_FALSE(denied(bytes()));
  EXPECT_EQ(recheck(*world.snapshot, bytes(), ip("10.1.0.1"), 80).recheck, Recheck::kStays);
}

TEST(AutoPorts, WhereTokensAreAskedForNothingElsePasses) {
  FakeJwtMaker maker;
  World world(Limits(), node(), nullptr, &maker);
  world.apply(shop());
  world.apply({put("shop/idp", provider())});
  const uint32_t generation = world.snapshot->generation;
  EXPECT_TRUE(world.frontend("10.96.0.1", 80)->takes_bytes());
  HttpRule asking_rule = rule({}, "cart");
  asking_rule.jwt = tokens_of({"idp"});
  world.apply({put("shop/r", http_route({asking_rule}))});
  EXPECT_FALSE(world.frontend("10.96.0.1", 80)->takes_bytes());
  EXPECT_NE(world.snapshot->generation, generation) << "live ones are looked at";
}

TEST(AutoPorts, AWorkloadsPortTakesWhatAnyOfItsServicesDoes) {
  NodeFacts facts = node();
  facts.node = "here";
  facts.trust_domain = "example.org";
  FakeMaker maker;
  World world(Limits(), facts, &maker);
  Workload there = workload("x", {"10.8.1.11"}, {{"app", "cart"}});
  there.service_account = "cart";
  there.node = "there";
  Service first = service({"10.96.0.1"}, {either()});
  first.selector = {{"app", "cart"}};
  Service second = service({"10.96.0.2"}, {http_port("h2", 80, HttpUpstream::kHttp2)});
  second.selector = {{"app", "cart"}};
  world.apply({bundle("shop/mesh", "example.org"), put("shop/cart", there),
               put("shop/first", first), put("shop/mesh", MeshPolicy{.trust = {"mesh"}})});
  EXPECT_TRUE(world.frontend("10.8.1.11", 80)->sniffs);
  EXPECT_EQ(world.frontend("10.8.1.11", 80)->upstream_http, HttpUpstream::kAsClient);
  world.apply({put("shop/second", second)});
  EXPECT_TRUE(world.frontend("10.8.1.11", 80)->sniffs);
  EXPECT_EQ(world.frontend("10.8.1.11", 80)->upstream_http, HttpUpstream::kHttp2);
}

TEST(AutoPorts, AGatewaysListenerHasRulesOfBothKinds) {
  World world;
  world.apply(shop());
  world.apply({put("shop/web", gateway({either("any", 80)})),
               put("shop/tcp", leads_tcp("any", at_port("cart", 81))),
               put("shop/r", leads({}, at_port("next", 80)))});
  const Frontend& any = *world.frontend("10.96.0.100", 80);
  EXPECT_TRUE(any.sniffs && any.edge);
  ASSERT_NE(any.http, nullptr);
  EXPECT_EQ(outcome(decide(*world.snapshot, bytes(80, "10.96.0.100"))), "10.1.0.1");
}

TEST(AutoPorts, WhatWouldNotActIsRefused) {
  FakeMaker maker;
  World world(Limits(), node(), &maker);
  world.apply(shop());
  world.apply({secret("shop/cert")});
  const auto refused = [&](Edit edit) { return world.refuse({std::move(edit)}); };
  ServicePort port = either();
  port.tls = ServerTls{.certificates = {"cert"}};
  EXPECT_EQ(refused(put("shop/x", service({"10.96.0.9"}, {port}))),
            "Service shop/x spec.ports[0].tls: is given, and through a port of protocol auto TLS "
            "passes as it is; name the protocol of what is inside\n");
  ServicePort hosted = either();
  hosted.hostnames = {"a.example"};
  EXPECT_EQ(refused(put("shop/x", gateway({hosted}))),
            "Gateway shop/x spec.listeners[0].hostnames: are of requests, and what else passes "
            "through a listener of protocol auto asks for none; name the protocol, or leave them "
            "out\n");
  TrafficPolicy policy{.service = "cart"};
  policy.upstream_tls = UpstreamTls{.server_name = "a.example", .trust = {"t"}};
  world.apply({bundle("shop/t", "example.org")});
  EXPECT_EQ(refused(put("shop/p", policy)),
            "TrafficPolicy shop/p spec.upstream_tls: Service shop/cart has port any of protocol "
            "auto, whose clients' own TLS passes through; name the protocol\n");
  ExternalService away = api();
  away.service.ports = {outside(either("any", 80))};
  away.service.ports[0].hostnames = away.hosts;
  EXPECT_EQ(refused(put("shop/x", away)),
            "ExternalService shop/x spec.ports[0].protocol: is auto, and what is not HTTP asks "
            "for no host: name the protocol, or leave spec.hosts out\n");
  away.hosts.clear();
  away.service.ports[0].hostnames.clear();
  world.apply({put("shop/x", away)});
}

}  // namespace
}  // namespace heddle::policy
