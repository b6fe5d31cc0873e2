// How packets get to endpoints: forwarding, ports, tenants, and what live flows are told of it.
#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

Service ported(std::vector<ServicePort> ports, Forwarding forwarding = Forwarding::kDnat) {
  Service spec = service({"10.96.0.1"}, std::move(ports));
  spec.forwarding = forwarding;
  return spec;
}

EndpointSet with_port(uint16_t port) {
  EndpointSet set = endpoints("cart", {"10.1.0.1"});
  set.endpoints[0].port = port;
  return set;
}

TEST(Forwarding, PortsOfEndpoints) {
  struct Row {
    const char* what;
    ServicePort service;
    uint16_t endpoint;
    uint16_t expected;
  };
  const Row rows[] = {
      {"as the packet has it", {"a", 80}, 0, 80},
      {"the target port", {"a", 80, Protocol::kTcp, 8080}, 0, 8080},
      {"the endpoint's own", {"a", 80, Protocol::kTcp, 8080}, 9090, 9090},
      {"all ports", {"a", 0}, 0, 80},
      {"all ports, at the endpoint's own", {"a", 0}, 9090, 9090},
  };
  for (const Row& row : rows) {
    World world;
    world.apply(
        {put("shop/cart", ported({row.service})), put("shop/set", with_port(row.endpoint))});
    const Flow each = flow("10.9.0.1", "10.96.0.1", 80);
    const Decision decision = decide(*world.snapshot, each);
    ASSERT_EQ(outcome(decision), "10.1.0.1") << row.what;
    EXPECT_EQ(decision.port, row.expected) << row.what;
    const auto check = [&](uint16_t port) {
      return recheck(*world.snapshot, each, ip("10.1.0.1"), port).recheck;
    };
    EXPECT_EQ(check(row.expected), Recheck::kStays) << row.what;
    EXPECT_EQ(check(1), Recheck::kGone) << row.what;
  }
}

TEST(Forwarding, FrontendsSayHow) {
  for (const Forwarding forwarding : {Forwarding::kDnat, Forwarding::kFullNat, Forwarding::kDirect,
                                      Forwarding::kIpInIp, Forwarding::kProxy}) {
    World world;
    Service spec = ported({{"a", 80}}, forwarding);
    if (forwarding == Forwarding::kFullNat) spec.source_mapping = SourceMapping::kPerSource;
    world.apply({put("shop/cart", spec),
                 put("shop/tp", TrafficPolicy{.service = "cart", .no_endpoint = Refusal::kReset})});
    const Frontend& frontend = *world.frontend("10.96.0.1", 80);
    EXPECT_EQ(frontend.forwarding, forwarding);
    EXPECT_EQ(frontend.source_mapping, spec.source_mapping);
    EXPECT_TRUE(world.snapshot->stateful);
    EXPECT_EQ(world.model.frontends()[0].second.forwarding, forwarding);
    const Decision decision = decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 80));
    EXPECT_EQ(decision.verdict, Verdict::kNoEndpoint);
    EXPECT_EQ(decision.how, Refusal::kReset);
    world.apply({remove(Kind::kTrafficPolicy, "shop/tp"), remove(Kind::kService, "shop/cart")});
    EXPECT_FALSE(world.snapshot->stateful);
  }
}

TEST(Forwarding, APortOfItsOwnGoesBeforeAllPorts) {
  World world;
  world.apply(
      {put("shop/rest", ported({{"rest", 0}})), put("shop/a", endpoints("rest", {"10.1.0.1"}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 443))), "10.1.0.1");
  const uint32_t before = world.snapshot->generation;
  world.apply(
      {put("shop/web", ported({{"https", 443}})), put("shop/b", endpoints("web", {"10.1.0.2"}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 443))), "10.1.0.2");
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 444))), "10.1.0.1");
  EXPECT_NE(world.snapshot->generation, before) << "443 has another service now";
  EXPECT_TRUE(world.may_cut);
}

// Numbers are dense, even where all namespaces are replaced by others at once.
TEST(Tenants, HaveDenseNumbers) {
  World world(Limits{.namespaces = 3});
  const auto make = [](const std::string& ns, int i) {
    return put(ns + "/s", service({("10.96.0." + std::to_string(i)).c_str()}));
  };
  for (int round = 0; round < 5; ++round) {
    std::vector<Edit> edits;
    for (int i = 1; i <= 3; ++i) {
      edits.push_back(make("n" + std::to_string(round) + "-" + std::to_string(i), i));
      if (round > 0)
        edits.push_back(remove(Kind::kService,
                               "n" + std::to_string(round - 1) + "-" + std::to_string(i) + "/s"));
    }
    world.apply(edits);
    for (const auto& [slot, name] : world.model.frontends()) {
      const uint16_t tenant = world.snapshot->frontends[slot]->tenant;
      EXPECT_LT(tenant, 3);
      EXPECT_EQ(world.model.tenant_name(tenant), name.ns);
    }
  }
}

