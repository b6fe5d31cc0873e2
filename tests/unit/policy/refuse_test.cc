// What a Model refuses, and in which words.
#include <gtest/gtest.h>

#include "policy/model.h"
#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

// shop: cart (10.96.0.20, with an endpoint and a route), user; bank: vault and a workload.
std::vector<Edit> base() {
  return {put("shop/cart", service({"10.96.0.20"}, {{"http", 80}, {"admin", 81}})),
          put("shop/user", service({"10.96.0.21"})),
          put("shop/cart-1", endpoints("cart", {"10.1.0.1"})),
          put("shop/cart",
              Route{.service = "cart", .rules = {{.port = "http", .backends = {backend("user")}}}}),
          put("shop/cart", TrafficPolicy{.service = "cart"}),
          put("shop/web", workload("w1", {"10.8.0.9"})),
          put("bank/vault", service({"10.96.0.30"})),
          put("bank/teller", workload("w2", {"10.8.0.2"}))};
}

struct Row {
  Edit edit;
  const char* problem;
};

void expect_refused(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    World world;
    world.apply(base());
    EXPECT_EQ(world.refuse({row.edit}), row.problem + std::string(*row.problem ? "\n" : ""));
  }
}

Route to(Backend where, std::string port = "") {
  return {.service = "cart", .rules = {{.port = std::move(port), .backends = {std::move(where)}}}};
}

TEST(Refuse, Names) {
  const std::string longest(63, 'x'), too_long(64, 'x');
  expect_refused({
      {put("shop/" + longest, service({"10.96.0.1"})), ""},
      {put("shop/Cart", service({"10.96.0.1"})),
       "Service shop/Cart metadata.name: \"Cart\" is no DNS label: small letters, digits and "
       "hyphens"},
      {put("shop/", service({"10.96.0.1"})), "Service shop/ metadata.name: is missing"},
      {put("-a/cart", service({"10.96.0.1"})),
       "Service -a/cart metadata.namespace: \"-a\" is no DNS label: it starts or ends with a "
       "hyphen"},
      {put("shop/x", service({"10.96.0.1"}, {{"80", 80}})),
       "Service shop/x spec.ports[0].name: \"80\" needs a letter, or it could be taken for a "
       "number"},
  });
  World world;
  EXPECT_EQ(world.refuse({put("shop/" + too_long, service({"10.96.0.1"}))}),
            "Service shop/" + too_long + " metadata.name: \"" + too_long +
                "\" is longer than 63 bytes\n");
}

TEST(Refuse, Workloads) {
  Workload bad_account = workload("w3", {"10.8.0.3"});
  bad_account.service_account = "a b";
  expect_refused({
      {put("shop/x", workload("w3", {"10.8.0.3"})), ""},
      {put("shop/x", workload("w9", {"10.8.0.3"})),
       "Workload shop/x spec.port: heddled.yaml has no port \"w9\" of role workload"},
      {put("shop/x", workload("wan", {"10.8.0.3"})),
       "Workload shop/x spec.port: heddled.yaml has no port \"wan\" of role workload"},
      {put("shop/x", workload("w2", {"10.8.0.3"})),
       "Workload shop/x spec.port: port w2 is of Workload bank/teller"},
      {put("shop/x", workload("w3", {})),
       "Workload shop/x spec.addresses: 1 addresses at least are needed"},
      {put("shop/x", workload("w3", {"10.8.0.2"})),
       "Workload shop/x spec.addresses[0]: 10.8.0.2 is of Workload bank/teller"},
      {put("shop/x", workload("w3", {"10.8.0.3", "10.8.0.3"})),
       "Workload shop/x spec.addresses[1]: 10.8.0.3 is there twice"},
      {put("shop/x", workload("w3", {"127.0.0.1"})),
       "Workload shop/x spec.addresses[0]: 127.0.0.1 is loopback; expected a unicast address"},
      {put("shop/x", workload("w3", {"ff02::1"})),
       "Workload shop/x spec.addresses[0]: ff02::1 is multicast; expected a unicast address"},
      {put("shop/x", workload("w3", {"192.0.2.10"})),
       "Workload shop/x spec.addresses[0]: 192.0.2.10 is this node's own, on an uplink"},
      {put("shop/x", workload("w3", {"10.96.0.20"})),
       "Workload shop/x spec.addresses[0]: 10.96.0.20 is of Service shop/cart"},
      {put("shop/x", workload("w3", {"10.8.0.1"})),
       "Workload shop/x spec.addresses[0]: 10.8.0.1 is of another port, w1"},
      {put("shop/web", workload("w1", {"10.8.0.1"})), ""},
      {put("bank/x", workload("w3", {"10.1.0.1"})),
       "Workload bank/x spec.addresses[0]: 10.1.0.1 is an endpoint of namespace shop, in "
       "EndpointSet shop/cart-1"},
      {put("shop/x", workload("w3", {"10.1.0.1"})), ""},
      {put("shop/x", bad_account),
       "Workload shop/x spec.service_account: \"a b\" is no DNS label: small letters, digits and "
       "hyphens"},
  });
}

