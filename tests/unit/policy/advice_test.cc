// What of accepted policy a person is told to look at.
#include <gtest/gtest.h>

#include "gateway_support.h"

namespace heddle::policy {
namespace {

using namespace test;

NodeFacts named() {
  NodeFacts facts = node();
  facts.node = "here";
  facts.trust_domain = "example.org";
  return facts;
}

class AdviceTest : public testing::Test {
 protected:
  // "warning Service shop/cart spec.selector: text", one a line.
  std::string told(size_t most = 100) const {
    std::string all;
    for (const Advice& each : world.model.advice(most))
      all += std::string(each.level == Advice::Level::kNote ? "note " : "warning ") +
             name_of(each.key.kind) + " " + each.key.ns + "/" + each.key.name + " " + each.field +
             ": " + each.text + "\n";
    return all;
  }
  static Workload with_account(const char* port, const char* address, const char* account,
                               Labels labels = {}) {
    Workload spec = workload(port, {address}, std::move(labels));
    spec.service_account = account;
    return spec;
  }
  static AccessPolicy from(std::vector<Source> sources) {
    return {.service = "cart", .rules = {{.from = std::move(sources)}}};
  }

  FakeMaker maker;
  World world{Limits(), named(), &maker};
};

TEST_F(AdviceTest, NothingIsToldOfWhatActs) {
  Service selecting = service({"10.96.0.2"}, {{"raw", 90}});
  selecting.selector = {{"app", "web"}};
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/set", endpoints("cart", {"10.1.0.1"})),
               put("shop/web", with_account("w1", "10.8.0.1", "web", {{"app", "web"}})),
               put("shop/web", selecting),
               put("shop/a", http_route({rule({asks(under("/a"))}), rule({asks(under("/"))})})),
               put("shop/p", from({{.ns = "shop", .service_account = "web"}, {.ns = "shop"}}))});
  EXPECT_EQ(told(), "");
}

TEST_F(AdviceTest, ServicesWithoutEndpoints) {
  Service selecting = service({"10.96.0.2"}, {{"raw", 90}});
  selecting.selector = {{"app", "web"}};
  world.apply(
      {put("shop/cart", service({"10.96.0.1"}, {{"raw", 80}})), put("shop/web", selecting)});
  EXPECT_EQ(told(),
            "warning Service shop/cart : has no endpoints: no EndpointSet is for it, and it has no "
            "selector\n"
            "warning Service shop/web spec.selector: selects no Workload: none of namespace shop "
            "carries app=web\n");
  // One whose Routes lead elsewhere needs none.
  world.apply({put("shop/spare", http_service({"10.96.0.3"})),
               put("shop/set", endpoints("spare", {"10.1.0.1"})),
               put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/r", http_route({rule({}, "spare")})),
               put("shop/w", workload("w1", {"10.8.0.1"}, {{"app", "web"}}))});
  EXPECT_EQ(told(), "");
  EndpointSet idle = endpoints("spare", {"10.1.0.1"});
  idle.endpoints[0].weight = 0;
  world.apply({put("shop/set", idle)});
  EXPECT_EQ(told(),
            "warning Service shop/spare : has only endpoints of weight 0: nobody gets new flows\n");
}

TEST_F(AdviceTest, AGatewayWithoutRoutes) {
  world.apply({put("shop/web", gateway({listener("http", 80)}))});
  EXPECT_EQ(told(), "warning Gateway shop/web : has no Routes: nothing goes on from it\n");
}

