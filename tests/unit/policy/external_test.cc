// ExternalServices: what is taken on its way to them, and how all that names Services acts on them.
#include <gtest/gtest.h>

#include "external_support.h"

namespace heddle::policy {
namespace {

using namespace test;

class External : public testing::Test {
 protected:
  External() { world.apply({bundle("shop/roots", "example.com")}); }
  std::string decided(const char* address, uint16_t port, const char* source = "10.8.0.1") const {
    return outcome(decide(*world.snapshot, flow(source, address, port)));
  }
  const Cluster& cluster_of(const Frontend& frontend) const {
    return *world.snapshot->clusters[frontend.choices[0].cluster];
  }
  std::vector<uint8_t> wire_name(std::string_view text) const {
    std::vector<uint8_t> bytes;
    while (!text.empty()) {
      const std::string_view label = text.substr(0, text.find('.'));
      bytes.push_back(static_cast<uint8_t>(label.size()));
      bytes.insert(bytes.end(), label.begin(), label.end());
      text.remove_prefix(std::min(label.size() + 1, text.size()));
    }
    bytes.push_back(0);
    return bytes;
  }

  FakeMaker maker;
  World world{Limits(), node(), &maker};
};

TEST_F(External, IsTakenOnItsWay) {
  world.apply({put("shop/api", api())});
  const Frontend* frontend = world.frontend(kOutside, 80);
  ASSERT_NE(frontend, nullptr);
  EXPECT_TRUE(frontend->external && frontend->on_the_way && frontend->is_http);
  EXPECT_EQ(frontend->forwarding, Forwarding::kProxy);
  ASSERT_NE(frontend->tls_out, nullptr);
  EXPECT_EQ(frontend->tls_out->server_name, "api.example.com");
  EXPECT_EQ(frontend->tls_out->config.peer, tls::PeerCheck::kName);
  EXPECT_EQ(frontend->tls_out->config.name, "ExternalService shop/api port web for http/1.1");
  EXPECT_TRUE(world.snapshot->intercepts);
  EXPECT_TRUE(world.attachments->service_addresses.empty()) << "packets go there by the routes";
  const Decision decision = decide(*world.snapshot, flow("10.8.0.1", kOutside, 80));
  EXPECT_EQ(outcome(decision), kOutside);
  EXPECT_EQ(decision.port, 443);
  EXPECT_EQ(decided("2001:db8:5::5", 80, "fd08::1"), "2001:db8:5::5");
  EXPECT_EQ(decided(kOutside, 443), "no port");
  EXPECT_TRUE(frontend->takes_host("api.example.com"));
  EXPECT_FALSE(frontend->takes_host("other.example.com")) << "another's, at the same address";
  EXPECT_EQ(world.model.frontends().front().second.kind, Kind::kExternalService);

  world.apply({remove(Kind::kExternalService, "shop/api")});
  world.settle();
  EXPECT_EQ(world.frontend(kOutside, 80), nullptr);
  EXPECT_FALSE(world.snapshot->intercepts);
}

TEST_F(External, HasEndpointsBehindAnAddressOfItsOwn) {
  ServicePort ntp = outside({"ntp", 123, Protocol::kUdp});
  world.apply({put("shop/api", leads_to(external({kVirtual}, {originated(), ntp}), {kOutside}))});
  EXPECT_EQ(decided(kVirtual, 80), kOutside);
  Flow udp = flow("10.8.0.1", kVirtual, 123);
  udp.protocol = Protocol::kUdp;
  EXPECT_EQ(outcome(decide(*world.snapshot, udp)), kOutside);
  EXPECT_EQ(world.frontend(kVirtual, 123, Protocol::kUdp)->forwarding, Forwarding::kDnat);
  EXPECT_EQ(world.frontend(kVirtual, 80)->forwarding, Forwarding::kProxy);
  EXPECT_FALSE(world.frontend(kVirtual, 80)->on_the_way);
  EXPECT_FALSE(world.snapshot->intercepts);
  EXPECT_EQ(world.attachments->service_addresses, ips({kVirtual}));
  EXPECT_EQ(world.frontend(kVirtual, 80)->hosts, nullptr) << "no host is given: all are taken";
}

TEST_F(External, IsNamedAsAService) {
  AccessPolicy only{.service = "api", .action = Action::kAllow, .rules = {{}}};
  only.rules[0].from = {{.cidrs = {prefix("10.8.0.1/32")}}};
  TrafficPolicy limits{.service = "api", .algorithm = Algorithm::kRandom};
  limits.connect_timeout = milliseconds(70);
  ServicePort bytes = outside({"smtp", 25});
  world.apply({put("shop/api", external({kOutside}, {originated(), bytes})), put("shop/only", only),
               put("shop/limits", limits)});
  const Frontend* frontend = world.frontend(kOutside, 25);
  EXPECT_EQ(decided(kOutside, 25), kOutside);
  EXPECT_EQ(decided(kOutside, 25, "10.8.0.2"), "denied");
  EXPECT_EQ(frontend->connect_timeout, milliseconds(70));
  EXPECT_EQ(frontend->tls_out, nullptr);
  EXPECT_NE(world.frontend(kOutside, 80)->tls_out, nullptr) << "with a TrafficPolicy too";
  EXPECT_EQ(cluster_of(*frontend).algorithm, Algorithm::kRandom);
  const Key name = key(Kind::kService, "shop/api");
  ASSERT_EQ(world.model.endpoints(&name).size(), 1u);
  EXPECT_EQ(world.model.endpoints(&name)[0].address, ip(kOutside));
}

TEST_F(External, IsTheBackendOfAGateway) {
  world.apply({put("shop/api", api()), put("shop/web", gateway({listener("http", 80)})),
               put("shop/r", leads({"api.example.com"}, backend("api")))});
  const Frontend* frontend = world.frontend("10.96.0.100", 80);
  ASSERT_NE(frontend, nullptr);
  EXPECT_FALSE(frontend->external);
  const Choice& choice = frontend->http->rules()[0].target.choices[0];
  ASSERT_NE(choice.terms, nullptr);
  EXPECT_EQ(choice.terms->target_port, 443);
  ASSERT_NE(choice.terms->tls_out, nullptr);
  EXPECT_EQ(choice.terms->tls_out, world.frontend(kOutside, 80)->tls_out);
}

// Who may come to the gateway may not ask for another's names at the destination's address.
TEST_F(External, IsAskedForItsHostsAloneWhoeverLeadsThere) {
  world.apply({put("shop/api", api()), put("shop/web", gateway({listener("http", 80)})),
               put("shop/r", leads({}, backend("api")))});
  const auto terms = [&] {
    return world.frontend("10.96.0.100", 80)->http->rules()[0].target.choices[0].terms;
  };
  for (const char* host : {"api.example.com", "API.example.com:80", "api.example.com."})
    EXPECT_TRUE(terms()->may_ask_for(host)) << host;
  for (const char* host : {"evil.example", "", "x.api.example.com", "[::1]"})
    EXPECT_FALSE(terms()->may_ask_for(host)) << host;
  const auto before = terms();
  world.apply({put("shop/api", api(), {{"team", "a"}})});
  EXPECT_EQ(*terms(), *before);
  ExternalService more = api();
  more.hosts.push_back("b.example.com");
  more.service.ports[0].hostnames = more.hosts;
  world.apply({put("shop/api", more)});
  EXPECT_TRUE(terms()->may_ask_for("b.example.com"));
  world.apply({put("shop/api", external({kOutside, "2001:db8:5::5"}, {originated()}))});
  EXPECT_TRUE(terms()->may_ask_for("evil.example")) << "without hosts all pass";
}

TEST_F(External, PassesTlsOfAGatewayForItsHostsAlone) {
  ServicePort port = outside({"https", 443});
  port.tls = ServerTls{.mode = ClientTls::kPassthrough};
  world.apply({put("shop/api", external({kOutside}, {port}, {"api.example.com"})),
               put("shop/web", gateway({passing_listener("tls", 443)})),
               put("shop/r", leads_tls({"api.example.com", "evil.example"}, at_port("api", 443)))});
  const Flow to = flow("10.8.0.1", "10.96.0.100", 443);
  EXPECT_EQ(outcome(decide(*world.snapshot, to, nullptr, "api.example.com")), kOutside);
  EXPECT_EQ(outcome(decide(*world.snapshot, to, nullptr, "evil.example")), "no route");
}

// Who opens a connection to one of a destination's addresses means that one.
TEST_F(External, AConnectionStaysAtItsAddress) {
  ServicePort port = outside({"sql", 5432});
  world.apply({put("shop/db", external({"203.0.113.7", "203.0.113.8", "203.0.113.9"}, {port}))});
  for (const char* address : {"203.0.113.7", "203.0.113.8", "203.0.113.9"})
    for (uint16_t from = 1000; from < 1020; ++from) {
      Flow to = flow("10.8.0.1", address, 5432);
      to.source_port = from;
      EXPECT_EQ(outcome(decide(*world.snapshot, to)), address);
    }
  // With endpoints the addresses are none of the destination.
  world.apply({put("shop/db", leads_to(external({kVirtual}, {port}), {"203.0.113.7"}))});
  EXPECT_EQ(decided(kVirtual, 5432), "203.0.113.7");
}

TEST_F(External, IsOfItsNamespaceUnlessItIsExported) {
  const auto from = [](uint16_t port, const char* source) {
    Flow asked = flow(source, kOutside, 80);
    asked.in = InterfaceId(port);
    asked.identified = true;
    return asked;
  };
  world.apply({put("shop/w", workload("w2", {"10.8.0.2"})),
               put("test/w", workload("w3", {"10.8.0.3"})), put("shop/api", api())});
  const auto foreign = [&](const Flow& flow) {
    return is_foreign(*world.snapshot, *world.frontend(kOutside, 80), flow);
  };
  const Flow own = from(2, "10.8.0.2"), other = from(3, "10.8.0.3"), nobody = from(4, "10.8.0.4");
  EXPECT_FALSE(foreign(own));
  EXPECT_TRUE(foreign(other) && foreign(nobody)) << "nor to a port without a Workload";
  EXPECT_EQ(outcome(decide(*world.snapshot, own)), kOutside);
  EXPECT_EQ(outcome(decide(*world.snapshot, other)), "denied") << "of a connection from before";
  ExternalService wide = api();
  wide.exported = true;
  world.apply({put("shop/api", wide)});
  EXPECT_FALSE(foreign(own) || foreign(other) || foreign(nobody));
  world.apply({put("shop/api", api())});
  EXPECT_TRUE(world.may_cut) << "those who used it";
  EXPECT_EQ(recheck(*world.snapshot, other, ip(kOutside), 443).recheck, Recheck::kDenied);
  EXPECT_EQ(recheck(*world.snapshot, own, ip(kOutside), 443).recheck, Recheck::kStays);
}

TEST_F(External, WhatWentThereBeforeIsLookedAtAgain) {
  world.apply(
      {put("shop/far", leads_to(external({kVirtual}, {outside({"a", 25})}), {"203.0.113.9"}))});
  EXPECT_FALSE(world.may_cut);
  world.apply({put("shop/api", api())});
  EXPECT_TRUE(world.may_cut) << "it is taken on its way now";
}

TEST_F(External, WhatIsRefusedOfHostsAndEndpoints) {
  NodeFacts facts = node();
  facts.dns_suffix = dns::Suffix::parse("mesh.local").value();
  facts.reserved = {{ip("203.0.113.66"), "the gateway of wan"}};
  World named(Limits(), facts, &maker);
  const auto of = [](std::vector<std::string> hosts, bool exported, const char* address) {
    ExternalService spec = external({address}, {outside({"a", 25})}, std::move(hosts));
    spec.exported = exported;
    return spec;
  };
  named.apply({put("test/first", of({"api.example.com"}, true, "203.0.113.1"))});
  const struct {
    ExternalService spec;
    const char* problem;
  } rows[] = {
      {of({"a.example", "api.shop.mesh.local"}, false, kOutside),
       "spec.hosts[1]: \"api.shop.mesh.local\" is under the mesh's own suffix"},
      {of({"mesh.local"}, false, kOutside), "spec.hosts[0]: \"mesh.local\" is under"},
      {of({"api.example.com"}, true, kOutside),
       "spec.hosts[0]: \"api.example.com\" is exported by ExternalService test/first already"},
      {of({"cart"}, true, kOutside), "spec.hosts[0]: \"cart\" is exported, and a name without"},
      {leads_to(of({}, false, kVirtual), {"10.8.0.1"}),
       "spec.endpoints[0].address: 10.8.0.1 is of workload port w1"},
      {leads_to(of({}, false, kVirtual), {"203.0.113.66"}),
       "spec.endpoints[0].address: 203.0.113.66 is the gateway of wan"},
  };
  for (const auto& row : rows) {
    const std::string problems = named.refuse({put("shop/x", row.spec)});
    EXPECT_NE(problems.find("ExternalService shop/x " + std::string(row.problem)),
              std::string::npos)
        << problems << "expected " << row.problem;
  }
  EXPECT_EQ(named.refuse(
                {put("shop/x", of({"api.example.com", "notmesh.local", "cart"}, false, kOutside))}),
            "")
      << "of its own namespace it may be any";
  named.commit();
  named.apply({remove(Kind::kExternalService, "test/first")});
  named.apply({put("shop/x", of({"api.example.com"}, true, kOutside))});
}

TEST_F(External, PassesTlsForItsHostsAlone) {
  ServicePort port = outside({"https", 443});
  port.tls = ServerTls{.mode = ClientTls::kPassthrough};
  world.apply(
      {put("shop/api", external({kOutside}, {port}, {"api.example.com", "b.example.com"}))});
  const Flow to = flow("10.8.0.1", kOutside, 443);
  const auto asked = [&](const char* name) {
    return outcome(decide(*world.snapshot, to, nullptr, name));
  };
  EXPECT_EQ(asked("api.example.com"), kOutside);
  EXPECT_EQ(asked("b.example.com"), kOutside);
  EXPECT_EQ(asked("evil.example.com"), "no route");
  EXPECT_EQ(asked(""), "no route");
}

TEST_F(External, FollowsItsTrustBundle) {
  world.apply({put("shop/api", api())});
  const auto before = world.frontend(kOutside, 80)->tls_out;
  EXPECT_EQ(world.model.tls_users(key(Kind::kTrustBundle, "shop/roots")),
            std::vector<Key>{key(Kind::kExternalService, "shop/api")});
  TrustBundle other{"example.com", "other roots", {}};
  world.apply({put("shop/roots", other)});
  ASSERT_NE(world.frontend(kOutside, 80)->tls_out, before);
  EXPECT_EQ(world.frontend(kOutside, 80)->tls_out->config.trust[0].roots_pem, "other roots");
  EXPECT_NE(world.refuse({remove(Kind::kTrustBundle, "shop/roots")}), "");
}

TEST_F(External, TakesTheNameOfAServiceThatGoes) {
  world.apply({put("shop/api", service({"10.96.0.9"})),
               put("shop/set", endpoints("api", {"10.1.0.1"})),
               put("shop/tp", TrafficPolicy{.service = "api"})});
  const std::string both = world.refuse({put("shop/api", api())});
  EXPECT_NE(both.find("Service shop/api has it"), std::string::npos) << both;
  world.commit();
  EXPECT_EQ(decided("10.96.0.9", 80), "10.1.0.1") << "as before";
  EXPECT_EQ(world.frontend(kOutside, 80), nullptr);
  world.apply({put("shop/api", api()), remove(Kind::kService, "shop/api"),
               remove(Kind::kEndpointSet, "shop/set")});
  EXPECT_EQ(decided(kOutside, 80), kOutside);
  EXPECT_EQ(world.frontend("10.96.0.9", 80), nullptr);
  EXPECT_NE(world.refuse({put("shop/api", service({"10.96.0.9"}))}), "");
  EXPECT_NE(world.refuse({remove(Kind::kExternalService, "shop/api")})
                .find("ExternalService shop/api would be deleted, and this still names it"),
            std::string::npos);
  world.apply(
      {remove(Kind::kExternalService, "shop/api"), remove(Kind::kTrafficPolicy, "shop/tp")});
  world.settle();
  EXPECT_EQ(world.model.stats().frontends, 0u);
  EXPECT_EQ(world.model.stats().endpoints, 0u);
}

TEST_F(External, IsFoundByItsHosts) {
  NodeFacts facts = node();
  facts.dns_suffix = dns::Suffix::parse("mesh.local").value();
  World named(Limits(), facts, &maker);
  named.apply({bundle("shop/roots", "example.com"), put("shop/api", api())});
  const auto bytes = wire_name("api.example.com");
  const auto find = [&](const char* ns) {
    return named.snapshot->names->find(dns::NameView(bytes), ns);
  };
  using Kind = dns::Names::Place::Kind;
  ASSERT_EQ(find("shop").kind, Kind::kShort);
  EXPECT_EQ(policy::IpAddress(find("shop").service.addresses4[0]), ip(kOutside));
  EXPECT_EQ(find("shop").service.addresses6.size(), 1u);
  EXPECT_EQ(find("other").kind, Kind::kElsewhere) << "it is of its own namespace";
  ExternalService wide = api();
  wide.exported = true;
  named.apply({put("shop/api", wide)});
  EXPECT_EQ(find("other").kind, Kind::kShort);
  ExternalService renamed =
      external({kOutside, "2001:db8:5::5"}, {originated()}, {"c.example.com"});
  named.apply({put("shop/api", renamed)});
  EXPECT_EQ(find("shop").kind, Kind::kElsewhere) << "hosts change without the addresses";
}

}  // namespace
}  // namespace heddle::policy