TEST(Refuse, Services) {
  expect_refused({
      {put("shop/x", service({})),
       "Service shop/x spec.addresses: 1 addresses at least are needed"},
      {put("shop/x", service({"10.96.0.1"}, {})),
       "Service shop/x spec.ports: 1 ports at least are needed"},
      {put("shop/x", service({"10.96.0.1"}, {{"a", 80}, {"a", 81}})),
       "Service shop/x spec.ports[1].name: \"a\" is there twice"},
      {put("shop/x", service({"10.96.0.1"}, {{"a", 80}, {"b", 80}})),
       "Service shop/x spec.ports[1].port: tcp/80 is there twice"},
      {put("shop/x", service({"10.96.0.1"}, {{"a", 80}, {"b", 80, Protocol::kUdp}})), ""},
      {put("shop/x", service({"10.96.0.1"}, {{"a", 0}, {"b", 80}})), ""},
      {put("shop/x", service({"10.96.0.1"}, {{"a", 0}, {"b", 0}})),
       "Service shop/x spec.ports[1].port: all ports of tcp is there twice"},
      {put("shop/x", service({"10.96.0.1"}, {{"a", 0, Protocol::kTcp, 80}})),
       "Service shop/x spec.ports[0].target_port: all ports have their own number at the "
       "endpoints; leave it out"},
      {put("bank/x", service({"10.96.0.20"}, {{"a", 8080}})),
       "Service bank/x spec.addresses[0]: 10.96.0.20 belongs to namespace shop"},
      {put("shop/x", service({"10.96.0.20"})),
       "Service shop/x spec.addresses[0]: 10.96.0.20 tcp/80 is of Service shop/cart"},
      {put("shop/x", service({"10.96.0.20"}, {{"a", 8080}})), ""},
      {put("shop/x", service({"10.8.0.2"})),
       "Service shop/x spec.addresses[0]: 10.8.0.2 is of Workload bank/teller"},
      {put("shop/x", service({"10.8.0.1"})),
       "Service shop/x spec.addresses[0]: 10.8.0.1 is of workload port w1"},
      {put("shop/x", service({"10.1.0.1"})),
       "Service shop/x spec.addresses[0]: 10.1.0.1 is an endpoint, in EndpointSet shop/cart-1"},
      {put("shop/x", service({"2001:db8::10"})),
       "Service shop/x spec.addresses[0]: 2001:db8::10 is this node's own, on an uplink"},
  });
}

