// Access policies: who may call a service.
#include <gtest/gtest.h>

#include "tls_support.h"

namespace heddle::policy {
namespace {

using namespace test;

// cart behind 10.96.0.1, ports 80 and 81. w1 is shop/web (account web), w2 is shop/batch (account
// batch), w3 is bank/teller (account web), w4 has no workload.
struct Callers : World {
  Callers() {
    apply({put("shop/cart", service({"10.96.0.1"}, {{"http", 80}, {"admin", 81}})),
           put("shop/set", endpoints("cart", {"10.1.0.1"})),
           put_workload("shop/web", "w1", "10.8.0.1", "web"),
           put_workload("shop/batch", "w2", "10.8.0.2", "batch"),
           put_workload("bank/teller", "w3", "10.8.0.3", "web")});
  }
  static Edit put_workload(const char* path, const char* port, const char* address,
                           const char* account) {
    Workload spec = workload(port, {address});
    spec.service_account = account;
    return put(path, spec);
  }
};

// Who gets through to the port: w1 to w4 by their ports, and "far", an address behind wan.
std::string who(const World& world, uint16_t port = 80) {
  std::string all;
  for (uint16_t in = 1; in <= 5; ++in) {
    const bool far = in == 5;
    Flow each =
        flow(far ? "10.9.0.1" : ("10.8.0." + std::to_string(in)).c_str(), "10.96.0.1", port);
    each.in = InterfaceId(far ? 0 : in);
    each.identified = !far;
    if (decide(*world.snapshot, each).verdict != Verdict::kDenied)
      all += (far ? "far" : "w" + std::to_string(in)) + " ";
  }
  return all;
}

struct Row {
  const char* what;
  Source source;
  const char* allowed;  // by an ALLOW of this source alone
};

TEST(Access, Sources) {
  const Row rows[] = {
      {"anybody", {}, "w1 w2 w3 w4 far "},
      {"a namespace", {.ns = "shop"}, "w1 w2 "},
      {"an account", {.service_account = "web"}, "w1 w3 "},
      {"both", {.ns = "shop", .service_account = "web"}, "w1 "},
      {"nobody", {.ns = "elsewhere"}, ""},
      {"another trust domain", {.ns = "shop", .foreign = true}, ""},
      {"addresses", {.cidrs = {prefix("10.8.0.2/31"), prefix("10.9.0.0/16")}}, "w2 w3 far "},
      {"all but some addresses", {.not_cidrs = {prefix("10.8.0.2/31")}}, "w1 w4 far "},
      {"addresses of a namespace", {.ns = "shop", .cidrs = {prefix("10.8.0.2/31")}}, "w2 "},
      {"other namespaces", {.not_namespaces = {"shop"}}, "w3 w4 far "},
      {"an account elsewhere", {.service_account = "web", .not_namespaces = {"shop"}}, "w3 "},
  };
  for (const Row& row : rows) {
    Callers world;
    AccessPolicy policy{.service = "cart", .rules = {{.from = {row.source}}}};
    world.apply({put("shop/policy", policy)});
    EXPECT_EQ(who(world), row.allowed) << row.what;
    policy.action = Action::kDeny;
    world.apply({put("shop/policy", policy)});
    std::string denied;
    for (const char* each : {"w1 ", "w2 ", "w3 ", "w4 ", "far "})
      if (std::string(row.allowed).find(each) == std::string::npos) denied += each;
    EXPECT_EQ(who(world), denied) << row.what;
  }
}

TEST(Access, DenyWinsAndAllowClosesTheRest) {
  Callers world;
  EXPECT_EQ(who(world), "w1 w2 w3 w4 far ");
  world.apply(
      {put("shop/allow", AccessPolicy{.service = "cart", .rules = {{.from = {{.ns = "shop"}}}}}),
       put("shop/deny", AccessPolicy{.service = "cart",
                                     .action = Action::kDeny,
                                     .rules = {{.from = {{.service_account = "web"}}}}})});
  EXPECT_EQ(who(world), "w2 ");
  world.apply({remove(Kind::kAccessPolicy, "shop/allow")});
  EXPECT_EQ(who(world), "w2 w4 far ");
}

TEST(Access, AnAllowWithoutRulesClosesAll) {
  Callers world;
  world.apply({put("shop/none", AccessPolicy{.service = "cart"})});
  EXPECT_EQ(who(world), "");
  world.apply({put("shop/none", AccessPolicy{.service = "cart", .action = Action::kDeny})});
  EXPECT_EQ(who(world), "w1 w2 w3 w4 far ");
}

TEST(Access, PortsByNameAndNumber) {
  for (const char* port : {"admin", "81"}) {
    Callers world;
    world.apply({put("shop/allow", AccessPolicy{.service = "cart",
                                                .rules = {{.from = {{.ns = "shop"}},
                                                           .to = {{.ports = {port}}}}}})});
    EXPECT_EQ(who(world, 81), "w1 w2 ");
    EXPECT_EQ(who(world, 80), "") << "closed, as there is an ALLOW for the service";
  }
}

TEST(Access, FollowsWorkloads) {
  Callers world;
  world.apply(
      {put("shop/allow", AccessPolicy{.service = "cart", .rules = {{.from = {{.ns = "shop"}}}}})});
  ASSERT_EQ(who(world), "w1 w2 ");
  const Frontend* before = world.frontend("10.96.0.1", 80);
  world.apply({put("bank/more", workload("w5", {"10.8.0.5"}))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80), before) << "a workload that no rule means";
  world.apply({put("shop/more", workload("w4", {"10.8.0.4"}))});
  EXPECT_EQ(who(world), "w1 w2 w4 ");
  world.apply(
      {remove(Kind::kWorkload, "shop/web"), put("shop/batch", workload("w1", {"10.8.0.2"}))});
  EXPECT_EQ(who(world), "w1 w4 ");
}

TEST(Access, NamesThePolicyThatDecides) {
  Callers world;
  world.apply(
      {put("shop/b",
           AccessPolicy{.service = "cart",
                        .rules = {{.from = {{.ns = "bank"}}}, {.from = {{.ns = "shop"}}}}}),
       put("shop/a", AccessPolicy{.service = "cart", .rules = {{.from = {{.ns = "bank"}}}}})});
  Flow each = flow("10.8.0.1", "10.96.0.1", 80);
  each.in = InterfaceId(1);
  each.identified = true;
  const Decision decision = decide(*world.snapshot, each);
  ASSERT_NE(decision.access, nullptr);
  EXPECT_EQ(world.model.policy_name(decision.access->policy), "shop/b");
  EXPECT_EQ(decision.access->rule, 1);
  each.in = InterfaceId(4);
  EXPECT_EQ(decide(*world.snapshot, each).access, nullptr) << "the default";
}

TEST(Access, PortsWithTheSameRulesShareAList) {
  Callers world;
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->access, nullptr);
  world.apply(
      {put("shop/allow", AccessPolicy{.service = "cart", .rules = {{.from = {{.ns = "shop"}}}}})});
  EXPECT_NE(world.frontend("10.96.0.1", 80)->access, nullptr);
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->access, world.frontend("10.96.0.1", 81)->access);
}

