// Gateways and their Routes that are refused, and what is said.
#include <gtest/gtest.h>

#include "core/random.h"
#include "gateway_support.h"
#include "listener_names.h"
#include "names.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;

std::string refusal(std::vector<Edit> edits) {
  TlsWorld tls;
  return tls.world.refuse(std::move(edits));
}

TEST(GatewayRefuse, Shapes) {
  const std::string at = "Gateway shop/web spec.";
  ServicePort udp = tcp_listener("udp", 53), all = tcp_listener("all", 0),
              target = tcp_listener("t", 1), both = passing_listener("p", 443),
              named = tcp_listener("sql", 1);
  udp.protocol = Protocol::kUdp;
  target.target_port = 2;
  both.http = HttpUpstream::kHttp1;
  named.hostnames = {"a.example"};
  Gateway endpoints = gateway({listener("http", 80)}), dnat = endpoints;
  endpoints.service.selector = {{"a", "b"}};
  dnat.service.forwarding = Forwarding::kDnat;
  struct Row {
    Gateway gateway;
    std::string problem;
  };
  const Row rows[] = {
      {gateway({}), at + "listeners: 1 listeners at least are needed\n"},
      {gateway({listener("http", 80)}, {}), at + "addresses: 1 addresses at least are needed\n"},
      {gateway({listener("80", 80)}),
       at + "listeners[0].name: \"80\" needs a letter, or it could be taken for a number\n"},
      {gateway({listener("a", 80, {"a.example"}), listener("b", 80, {"b.example"})}),
       at + "listeners[1].port: tcp/80 is that of listener \"a\"; one listener takes several "
            "hostnames\n"},
      {gateway({udp}), at + "listeners[0].protocol: is udp, and forwarding: proxy terminates tcp "
                            "alone; the service takes another forwarding, or the port another "
                            "service\n"},
      {gateway({all}),
       at + "listeners[0].all_ports: forwarding: proxy listens at single ports; give "
            "the port\n"},
      {gateway({target}), at + "listeners[0]: has a target port, and a Gateway has no endpoints\n"},
      {gateway({both}),
       at + "listeners[0].tls.mode: is PASSTHROUGH, where the endpoint ends TLS, and "
            "the port is one of HTTP, which ends here\n"},
      {gateway({named}), at + "listeners[0].hostnames: are of requests and of TLS that passes "
                              "through; a connection of tcp asks for none\n"},
      {gateway({listener("a", 80, {"A.example", "b.org", "b.org"})}),
       at + "listeners[0].hostnames[0]: \"A.example\" " +
           std::string(why_no_server_name("A.example", Wildcard::kTaken)) + "\n" + at +
           "listeners[0].hostnames[2]: \"b.org\" is there twice\n"},
      {endpoints,
       "Gateway shop/web spec: is no Gateway's: these have no endpoints, and end all "
       "connections\n"},
      {dnat,
       "Gateway shop/web spec: is no Gateway's: these have no endpoints, and end all "
       "connections\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal({put("shop/web", row.gateway)}), row.problem);
  Service plain = service({"10.96.0.1"}, {listener("a", 80, {"a.example"})});
  EXPECT_EQ(refusal({put("shop/x", plain)}),
            "Service shop/x spec.ports[0]: has what is of a Gateway's listeners\n");
}

TEST(GatewayRefuse, Addresses) {
  World world;
  world.apply({put("shop/cart", http_service({"10.96.0.1"})), put("else/x", service({"10.96.0.2"})),
               put("shop/cart", endpoints("cart", {"10.1.0.1"}))});
  const std::string at = "Gateway shop/web spec.addresses[0]: ";
  EXPECT_EQ(world.refuse({put("shop/web", gateway({listener("a", 80)}, {"10.96.0.1"}))}),
            at + "10.96.0.1 tcp/80 is of Service shop/cart\n");
  EXPECT_EQ(world.refuse({put("shop/web", gateway({listener("a", 80)}, {"10.96.0.2"}))}),
            at + "10.96.0.2 belongs to namespace else\n");
  EXPECT_EQ(world.refuse({put("shop/web", gateway({listener("a", 80)}, {"10.1.0.1"}))}),
            at + "10.1.0.1 is an endpoint, in EndpointSet shop/cart\n");
  EXPECT_EQ(world.refuse({put("shop/web", gateway({listener("a", 80)}, {"192.0.2.10"}))}),
            at + "192.0.2.10 is this node's own, on an uplink\n");
  world.apply({put("shop/web", gateway({listener("a", 81)}, {"10.96.0.1"}))});
  EXPECT_EQ(world.refuse({put("shop/cart", http_service({"10.96.0.1"}, {http_port("http", 81)}))}),
            "Service shop/cart spec.addresses[0]: 10.96.0.1 tcp/81 is of Gateway shop/web\n");
}

TEST(GatewayRefuse, Routes) {
  TlsWorld tls;
  World& world = tls.world;
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/web", gateway({listener("http", 80, {"a.example", "*.b.example"}),
                                        tcp_listener("sql", 1000),
                                        passing_listener("tls", 443, {"*.c.example"})})),
               put("shop/plain", gateway({listener("http", 81)}))});
  const std::string at = "Route shop/r spec.";
  const auto of_plain = [](Route route) {
    route.gateway = "plain";
    return route;
  };
  Route both = leads({}, backend("cart")), foreign = http_route({rule({})});
  both.service = "cart";
  foreign.http[0].backends[0].ns = "else";
  struct Row {
    Route route;
    std::string problem;
  };
  const Row rows[] = {
      {leads({"a.example", "*.x.b.example", "*.example"}, backend("cart")), ""},
      {leads_tcp("", backend("cart")), ""},
      {leads_tls({"x.c.example", "*.c.example"}, backend("cart")), ""},
      {both, at + "gateway: a Route is for a service or a gateway, and both are given\n"},
      {of_gateway(http_route({rule({})}), "wob"),
       at + "gateway: no Gateway \"wob\" in namespace shop (did you mean \"web\"?)\n"},
      {leads({"a.example", "c.example"}, backend("cart")),
       at + "hostnames[1]: \"c.example\" is of no listener of Gateway shop/web, which have "
            "a.example, "
            "*.b.example\n"},
      {leads({"b.example"}, backend("cart")), at + "hostnames[0]: \"b.example\" is of no listener "
                                                   "of Gateway shop/web, which have a.example, "
                                                   "*.b.example\n"},
      {leads_tls({"c.example"}, backend("cart")), at +
                                                      "tls[0].server_names[0]: \"c.example\" is of "
                                                      "no listener of Gateway shop/web, which have "
                                                      "*.c.example\n"},
      {leads_tcp("sqll", backend("cart")),
       at + "tcp[0].port: Gateway shop/web has no listener \"sqll\" (did you mean \"sql\"?)\n"},
      {leads_tcp("http", backend("cart")),
       at + "tcp[0].port: listener \"http\" is one of HTTP, whose rules are under http\n"},
      {leads_tcp("tls", backend("cart")),
       at + "tcp[0].port: listener \"tls\" is one where TLS passes through, whose rules are under "
            "tls\n"},
      {of_plain(leads_tcp("", backend("cart"))),
       at + "tcp[0].port: Gateway shop/plain has no listener of protocol tcp\n"},
      {of_plain(leads_tls({"a.example"}, backend("cart"))),
       at + "tls: Gateway shop/plain has no listener with tls.mode: PASSTHROUGH\n"},
      {leads({}, backend("crat")),
       at + "http[0].backends[0].service: no Service \"crat\" in namespace shop (did you mean "
            "\"cart\"?)\n"},
      {leads({}, backend("x", 1, {}, "no such")),
       at + "http[0].backends[0].namespace: \"no such\" " + std::string(why_no_label("no such")) +
           "\n"},
      {foreign, at + "http[0].backends[0].namespace: \"else\" is another namespace; a Route has "
                     "backends in its own\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(world.refuse({put("shop/r", row.route)}), row.problem);
    world.model.rollback();
  }
  world.apply({put("shop/r", leads({"a.example"}, backend("cart")))});
  EXPECT_EQ(world.refuse({put("shop/web", gateway({listener("http", 80, {"d.example"})}))}),
            at + "hostnames[0]: \"a.example\" is of no listener of Gateway shop/web, which have "
                 "d.example\n")
      << "the listener's change is checked against Routes";
  EXPECT_EQ(world.refuse({put("shop/web", gateway({tcp_listener("sql", 1000)}))}),
            at + "http: Gateway shop/web has no listener of protocol http\n");
}

