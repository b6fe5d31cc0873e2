// Guards: who may open flows to a workload, and the wider targets and other actions of access.
#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

// cart behind 10.96.0.1 with the workload shop/web (w1, app=web) as its endpoint; shop/db is at w2,
// bank/teller at w3.
struct Guards : World {
  Guards() {
    Service cart = service({"10.96.0.1"}, {{"http", 80, Protocol::kTcp, 8080}});
    cart.selector = {{"app", "web"}};
    apply({put("shop/cart", cart), put("shop/web", workload("w1", {"10.8.1.1"}, {{"app", "web"}})),
           put("shop/db", workload("w2", {"10.8.1.2"}, {{"app", "db"}})),
           put("bank/teller", workload("w3", {"10.8.1.3"}))});
  }
  // A flow from a workload, or from far away (0), to a port.
  static Flow from(uint16_t in, uint16_t port, const char* to = "10.8.1.1") {
    Flow each = flow(in == 0 ? "10.9.0.1" : ("10.8.1." + std::to_string(in)).c_str(), to, port);
    each.in = InterfaceId(in);
    each.identified = in != 0;
    return each;
  }
  // Who may open port 8080 of the workload behind `out`: "far w2 w3".
  std::string who(uint16_t out, uint16_t port = 8080) const {
    std::string all;
    for (uint16_t in = 0; in <= 3; ++in)
      if (guard(*snapshot, from(in, port), InterfaceId(out)).allowed)
        all += in == 0 ? "far " : "w" + std::to_string(in) + " ";
    return all;
  }
};

AccessPolicy for_web(Action action, AccessRule rule) {
  return {.workload_labels = {{"app", "web"}}, .action = action, .rules = {std::move(rule)}};
}

TEST(Guard, IsThereForWhomAPolicyIs) {
  Guards world;
  EXPECT_TRUE(world.snapshot->guards.empty());
  EXPECT_EQ(world.who(1), "far w1 w2 w3 ");
  world.apply({put("shop/only", for_web(Action::kAllow, {.from = {{.ns = "bank"}}}))});
  EXPECT_EQ(world.who(1), "w3 ");
  EXPECT_EQ(world.who(2), "far w1 w2 w3 ");
  EXPECT_EQ(world.snapshot->guards[2], nullptr);
  EXPECT_EQ(world.snapshot->guarded(ip("10.8.1.1")), InterfaceId(1));
  EXPECT_EQ(world.snapshot->guarded(ip("10.8.0.1")), InterfaceId(1)) << "of heddled.yaml";
  EXPECT_EQ(world.snapshot->guarded(ip("10.8.1.2")), kNoInterface);
  EXPECT_TRUE(world.may_cut);
  world.apply({put("shop/db", workload("w2", {"10.8.1.2"}, {{"app", "web"}}))});
  EXPECT_EQ(world.who(2), "w3 ") << "it carries the label now";
  EXPECT_EQ(world.snapshot->guarded(ip("10.8.1.2")), InterfaceId(2));
  world.apply({put("shop/db", workload("w2", {"10.8.1.9"}, {{"app", "web"}}))});
  EXPECT_EQ(world.snapshot->guarded(ip("10.8.1.2")), kNoInterface);
  EXPECT_EQ(world.snapshot->guarded(ip("10.8.1.9")), InterfaceId(2));
  world.apply({put("bank/teller", workload("w4", {"10.8.1.3"}))});
  EXPECT_EQ(world.who(1), "") << "identities are followed";
  world.apply({remove(Kind::kAccessPolicy, "shop/only")});
  EXPECT_TRUE(world.snapshot->guards.empty());
  EXPECT_EQ(world.snapshot->guarded_addresses, nullptr);
}

TEST(Guard, PortsAreNumbers) {
  Guards world;
  world.apply({put("shop/deny", for_web(Action::kDeny, {.to = {{.ports = {"8080", "22"}}}}))});
  EXPECT_EQ(world.who(1, 8080), "");
  EXPECT_EQ(world.who(1, 22), "");
  EXPECT_EQ(world.who(1, 80), "far w1 w2 w3 ");
}

TEST(Guard, AWholeNamespace) {
  Guards world;
  const AccessPolicy all{.rules = {{.from = {{.ns = "shop"}}}}};
  world.apply({put("shop/all", all)});
  EXPECT_EQ(world.who(1), "w1 w2 ");
  EXPECT_EQ(world.who(2), "w1 w2 ");
  EXPECT_EQ(world.who(3), "far w1 w2 w3 ");
  EXPECT_EQ(outcome(decide(*world.snapshot, Guards::from(3, 80, "10.96.0.1"))), "denied");
  EXPECT_EQ(outcome(decide(*world.snapshot, Guards::from(2, 80, "10.96.0.1"))), "10.8.1.1");
  world.apply({put("shop/later", service({"10.96.0.2"})),
               put("shop/set", endpoints("later", {"10.1.0.1"}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, Guards::from(3, 80, "10.96.0.2"))), "denied");
  world.apply({put("shop/too", workload("w4", {"10.8.1.4"}))});
  EXPECT_EQ(world.who(4), "w1 w2 ");
  world.apply({put("bank/teller", workload("w5", {"10.8.1.3"})),
               put("shop/far", workload("w3", {"10.8.1.5"}))});
  EXPECT_EQ(outcome(decide(*world.snapshot, Guards::from(3, 80, "10.96.0.2"))), "10.1.0.1")
      << "w3 is of shop now";
  world.apply({remove(Kind::kAccessPolicy, "shop/all")});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->access, nullptr);
}

