// Access policies that ask what a request's token says.
#include "jwt_support.h"

namespace heddle::policy {
namespace {

using namespace test;

// cart behind 10.96.0.1: port 80 of HTTP, 81 of bytes. w1 is shop/web.
struct Claimed : World {
  Claimed() {
    Workload web = workload("w1", {"10.8.0.1"});
    web.service_account = "web";
    apply({put("shop/cart", service({"10.96.0.1"}, {http_port(), {"raw", 81}})),
           put("shop/set", endpoints("cart", {"10.1.0.1"})), put("shop/web", web)});
  }
  void have(Action action, std::vector<Source> from, std::vector<Operation> to = {}) {
    apply({put("shop/policy",
               AccessPolicy{.service = "cart",
                            .action = action,
                            .rules = {{.from = std::move(from), .to = std::move(to)}}})});
  }
  static Flow from(uint16_t in, uint16_t port = 80) {
    Flow its = flow(in == 0 ? "10.9.0.1" : "10.8.0.1", "10.96.0.1", port);
    its.in = InterfaceId(in);
    its.identified = in != 0;
    return its;
  }
  bool connects(uint16_t port) const {
    return decide(*snapshot, from(0, port)).verdict != Verdict::kDenied;
  }
  Judged judged(Flow its, const char* path = "/") const {
    const Request request("GET", "a", path);
    const uint32_t slot = snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
    return judge_request(*snapshot, slot, its, RequestHead::of(request.message));
  }
  bool allows(const char* members, uint16_t in = 0) const {
    Flow its = from(in);
    if (members == nullptr) return judged(its).allowed;
    const jwt::Claims token = claims(members);
    const jwt::ClaimsView view = token.view();
    its.claims = &view;
    return judged(its).allowed;
  }
};

Source claiming(std::vector<ClaimMatch> wanted, std::vector<ClaimMatch> not_wanted = {},
                bool tokened = true) {
  return {.ns = {},
          .service_account = {},
          .cidrs = {},
          .not_cidrs = {},
          .not_namespaces = {},
          .claims = std::move(wanted),
          .not_claims = std::move(not_wanted),
          .tokened = tokened};
}

constexpr const char* kAdmin = R"("role":"admin","realm":{"roles":["a","b"]},"n":7,"ok":true)";

TEST(AccessClaims, AClaimIsATextOrAListThatHasIt) {
  const struct {
    ClaimMatch wanted;
    bool fits;
  } rows[] = {
      {{"role", "admin"}, true},
      {{"role", "adm"}, false},
      {{"role", "Admin"}, false},
      {{"realm.roles", "a"}, true},
      {{"realm.roles", "b"}, true},
      {{"realm.roles", "ab"}, false},
      {{"realm.roles", ""}, false},
      {{"realm", "a"}, false},
      {{"n", "7"}, true},
      {{"n", "07"}, false},
      {{"ok", "true"}, true},
      {{"nothing", ""}, false},
      {{"iss", "https://issuer.example"}, true},
      {{"iss", "https://issuer.example/"}, false},
      {{"aud", "shop"}, true},
  };
  for (const auto& row : rows) {
    Claimed world;
    world.have(Action::kAllow, {claiming({row.wanted})});
    EXPECT_EQ(world.allows(kAdmin), row.fits) << row.wanted.path << " " << row.wanted.value;
    EXPECT_FALSE(world.allows(nullptr)) << "without a token";
    world.have(Action::kDeny, {claiming({row.wanted})});
    EXPECT_EQ(world.allows(kAdmin), !row.fits) << row.wanted.path << " " << row.wanted.value;
    EXPECT_TRUE(world.allows(nullptr));
  }
}

TEST(AccessClaims, AllOfOneSourceAndAnyOfSeveral) {
  Claimed world;
  world.have(Action::kAllow, {claiming({{"role", "admin"}, {"n", "7"}}), claiming({{"sub", "x"}})});
  EXPECT_TRUE(world.allows(kAdmin));
  EXPECT_FALSE(world.allows(R"("role":"admin","n":8)"));
  EXPECT_TRUE(world.allows(R"("sub":"x")"));
  Source web = claiming({{"role", "admin"}});
  web.ns = "shop";
  world.have(Action::kAllow, {web});
  EXPECT_TRUE(world.allows(kAdmin, 1));
  EXPECT_FALSE(world.allows(kAdmin, 0)) << "another sender";
  EXPECT_FALSE(world.allows(nullptr, 1));
}

TEST(AccessClaims, WhatATokenMustNotSayFailsClosed) {
  Claimed world;
  world.have(Action::kAllow, {claiming({}, {{"role", "guest"}})});
  EXPECT_TRUE(world.allows(kAdmin));
  EXPECT_FALSE(world.allows(R"("role":"guest")"));
  EXPECT_FALSE(world.allows(R"("role":["x","guest"])"));
  EXPECT_FALSE(world.allows(nullptr)) << "nobody knows";
  world.have(Action::kDeny, {claiming({}, {{"role", "admin"}}, false)});
  EXPECT_TRUE(world.allows(kAdmin));
  EXPECT_FALSE(world.allows(R"("role":"guest")"));
  EXPECT_FALSE(world.allows(nullptr)) << "every DENY is for whom nothing is known of";
}

TEST(AccessClaims, ConnectionsAndBytes) {
  Claimed world;
  world.have(Action::kAllow, {claiming({{"role", "admin"}})});
  EXPECT_TRUE(world.connects(80)) << "requests are judged";
  EXPECT_FALSE(world.connects(81)) << "nobody can show a token there";
  world.have(Action::kDeny, {claiming({{"role", "admin"}})});
  EXPECT_TRUE(world.connects(80));
  EXPECT_FALSE(world.connects(81)) << "as if it were there";
}

TEST(AccessClaims, WhatGoesBeforeIsTakenAsItsConnectionWas) {
  Claimed world;
  Flow its = Claimed::from(0);
  its.claims_open = true;
  world.have(Action::kAllow, {claiming({{"role", "admin"}})});
  EXPECT_TRUE(world.judged(its).allowed);
  world.have(Action::kDeny, {claiming({{"role", "admin"}})});
  EXPECT_TRUE(world.judged(its).allowed);
  world.have(Action::kAllow, {claiming({{"role", "admin"}})},
             {{.paths = {{AccessPath::Kind::kExact, "/a"}}}});
  EXPECT_TRUE(world.judged(its, "/a").allowed);
  EXPECT_FALSE(world.judged(its, "/b").allowed) << "all else is asked";
}

TEST(AccessClaims, ADryRunAndAnAuditNoteThem) {
  Claimed world;
  AccessPolicy trial{.service = "cart",
                     .action = Action::kDeny,
                     .dry_run = true,
                     .rules = {{.from = {claiming({{"role", "admin"}})}}}};
  world.apply({put("shop/policy", trial)});
  const jwt::Claims token = claims(kAdmin);
  const jwt::ClaimsView view = token.view();
  Flow its = Claimed::from(0);
  EXPECT_FALSE(world.judged(its).audited);
  its.claims = &view;
  EXPECT_TRUE(world.judged(its).allowed);
  EXPECT_TRUE(world.judged(its).audited);
}

TEST(AccessClaims, ALongListIsFoundByItsIndex) {
  Claimed world;
  AccessPolicy policy{.service = "cart"};
  for (int i = 0; i < 40; ++i)
    policy.rules.push_back(
        {.from = {claiming({{"role", "r" + std::to_string(i)}})},
         .to = {{.paths = {{AccessPath::Kind::kExact, "/" + std::to_string(i)}}}}});
  world.apply({put("shop/policy", policy)});
  ASSERT_NE(world.frontend("10.96.0.1", 80)->access->index, nullptr);
  const jwt::Claims token = claims(R"("role":"r33")");
  const jwt::ClaimsView view = token.view();
  Flow its = Claimed::from(0);
  its.claims = &view;
  EXPECT_TRUE(world.judged(its, "/33").allowed);
  EXPECT_FALSE(world.judged(its, "/32").allowed);
  its.claims = nullptr;
  EXPECT_FALSE(world.judged(its, "/33").allowed);
}

TEST(AccessClaims, TheGuardOfAWorkloadSeesThemToo) {
  Claimed world;
  world.apply(
      {put("shop/guard", AccessPolicy{.workload_labels = {},
                                      .rules = {{.from = {claiming({{"role", "admin"}})}}}})});
  Flow its = flow("10.9.0.1", "10.8.0.1", 8080);
  const InterfaceId out(1);
  EXPECT_FALSE(guard(*world.snapshot, its, out).allowed) << "bytes";
  const Request request("GET", "a", "/");
  const RequestHead head = RequestHead::of(request.message);
  EXPECT_FALSE(guard(*world.snapshot, its, out, &head).allowed);
  const jwt::Claims token = claims(kAdmin);
  const jwt::ClaimsView view = token.view();
  its.claims = &view;
  EXPECT_FALSE(guard(*world.snapshot, its, out, &head).allowed) << "it is not said who verified it";
  its = behind(*world.frontend("10.96.0.1", 80), its);
  EXPECT_TRUE(guard(*world.snapshot, its, out, &head).allowed);
}

// Whoever may apply JwtProviders in one namespace says nothing about callers in another.
TEST(AccessClaims, AnotherNamespacesProviderCountsForNothing) {
  Claimed world;
  const auto guarded_by = [&](Action action, Source source) {
    world.apply({put("shop/guard",
                     AccessPolicy{.action = action, .rules = {{.from = {std::move(source)}}}}),
                 put("bank/front", service({"10.96.0.9"}, {http_port()}))});
  };
  const jwt::Claims token = claims(kAdmin);
  const jwt::ClaimsView view = token.view();
  const Request request("GET", "a", "/");
  const RequestHead head = RequestHead::of(request.message);
  const auto allowed = [&](const char* front, bool open = false) {
    Flow its = flow("10.9.0.1", front, 80);
    its.claims = open ? nullptr : &view;
    its.claims_open = open;
    its = behind(*world.frontend(front, 80), its);
    its.destination = ip("10.8.0.1");
    return guard(*world.snapshot, its, InterfaceId(1), &head).allowed;
  };
  guarded_by(Action::kAllow, claiming({{"role", "admin"}}));
  EXPECT_TRUE(allowed("10.96.0.1"));
  EXPECT_FALSE(allowed("10.96.0.9"));
  EXPECT_TRUE(allowed("10.96.0.1", true)) << "its token is still to come";
  EXPECT_FALSE(allowed("10.96.0.9", true)) << "and would not count";
  guarded_by(Action::kDeny, claiming({}, {{"role", "admin"}}, false));
  EXPECT_TRUE(allowed("10.96.0.1"));
  EXPECT_FALSE(allowed("10.96.0.9")) << "as one without a token";
}

TEST(AccessClaims, WhatIsRefused) {
  Claimed world;
  const auto refused = [&](ClaimMatch wanted, bool as_not) {
    Source source = claiming({});
    (as_not ? source.not_claims : source.claims).push_back(std::move(wanted));
    return world.refuse(
        {put("shop/policy", AccessPolicy{.service = "cart", .rules = {{.from = {source}}}})});
  };
  EXPECT_EQ(refused({"", "x"}, false),
            "AccessPolicy shop/policy spec.rules[0].from[0].jwt_claims: \"\" is no claim: 1 to 256 "
            "bytes\n");
  EXPECT_EQ(refused({"a", std::string(1'025, 'x')}, true),
            "AccessPolicy shop/policy spec.rules[0].from[0].not_jwt_claims: the value of \"a\" has "
            "more than 1024 bytes\n");
}

}  // namespace
}  // namespace heddle::policy