TEST(GatewayRefuse, WhatPassesThroughIsNotWrapped) {
  TlsWorld tls;
  Service cart = service({"10.96.0.1"});
  cart.forwarding = Forwarding::kProxy;
  const std::string problem =
      "Route shop/r spec.tls[0].backends[0].service: TrafficPolicy shop/cart has upstream_tls, and "
      "what passes through is TLS already\n";
  tls.world.apply({bundle("shop/roots", "example.org"), put("shop/cart", cart),
                   put("shop/web", gateway({passing_listener("tls", 443)})),
                   put("shop/r", leads_tls({"a.example"}, backend("cart")))});
  EXPECT_EQ(tls.world.refuse({put("shop/cart", upstream(by_name("cart.example")))}), problem);
  tls.world.apply(
      {remove(Kind::kRoute, "shop/r"), put("shop/cart", upstream(by_name("cart.example")))});
  EXPECT_EQ(tls.world.refuse({put("shop/r", leads_tls({"a.example"}, backend("cart")))}), problem);
}

// Where TLS is asked for, nobody speaks plaintext.
TEST(GatewayRefuse, WhatPoliciesAskForNeedsAPortThatIsProxied) {
  TlsWorld tls;
  World& world = tls.world;
  const auto db = [](Forwarding forwarding) {
    Service spec = http_service({"10.96.0.3"}, {http_port(), {"sql", 5432}});
    spec.forwarding = forwarding;
    return put("shop/db", spec);
  };
  TrafficPolicy with_tls = upstream(by_name("db.example"), "db"), told{.service = "db"};
  told.proxy_protocol = ProxyProtocol::kV2;
  Service front = service({"10.96.0.4"}, {{"raw", 90}});
  front.forwarding = Forwarding::kProxy;
  HttpRule copied = rule({}, "db");
  copied.backends[0].port = 80;
  copied.mirror = {.backend = at_port("db", 5432)};
  HttpRule twice = rule({}, "db");
  twice.backends = {at_port("db", 80), at_port("db", 5432), at_port("db", 5432)};
  world.apply({bundle("shop/roots", "example.org"), db(Forwarding::kDnat), put("shop/front", front),
               put("shop/web", gateway({listener("http", 80), tcp_listener("sql", 5432),
                                        passing_listener("tls", 443)}))});
  struct Row {
    Route route;
    std::string field;  // empty: it may be
  };
  Route called = leads_tcp("raw", at_port("db", 5432));
  called.gateway.clear();
  called.service = "front";
  const Row rows[] = {
      {leads_tcp("sql", at_port("db", 5432)), "tcp[0].backends[0]"},
      {called, "tcp[0].backends[0]"},
      {leads({}, at_port("db", 5432)), "http[0].backends[0]"},
      {of_gateway(http_route({twice})), "http[0].backends[1]"},
      {of_gateway(http_route({copied})), "http[0].filters[0].mirror.backend"},
      {leads({}, at_port("db", 80)), ""},
      {leads_tcp("sql", at_port("db", 80)), ""},
  };
  const auto problem = [](const Row& row, const char* asked) {
    if (row.field.empty()) return std::string();
    return "Route shop/r spec." + row.field + ".port: TrafficPolicy shop/db has " + asked +
           ", which needs forwarding: proxy or a port of HTTP, and port \"sql\" of Service shop/db "
           "has forwarding: dnat\n";
  };
  for (const Row& row : rows) {
    world.apply({put("shop/r", row.route)});
    for (const auto& [policy, asked] :
         {std::pair(with_tls, "upstream_tls"), std::pair(told, "proxy_protocol")}) {
      EXPECT_EQ(world.refuse({put("shop/db", policy)}), problem(row, asked)) << "the policy last";
      world.model.rollback();
      world.apply({remove(Kind::kRoute, "shop/r"), put("shop/db", policy)});
      EXPECT_EQ(world.refuse({put("shop/r", row.route)}), problem(row, asked)) << "the Route last";
      world.model.rollback();
      world.apply({db(Forwarding::kProxy), put("shop/r", row.route)});
      EXPECT_EQ(world.refuse({db(Forwarding::kDnat)}), problem(row, asked)) << "the Service last";
      world.model.rollback();
      world.apply({remove(Kind::kTrafficPolicy, "shop/db"), db(Forwarding::kDnat)});
    }
    world.apply({remove(Kind::kRoute, "shop/r")});
  }
  // Where nothing is asked for it, or a frontend's own terms hold, it may be.
  told.proxy_protocol = ProxyProtocol::kOff;
  called.rules[0].backends[0].port = 0;
  world.apply({put("shop/r", leads_tcp("sql", at_port("db", 5432))), put("shop/db", told)});
  world.apply({put("shop/r", called), put("shop/db", with_tls)});
}

