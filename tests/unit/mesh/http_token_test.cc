// Requests that are asked for a token.
#include "gate.h"
#include "http_net.h"
#include "jwt/claims.h"
#include "policy/http_cors.h"

namespace heddle::mesh {
namespace {

using jwt::Algorithm;
using jwt::kNow;
using policy::JwtPlace;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

std::string request(const std::string& path, const std::string& fields = {},
                    const std::string& method = "GET") {
  return method + " " + path + " HTTP/1.1\r\nHost: shop.example\r\n" + fields + "\r\n";
}
std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

// A token of the kid's key, for a minute, with more members.
std::string token(const std::string& more = {}, Algorithm algorithm = Algorithm::kEdDsa) {
  const jwt::Signer& by = jwt::signer(algorithm);
  return by.token(by.header(jwt::name_of(algorithm)),
                  jwt::payload("\"exp\":1800000060" + (more.empty() ? "" : "," + more)));
}

struct Verifiers final : policy::JwtReady {
  Verifiers(const std::string& keys, const jwt::Rules& rules) : made(keys, rules) {}
  jwt::Verifier& of(WorkerId) const override { return *made.verifier; }
  mutable jwt::Gate made;
};

struct TokenNet : HttpNet {
  explicit TokenNet(const JwtLimits& limits = {}) {
    rules.gate = std::make_unique<JwtGate>(WorkerId(0), counters, limits);
    rules.wall = kNow;
    rules.gate_now = Instant(1'000'000'000);
    ask_for({});
    serve(kOk);
  }
  std::shared_ptr<const policy::JwtTarget> provider(policy::JwtProvider spec,
                                                    const std::string& keys = jwt::all_keys(),
                                                    uint32_t slot = 0) {
    auto resource = std::make_shared<policy::Resource>();
    spec.issuer = std::string(jwt::kIssuer);
    spec.audiences = {"shop", "till"};
    const jwt::Rules by = policy::rules_of(spec);
    resource->spec = std::move(spec);
    return std::make_shared<const policy::JwtTarget>(policy::JwtTarget{
        .resource = resource, .ready = std::make_shared<const Verifiers>(keys, by), .slot = slot});
  }
  static policy::JwtProvider from(JwtPlace place) {
    policy::JwtProvider spec;
    spec.from = std::move(place);
    return spec;
  }
  // What compiled policy has of the providers whose tokens the port or a rule asks for.
  void have_names_of(const std::vector<policy::JwtProvider>& specs) {
    std::vector<std::string> told, tokens;
    for (const policy::JwtProvider& spec : specs) {
      for (const auto& each : spec.claim_headers) told.push_back(each.header);
      if (spec.from.kind == JwtPlace::Kind::kHeader) tokens.push_back(spec.from.name);
    }
    rules.claim_names = std::make_shared<const policy::ClaimNames>(told, tokens);
  }
  void ask_for(policy::JwtProvider spec, bool required = true) {
    have_names_of({spec});
    rules.port_tokens = std::make_shared<const policy::JwtCheck>(
        policy::JwtCheck{.providers = {provider(std::move(spec))}, .required = required});
  }
  std::string hear(const std::string& text) {
    const TextStream& asking = ask(text);
    run(milliseconds(300));
    return asking.heard;
  }
  // What the endpoint got of a request that passes.
  std::string pass(const std::string& text) {
    const size_t before = requests.size();
    const std::string heard = hear(text);
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
    return requests.size() == before ? "" : requests.back();
  }
  uint64_t outcome(JwtEvent event, uint32_t slot = 0) const { return counters[slot].value(event); }
  uint64_t outcome(jwt::Refusal refusal, uint32_t slot = 0) const {
    return counters[slot].value(refusal);
  }
  std::vector<JwtCounters> counters = std::vector<JwtCounters>(4);
};

TEST(HttpToken, WithoutOneA401) {
  TokenNet net;
  const std::string heard = net.hear(request("/a"));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 401 ")) << heard;
  EXPECT_TRUE(has(heard, "www-authenticate: Bearer realm=\"heddle\"\r\n")) << heard;
  EXPECT_TRUE(heard.ends_with("no_token\n"));
  EXPECT_EQ(net.outcome(JwtEvent::kMissing), 1u);
  EXPECT_EQ(net.count(HttpFault::kNoToken), 1u);
  EXPECT_TRUE(has(net.hear(request("/a", "Authorization: Basic YTpi\r\n")), "no_token"))
      << "another scheme is no token";
  EXPECT_TRUE(net.requests.empty());
  EXPECT_TRUE(net.rules.judged.empty()) << "policy is asked behind it";
}

TEST(HttpToken, OfGrpcItIsUnauthenticated) {
  TokenNet net;
  const std::string heard = net.hear(
      request("/shop.Cart/Get", "Content-Type: application/grpc\r\nContent-Length: 0\r\n", "POST"));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  EXPECT_TRUE(has(heard, "grpc-status: 16\r\n"));
  EXPECT_TRUE(has(heard, "grpc-message: no_token\r\n"));
}

TEST(HttpToken, AGoodOnePassesAndStaysHere) {
  TokenNet net;
  for (const Algorithm each : jwt::kAll) {
    const std::string got = net.pass(request("/a", bearer(token({}, each)) + "X-A: 1\r\n"));
    EXPECT_FALSE(has(got, "uthorization")) << got;
    EXPECT_TRUE(has(got, "x-a: 1\r\n")) << got;
  }
  EXPECT_FALSE(has(net.pass(request("/a", "Authorization: bEARER   " + token() + "\r\n")), "ey"));
  EXPECT_EQ(net.outcome(JwtEvent::kVerified), 4u);
  policy::JwtProvider forwarding;
  forwarding.forward = true;
  net.ask_for(forwarding);
  EXPECT_TRUE(has(net.pass(request("/a", bearer(token()))), "authorization: Bearer " + token()));
}

TEST(HttpToken, BadOnesGetA401ThatDoesNotSayWhy) {
  const jwt::Signer& ed = jwt::signer(Algorithm::kEdDsa);
  const jwt::Signer other(Algorithm::kEdDsa);
  const std::string header = ed.header("EdDSA");
  const auto with = [&](const std::string& payload) { return ed.token(header, payload); };
  const std::string unsigned_text =
      jwt::base64url(R"({"alg":"none"})") + "." + jwt::base64url(jwt::payload()) + ".";
  const std::string hs =
      jwt::base64url(R"({"alg":"HS256","kid":"EdDSA"})") + "." + jwt::base64url(jwt::payload());
  const struct {
    const char* what;
    std::string token;
    jwt::Refusal refusal;
  } rows[] = {
      {"another's signature", other.token(header, jwt::payload()), jwt::Refusal::kBadSignature},
      {"expired", with(jwt::payload(R"("exp":1799999000)")), jwt::Refusal::kExpired},
      {"of tomorrow", with(jwt::payload(R"("exp":1800009000,"nbf":1800005000)")),
       jwt::Refusal::kNotYetValid},
      {"another issuer", with(R"({"iss":"https://other","aud":"shop","exp":1800000060})"),
       jwt::Refusal::kWrongIssuer},
      {"another audience", with(R"({"iss":"https://issuer.example","aud":"x","exp":1800000060})"),
       jwt::Refusal::kWrongAudience},
      {"no signature", unsigned_text, jwt::Refusal::kAlgNone},
      // The public key as the secret of a MAC: the signature is of no matter.
      {"another algorithm", hs + "." + jwt::base64url(ed.public_pem()),
       jwt::Refusal::kAlgNotAllowed},
      {"another's kid", ed.token(ed.header("nobody"), jwt::payload()), jwt::Refusal::kUnknownKey},
      {"no token", "x", jwt::Refusal::kMalformed},
      {"nothing", "", jwt::Refusal::kMalformed},
  };
  for (const auto& row : rows) {
    TokenNet net;
    const std::string heard = net.hear(request("/a", bearer(row.token)));
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 401 ")) << row.what << heard;
    EXPECT_TRUE(has(heard, "error=\"invalid_token\"")) << row.what << heard;
    EXPECT_TRUE(heard.ends_with("bad_token\n")) << row.what;
    EXPECT_EQ(net.outcome(row.refusal), 1u) << row.what;
    EXPECT_EQ(net.count(HttpFault::kBadToken), 1u) << row.what;
    EXPECT_TRUE(net.requests.empty()) << row.what;
  }
}

TEST(HttpToken, TwoFieldsAreOneTooMany) {
  TokenNet net;
  for (const std::string& second : {bearer(token()), std::string("Authorization: Basic YTpi\r\n")})
    EXPECT_TRUE(net.hear(request("/a", bearer(token()) + second)).ends_with("bad_token\n"));
  EXPECT_EQ(net.outcome(JwtEvent::kAmbiguous), 2u);
  net.ask_for(TokenNet::from({JwtPlace::Kind::kCookie, "t", ""}), false);
  EXPECT_TRUE(net.hear(request("/a", "Cookie: t=a; t=b\r\n")).ends_with("bad_token\n"));
  net.ask_for(TokenNet::from({JwtPlace::Kind::kQuery, "t", ""}), false);
  EXPECT_TRUE(net.hear(request("/a?t=" + token() + "&t=")).ends_with("bad_token\n"));
  EXPECT_TRUE(net.requests.empty());
}

TEST(HttpToken, WhereNoneIsRequiredABadOneIsStillRefused) {
  TokenNet net;
  policy::JwtProvider spec;
  spec.claim_headers = {{"sub", "x-user"}};
  net.ask_for(spec, false);
  EXPECT_FALSE(has(net.pass(request("/a", "X-User: forged\r\n")), "x-user"));
  EXPECT_EQ(net.outcome(JwtEvent::kAnonymous), 1u);
  EXPECT_TRUE(has(net.pass(request("/a", bearer(token(R"("sub":"ann")")))), "x-user: ann\r\n"));
  EXPECT_TRUE(net.hear(request("/a", bearer("x.y.z"))).starts_with("HTTP/1.1 401 "));
}

TEST(HttpToken, ClaimsAreToldAndNobodyForgesThem) {
  TokenNet net;
  policy::JwtProvider spec;
  spec.claim_headers = {
      {"sub", "x-user"}, {"realm.level", "x-level"}, {"roles", "x-roles"}, {"bad", "x-bad"}};
  net.ask_for(spec);
  const std::string got = net.pass(request(
      "/a",
      "x-user: forged\r\nX_User: forged\r\nx-level: 9\r\nx-roles: forged\r\nx-bad: forged\r\n"
      "X-Users: kept\r\n" +
          bearer(token(R"("sub":"ann","realm":{"level":3},"roles":["a"],"bad":"a\r\nb: c")"))));
  EXPECT_TRUE(has(got, "x-user: ann\r\n")) << got;
  EXPECT_TRUE(has(got, "x-level: 3\r\n")) << got;
  EXPECT_TRUE(has(got, "x-users: kept\r\n")) << got;
  EXPECT_FALSE(has(got, "forged")) << got;
  EXPECT_FALSE(has(got, "x-roles") || has(got, "x-bad")) << got << "no text, or none of a header";
  EXPECT_EQ(count_of(got, "user: "), 1u) << got;
}

TEST(HttpToken, ARuleSaysOtherwiseThanItsPort) {
  TokenNet net;
  policy::HttpTarget target;
  target.jwt = std::make_shared<const policy::JwtCheck>(policy::JwtCheck{
      .providers = {net.provider(TokenNet::from({JwtPlace::Kind::kHeader, "x-key", ""}),
                                 jwt::all_keys(), 1)},
      .required = true});
  net.rules.target = target;
  EXPECT_TRUE(net.hear(request("/a", bearer(token()))).ends_with("no_token\n"));
  EXPECT_EQ(net.outcome(JwtEvent::kMissing, 1), 1u);
  EXPECT_FALSE(has(net.pass(request("/a", "X-Key: " + token() + "\r\n")), "x-key"));
  net.rules.port_tokens = nullptr;
  EXPECT_TRUE(net.hear(request("/a")).ends_with("no_token\n"))
      << "also where the port asks for none";
  net.rules.target->jwt = nullptr;
  net.pass(request("/a"));
}

// Rules that ask for none lead to the same endpoints.
TEST(HttpToken, NobodyForgesClaimsWhereARuleAsksForNone) {
  TokenNet net;
  policy::JwtProvider spec;
  spec.claim_headers = {{"sub", "x-user"}};
  net.have_names_of({spec});
  net.rules.port_tokens = nullptr;
  net.rules.target = policy::HttpTarget();
  net.rules.hides = [](const http::Message& request) {
    return request.fields.find("x-user") != nullptr;
  };
  const std::string got = net.pass(request("/public", "X-User: admin\r\nX_USER: a\r\nX-B: 1\r\n"));
  EXPECT_FALSE(has(got, "user")) << got;
  EXPECT_TRUE(has(got, "x-b: 1\r\n")) << got;
}

TEST(HttpToken, NobodyForgesClaimsInTrailers) {
  TokenNet net;
  policy::JwtProvider spec = TokenNet::from({JwtPlace::Kind::kHeader, "x-key", ""});
  spec.claim_headers = {{"sub", "x-user"}};
  net.ask_for(spec, false);
  net.rules.mirrors = true;
  std::vector<std::string> got;
  const auto take = [&](TextStream& stream) {
    if (!stream.heard.ends_with("\r\n\r\n") || !has(stream.heard, "\r\n0\r\n")) return;
    got.push_back(std::move(stream.heard));
    stream.heard.clear();
    stream.to_say += kOk;
  };
  net.serve(take);
  net.server.transport().listen({.local = {address(2), Be16(net.rules.mirror_port)}});
  policy::HttpTarget target;
  target.mirror = policy::HttpMirrorTarget{};
  net.rules.target = target;
  for (const std::string& key : {std::string(), "X-Key: " + token(R"("sub":"ann")") + "\r\n"}) {
    const std::string heard =
        net.hear(request("/a", key + "Transfer-Encoding: chunked\r\n", "POST") +
                 "1\r\na\r\n0\r\nX-User: admin\r\nx_user: admin\r\nX-Key: y\r\nX-B: 1\r\n\r\n");
    EXPECT_TRUE(heard.starts_with("HTTP/1.1 200 ")) << heard;
  }
  ASSERT_EQ(got.size(), 4u) << "each with its copy";
  for (const std::string& each : got) {
    const std::string trailers = each.substr(each.find("\r\n0\r\n"));
    EXPECT_FALSE(has(trailers, "user") || has(trailers, "x-key")) << each;
    EXPECT_TRUE(has(trailers, "x-b: 1\r\n")) << each;
    EXPECT_FALSE(has(each, "admin")) << each;
  }
  EXPECT_TRUE(has(got.back(), "x-user: ann\r\n")) << got.back();
}

TEST(HttpToken, AForwardedOneStaysWhereAnotherProviderLooks) {
  TokenNet net;
  const jwt::Signer second(Algorithm::kEdDsa);
  policy::JwtProvider forwarding;
  forwarding.forward = true;
  net.rules.port_tokens = std::make_shared<const policy::JwtCheck>(policy::JwtCheck{
      .providers = {net.provider(forwarding),
                    net.provider({}, jwt::key_set({second.jwk(R"("kid":"b")")}), 1)}});
  EXPECT_TRUE(has(net.pass(request("/a", bearer(token()))), "authorization: Bearer " + token()));
  const std::string other = second.token(second.header("b"), jwt::payload(R"("exp":1800000060)"));
  EXPECT_FALSE(has(net.pass(request("/a", bearer(other))), "uthorization")) << "that one is not";
}

TEST(HttpToken, WhatIsToldIsBounded) {
  TokenNet net;
  policy::JwtProvider spec;
  spec.claim_headers = {{"a", "x-a"}, {"b", "x-b"}, {"c", "x-c"}};
  net.ask_for(spec);
  const auto claim = [](const std::string& name, size_t size) {
    return "\"" + name + "\":\"" + std::string(size, name[0]) + "\"";
  };
  const std::string got = net.pass(request(
      "/a", bearer(token(claim("a", 1'500) + "," + claim("b", 600) + "," + claim("c", 9)))));
  EXPECT_TRUE(has(got, "x-a: a"));
  EXPECT_FALSE(has(got, "x-b")) << "with it more would be told than there is room for";
  EXPECT_TRUE(has(got, "x-c: ccccccccc\r\n"));
}

// Nothing of what the node adds or writes anew makes a head too large that is within the limits.
TEST(HttpToken, AHeadAtItsLimitsStillPasses) {
  TokenNet net;
  policy::JwtProvider spec = TokenNet::from({JwtPlace::Kind::kCookie, "session", ""});
  std::string members;
  for (char c = 'a'; c < 'a' + 16; ++c) {
    spec.claim_headers.push_back({std::string(1, c), std::string("x-claim-") + c});
    members +=
        (members.empty() ? "\"" : ",\"") + std::string(1, c) + "\":\"" + std::string(110, c) + "\"";
  }
  net.ask_for(spec);
  const std::string known = token(members);
  std::string fields = "Cookie: session=" + known +
                       "; a=" + std::string(7'900 - known.size(), 'a') +
                       "\r\nCookie: b=" + std::string(7'000, 'b') + "\r\n";
  const std::string line = "x: 1\r\n";
  for (int i = 0; i < 90; ++i) fields += line;
  const std::string got = net.pass(request("/a", fields));
  EXPECT_TRUE(has(got, "x-claim-p: p")) << got.size();
  EXPECT_FALSE(has(got, "session="));
}

TEST(HttpToken, AnyOfSeveralProvidersIsEnough) {
  TokenNet net;
  const jwt::Signer second(Algorithm::kEdDsa);
  net.rules.port_tokens = std::make_shared<const policy::JwtCheck>(policy::JwtCheck{
      .providers = {net.provider({}),
                    net.provider({}, jwt::key_set({second.jwk(R"("kid":"b")")}), 1)}});
  net.pass(request("/a", bearer(token())));
  net.pass(
      request("/a", bearer(second.token(second.header("b"), jwt::payload(R"("exp":1800000060)")))));
  EXPECT_EQ(net.outcome(JwtEvent::kVerified), 1u);
  EXPECT_EQ(net.outcome(JwtEvent::kVerified, 1), 1u);
  EXPECT_EQ(net.outcome(jwt::Refusal::kUnknownKey), 0u) << "what is good is not counted as bad";
  EXPECT_TRUE(net.hear(request("/a", bearer("x"))).ends_with("bad_token\n"));
  EXPECT_EQ(net.outcome(jwt::Refusal::kMalformed), 1u);
  EXPECT_EQ(net.outcome(jwt::Refusal::kMalformed, 1), 1u);
}

TEST(HttpToken, InTheQueryItIsTakenOutAndNotTold) {
  TokenNet net;
  net.ask_for(TokenNet::from({JwtPlace::Kind::kQuery, "access_token", ""}));
  const std::string got = net.pass(request("/a?x=1&access_token=" + token() + "&y=2"));
  EXPECT_TRUE(got.starts_with("GET /a?x=1&y=2 ")) << got;
  EXPECT_TRUE(net.pass(request("/a?access_token=" + token())).starts_with("GET /a HTTP"));
  net.hear(request("/a?access_token=bad.bad.bad"));
  // One that is refused before anybody looks for tokens.
  net.hear(request("/../../a?access_token=" + token()));
  ASSERT_EQ(net.rules.ended_of.size(), 4u);
  EXPECT_EQ(net.rules.ended_of[0], "shop.example/a?x=1&y=2");
  EXPECT_EQ(net.rules.ended_of[2], "shop.example/a");
  for (const std::string& told : net.rules.ended_of)
    EXPECT_FALSE(has(told, "access_token")) << told;
}

TEST(HttpToken, InACookieTheOthersStay) {
  TokenNet net;
  net.ask_for(TokenNet::from({JwtPlace::Kind::kCookie, "session", ""}));
  const std::string got = net.pass(request("/a", "Cookie: a=1; session=" + token() + "; b=2\r\n"));
  EXPECT_TRUE(has(got, "cookie: a=1; b=2\r\n")) << got;
  EXPECT_FALSE(has(net.pass(request("/a", "Cookie: session=" + token() + "\r\n")), "ookie"));
  EXPECT_TRUE(
      net.hear(request("/a", "Cookie: asession=" + token() + "\r\n")).ends_with("no_token\n"));
}

TEST(HttpToken, PreflightsNeedNone) {
  TokenNet net;
  policy::HttpTarget target;
  policy::HttpCors cors;
  cors.origins = {{policy::TextMatch::Kind::kExact, "https://ok.example"}};
  target.cors = std::make_shared<const policy::HttpCorsTarget>(cors);
  net.rules.target = target;
  std::vector<bool> open;
  net.rules.denies_client = [&](const Client& client) {
    open.push_back(client.claims_open);
    return false;
  };
  const std::string first = "Origin: https://ok.example\r\n";
  const std::string preflight = "Access-Control-Request-Method: PUT\r\n";
  EXPECT_TRUE(net.hear(request("/a", first + preflight, "OPTIONS")).starts_with("HTTP/1.1 204 "));
  EXPECT_EQ(open, std::vector<bool>{true});
  const std::string heard = net.hear(request("/a", first));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 401 ")) << heard;
  EXPECT_TRUE(has(heard, "access-control-allow-origin: https://ok.example\r\n"))
      << heard << "its script may read why";
  EXPECT_TRUE(net.hear(request("/a", preflight, "OPTIONS")).starts_with("HTTP/1.1 401 "))
      << "no origin: the rule would not answer it";
}

TEST(HttpToken, PolicySeesClaimsAndADenialTellsNothing) {
  TokenNet net;
  policy::HttpTarget target;
  target.slot = 5;
  net.rules.target = target;
  net.rules.denies_client = [](const Client& client) {
    return client.claims == nullptr || !client.claims->find("role")->has("admin");
  };
  net.pass(request("/a", bearer(token(R"("role":"admin")"))));
  EXPECT_EQ(net.rules.records.back().rule, 5u);
  const std::string heard = net.hear(request("/a", bearer(token(R"("role":"guest")"))));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 403 ")) << heard;
  EXPECT_TRUE(heard.ends_with("denied\n"));
  EXPECT_EQ(net.rules.records.back().fault, HttpFault::kDenied);
  EXPECT_EQ(net.rules.records.back().rule, kNoSlot);
  net.rules.found = false;
  EXPECT_TRUE(
      net.hear(request("/b", bearer(token(R"("role":"guest")")))).starts_with("HTTP/1.1 403 "));
  EXPECT_TRUE(net.hear(request("/b")).starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(
      net.hear(request("/b", bearer(token(R"("role":"admin")")))).starts_with("HTTP/1.1 404 "));
}

TEST(HttpToken, WhatRunsKeepsItsClaimsWhenPolicyChanges) {
  TokenNet net;
  net.serve([](TextStream& stream) {
    if (!stream.heard.ends_with("\r\n\r\n")) return;
    stream.heard.clear();
    stream.to_say += "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst";
  });
  TextStream& admin = net.ask(request("/a", bearer(token(R"("role":"admin")"))));
  TextStream& guest = net.ask(request("/a", bearer(token(R"("role":"guest")"))));
  net.run();
  ASSERT_EQ(net.rules.active, 2);
  // What others showed since then is no matter, nor that the tokens have expired.
  for (int i = 0; i < 20; ++i) net.ask(request("/b", bearer(token("\"n\":" + std::to_string(i)))));
  net.run();
  net.rules.wall = UnixTime(kNow.value() + 100'000);
  net.rules.denies_client = [](const Client& client) {
    const auto role = client.claims == nullptr ? std::nullopt : client.claims->find("role");
    return role && role->has("guest");
  };
  while (net.app.proxy.sweep(7, 64, net.network.now())) net.app.proxy.on_turn(net.network.now());
  net.node.wake(net.network.now());
  net.run(milliseconds(300));
  EXPECT_TRUE(guest.reset);
  EXPECT_FALSE(admin.reset);
  EXPECT_EQ(net.count(HttpStat::kRequestsCut), 1u);
}

TEST(HttpToken, SignaturesAreBoundedAndKnownTokensAreNot) {
  JwtLimits limits;
  limits.signatures_per_second = 10;
  limits.signatures_at_once = 3;
  TokenNet net(limits);
  net.pass(request("/a", bearer(token())));
  const jwt::Signer other(Algorithm::kEdDsa);
  const auto forged = [&](int i) {
    return bearer(other.token(jwt::signer(Algorithm::kEdDsa).header("EdDSA"),
                              jwt::payload("\"n\":" + std::to_string(i))));
  };
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(net.hear(request("/a", forged(i))).ends_with("bad_token\n"));
  const std::string heard = net.hear(request("/a", forged(9)));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 503 ")) << heard;
  EXPECT_TRUE(heard.ends_with("tokens_busy\n"));
  EXPECT_EQ(net.outcome(JwtEvent::kBusy), 1u);
  EXPECT_EQ(net.count(HttpFault::kTokensBusy), 1u);
  net.pass(request("/a", bearer(token())));
  // What costs no signature is not bounded by them.
  EXPECT_TRUE(net.hear(request("/a", bearer("x.y.z"))).starts_with("HTTP/1.1 503 "))
      << "nobody knows before it is looked at";
  net.rules.gate_now = net.rules.gate_now + milliseconds(100);
  EXPECT_TRUE(net.hear(request("/a", bearer("x.y.z"))).ends_with("bad_token\n"));
  EXPECT_TRUE(net.hear(request("/a", forged(10))).ends_with("bad_token\n"));
  EXPECT_TRUE(net.hear(request("/a", forged(11))).ends_with("tokens_busy\n"));
}

TEST(HttpToken, AHugeOneIsNotEvenHashed) {
  TokenNet net;
  std::vector<uint8_t> memory(48 * 1024), claims;
  http::Message message(memory);
  message.set_method("GET");
  message.set_authority("a");
  message.set_path("/");
  message.fields.add("authorization", "Bearer " + std::string(9'000, 'a'));
  const HttpToken got =
      net.rules.gate->authenticate(*net.rules.port_tokens, message, kNow, Instant(), claims);
  EXPECT_EQ(got.fault, HttpFault::kBadToken);
  EXPECT_EQ(net.outcome(jwt::Refusal::kTooLarge), 1u);
  EXPECT_EQ(net.rules.gate->cache().stats().misses, 0u);
}

TEST(HttpToken, AKnownTokenTakesNoMemory) {
  TokenNet net;
  net.rules.remembers = false;
  policy::JwtProvider spec;
  spec.claim_headers = {{"sub", "x-user"}};
  net.ask_for(spec);
  const std::string three = request("/a", bearer(token(R"("sub":"ann")"))) + request("/a") +
                            request("/a", bearer(token(R"("sub":"ann")")));
  TextStream& client = net.ask(three);
  net.run();
  net.clients.say(client, three, net.network.now());
  net.run();
  const uint64_t before = net.app.allocations;
  net.clients.say(client, three, net.network.now());
  net.run();
  EXPECT_EQ(net.app.allocations, before);
  EXPECT_EQ(net.outcome(JwtEvent::kVerified), 6u);
}

}  // namespace
}  // namespace heddle::mesh