// What moves the generation, and what may cut live flows.
TEST(Generation, MovesWhenLiveFlowsAreConcerned) {
  struct Row {
    const char* what;
    std::vector<Edit> edits;
    bool moves, may_cut;
  };
  EndpointSet drained = endpoints("cart", {"10.1.0.1", "10.1.0.2"});
  drained.endpoints[1].weight = 0;
  EndpointSet heavier = endpoints("cart", {"10.1.0.1", "10.1.0.2"});
  heavier.endpoints[1].weight = 5;
  const AccessPolicy deny{.service = "cart", .action = Action::kDeny, .rules = {{}}};
  const Row rows[] = {
      {"nothing", {}, false, false},
      {"another service", {put("shop/more", service({"10.96.0.9"}))}, false, false},
      {"another port", {put("shop/cart", ported({{"a", 80}, {"b", 81}}))}, false, false},
      {"an endpoint more",
       {put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.2", "10.1.0.3"}))},
       false,
       false},
      {"another weight", {put("shop/set", heavier)}, false, false},
      {"another hash",
       {put("shop/tp", TrafficPolicy{.service = "cart", .hash_on = HashOn::kSourceAddress})},
       false,
       false},
      {"an endpoint less", {put("shop/set", endpoints("cart", {"10.1.0.1"}))}, true, false},
      {"weight 0", {put("shop/set", drained)}, true, false},
      {"the port gone", {put("shop/cart", ported({{"b", 81}}))}, true, true},
      {"another target", {put("shop/cart", ported({{"a", 80, Protocol::kTcp, 8080}}))}, true, true},
      {"another forwarding",
       {put("shop/cart", ported({{"a", 80}}, Forwarding::kFullNat))},
       true,
       true},
      {"an access policy", {put("shop/deny", deny)}, true, true},
      {"a route elsewhere",
       {put("shop/route", Route{.service = "cart", .rules = {{.backends = {backend("other")}}}})},
       true,
       true},
  };
  for (const Row& row : rows) {
    World world;
    world.apply({put("shop/cart", ported({{"a", 80}})), put("shop/other", service({"10.96.0.5"})),
                 put("shop/set", endpoints("cart", {"10.1.0.1", "10.1.0.2"}))});
    const uint32_t before = world.snapshot->generation;
    EXPECT_NE(before, 0u);
    world.apply(row.edits);
    EXPECT_EQ(world.snapshot->generation != before, row.moves) << row.what;
    EXPECT_EQ(world.may_cut, row.may_cut) << row.what;
  }
}

TEST(Roles, OfServicesAndWhatAnswersForThem) {
  World world;
  EndpointSet set = endpoints("cart", {"10.1.0.1", "10.1.0.2"});
  set.endpoints[1].port = 9090;
  world.apply(
      {put("shop/cart", ported({{"a", 80, Protocol::kTcp, 8080}, {"b", 53, Protocol::kUdp}})),
       put("shop/set", set), put("shop/direct", direct(service({"10.96.0.2"}))),
       put("shop/other", endpoints("direct", {"10.1.0.3"}))});
  const AddressRoles& roles = world.snapshot->roles;
  EXPECT_TRUE(roles.is_service(ip("10.96.0.1")));
  EXPECT_TRUE(roles.is_service(ip("10.96.0.2")));
  EXPECT_FALSE(roles.is_service(ip("10.1.0.1")));
  EXPECT_TRUE(roles.is_endpoint(ip("10.1.0.1")));
  EXPECT_TRUE(roles.is_endpoint(ip("10.1.0.1"), Protocol::kTcp, 8080));
  EXPECT_TRUE(roles.is_endpoint(ip("10.1.0.1"), Protocol::kUdp, 53));
  EXPECT_FALSE(roles.is_endpoint(ip("10.1.0.1"), Protocol::kTcp, 80));
  EXPECT_TRUE(roles.is_endpoint(ip("10.1.0.2"), Protocol::kTcp, 9090));
  EXPECT_FALSE(roles.is_endpoint(ip("10.1.0.2"), Protocol::kTcp, 8080));
  EXPECT_FALSE(roles.is_endpoint(ip("10.1.0.3"))) << "of a service that does not translate";
  const auto before = world.snapshot;
  // A route leads to the endpoints of a service that would not translate by itself.
  world.apply(
      {put("shop/route", Route{.service = "cart", .rules = {{.backends = {backend("direct")}}}})});
  EXPECT_TRUE(world.snapshot->roles.is_endpoint(ip("10.1.0.3"), Protocol::kTcp, 8080));
  EXPECT_FALSE(before->roles.is_endpoint(ip("10.1.0.3"))) << "the snapshot before stays as it was";
  world.apply({remove(Kind::kRoute, "shop/route")});
  world.apply({put("shop/set", endpoints("cart", {}))});
  EXPECT_FALSE(world.snapshot->roles.is_endpoint(ip("10.1.0.3")));
  EXPECT_TRUE(world.snapshot->roles.is_endpoint(ip("10.1.0.1"))) << "it drains";
  world.settle();
  EXPECT_FALSE(world.snapshot->roles.is_endpoint(ip("10.1.0.1")));
}

TEST(Roles, AnswersFromAnyPort) {
  World world;
  world.apply({put("shop/cart", ported({{"all", 0, Protocol::kUdp}})),
               put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  EXPECT_TRUE(world.snapshot->roles.is_endpoint(ip("10.1.0.1"), Protocol::kUdp, 4711));
  EXPECT_FALSE(world.snapshot->roles.is_endpoint(ip("10.1.0.1"), Protocol::kTcp, 4711));
  EXPECT_FALSE(world.snapshot->roles.is_endpoint(ip("10.1.0.2"), Protocol::kUdp, 4711));
}

}  // namespace
}  // namespace heddle::policy