TEST(Access, AuditAndDryRunCountAndDecideNothing) {
  for (const bool dry_run : {false, true}) {
    for (const Action action : {Action::kAllow, Action::kDeny, Action::kAudit}) {
      if (!dry_run && action != Action::kAudit) continue;
      Guards world;
      const AccessPolicy policy{.service = "cart",
                                .action = action,
                                .dry_run = dry_run,
                                .rules = {{.from = {{.ns = "bank"}}}}};
      world.apply({put("shop/a", policy),
                   put("shop/b", AccessPolicy{.service = "cart",
                                              .action = Action::kDeny,
                                              .rules = {{.from = {{.ns = "bank"}}}}})});
      const Decision bank = decide(*world.snapshot, Guards::from(3, 80, "10.96.0.1"));
      EXPECT_TRUE(bank.audited) << "a DENY behind it does not hide it";
      EXPECT_EQ(outcome(bank), "denied");
      EXPECT_EQ(world.model.policy_name(bank.access->policy), "shop/b");
      const Decision shop = decide(*world.snapshot, Guards::from(2, 80, "10.96.0.1"));
      EXPECT_FALSE(shop.audited);
      EXPECT_EQ(outcome(shop), "10.8.1.1");
    }
  }
}

TEST(Access, RefusalsAreToldAsThePolicySays) {
  Guards world;
  const auto decision = [&](uint16_t in) {
    return decide(*world.snapshot, Guards::from(in, 80, "10.96.0.1"));
  };
  world.apply({put("shop/a-deny", AccessPolicy{.service = "cart",
                                               .action = Action::kDeny,
                                               .on_deny = Refusal::kReset,
                                               .rules = {{.from = {{.ns = "bank"}}}}}),
               put("shop/b-allow", AccessPolicy{.service = "cart",
                                                .on_deny = Refusal::kUnreachable,
                                                .rules = {{.from = {{.ns = "shop"}}}}}),
               put("shop/c-allow", AccessPolicy{.service = "cart", .on_deny = Refusal::kReset})});
  EXPECT_EQ(decision(3).how, Refusal::kReset) << "the DENY that fits";
  EXPECT_EQ(decision(0).how, Refusal::kUnreachable) << "the first ALLOW, as none fits";
  EXPECT_EQ(decision(0).verdict, Verdict::kDenied);
  EXPECT_EQ(decision(1).verdict, Verdict::kForward);
}

TEST(Access, RulesOfAllPortsAskForTheNumber) {
  Guards world;
  Service open = service({"10.96.0.7"}, {{"all", 0}});
  world.apply({put("shop/open", open), put("shop/set", endpoints("open", {"10.1.0.1"})),
               put("shop/deny", AccessPolicy{.service = "open",
                                             .action = Action::kDeny,
                                             .rules = {{.to = {{.ports = {"22", "23"}}}}}})});
  EXPECT_EQ(outcome(decide(*world.snapshot, Guards::from(0, 22, "10.96.0.7"))), "denied");
  EXPECT_EQ(outcome(decide(*world.snapshot, Guards::from(0, 24, "10.96.0.7"))), "10.1.0.1");
}

// A flow that was let in is asked about again: the service's access, then the endpoint's guard.
TEST(Recheck, AsksTheServiceAndTheEndpointsGuard) {
  Guards world;
  const Flow bank = Guards::from(3, 80, "10.96.0.1");
  const auto again = [&] { return recheck(*world.snapshot, bank, ip("10.8.1.1"), 8080); };
  EXPECT_EQ(again().recheck, Recheck::kStays);
  AccessPolicy deny =
      for_web(Action::kDeny, {.from = {{.ns = "bank"}}, .to = {{.ports = {"8080"}}}});
  deny.on_deny = Refusal::kReset;
  world.apply({put("shop/deny", deny)});
  EXPECT_EQ(again().recheck, Recheck::kDenied);
  EXPECT_EQ(again().how, Refusal::kReset);
  deny.rules[0].to[0].ports = {"80"};
  world.apply({put("shop/deny", deny)});
  EXPECT_EQ(again().recheck, Recheck::kStays) << "the guard sees the port at the endpoint";
  world.apply({put("shop/deny", AccessPolicy{.service = "cart",
                                             .action = Action::kDeny,
                                             .rules = {{.from = {{.ns = "bank"}}}}})});
  EXPECT_EQ(again().recheck, Recheck::kDenied);
  EXPECT_EQ(again().how, Refusal::kDrop);
  world.apply({remove(Kind::kAccessPolicy, "shop/deny"), remove(Kind::kService, "shop/cart")});
  EXPECT_EQ(again().recheck, Recheck::kGone);
  EXPECT_EQ(again().how, Refusal::kReset);
}

}  // namespace
}  // namespace heddle::policy