TEST(Refuse, Forwarding) {
  const auto with = [](Forwarding forwarding, uint16_t target = 0) {
    Service spec = service({"10.96.0.1"}, {{"a", 80, Protocol::kTcp, target}});
    spec.forwarding = forwarding;
    return spec;
  };
  const auto per_source = [&](Forwarding forwarding) {
    Service spec = with(forwarding);
    spec.source_mapping = SourceMapping::kPerSource;
    return spec;
  };
  Service leads_back = with(Forwarding::kDirect);
  leads_back.fallback = "user";
  expect_refused({
      {put("shop/x", with(Forwarding::kDnat, 8080)), ""},
      {put("shop/x", with(Forwarding::kFullNat, 8080)), ""},
      {put("shop/x", with(Forwarding::kDirect, 80)), ""},
      {put("shop/x", with(Forwarding::kDirect, 8080)),
       "Service shop/x spec.ports[0].target_port: is another than the port 80, which forwarding: "
       "direct cannot change"},
      {put("shop/x", with(Forwarding::kIpInIp, 8080)),
       "Service shop/x spec.ports[0].target_port: is another than the port 80, which forwarding: "
       "ip-in-ip cannot change"},
      {put("shop/x", per_source(Forwarding::kFullNat)), ""},
      {put("shop/x", per_source(Forwarding::kDnat)),
       "Service shop/x spec.source_mapping: is for forwarding: full-nat, and this is dnat"},
      {put("shop/x", leads_back),
       "Service shop/x spec.fallback: Service shop/user has forwarding: dnat, and forwarding: "
       "direct leads only to direct and ip-in-ip, whose endpoints have no ports of their own"},
  });
}

// What a service that changes no ports leads to is looked at again when either side changes.
TEST(Refuse, PortsThatNobodyCanChange) {
  World world;
  EndpointSet with_port = endpoints("a", {"10.1.0.1"});
  with_port.endpoints[0].port = 8080;
  const Edit a = put("shop/a", direct(service({"10.96.0.1"})));
  EXPECT_EQ(world.refuse({a, put("shop/set", with_port)}),
            "EndpointSet shop/set spec.endpoints[0].port: forwarding: direct of Service shop/a "
            "cannot change it; leave it out\n");
  world.apply({put("shop/a", service({"10.96.0.1"})), put("shop/set", with_port)});
  EXPECT_EQ(world.refuse({a}),
            "EndpointSet shop/set spec.endpoints[0].port: forwarding: direct of Service shop/a "
            "cannot change it; leave it out\n");
  world.apply({put("shop/b", direct(service({"10.96.0.2"}))),
               put("shop/c", direct(service({"10.96.0.3"}))),
               put("shop/route", Route{.service = "b", .rules = {{.backends = {backend("c")}}}})});
  const std::string why =
      "Route shop/route spec.tcp[0].backends[0].service: Service shop/c has forwarding: dnat, and "
      "forwarding: direct leads only to direct and ip-in-ip, whose endpoints have no ports of "
      "their own\n";
  EXPECT_EQ(world.refuse({put("shop/c", service({"10.96.0.3"}))}), why);
  EXPECT_EQ(
      world.refuse({put("shop/c", service({"10.96.0.3"})), put("shop/b", service({"10.96.0.2"}))}),
      "");
}

Edit falls_back(const std::string& path, const char* address, const std::string& to) {
  Service spec = service({address});
  spec.fallback = to;
  return put(path, spec);
}

TEST(Refuse, Fallbacks) {
  expect_refused({
      {falls_back("shop/x", "10.96.0.1", "usr"),
       "Service shop/x spec.fallback: no Service \"usr\" in namespace shop (did you mean "
       "\"user\"?)"},
      {falls_back("shop/x", "10.96.0.1", "x"),
       "Service shop/x spec.fallback: fallbacks in a cycle: x -> x"},
      {falls_back("bank/x", "10.96.0.1", "cart"),
       "Service bank/x spec.fallback: no Service \"cart\" in namespace bank"},
  });
  World world;
  EXPECT_EQ(world.refuse(
                {falls_back("shop/a", "10.96.0.1", "b"), falls_back("shop/b", "10.96.0.2", "a")}),
            "Service shop/a spec.fallback: fallbacks in a cycle: a -> b -> a\n"
            "Service shop/b spec.fallback: fallbacks in a cycle: b -> a -> b\n");
  // A chain of eight, to which a ninth is put at either end or in the middle.
  std::vector<Edit> chain;
  for (int i = 0; i < 8; ++i)
    chain.push_back(falls_back("shop/c" + std::to_string(i),
                               ("10.96.1." + std::to_string(i)).c_str(),
                               "c" + std::to_string(i + 1)));
  chain.push_back(put("shop/c8", service({"10.96.1.8"})));
  world.apply(chain);
  const std::string longer = "more than 8 fallbacks one behind the other: ";
  EXPECT_EQ(world.refuse(
                {put("shop/c9", service({"10.96.1.9"})), falls_back("shop/c8", "10.96.1.8", "c9")}),
            "Service shop/c0 spec.fallback: " + longer +
                "c0 -> c1 -> c2 -> c3 -> c4 -> c5 -> c6 -> c7 -> c8 -> c9 ...\n");
  EXPECT_NE(world.refuse({falls_back("shop/d", "10.96.1.10", "c0")}), "");
  EXPECT_EQ(world.refuse({falls_back("shop/d", "10.96.1.10", "c1")}), "");
}

