// Providers of tokens: what is refused, and who asks for their tokens.
#include "gateway_support.h"
#include "jwt_support.h"

namespace heddle::policy {
namespace {

using namespace test;

struct Tokens {
  FakeJwtMaker maker;
  World world{{}, node(), nullptr, &maker};

  const Frontend& at(const char* address, uint16_t port) const {
    return *world.frontend(address, port);
  }
  // cart behind 10.96.0.1: port 80 asks for tokens of "idp".
  void have_cart(JwtUse use = tokens_of({"idp"})) {
    world.apply({put("shop/idp", provider()),
                 put("shop/cart", http_service({"10.96.0.1"}, {asking(http_port(), use)})),
                 put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  }
};

JwtProvider with(void (*change)(JwtProvider&)) {
  JwtProvider spec = provider();
  change(spec);
  return spec;
}

TEST(Jwt, WhatIsRefusedOfAProvider) {
  const struct {
    JwtProvider spec;
    const char* problem;  // behind "JwtProvider shop/idp spec."
  } rows[] = {
      {with([](JwtProvider& p) { p.issuer.clear(); }), "issuer: is missing"},
      {with([](JwtProvider& p) { p.audiences.clear(); }), "audiences: 1 audiences at least"},
      {with([](JwtProvider& p) { p.audiences = {""}; }), "audiences[0]: is missing"},
      {with([](JwtProvider& p) { p.algorithms = {"HS256"}; }),
       "algorithms[0]: \"HS256\" is none that is verified; expected RS256, ES256 or EdDSA"},
      {with([](JwtProvider& p) { p.algorithms = {"none"}; }), "algorithms[0]: \"none\" is none"},
      {with([](JwtProvider& p) { p.algorithms = {"ES256", "ES256"}; }),
       "algorithms[1]: \"ES256\" is there twice"},
      {with([](JwtProvider& p) { p.leeway = seconds(301); }), "leeway: expected whole seconds"},
      {with([](JwtProvider& p) { p.leeway = milliseconds(500); }),
       "leeway: expected whole seconds"},
      {with([](JwtProvider& p) { p.jwks = ""; }), "jwks: is missing"},
      {with([](JwtProvider& p) { p.jwks = "{}"; }), "jwks: "},
      {with([](JwtProvider& p) {
         p.jwks = R"({"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQ"}]})";
       }),
       "jwks: "},
      {with([](JwtProvider& p) { p.issuer = "bad"; }), "jwks: no memory for the keys"},
      {with([](JwtProvider& p) { p.from = {JwtPlace::Kind::kHeader, "x token", ""}; }),
       "from.header.name: \"x token\" is no name of a header"},
      {with([](JwtProvider& p) { p.from = {JwtPlace::Kind::kHeader, "cookie", ""}; }),
       "from.header.name: is where cookies are; give from.cookie"},
      {with([](JwtProvider& p) { p.from.prefix = "Bearer "; }), "from.header.prefix: "},
      {with([](JwtProvider& p) { p.from = {JwtPlace::Kind::kQuery, "a=b", ""}; }),
       "from.query: \"a=b\" is no name in a query"},
      {with([](JwtProvider& p) {
         p.from = {JwtPlace::Kind::kQuery, "token", ""};
         p.forward = true;
       }),
       "forward: a token in the query"},
      {with([](JwtProvider& p) { p.from = {JwtPlace::Kind::kCookie, "a b", ""}; }),
       "from.cookie: \"a b\" is no name of a cookie"},
      {with([](JwtProvider& p) { p.claim_headers = {{"", "x-a"}}; }),
       "claim_to_headers[0].claim: is missing"},
      {with([](JwtProvider& p) { p.claim_headers = {{"sub", "host"}}; }),
       "claim_to_headers[0].header: host is no header here"},
      {with([](JwtProvider& p) { p.claim_headers = {{"sub", "x-forwarded-for"}}; }),
       "claim_to_headers[0].header: \"x-forwarded-for\" has a meaning of its own"},
      {with([](JwtProvider& p) { p.claim_headers = {{"sub", "x-a"}, {"iss", "x-a"}}; }),
       "claim_to_headers[1].header: \"x-a\" is there twice"},
  };
  for (const auto& row : rows) {
    Tokens tokens;
    const std::string problems = tokens.world.refuse({put("shop/idp", row.spec)});
    const std::string expected = "JwtProvider shop/idp spec." + std::string(row.problem);
    EXPECT_NE(problems.find(expected), std::string::npos) << problems << "expected " << expected;
  }
}

TEST(Jwt, APrivateKeyIsRefusedWithTheSentenceOfWhoReadsKeys) {
  Tokens tokens;
  JwtProvider spec = provider(
      R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",)"
      R"("d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]})");
  const std::string problems = tokens.world.refuse({put("shop/idp", spec)});
  const auto parsed = jwt::KeySet::parse(spec.jwks);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(problems, "JwtProvider shop/idp spec.jwks: " + parsed.error().text + "\n");
  EXPECT_TRUE(tokens.maker.made.empty());
}

TEST(Jwt, WhereNobodyVerifiesItIsRefused) {
  World world;
  EXPECT_NE(world.refuse({put("shop/idp", provider())}).find("verifies no tokens"),
            std::string::npos);
}

TEST(Jwt, WhatIsRefusedOfWhoAsks) {
  const auto of_route = [](JwtUse use) {
    HttpRule rule;
    rule.backends = {backend("cart")};
    rule.jwt = std::move(use);
    return put("shop/rules", http_route({rule}));
  };
  const struct {
    Edit edit;
    const char* problem;
  } rows[] = {
      {put("shop/cart", http_service({"10.96.0.1"}, {asking(http_port(), tokens_of({"ipd"}))})),
       "Service shop/cart spec.ports[0].jwt.providers[0]: no JwtProvider \"ipd\" in namespace shop "
       "(did you mean \"idp\"?)"},
      {put("shop/cart", http_service({"10.96.0.1"}, {asking(http_port(), tokens_of({}))})),
       "spec.ports[0].jwt.providers: 1 providers at least"},
      {put("shop/cart",
           http_service({"10.96.0.1"},
                        {asking(http_port(), tokens_of({"a", "b", "c", "d", "idp"}))})),
       "spec.ports[0].jwt.providers: 5 providers are too many: at most 4 are allowed"},
      {put("shop/cart",
           http_service({"10.96.0.1"}, {asking({"raw", 81}, tokens_of({"idp"})), http_port()})),
       "spec.ports[0].jwt: is asked of requests, and the port's protocol has none"},
      {of_route(tokens_of({"other"})),
       "Route shop/rules spec.http[0].jwt.providers[0]: no JwtProvider \"other\""},
      {put("shop/web", gateway({asking(listener("http", 80), tokens_of({"other"}))})),
       "Gateway shop/web spec.listeners[0].jwt.providers[0]: no JwtProvider \"other\""},
  };
  for (const auto& row : rows) {
    Tokens tokens;
    tokens.world.apply({put("shop/idp", provider()), put("shop/cart", http_service({"10.96.0.1"})),
                        put("shop/set", endpoints("cart", {"10.1.0.1"}))});
    const std::string problems = tokens.world.refuse({row.edit});
    EXPECT_NE(problems.find(row.problem), std::string::npos)
        << problems << "expected " << row.problem;
  }
}

TEST(Jwt, OneThatIsNamedCannotGo) {
  Tokens tokens;
  tokens.have_cart();
  EXPECT_EQ(tokens.world.refuse({remove(Kind::kJwtProvider, "shop/idp")}),
            "Service shop/cart spec.ports[0].jwt.providers[0]: JwtProvider shop/idp would be "
            "deleted, and this still names it\n");
  tokens.world.apply(
      {remove(Kind::kJwtProvider, "shop/idp"), put("shop/cart", http_service({"10.96.0.1"}))});
  EXPECT_EQ(tokens.at("10.96.0.1", 80).jwt, nullptr);
  EXPECT_TRUE(tokens.world.model.jwt_providers().empty());
}

TEST(Jwt, PortsAndRulesAskForTokens) {
  Tokens tokens;
  tokens.have_cart(tokens_of({"idp"}, false));
  HttpRule open, closed;
  open.matches = {asks(under("/open"))};
  closed.matches = {asks(under("/closed"))};
  open.backends = closed.backends = {backend("cart")};
  closed.jwt = tokens_of({"idp", "other"});
  tokens.world.apply(
      {put("shop/other", provider(jwks("b"))), put("shop/rules", http_route({open, closed}))});
  const Frontend& cart = tokens.at("10.96.0.1", 80);
  ASSERT_NE(cart.jwt, nullptr);
  EXPECT_FALSE(cart.jwt->required);
  EXPECT_TRUE(cart.asks_tokens());
  ASSERT_EQ(cart.jwt->providers.size(), 1u);
  const JwtTarget& idp = *cart.jwt->providers[0];
  EXPECT_EQ(idp.resource->key, key(Kind::kJwtProvider, "shop/idp"));
  EXPECT_EQ(idp.keys, 1u);
  ASSERT_EQ(cart.http->rules().size(), 2u);
  EXPECT_EQ(cart.http->rules()[0].target.jwt, nullptr);
  const auto& check = cart.http->rules()[1].target.jwt;
  ASSERT_NE(check, nullptr);
  EXPECT_TRUE(check->required);
  ASSERT_EQ(check->providers.size(), 2u);
  EXPECT_EQ(check->providers[0].get(), &idp);
  EXPECT_NE(check->providers[1]->slot, idp.slot);
}

TEST(Jwt, ARotationIsAnotherTargetOfTheSameSlot) {
  Tokens tokens;
  tokens.have_cart();
  HttpRule rule;
  rule.backends = {backend("cart")};
  rule.jwt = tokens_of({"idp"});
  tokens.world.apply({put("shop/rules", http_route({rule}))});
  const auto before = tokens.world.snapshot;
  const Frontend cart = tokens.at("10.96.0.1", 80);
  tokens.world.apply({put("shop/idp", provider(), {{"team", "a"}})});
  EXPECT_EQ(tokens.at("10.96.0.1", 80).jwt, cart.jwt) << "labels are nobody's business";
  EXPECT_EQ(tokens.at("10.96.0.1", 80).http, cart.http);
  tokens.world.apply({put("shop/idp", provider(jwks("b")))});
  EXPECT_FALSE(tokens.world.may_cut);
  const Frontend& now = tokens.at("10.96.0.1", 80);
  EXPECT_NE(now.jwt->providers[0], cart.jwt->providers[0]);
  EXPECT_EQ(now.jwt->providers[0]->slot, cart.jwt->providers[0]->slot);
  EXPECT_EQ(now.jwt->providers[0], now.http->rules()[0].target.jwt->providers[0]);
  EXPECT_NE(now.jwt->providers[0]->ready, cart.jwt->providers[0]->ready);
  EXPECT_EQ(before->generation, tokens.world.snapshot->generation) << "live flows stay";
}

TEST(Jwt, WhatIsTakenBackLeavesNothing) {
  Tokens tokens;
  tokens.have_cart();
  const auto was = tokens.at("10.96.0.1", 80).jwt;
  const Edit next = put("shop/idp", provider(jwks("b")));
  ASSERT_EQ(tokens.world.refuse({next}), "");
  tokens.world.model.rollback();
  tokens.world.commit();
  EXPECT_EQ(tokens.at("10.96.0.1", 80).jwt, was);
  // One of two edits is bad: neither is staged, and what was before stays staged.
  ASSERT_EQ(tokens.world.refuse({next}), "");
  EXPECT_NE(tokens.world.refuse({put("shop/idp", provider(jwks("c"))),
                                 put("shop/bad", with([](JwtProvider& p) { p.issuer = "bad"; }))}),
            "");
  tokens.world.commit();
  EXPECT_EQ(tokens.at("10.96.0.1", 80).jwt->providers[0]->spec().jwks, jwks("b"));
}

// A field by which a rule tells a claim is nobody's to send on any rule.
TEST(Jwt, NamesOfClaimsAreThoseOfPortAndRules) {
  Tokens tokens;
  tokens.have_cart();
  EXPECT_FALSE(tokens.at("10.96.0.1", 80).claim_names->tells("x-user"));
  EXPECT_TRUE(tokens.at("10.96.0.1", 80).claim_names->may_not_trail("authorization"));
  HttpRule open, closed;
  open.matches = {asks(under("/open"))};
  closed.matches = {asks(under("/closed"))};
  open.backends = closed.backends = {backend("cart")};
  closed.jwt = tokens_of({"other"});
  const auto other = [](const char* header) {
    JwtProvider spec = provider(jwks("b"));
    spec.from = {JwtPlace::Kind::kHeader, "x-key", ""};
    spec.claim_headers = {{"sub", header}};
    return put("shop/other", spec);
  };
  tokens.world.apply({other("x-user_id"), put("shop/cart", http_service({"10.96.0.1"})),
                      put("shop/rules", http_route({open, closed}))});
  const Frontend cart = tokens.at("10.96.0.1", 80);
  EXPECT_EQ(cart.jwt, nullptr);
  ASSERT_NE(cart.claim_names, nullptr);
  for (const char* name : {"x-user_id", "x-user-id", "x_user_id"})
    EXPECT_TRUE(cart.claim_names->tells(name) && cart.claim_names->may_not_trail(name)) << name;
  EXPECT_FALSE(cart.claim_names->tells("x-key") || cart.claim_names->tells("x-user"));
  EXPECT_TRUE(cart.claim_names->may_not_trail("x-key"));
  tokens.world.apply({put("shop/idp", provider(jwks("c")))});
  EXPECT_EQ(tokens.at("10.96.0.1", 80).claim_names, cart.claim_names)
      << "as long as it is the same";
  tokens.world.apply({other("x-name")});
  EXPECT_TRUE(tokens.at("10.96.0.1", 80).claim_names->tells("x-name"));
  tokens.world.apply({remove(Kind::kRoute, "shop/rules")});
  EXPECT_EQ(tokens.at("10.96.0.1", 80).claim_names, nullptr);
}

TEST(Jwt, NoTokenLiesWhereAClaimIsTold) {
  const JwtProvider telling = with([](JwtProvider& p) { p.claim_headers = {{"sub", "x-token"}}; });
  const JwtProvider lying =
      with([](JwtProvider& p) { p.from = {JwtPlace::Kind::kHeader, "x_token", ""}; });
  Tokens tokens;
  tokens.have_cart();
  tokens.world.apply({put("shop/idp", telling), put("shop/other", lying)});
  const std::string text =
      "its tokens are in the header \"x_token\", in which JwtProvider shop/idp tells endpoints a "
      "claim; of what clients send there nothing is left\n";
  const Service both =
      http_service({"10.96.0.1"}, {asking(http_port(), tokens_of({"idp", "other"}))});
  EXPECT_EQ(tokens.world.refuse({put("shop/cart", both)}),
            "Service shop/cart spec.ports[0].jwt.providers[1]: " + text);
  HttpRule rule;
  rule.backends = {backend("cart")};
  rule.jwt = tokens_of({"other"});
  EXPECT_EQ(tokens.world.refuse({put("shop/rules", http_route({rule}))}),
            "Route shop/rules spec.http[0].jwt.providers[0]: " + text);
  // By a change of the provider alone.
  tokens.world.apply({put("shop/idp", provider()), put("shop/rules", http_route({rule}))});
  EXPECT_EQ(tokens.world.refuse({put("shop/idp", telling)}),
            "Route shop/rules spec.http[0].jwt.providers[0]: " + text);
}

TEST(Jwt, WorkOnKeysIsBounded) {
  const auto rsa = [](const std::string& kid) {
    return jwt::signer(jwt::Algorithm::kRs256).jwk("\"kid\":\"" + kid + "\"");
  };
  FakeJwtMaker maker;
  World world({.jwt_key_work = 3}, node(), nullptr, &maker);
  world.apply({put("shop/a", provider(jwt::key_set({rsa("a"), rsa("b")})))});
  EXPECT_EQ(
      world.refuse({put("shop/b", provider(jwt::key_set({rsa("a"), rsa("b")})))}),
      "JwtProvider shop/b : there would be 4 RSA keys of all JwtProviders, larger ones counted "
      "as so many of 2,048 bits; at most 3 are allowed\n");
  EXPECT_EQ(maker.made.size(), 1u) << "nobody has looked at the keys";
  world.apply({put("shop/b", provider(jwt::key_set({rsa("a")})))});
  world.apply({put("shop/a", provider(jwks()))});
}

TEST(Jwt, HowMany) {
  FakeJwtMaker maker;
  World world({.jwt_providers = 2}, node(), nullptr, &maker);
  EXPECT_EQ(world.refuse(
                {put("shop/a", provider()), put("shop/b", provider()), put("shop/c", provider())}),
            "JwtProvider shop/a : there would be 3 JwtProviders; at most 2 are allowed\n");
}

}  // namespace
}  // namespace heddle::policy
