// What an ExternalService may not be, and what may not lead to one.
#include <gtest/gtest.h>

#include "external_support.h"

namespace heddle::policy {
namespace {

using namespace test;

class ExternalRefuse : public testing::Test {
 protected:
  ExternalRefuse() { world.apply({bundle("shop/roots", "example.com")}); }
  void refused(std::vector<Edit> edits, std::string_view why) {
    const std::string told = world.refuse(std::move(edits));
    EXPECT_NE(told.find(why), std::string::npos) << why << " is not in: " << told;
    world.commit();
  }
  void refused(const ExternalService& spec, std::string_view why) {
    refused({put("shop/api", spec)}, why);
  }
  FakeMaker maker;
  World world{Limits(), node(), &maker};
};

TEST_F(ExternalRefuse, Shapes) {
  ExternalService spec = api();
  spec.hosts = {"*.example.com"};
  spec.service.ports[0].hostnames = spec.hosts;
  refused(spec, "spec.hosts[0]: ");
  refused(external({kOutside}, {originated()}, {"a.example.com", "a.example.com"}),
          "spec.hosts[1]: \"a.example.com\" is there twice");
  refused(external({kOutside}, {outside({"ntp", 123, Protocol::kUdp})}),
          "spec.ports[0].protocol: is udp, which needs endpoints");
  refused(external({}, {originated()}), "spec.addresses");
  refused(external({kOutside}, {}), "spec.ports");
  refused(external({kOutside}, {originated("")}), "spec.ports[0].tls.server_name: is missing");
  spec = api();
  spec.service.ports[0].upstream_tls->trust = {};
  refused(spec, "spec.ports[0].tls.trust: is missing");
  refused(leads_to(external({kVirtual}, {originated()}), {kOutside, kOutside}),
          "spec.endpoints[1].address: 203.0.113.5 is there twice");
  refused(leads_to(external({kVirtual}, {originated()}), {kVirtual}),
          "spec.endpoints[0].address: 10.96.7.1 is one of spec.addresses");
  ServicePort port = originated();
  port.http.reset();
  port.tls = ServerTls{.mode = ClientTls::kPassthrough};
  refused(external({kOutside}, {port}), "is TLS already");
}

TEST_F(ExternalRefuse, WhatIsNotThere) {
  ExternalService spec = api();
  spec.service.ports[0].upstream_tls->trust = {"none"};
  refused(spec, "spec.ports[0].tls.trust[0]: no TrustBundle \"none\"");
  spec.service.ports[0].upstream_tls = by_name("api.example.com");
  spec.service.ports[0].upstream_tls->certificate = "none";
  refused(spec, "spec.ports[0].tls.certificate: no Secret \"none\"");
  World without;
  EXPECT_NE(without.refuse({put("shop/api", api())}).find("this heddled has no TLS"),
            std::string::npos);
}

// Connections of the node's own would come back, or leave past the mesh.
TEST_F(ExternalRefuse, AddressesOfOthers) {
  world.apply(
      {put("shop/web", service({"10.96.0.1"})), put("shop/w", workload("w2", {"10.8.0.2"}))});
  refused(external({"10.96.0.1"}, {outside({"a", 25})}),
          "is of Service shop/web, and is where this one's connections go");
  refused(external({"192.0.2.10"}, {originated()}), "is this node's own");
  refused(external({"10.8.0.2"}, {originated()}), "is of Workload shop/w");
  refused(leads_to(external({kVirtual}, {originated()}), {"10.96.0.1"}),
          "spec.endpoints[0].address: 10.96.0.1 is of Service shop/web");
  refused(leads_to(external({kVirtual}, {originated()}), {"10.8.0.2"}), "is of Workload shop/w");
  refused(leads_to(external({kVirtual}, {originated()}), {"192.0.2.10"}), "is this node's own");
  world.apply({put("shop/api", api())});
  refused({put("shop/late", service({kOutside}, {{"x", 9}}))},
          "spec.addresses[0]: 203.0.113.5 is an endpoint, in ExternalService shop/api");
  refused({put("shop/w", workload("w2", {kOutside}))},
          "is an endpoint of ExternalService shop/api");
  refused({put("shop/other", external({kOutside}, {outside({"x", 9})}))},
          "ExternalService shop/api");
  // Another way to the same destination.
  world.apply({put("shop/other", leads_to(external({kVirtual}, {originated()}), {"203.0.113.6"}))});
}

TEST_F(ExternalRefuse, WhatLeadsThere) {
  const auto set = put("shop/set", endpoints("api", {"10.1.0.1"}));
  refused({put("shop/api", api()), set}, "has its endpoints in itself");
  Service falls = service({"10.96.0.1"});
  falls.fallback = "api";
  refused({put("shop/api", api()), put("shop/web", falls)},
          "spec.fallback: ExternalService shop/api");
  refused({put("shop/api", api()), put("shop/tp", upstream(by_name("x.example.com"), "api"))},
          "spec.upstream_tls: is said by the ports of ExternalService shop/api");
  Service web = http_service({"10.96.0.1"}, {http_port("http", 80)});
  HttpRule rule;
  rule.backends = {backend("api")};
  const auto route = [&] { return put("shop/r", http_route({rule}, {}, "web")); };
  refused({put("shop/api", api()), put("shop/web", web), route()},
          "spec.http[0].backends[0].port: missing: ExternalService shop/api is spoken to as one");
  rule.backends[0].port = 80;
  world.apply({put("shop/api", api()), put("shop/web", web), route()});
  EXPECT_NE(world.frontend("10.96.0.1", 80)->http->rules()[0].target.choices[0].terms->tls_out,
            nullptr);
  refused(
      {put("shop/gate", gateway({passing_listener("tls", 443)})),
       put("shop/t", of_gateway(Route{.tls = {{{"a.example.com"}, {backend("api")}}}}, "gate"))},
      "what passes through is TLS already");
}

}  // namespace
}  // namespace heddle::policy