TEST(Refuse, EndpointSets) {
  EndpointSet heavy = endpoints("cart", {"10.1.0.2"});
  heavy.endpoints[0].weight = 1'001;
  EndpointSet late = endpoints("cart", {"10.1.0.2"});
  late.endpoints[0].priority = 8;
  EndpointSet two_ports = endpoints("user", {"10.1.0.2", "10.1.0.2"});
  two_ports.endpoints[1].port = 81;
  EndpointSet one_port_twice = two_ports;
  one_port_twice.endpoints[0].port = 81;
  expect_refused({
      {put("shop/x", endpoints("catr", {})),
       "EndpointSet shop/x spec.service: no Service \"catr\" in namespace shop (did you mean "
       "\"cart\"?)"},
      {put("shop/x", endpoints("cart", {"10.1.0.1"})),
       "EndpointSet shop/x spec.endpoints[0].address: 10.1.0.1 is an endpoint of \"cart\" already, "
       "in EndpointSet shop/cart-1"},
      {put("shop/x", endpoints("user", {"10.1.0.1"})), ""},
      {put("bank/x", endpoints("vault", {"10.1.0.1"})), ""},
      {put("shop/x", endpoints("user", {"10.1.0.2", "10.1.0.2"})),
       "EndpointSet shop/x spec.endpoints[1].address: 10.1.0.2 is an endpoint of \"user\" already, "
       "in EndpointSet shop/x"},
      {put("shop/x", endpoints("cart", {"10.8.0.2"})),
       "EndpointSet shop/x spec.endpoints[0].address: 10.8.0.2 belongs to namespace bank"},
      {put("bank/x", endpoints("vault", {"10.8.0.2"})), ""},
      {put("shop/x", endpoints("cart", {"10.96.0.21"})),
       "EndpointSet shop/x spec.endpoints[0].address: 10.96.0.21 is of Service shop/user"},
      {put("shop/x", endpoints("cart", {"192.0.2.10"})),
       "EndpointSet shop/x spec.endpoints[0].address: 192.0.2.10 is this node's own, on an uplink"},
      {put("shop/x", endpoints("cart", {"0.0.0.0"})),
       "EndpointSet shop/x spec.endpoints[0].address: 0.0.0.0 is in 0.0.0.0/8, which no host has; "
       "expected a unicast address"},
      {put("shop/x", late), "EndpointSet shop/x spec.endpoints[0].priority: 8 is more than 7"},
      {put("shop/x", two_ports), ""},
      {put("shop/x", one_port_twice),
       "EndpointSet shop/x spec.endpoints[1].address: 10.1.0.2 port 81 is an endpoint of \"user\" "
       "already, in EndpointSet shop/x"},
      {put("shop/x", heavy), "EndpointSet shop/x spec.endpoints[0].weight: 1001 is more than 1000"},
  });
}