// One problem is told once, whatever leads there to be looked at.
TEST(GatewayRefuse, EachBackendsPolicyIsAskedOnce) {
  TlsWorld tls;
  Service cart = service({"10.96.0.1"}), more = service({"10.96.0.2"});
  cart.forwarding = more.forwarding = Forwarding::kProxy;
  Route both = leads_tls({"a.example"}, backend("cart"));
  both.tls[0].backends.push_back(backend("more"));
  both.tls[0].backends.push_back(backend("cart"));
  const std::vector<Edit> edits = {bundle("shop/roots", "example.org"),
                                   put("shop/cart", cart),
                                   put("shop/more", more),
                                   put("shop/cart", upstream(by_name("cart.example"))),
                                   put("shop/more", upstream(by_name("cart.example"), "more")),
                                   put("shop/web", gateway({passing_listener("tls", 443)})),
                                   put("shop/r", both)};
  EXPECT_EQ(tls.world.refuse(edits),
            "Route shop/r spec.tls[0].backends[0].service: TrafficPolicy shop/cart has "
            "upstream_tls, and what passes through is TLS already\n");
}

TEST(GatewayRefuse, Limits) {
  const Edit one = put("shop/web", gateway({listener("http", 80, {"a.example", "b.example"})}));
  World none({.gateways = 0}), names({.server_names = 1});
  EXPECT_EQ(none.refuse({one}),
            "Gateway shop/web : there would be 1 Gateways; at most 0 are allowed\n");
  EXPECT_EQ(names.refuse({one}),
            "Gateway shop/web : there would be 2 server names of all Routes, and "
            "hostnames of listeners; at most 1 are allowed\n");
}