TEST_F(AdviceTest, RulesThatOthersHide) {
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  const struct {
    const char* what;
    std::vector<HttpRule> first, second;
    std::vector<std::string> first_hosts, second_hosts;
    const char* told;
  } rows[] = {
      {"equal", {rule({asks(under("/a"))})}, {rule({asks(under("/a"))})}, {}, {}, "b[0] by a 0"},
      {"a slash more",
       {rule({asks(under("/a"))})},
       {rule({asks(under("/a/"))})},
       {},
       {},
       "b[0] by a 0"},
      {"everything twice", {rule({})}, {rule({asks(under("/"))})}, {}, {}, "b[0] by a 0"},
      {"in one Route",
       {rule({asks(exact("/x"))}), rule({asks(exact("/x"))})},
       {},
       {},
       {},
       "a[1] by 0"},
      {"fields in another order",
       {rule({asks(under("/"), "GET", {is("x-a", "1"), is("x-b", "2")})})},
       {rule({asks(under("/"), "GET", {is("x-b", "2"), is("x-a", "1")})})},
       {},
       {},
       "b[0] by a 0"},
      {"another method",
       {rule({asks(under("/"), "GET")})},
       {rule({asks(under("/"), "PUT")})},
       {},
       {},
       ""},
      {"one of two matches",
       {rule({asks(under("/a"))})},
       {rule({asks(under("/a")), asks(under("/b"))})},
       {},
       {},
       ""},
      {"both of two",
       {rule({asks(under("/a"))}), rule({asks(under("/b"))})},
       {rule({asks(under("/a")), asks(under("/b"))})},
       {},
       {},
       "b[0] by a 0"},
      {"another host",
       {rule({asks(under("/a"))})},
       {rule({asks(under("/a"))})},
       {"a.example"},
       {"b.example"},
       ""},
      {"one host of two",
       {rule({asks(under("/a"))})},
       {rule({asks(under("/a"))})},
       {"a.example"},
       {"a.example", "b.example"},
       ""},
      {"more special", {rule({asks(under("/a"))})}, {rule({asks(exact("/a"))})}, {}, {}, ""},
  };
  for (const auto& row : rows) {
    std::vector<HttpRule> second = row.second;
    if (second.empty()) second = {rule({asks(exact("/other"))})};
    world.apply({put("shop/a", http_route(row.first, row.first_hosts)),
                 put("shop/b", http_route(second, row.second_hosts))});
    std::string wanted;
    if (row.told == std::string("b[0] by a 0"))
      wanted =
          "warning Route shop/b spec.http[0]: gets no requests: rule 0 of Route shop/a asks "
          "for the same and comes first\n";
    if (row.told == std::string("a[1] by 0"))
      wanted =
          "warning Route shop/a spec.http[1]: gets no requests: rule 0 asks for the same and "
          "comes first\n";
    EXPECT_EQ(told(), wanted) << row.what;
    if (!wanted.empty()) {  // And so it is.
      const bool own = wanted.find("spec.http[1]") != std::string::npos;
      for (const Request& request :
           {Request("GET", "a.example", "/a", {{"x-a", "1"}, {"x-b", "2"}}),
            Request("GET", "a.example", "/b"), Request("GET", "a.example", "/x")})
        EXPECT_NE(followed(world, request), own ? "shop/a 1" : "shop/b 0") << row.what;
    }
  }
}

TEST_F(AdviceTest, AccessForNobody) {
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/set", endpoints("cart", {"10.1.0.1"})),
               put("shop/web", with_account("w1", "10.8.0.1", "web"))});
  world.apply({put("shop/p", from({{.ns = "shop", .service_account = "wed"}}))});
  EXPECT_EQ(told(),
            "note AccessPolicy shop/p spec.rules[0].from[0]: no Workload or Gateway of namespace "
            "shop has service account wed: only who has an SVID and is no Workload here can be "
            "it\n");
  world.apply({put("shop/p", from({{.ns = "shop"}, {.ns = "bank"}}))});
  EXPECT_EQ(told(),
            "note AccessPolicy shop/p spec.rules[0].from[1]: there are no Workloads in namespace "
            "bank: only who has an SVID and is no Workload here can be it\n");
  world.apply({put("shop/p", from({{.ns = "", .service_account = "teller"}}))});
  EXPECT_EQ(told(),
            "note AccessPolicy shop/p spec.rules[0].from[0]: no Workload or Gateway has service "
            "account teller: only who has an SVID and is no Workload here can be it\n");
  Source foreign{.ns = "x", .service_account = "y"};
  foreign.trust_domain = "other.org";
  foreign.foreign = true;
  AccessPolicy watching = from({foreign});
  watching.dry_run = true;
  world.apply({put("shop/p", watching)});
  EXPECT_EQ(told(),
            "note AccessPolicy shop/p spec.dry_run: is only counted, and enforces nothing\n");
  AccessPolicy labelled{.workload_labels = {{"app", "old"}}, .rules = {{}}};
  world.apply({put("shop/p", labelled)});
  EXPECT_EQ(told(),
            "warning AccessPolicy shop/p spec.target.workload_labels: no Workload of namespace "
            "shop carries app=old: it is for nobody\n");
}

TEST_F(AdviceTest, MeshPolicies) {
  Workload web = with_account("w1", "10.8.0.1", "web", {{"app", "web"}});
  web.certificate = "svid-web";
  world.apply({secret("shop/svid-web"), bundle("shop/mesh", "example.org"), put("shop/web", web),
               put("shop/wide", MeshPolicy{.trust = {"mesh"}})});
  EXPECT_EQ(told(), "");
  world.apply({put("shop/web-only", MeshPolicy{.workload_labels = {{"app", "web"}},
                                               .tls = MeshTls::kPermissive,
                                               .trust = {"mesh"}})});
  EXPECT_EQ(told(),
            "note MeshPolicy shop/web-only spec.tls: PERMISSIVE lets senders in that show no "
            "identity\n"
            "warning MeshPolicy shop/wide : is for no Workload of namespace shop\n");
}

TEST_F(AdviceTest, NoMoreThanIsAskedFor) {
  std::vector<Edit> edits;
  for (int i = 1; i < 40; ++i)
    edits.push_back(put("shop/s" + std::to_string(i),
                        service({("10.96.1." + std::to_string(i)).c_str()}, {{"raw", 80}})));
  world.apply(std::move(edits));
  EXPECT_EQ(world.model.advice(10).size(), 10u);
  EXPECT_EQ(world.model.advice(0).size(), 0u);
  EXPECT_EQ(world.model.advice(100).size(), 39u);
}

}  // namespace
}  // namespace heddle::policy