// Who shows its identity by TLS is judged when it has.
TEST(Access, AnIdentityThatIsStillToCome) {
  FakeMaker maker;
  World world{Limits(), node(), &maker};
  const auto may = [&](Flow flow) {
    const Decision decision = decide(*world.snapshot, flow);
    return std::string(decision.verdict == Verdict::kDenied ? "denied" : "in") +
           (decision.unasked ? ", to be asked" : "") +
           (decision.access != nullptr ? ", a rule" : "");
  };
  Flow coming = flow("10.9.0.1", "10.96.0.1", 443), shown = coming, other = coming;
  coming.may_show = true;
  shown.peer = {"spiffe://a/ns/shop/sa/web", "a", "shop", "web"};
  other.peer = {"spiffe://a/ns/shop/sa/evil", "a", "shop", "evil"};
  const auto have = [&](Action action, Source source, std::vector<std::string> trust = {"mesh"}) {
    world.apply({secret("shop/cert"), bundle("shop/mesh", "a"),
                 put("shop/cart", with_tls({.certificates = {"cert"}, .trust = std::move(trust)})),
                 put("shop/set", endpoints("cart", {"10.1.0.1"})),
                 put("shop/p", AccessPolicy{.service = "cart",
                                            .action = action,
                                            .rules = {{.from = {std::move(source)}}}})});
  };
  have(Action::kAllow, {.ns = "shop", .service_account = "web"});
  EXPECT_EQ(may(coming), "in, to be asked");
  EXPECT_EQ(may(shown), "in, a rule");
  EXPECT_EQ(may(other), "denied");
  have(Action::kDeny, {.ns = "shop", .service_account = "web"});
  EXPECT_EQ(may(coming), "in, to be asked");
  EXPECT_EQ(may(shown), "denied, a rule");
  EXPECT_EQ(may(other), "in");
  // An address will not change.
  have(Action::kAllow, {.ns = "shop", .cidrs = {prefix("10.8.0.0/16")}});
  EXPECT_EQ(may(coming), "denied, to be asked");
  // Where nobody has to show one there is nothing to wait for.
  have(Action::kAllow, {.ns = "shop"}, {});
  EXPECT_EQ(may(coming), "denied");
}

}  // namespace
}  // namespace heddle::policy
