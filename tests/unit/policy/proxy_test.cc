// Services whose connections the node terminates: what they may be, and what workers read of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

Service proxied(std::initializer_list<const char*> addresses,
                std::vector<ServicePort> ports = {{"http", 80}},
                Forwarding forwarding = Forwarding::kProxy) {
  Service spec = service(addresses, std::move(ports));
  spec.forwarding = forwarding;
  return spec;
}

TrafficPolicy times(std::optional<Duration> connect, std::optional<Duration> idle) {
  TrafficPolicy policy{.service = "cart"};
  policy.connect_timeout = connect;
  policy.idle_timeout = idle;
  return policy;
}

std::string refusal(std::vector<Edit> edits) {
  World world;
  return world.refuse(std::move(edits));
}

TEST(Proxy, TakesTcpAtSinglePorts) {
  struct Row {
    std::vector<ServicePort> ports;
    const char* problem;
  };
  const Row rows[] = {
      {{{"a", 80}, {"b", 443, Protocol::kTcp, 8443}}, ""},
      {{{"a", 80}, {"dns", 53, Protocol::kUdp}},
       "Service shop/cart spec.ports[1].protocol: is udp, and forwarding: proxy terminates tcp "
       "alone; the service takes another forwarding, or the port another service\n"},
      {{{"all", 0}},
       "Service shop/cart spec.ports[0].all_ports: forwarding: proxy listens at single ports; "
       "give the port\n"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(refusal({put("shop/cart", proxied({"10.96.0.1"}, row.ports))}), row.problem);
  Service mapped = proxied({"10.96.0.1"});
  mapped.source_mapping = SourceMapping::kPerSource;
  EXPECT_EQ(refusal({put("shop/cart", mapped)}),
            "Service shop/cart spec.source_mapping: is for forwarding: full-nat, and this is "
            "proxy\n");
  Service unknown = proxied({"10.96.0.1"});
  unknown.forwarding = static_cast<Forwarding>(5);
  EXPECT_EQ(refusal({put("shop/cart", unknown)}),
            "Service shop/cart spec.forwarding: is none that is known\n");
  EXPECT_STREQ(name_of(Forwarding::kProxy), "proxy");
  EXPECT_FALSE(translates(Forwarding::kProxy));
  EXPECT_FALSE(keeps_packets(Forwarding::kProxy));
}

TEST(Proxy, TimeoutsHaveBounds) {
  struct Row {
    TrafficPolicy policy;
    const char* problem;
  };
  const std::string connect = "TrafficPolicy shop/tp spec.limits.connect_timeout: ";
  const std::string idle = "TrafficPolicy shop/tp spec.limits.idle_timeout: ";
  const Row rows[] = {
      {times(milliseconds(1), seconds(1)), ""},
      {times(seconds(600), seconds(30 * 86'400)), ""},
      {times({}, Duration()), ""},
      {times(Duration(), {}), "expected 1ms to 10m\n"},
      {times(microseconds(999), {}), "expected 1ms to 10m\n"},
      {times(seconds(600) + nanoseconds(1), {}), "expected 1ms to 10m\n"},
      {times({}, milliseconds(999)), "expected 1s to 720h, or 0s: never\n"},
      {times({}, seconds(-1)), "expected 1s to 720h, or 0s: never\n"},
      {times({}, seconds(30 * 86'400) + nanoseconds(1)), "expected 1s to 720h, or 0s: never\n"},
  };
  for (const Row& row : rows) {
    const std::string field = row.policy.connect_timeout ? connect : idle;
    EXPECT_EQ(refusal({put("shop/cart", proxied({"10.96.0.1"})), put("shop/tp", row.policy)}),
              *row.problem == 0 ? "" : field + row.problem);
  }
}

TEST(Proxy, TimeoutsAreOfProxiedServicesAlone) {
  const std::string why = " needs forwarding: proxy, and Service shop/cart has forwarding: ";
  for (const Forwarding other :
       {Forwarding::kDnat, Forwarding::kFullNat, Forwarding::kDirect, Forwarding::kIpInIp}) {
    const std::string name = name_of(other);
    EXPECT_EQ(refusal({put("shop/cart", proxied({"10.96.0.1"}, {{"a", 80}}, other)),
                       put("shop/tp", times(seconds(1), seconds(1)))}),
              "TrafficPolicy shop/tp spec.limits.connect_timeout:" + why + name +
                  "\nTrafficPolicy shop/tp spec.limits.idle_timeout:" + why + name + "\n");
  }
  World world;
  world.apply({put("shop/cart", proxied({"10.96.0.1"})), put("shop/tp", times({}, seconds(10)))});
  const std::string problem = "TrafficPolicy shop/tp spec.limits.idle_timeout:" + why + "dnat\n";
  EXPECT_EQ(world.refuse({put("shop/cart", service({"10.96.0.1"}))}), problem);
  EXPECT_EQ(world.refuse({put("shop/cart", service({"10.96.0.1"})), put("shop/tp", times({}, {}))}),
            "");
}

TEST(Proxy, FrontendsHaveTimeouts) {
  World world;
  world.apply({put("shop/cart", proxied({"10.96.0.1"}))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->connect_timeout, seconds(5));
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->idle_timeout, seconds(3'600));
  const uint32_t before = world.snapshot->generation;
  world.apply({put("shop/tp", times(milliseconds(250), Duration()))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->connect_timeout, milliseconds(250));
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->idle_timeout, Duration());
  EXPECT_EQ(world.snapshot->generation, before) << "live connections are not concerned";
  world.apply({put("shop/tp", times(milliseconds(250), seconds(7)))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->idle_timeout, seconds(7));
}

// Any algorithm, ports of the endpoints, backends of any forwarding.
TEST(Proxy, DecidesAsTranslatingServicesDo) {
  World world;
  EndpointSet with_port = endpoints("other", {"10.1.0.2"});
  with_port.endpoints[0].port = 9090;
  TrafficPolicy policy = times({}, {});
  policy.algorithm = Algorithm::kRoundRobin;
  world.apply({put("shop/cart", proxied({"10.96.0.1"}, {{"a", 80, Protocol::kTcp, 8080},
                                                        {"b", 81, Protocol::kTcp, 8081},
                                                        {"c", 82, Protocol::kTcp, 8082}})),
               put("shop/tp", policy), put("shop/set", endpoints("cart", {"10.1.0.1"})),
               put("shop/other", service({"10.96.0.2"})), put("shop/o", with_port),
               put("shop/direct", direct(service({"10.96.0.3"}))),
               put("shop/d", endpoints("direct", {"10.1.0.3"})),
               put("shop/r", Route{.service = "cart",
                                   .rules = {{.port = "b", .backends = {backend("other")}},
                                             {.port = "c", .backends = {backend("direct")}}}})});
  const auto place = [&](uint16_t port) {
    const Decision decision = decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", port));
    return outcome(decision) + ":" + std::to_string(decision.port);
  };
  EXPECT_EQ(place(80), "10.1.0.1:8080");
  EXPECT_EQ(place(81), "10.1.0.2:9090");
  EXPECT_EQ(place(82), "10.1.0.3:8082") << "the frontend's forwarding counts";
  const Flow live = flow("10.9.0.1", "10.96.0.1", 80);
  const auto check = [&] { return recheck(*world.snapshot, live, ip("10.1.0.1"), 8080).recheck; };
  EXPECT_EQ(check(), Recheck::kStays);
  world.apply({put("shop/set", endpoints("cart", {}))});
  EXPECT_EQ(check(), Recheck::kDraining);
  world.apply({put(
      "shop/deny",
      AccessPolicy{
          .service = "cart", .action = Action::kDeny, .on_deny = Refusal::kReset, .rules = {{}}})});
  EXPECT_EQ(check(), Recheck::kDenied);
  EXPECT_EQ(outcome(decide(*world.snapshot, live)), "denied");
  // The other way about it is not: what goes on as it is has no ports to choose.
  EXPECT_EQ(world.refuse({put("shop/back", Route{.service = "direct",
                                                 .rules = {{.backends = {backend("cart")}}}})}),
            "Route shop/back spec.tcp[0].backends[0].service: Service shop/cart has forwarding: "
            "proxy, and forwarding: direct leads only to direct and ip-in-ip, whose endpoints "
            "have no ports of their own\n");
}

TEST(Proxy, GuardsOfEndpointsAreAsked) {
  World world;
  Service spec = proxied({"10.96.0.1"});
  spec.selector = {{"app", "cart"}};
  world.apply(
      {put("shop/cart", spec), put("shop/w", workload("w2", {"10.8.0.2"}, {{"app", "cart"}})),
       put("shop/g", AccessPolicy{.workload_labels = {{"app", "cart"}},
                                  .action = Action::kDeny,
                                  .rules = {{.from = {{.cidrs = {prefix("10.9.0.1/32")}}}}}})});
  const auto check = [&](const char* source) {
    return recheck(*world.snapshot, flow(source, "10.96.0.1", 80), ip("10.8.0.2"), 80).recheck;
  };
  EXPECT_EQ(check("10.9.0.1"), Recheck::kDenied);
  EXPECT_EQ(check("10.9.0.2"), Recheck::kStays);
  EXPECT_TRUE(world.attachments->ports[0].also_from.empty())
      << "an endpoint has no reason to answer with the service's address";
}

// By address and port, whatever their slots are.
std::string text_of(const World& world) {
  if (world.snapshot->listeners == nullptr) return "none";
  const std::vector<ProxyListener>& listeners = *world.snapshot->listeners;
  EXPECT_TRUE(std::ranges::is_sorted(listeners, {}, &ProxyListener::frontend));
  std::set<std::pair<IpAddress, uint16_t>> places;
  for (const ProxyListener& each : listeners) {
    EXPECT_EQ(world.snapshot->frontend_table->find({each.address, Protocol::kTcp, each.port}),
              each.frontend);
    places.emplace(each.address, each.port);
  }
  EXPECT_EQ(places.size(), listeners.size());
  std::string text;
  for (const auto& [address, port] : places)
    text += (text.empty() ? "" : ", ") + address.text() + " " + std::to_string(port);
  return text;
}

TEST(Proxy, Listeners) {
  World world;
  world.apply({put("shop/other", service({"10.96.0.9"}))});
  EXPECT_EQ(text_of(world), "none");
  world.apply({put("shop/cart", proxied({"10.96.0.1", "2001:db8:96::1"}, {{"a", 80}}))});
  EXPECT_EQ(text_of(world), "10.96.0.1 80, 2001:db8:96::1 80");
  EXPECT_TRUE(world.snapshot->stateful);
  const auto before = world.snapshot;
  world.apply({put("shop/set", endpoints("cart", {"10.1.0.1"})),
               put("shop/tp", times(seconds(1), {})), remove(Kind::kService, "shop/other")});
  EXPECT_EQ(world.snapshot->listeners, before->listeners) << "the same object";
  world.apply({put("shop/cart", proxied({"10.96.0.1"}, {{"a", 80}, {"b", 81}}))});
  EXPECT_EQ(text_of(world), "10.96.0.1 80, 10.96.0.1 81");
  EXPECT_EQ(before->listeners->size(), 2u) << "an older snapshot stays as it was";
  const auto kept = world.snapshot->listeners;
  // A commit in which it comes and goes.
  EXPECT_EQ(world.refuse({put("shop/more", proxied({"10.96.0.3"}))}), "");
  EXPECT_EQ(world.refuse({remove(Kind::kService, "shop/more")}), "");
  world.commit();
  EXPECT_EQ(world.snapshot->listeners, kept);
  // Another service takes the address and port over: another slot.
  world.apply({put("shop/cart", proxied({"10.96.0.1"}, {{"b", 81}})),
               put("shop/more", proxied({"10.96.0.1"}, {{"a", 80}}))});
  EXPECT_EQ(text_of(world), "10.96.0.1 80, 10.96.0.1 81");
  world.apply({remove(Kind::kTrafficPolicy, "shop/tp"),
               put("shop/cart", service({"10.96.0.1"}, {{"b", 81}}))});
  EXPECT_EQ(text_of(world), "10.96.0.1 80");
  EXPECT_TRUE(world.may_cut) << "another forwarding";
  world.apply({remove(Kind::kService, "shop/more")});
  EXPECT_EQ(text_of(world), "none");
}

// Nobody translates them: steering needs to know nothing of them.
TEST(Proxy, HasNoRolesInSteering) {
  World world;
  world.apply({put("shop/cart", proxied({"10.96.0.1"}, {{"a", 80, Protocol::kTcp, 8080}})),
               put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  const auto is_service = [&](const char* a) { return world.snapshot->roles.is_service(ip(a)); };
  const auto is_endpoint = [&](const char* a) { return world.snapshot->roles.is_endpoint(ip(a)); };
  EXPECT_FALSE(is_service("10.96.0.1"));
  EXPECT_FALSE(is_endpoint("10.1.0.1"));
  EXPECT_EQ(world.attachments->service_addresses, ips({"10.96.0.1"}));
  // A service that translates shares the address, and then the endpoint.
  world.apply({put("shop/dns", service({"10.96.0.1"}, {{"dns", 53, Protocol::kUdp}}))});
  EXPECT_TRUE(is_service("10.96.0.1"));
  EXPECT_FALSE(is_endpoint("10.1.0.1"));
  world.apply({put("shop/more", endpoints("dns", {"10.1.0.1"}))});
  EXPECT_TRUE(is_endpoint("10.1.0.1"));
  EXPECT_FALSE(world.snapshot->roles.is_endpoint(ip("10.1.0.1"), Protocol::kTcp, 8080));
  world.apply({remove(Kind::kEndpointSet, "shop/more"), remove(Kind::kService, "shop/dns")});
  world.settle();
  EXPECT_FALSE(is_service("10.96.0.1"));
  EXPECT_FALSE(is_endpoint("10.1.0.1"));
  // The forwarding alone changes, there and back.
  world.apply({put("shop/cart", service({"10.96.0.1"}))});
  EXPECT_TRUE(is_service("10.96.0.1"));
  EXPECT_TRUE(is_endpoint("10.1.0.1"));
  world.apply({put("shop/cart", proxied({"10.96.0.1"}))});
  EXPECT_FALSE(is_service("10.96.0.1"));
  EXPECT_FALSE(is_endpoint("10.1.0.1"));
  // Backends of a service that translates answer it, whatever their own service is.
  world.apply(
      {put("shop/front", service({"10.96.0.2"})),
       put("shop/r", Route{.service = "front", .rules = {{.backends = {backend("cart")}}}})});
  EXPECT_TRUE(world.snapshot->roles.is_endpoint(ip("10.1.0.1"), Protocol::kTcp, 80));
}

}  // namespace
}  // namespace heddle::policy
