// Connections whose TLS passes through, led by the server name.
#include <gtest/gtest.h>

#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;

TEST(ServerNames, FindTheExactThenTheLongest) {
  const ServerNames names({{.total_weight = 1}, {.total_weight = 2}, {.total_weight = 3}},
                          {{"a.example.org", 0}, {"*.example.org", 1}, {"*.a.example.org", 2}});
  const auto weight = [&](std::string_view name) {
    const ServerNames::Target* target = names.find(name);
    return target == nullptr ? 0u : target->total_weight;
  };
  EXPECT_EQ(weight("a.example.org"), 1u);
  EXPECT_EQ(weight("A.Example.ORG"), 1u);
  EXPECT_EQ(weight("b.example.org"), 2u);
  EXPECT_EQ(weight("x.y.example.org"), 2u);
  EXPECT_EQ(weight("x.a.example.org"), 3u);
  EXPECT_EQ(weight("x.y.a.example.org"), 3u);
  for (const char* nobody : {"", "example.org", ".example.org", "badexample.org", "org", "."})
    EXPECT_EQ(weight(nobody), 0u) << nobody;
  EXPECT_EQ(weight(std::string(300, 'a') + ".example.org"), 0u);
}

class ByName : public testing::Test, public TlsWorld {
 protected:
  void SetUp() override {
    world.apply({put("shop/web", passing()), put("shop/web", endpoints("web", {"10.1.0.1"})),
                 put("shop/blue", service({"10.96.0.8"})),
                 put("shop/blue", endpoints("blue", {"10.1.0.2"})),
                 put("shop/red", service({"10.96.0.9"})),
                 put("shop/red", endpoints("red", {"10.1.0.3"}))});
  }
  Route by_names(std::vector<TlsRule> rules) {
    Route route{.service = "web"};
    route.tls = std::move(rules);
    return route;
  }
  std::string ask(std::string_view name) {
    return outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 443), nullptr, name));
  }
};

TEST_F(ByName, WithoutARouteAllGoToTheService) {
  EXPECT_EQ(world.frontend("10.96.0.1", 443)->client_tls, ClientTls::kPassthrough);
  EXPECT_EQ(world.frontend("10.96.0.1", 443)->tls_in, nullptr);
  EXPECT_TRUE(maker.made.empty());
  EXPECT_EQ(ask("any.org"), "10.1.0.1");
  EXPECT_EQ(ask(""), "10.1.0.1");
}

TEST_F(ByName, LeadsByName) {
  world.apply({put("shop/names", by_names({{{"blue.org"}, {backend("blue")}},
                                           {{"red.org", "*.red.org"}, {backend("red")}}}))});
  EXPECT_EQ(ask("blue.org"), "10.1.0.2");
  EXPECT_EQ(ask("red.org"), "10.1.0.3");
  EXPECT_EQ(ask("deep.down.red.org"), "10.1.0.3");
  EXPECT_EQ(ask("green.org"), "no route");
  EXPECT_EQ(ask(""), "no route");
  const auto names = world.frontend("10.96.0.1", 443)->server_names;
  world.apply({put("shop/red", endpoints("red", {"10.1.0.4"}))});
  EXPECT_EQ(world.frontend("10.96.0.1", 443)->server_names, names);
  EXPECT_EQ(ask("red.org"), "10.1.0.4");
  EXPECT_EQ(world.model.frontend_name(world.snapshot->listeners->front().frontend).endpoints, 2u);
  world.apply({put("shop/names", by_names({{{"blue.org"}, {backend("red")}}}))});
  EXPECT_NE(world.frontend("10.96.0.1", 443)->server_names, names);
  EXPECT_TRUE(world.may_cut);
  EXPECT_EQ(ask("blue.org"), "10.1.0.4");
  world.apply({remove(Kind::kRoute, "shop/names")});
  EXPECT_EQ(ask("green.org"), "10.1.0.1");
  EXPECT_EQ(world.frontend("10.96.0.1", 443)->server_names, nullptr);
}

TEST_F(ByName, ADeniedClientIsNotAskedForAName) {
  world.apply(
      {put("shop/names", by_names({{{"blue.org"}, {backend("blue")}}})),
       put("shop/none",
           AccessPolicy{.service = "web", .action = Action::kDeny, .rules = {AccessRule{}}})});
  EXPECT_EQ(ask("blue.org"), "denied");
  EXPECT_EQ(ask(""), "denied");
}

TEST_F(ByName, ConnectionsStayWithAnyNamesEndpoint) {
  world.apply({put("shop/names", by_names({{{"blue.org"}, {backend("blue")}},
                                           {{"red.org"}, {backend("red")}}}))});
  const auto again = [&](const char* endpoint) {
    return recheck(*world.snapshot, flow("10.9.0.1", "10.96.0.1", 443), ip(endpoint), 443).recheck;
  };
  EXPECT_EQ(again("10.1.0.2"), Recheck::kStays);
  EXPECT_EQ(again("10.1.0.3"), Recheck::kStays);
  EXPECT_EQ(again("10.1.0.1"), Recheck::kGone);
}

TEST_F(ByName, Refuses) {
  const auto refused = [&](std::vector<TlsRule> rules) {
    const std::string text = world.refuse({put("shop/names", by_names(std::move(rules)))});
    world.model.rollback();
    return text;
  };
  const std::string at = "Route shop/names spec.tls[0]";
  EXPECT_EQ(refused({{{}, {backend("blue")}}}),
            at + ".server_names: 1 server names at least are needed\n");
  EXPECT_EQ(refused({{{"a.org"}, {}}}), at + ".backends: 1 backends at least are needed\n");
  EXPECT_EQ(refused({{{"a.*.org"}, {backend("blue")}}}),
            at + ".server_names[0]: \"a.*.org\" is no name of a host in small letters, as "
                 "example.org\n");
  EXPECT_EQ(refused({{{"a.org"}, {backend("bleu")}}}),
            at + ".backends[0].service: no Service \"bleu\" in namespace shop (did you mean "
                 "\"blue\"?)\n");
  EXPECT_EQ(refused({{{"a.org", "a.org"}, {backend("blue")}}}),
            at + ".server_names[1]: \"a.org\" is in a rule of Route shop/names for Service "
                 "shop/web already\n");
  Route other = by_names({{{"a.org"}, {backend("red")}}});
  other.service = "blue";
  EXPECT_EQ(world.refuse({put("shop/names", other)}),
            "Route shop/names spec.tls: Service shop/blue has no port with tls.mode: "
            "PASSTHROUGH\n");
  Route both = by_names({{{"a.org"}, {backend("red")}}});
  both.rules = {{.backends = {backend("red")}}};
  EXPECT_EQ(world.refuse({put("shop/names", both)}),
            "Route shop/names spec.tls: a Route has rules of one kind; what is under tcp takes "
            "another Route\n");
  Route tcp{.service = "web"};
  tcp.rules = both.rules;
  EXPECT_EQ(world.refuse({put("shop/names", by_names({{{"a.org"}, {backend("red")}}})),
                          put("shop/tcp", tcp)}),
            "Route shop/tcp spec.tcp[0].port: port \"https\" is led by the server names of Route "
            "shop/names\n");
  world.apply({put("shop/tcp", tcp)});
  EXPECT_EQ(ask("any.org"), "10.1.0.3");
}

}  // namespace
}  // namespace heddle::policy