// Whether some name is one of both.
bool names_intersect(std::string_view a, std::string_view b) {
  const bool any_a = a.starts_with("*."), any_b = b.starts_with("*.");
  if (!any_a && !any_b) return a == b;
  if (any_a) a.remove_prefix(1);
  if (any_b) b.remove_prefix(1);
  if (any_a && any_b) return a.ends_with(b) || b.ends_with(a);
  return any_a ? b.size() > a.size() && b.ends_with(a) : a.size() > b.size() && a.ends_with(b);
}

bool any_port(const ServicePort&) { return true; }

TEST(GatewayRefuse, NamesIntersect) {
  struct Row {
    const char *a, *b;
    bool both;
  };
  const Row rows[] = {{"a.org", "a.org", true},       {"a.org", "b.org", false},
                      {"*.org", "a.org", true},       {"*.a.org", "a.org", false},
                      {"*.a.org", "*.org", true},     {"*.a.org", "*.b.org", false},
                      {"*.a.org", "x.y.a.org", true}, {"*.a.org", "xa.org", false}};
  const auto take = [](const char* own, const char* name) {
    return ListenerNames(gateway({listener("http", 80, {own})}).service, any_port).take(name);
  };
  for (const Row& row : rows) {
    EXPECT_EQ(take(row.a, row.b), row.both) << row.a << " " << row.b;
    EXPECT_EQ(take(row.b, row.a), row.both) << row.b << " " << row.a;
    EXPECT_EQ(names_intersect(row.a, row.b), row.both) << row.b << " " << row.a;
  }
  const auto is_http = [](const ServicePort& port) { return port.http.has_value(); };
  const Gateway mixed = gateway({listener("http", 80, {"a.org"}), tcp_listener("tcp", 81)});
  EXPECT_FALSE(ListenerNames(mixed.service, +is_http).take("b.org"));
  EXPECT_TRUE(ListenerNames(mixed.service, any_port).take("b.org")) << "one takes all";
  EXPECT_FALSE(ListenerNames(gateway({tcp_listener("tcp", 81)}).service, +is_http).has_listeners());
}

TEST(GatewayRefuse, ManyNamesIntersectAsEachTwoDo) {
  Random random(test_seed());
  const auto name = [&] {
    std::string text = random.below(3) == 0 ? "*" : random.below(2) == 0 ? "a" : "b";
    for (uint32_t labels = 1 + random.below(3); labels > 0; --labels)
      text += random.below(2) == 0 ? ".a" : ".ba";
    return text;
  };
  int taken = 0, refused = 0;
  for (int step = 0; step < 3'000 && !testing::Test::HasFailure(); ++step) {
    std::vector<ServicePort> listeners;
    for (uint16_t i = 0; i < 1 + step % 3; ++i) {
      listeners.push_back(listener("l", static_cast<uint16_t>(80 + i), {name()}));
      if (random.below(2) == 0) listeners.back().hostnames.push_back(name());
    }
    const std::string wanted = name();
    bool any = false;
    for (const ServicePort& port : listeners)
      for (const std::string& own : port.hostnames) any |= names_intersect(own, wanted);
    ASSERT_EQ(ListenerNames(gateway(listeners).service, any_port).take(wanted), any) << wanted;
    ++(any ? taken : refused);
  }
  EXPECT_GT(taken, 300);
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace heddle::policy