TEST(Refuse, Routes) {
  Route twice = to(backend("cart"), "admin");
  twice.rules.push_back(twice.rules[0]);
  expect_refused({
      {put("shop/x", to(backend("cart"), "admin")), ""},
      {put("shop/x", to(backend("cart"), "http")),
       "Route shop/x spec.tcp[0].port: it overlaps with a rule of Route shop/cart for port "
       "\"http\" of Service shop/cart"},
      {put("shop/x", to(backend("cart"))),
       "Route shop/x spec.tcp[0].port: it overlaps with a rule of Route shop/cart for port "
       "\"http\" of Service shop/cart"},
      {put("shop/x", twice),
       "Route shop/x spec.tcp[1].port: it overlaps with a rule of Route shop/x for port \"admin\" "
       "of Service shop/cart"},
      {put("shop/x", to(backend("cart"), "amdin")),
       "Route shop/x spec.tcp[0].port: Service shop/cart has no port \"amdin\" (did you mean "
       "\"admin\"?)"},
      {put("shop/x", to(backend("catr"), "admin")),
       "Route shop/x spec.tcp[0].backends[0].service: no Service \"catr\" in namespace shop (did "
       "you mean \"cart\"?)"},
      {put("shop/x", to(backend("vault", 1, {}, "bank"), "admin")),
       "Route shop/x spec.tcp[0].backends[0].namespace: \"bank\" is another namespace; a Route has "
       "backends in its own"},
      {put("shop/x", to(backend("cart", 1'000'001), "admin")),
       "Route shop/x spec.tcp[0].backends[0].weight: 1000001 is more than 1000000"},
      {put("shop/x", to(backend("cart", 0), "admin")), ""},
      {put("shop/x", Route{.service = "cart", .rules = {{.port = "admin"}}}),
       "Route shop/x spec.tcp[0].backends: 1 backends at least are needed"},
      {put("shop/x", Route{.service = "cart"}),
       "Route shop/x spec.tcp: 1 rules at least are needed"},
  });
}

TEST(Refuse, Policies) {
  expect_refused({
      {put("shop/x", TrafficPolicy{.service = "cart"}),
       "TrafficPolicy shop/x spec.service: Service shop/cart has a TrafficPolicy already, "
       "shop/cart"},
      {put("shop/x", TrafficPolicy{.service = "user",
                                   .hash_on = HashOn::kSourceAddress,
                                   .algorithm = Algorithm::kRandom}),
       "TrafficPolicy shop/x spec.balancer.hash_on: algorithm random does not look at it: leave it "
       "out, or take maglev or ring-hash"},
      {put("shop/x", TrafficPolicy{.service = "user", .drain_time = seconds(86'401)}),
       "TrafficPolicy shop/x spec.drain_time: expected 0s to 24h"},
      {put("shop/x", TrafficPolicy{.service = "nobody"}),
       "TrafficPolicy shop/x spec.service: no Service \"nobody\" in namespace shop"},
      {put("shop/x", AccessPolicy{.service = "vault"}),
       "AccessPolicy shop/x spec.target.service: no Service \"vault\" in namespace shop"},
      {put("shop/x",
           AccessPolicy{.service = "cart", .rules = {{.to = {{.ports = {"http", "81", "82"}}}}}}),
       "AccessPolicy shop/x spec.rules[0].to[0].ports[2]: Service shop/cart has no port \"82\""},
      {put("shop/x", AccessPolicy{.service = "cart", .workload_labels = {{"a", "b"}}}),
       "AccessPolicy shop/x spec.target: names a service and workload_labels; one policy is for "
       "one of them"},
      {put("shop/x", AccessPolicy{.rules = {{.to = {{.ports = {"80"}}}}}}), ""},
      {put("shop/x", AccessPolicy{.rules = {{.to = {{.ports = {"http"}}}}}}),
       "AccessPolicy shop/x spec.rules[0].to[0].ports[0]: \"http\" is no port; a policy that is "
       "not for one "
       "service names ports by number, 1 to 65535"},
      {put("shop/x", AccessPolicy{.service = "cart", .rules = {{.from = {{.ns = "A"}}}}}),
       "AccessPolicy shop/x spec.rules[0].from[0].namespace: \"A\" is no DNS label: small letters, "
       "digits and hyphens"},
      {put("shop/x", AccessPolicy{.service = "cart",
                                  .rules = {{.from = {{.cidrs = {{ip("10.0.0.1"), 104}}}}}}}),
       "AccessPolicy shop/x spec.rules[0].from[0].cidrs[0]: is no prefix: it has bits behind its "
       "length"},
  });
}

TEST(Refuse, DeletingWhatOthersNeed) {
  World world;
  world.apply(base());
  EXPECT_EQ(
      world.refuse({remove(Kind::kService, "shop/cart")}),
      "EndpointSet shop/cart-1 spec.service: Service shop/cart would be deleted, and this "
      "still names it\n"
      "Route shop/cart spec.service: Service shop/cart would be deleted, and this still names "
      "it\n"
      "TrafficPolicy shop/cart spec.service: Service shop/cart would be deleted, and this "
      "still names it\n");
  EXPECT_EQ(world.refuse({remove(Kind::kService, "shop/user")}),
            "Route shop/cart spec.tcp[0].backends[0].service: Service shop/user would be deleted, "
            "and this still names it\n");
  EXPECT_EQ(world.refuse({put("shop/cart", service({"10.96.0.20"}, {{"web", 80}}))}),
            "Route shop/cart spec.tcp[0].port: Service shop/cart has no port \"http\"\n");
  EXPECT_EQ(world.refuse({remove(Kind::kRoute, "shop/cart"), remove(Kind::kService, "shop/user")}),
            "");
}

TEST(Refuse, EditsThatDoNotFitTogether) {
  World world;
  world.apply(base());
  EXPECT_EQ(world.refuse({remove(Kind::kRoute, "shop/none")}),
            "Route shop/none : there is no Route \"shop/none\" to delete\n");
  EXPECT_EQ(world.refuse({put("shop/x", service({"10.96.0.1"})), remove(Kind::kService, "shop/x")}),
            "Service shop/x : there are two edits of it in one request\n");
  Edit other = put("shop/x", service({"10.96.0.1"}));
  other.key.name = "y";
  EXPECT_EQ(world.refuse({other}),
            "Service shop/y : the resource has another kind, namespace or name than its edit\n");
  other = put("shop/x", service({"10.96.0.1"}));
  auto changed = std::make_shared<Resource>(*other.resource);
  changed->spec = TrafficPolicy{};
  EXPECT_EQ(world.refuse({{other.key, changed}}),
            "Service shop/x : the resource has another kind, namespace or name than its edit\n");
  // Who comes first does not matter; an address may move in one request.
  EXPECT_EQ(world.refuse({put("shop/late", endpoints("later", {"10.1.0.7"})),
                          put("shop/later", service({"10.96.0.1"}))}),
            "");
  EXPECT_EQ(world.refuse({put("bank/vault", service({"10.96.0.21"})),
                          put("shop/user", service({"10.96.0.30"}))}),
            "");
}

TEST(Refuse, NothingIsStagedByHalf) {
  World world;
  world.apply(base());
  EXPECT_NE(world.refuse({put("shop/x", service({"10.96.0.1"})),
                          put("shop/y", endpoints("nobody", {"10.1.0.9"}))}),
            "");
  EXPECT_EQ(world.model.find(key(Kind::kService, "shop/x")), nullptr);
  EXPECT_EQ(world.refuse({remove(Kind::kService, "shop/x")}),
            "Service shop/x : there is no Service \"shop/x\" to delete\n");
}

TEST(Refuse, MoreThanTheLimits) {
  struct LimitRow {
    Limits limits;
    std::vector<Edit> edits;
    const char* problem;
  };
  Service two_ports = service({"10.96.0.1"}, {{"a", 80}, {"b", 81}});
  Service selecting = service({"10.96.0.1"});
  selecting.selector = {{"app", "x"}};
  const Edit x = put("shop/x", two_ports);
  const Edit set = put("shop/x", endpoints("x", {"10.1.0.1", "10.1.0.2"}));
  const Edit route = put(
      "shop/x", Route{.service = "x", .rules = {{.backends = {backend("x", 1, {{"a", "b"}})}}}});
  const LimitRow rows[] = {
      {{.resources = 1}, {x, set}, "there would be 2 resources; at most 1 are allowed"},
      {{.services = 0}, {x}, "there would be 1 Services; at most 0 are allowed"},
      {{.namespaces = 0},
       {x},
       "there would be 1 namespaces with Services or Gateways; at most 0 are allowed"},
      {{.service_ports = 1},
       {x},
       "there would be 2 addresses times ports of all Services and Gateways; at most 1 are "
       "allowed"},
      {{.endpoints = 1},
       {x, set},
       "there would be 2 endpoints in EndpointSets; at most 1 are allowed"},
      {{.endpoints = 1},
       {put("shop/x", selecting),
        put("shop/w", workload("w3", {"10.8.0.3", "10.8.0.4"}, {{"app", "x"}}))},
       "there would be 2 endpoints of all Services; at most 1 are allowed"},
      {{.endpoints_per_service = 1},
       {x, set},
       "it would have 2 endpoints; at most 1 are allowed for one Service"},
      {{.routes = 0}, {x, route}, "there would be 1 Routes; at most 0 are allowed"},
      {{.subsets = 0},
       {x, route},
       "there would be 1 subsets in backends of all Routes; at most 0 are allowed"},
      {{.cluster_endpoints = 3},
       {x, route, set},
       "there would be 4 endpoints times subsets of all Services; at most 3 are allowed"},
      {{.backends = 0},
       {x, route},
       "there would be 1 backends of all Routes; at most 0 are allowed"},
      {{.access_terms = 3},
       {x, put("shop/x", AccessPolicy{.service = "x", .rules = {{.from = {{}}}}})},
       "there would be 4 rules and all that they list, of all AccessPolicies, times ports; at "
       "most 3 are allowed"},
      {{.label_bytes = 97},
       {put("shop/x", two_ports, {{"a", "b"}})},
       "there would be 98 bytes of labels; at most 97 are allowed"},
  };
  for (const LimitRow& row : rows) {
    World world(row.limits);
    EXPECT_EQ(world.refuse(row.edits), "Service shop/x : " + std::string(row.problem) + "\n");
    World enough;
    EXPECT_EQ(enough.refuse(row.edits), "");
  }
}

TEST(Refuse, ListsThatAreTooLong) {
  Labels labels;
  for (int i = 0; i < 33; ++i) labels["l" + std::to_string(i)] = "";
  Route many_backends{.service = "cart", .rules = {{.port = "admin"}}};
  many_backends.rules[0].backends.assign(17, backend("cart"));
  AccessPolicy many_sources{.service = "cart", .rules = {{}}};
  many_sources.rules[0].from.assign(65, {});
  AccessPolicy many_terms{.service = "cart"};
  many_terms.rules.assign(64, {.from = std::vector<Source>(64)});
  Service many_ports = service({"10.96.0.1"}, {});
  for (uint16_t i = 1; i <= 65; ++i) many_ports.ports.push_back({"p" + std::to_string(i), i});
  expect_refused({
      {put("shop/x", TrafficPolicy{.service = "user"}, labels),
       "TrafficPolicy shop/x metadata.labels: 33 labels are too many: at most 32 are allowed"},
      {put("shop/x", many_backends),
       "Route shop/x spec.tcp[0].backends: 17 backends are too many: at most 16 are allowed"},
      {put("shop/x", many_sources),
       "AccessPolicy shop/x spec.rules[0].from: 65 sources are too many: at most 64 are allowed"},
      {put("shop/x", many_terms),
       "AccessPolicy shop/x spec.rules: all AccessPolicies of Service shop/cart have 4160 rules "
       "and things that these list; at most 4096 are allowed"},
      {put("shop/x", many_ports),
       "Service shop/x spec.ports: 65 ports are too many: at most 64 are allowed"},
      {put("shop/x", TrafficPolicy{.service = "user"}, {{"a\n", "b"}}),
       "TrafficPolicy shop/x metadata.labels: \"a?\" is no label: 1 to 253 printable bytes"},
      {put("shop/x", TrafficPolicy{.service = "user"}, {{"a", std::string(254, 'x')}}),
       "TrafficPolicy shop/x metadata.labels: the value of \"a\" must be printable and at most 253 "
       "bytes long"},
  });
}

TEST(Refuse, TellsAHundredProblemsAtMost) {
  World world;
  std::vector<Edit> edits;
  for (int i = 0; i < 200; ++i)
    edits.push_back(put("shop/e" + std::to_string(i), endpoints("x", {})));
  EXPECT_EQ(world.model.stage(edits).size(), Model::kMaxProblems);
  EXPECT_EQ(world.model.stage({}).size(), 0u);
}

}  // namespace
}  // namespace heddle::policy
