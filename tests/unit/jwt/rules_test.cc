// Registered claims against the rules (RFC 7519 4.1), and the bounds of both.
#include <vector>

#include "gate.h"

namespace heddle::jwt {
namespace {

const Signer& ed() { return signer(Algorithm::kEdDsa); }

std::string say(const std::string& payload, const Rules& rules = test_rules(),
                UnixTime now = kNow) {
  return Gate(all_keys(), rules).say(ed().token(payload), now);
}

TEST(Rules, JudgesClaims) {
  Gate gate(all_keys());
  const std::string iss = R"("iss":"https://issuer.example")";
  const std::string aud = R"("aud":"shop")";
  const std::string exp = R"("exp":1800000060)";
  const std::pair<std::string, std::string_view> rows[] = {
      {iss + "," + aud + "," + exp, "taken"},
      {aud + "," + exp, "missing_claim"},
      {iss + "," + exp, "missing_claim"},
      {iss + "," + aud, "missing_claim"},
      {"", "missing_claim"},
      {R"("iss":"https://issuer.example/",)" + aud + "," + exp, "wrong_issuer"},
      {R"("iss":"HTTPS://issuer.example",)" + aud + "," + exp, "wrong_issuer"},
      {R"("iss":"",)" + aud + "," + exp, "wrong_issuer"},
      {R"("iss":["https://issuer.example"],)" + aud + "," + exp, "bad_claim"},
      {R"("iss":null,)" + aud + "," + exp, "bad_claim"},
      {R"("aud":"till",)" + iss + "," + exp, "taken"},
      {R"("aud":["a","till"],)" + iss + "," + exp, "taken"},
      {R"("aud":["shop"],)" + iss + "," + exp, "taken"},
      {R"("aud":"shopping",)" + iss + "," + exp, "wrong_audience"},
      {R"("aud":"sho",)" + iss + "," + exp, "wrong_audience"},
      {R"("aud":["a","b"],)" + iss + "," + exp, "wrong_audience"},
      {R"("aud":[],)" + iss + "," + exp, "wrong_audience"},
      {R"("aud":"",)" + iss + "," + exp, "wrong_audience"},
      {R"("aud":["shop",1],)" + iss + "," + exp, "bad_claim"},
      {R"("aud":[["shop"]],)" + iss + "," + exp, "bad_claim"},
      {R"("aud":{"shop":1},)" + iss + "," + exp, "bad_claim"},
      {R"("aud":1,)" + iss + "," + exp, "bad_claim"},
      {R"("sub":1,)" + iss + "," + aud + "," + exp, "bad_claim"},
      {R"("sub":"",)" + iss + "," + aud + "," + exp, "taken"},
      {R"("iat":"now",)" + iss + "," + aud + "," + exp, "bad_claim"},
      {R"("iss":"a",)" + iss + "," + aud + "," + exp, "duplicate_member"},
      {R"("a":{"b":{"c":1,"c":1}},)" + iss + "," + aud + "," + exp, "duplicate_member"},
      {R"("a":[{"c":1,"c":1}],)" + iss + "," + aud + "," + exp, "duplicate_member"},
      {R"("a":18446744073709551616,)" + iss + "," + aud + "," + exp, "bad_json"},
      {R"("a":1e400,)" + iss + "," + aud + "," + exp, "bad_json"},
      {R"("a":18446744073709551615,)" + iss + "," + aud + "," + exp, "taken"},
  };
  for (const auto& [members, want] : rows)
    EXPECT_EQ(gate.say(ed().token("{" + members + "}")), want) << members;
}

TEST(Rules, RefusesPayloadsThatAreNoObject) {
  Gate gate(all_keys());
  for (const std::string_view each :
       {"x", "[]", "1", "\"a\"", "null", "{", "{}}", "{}{}", "{} x", " "})
    EXPECT_EQ(gate.say(ed().token(each)), "bad_json") << each;
  EXPECT_EQ(gate.say(ed().token(payload() + "\r\n ")), "taken");
}

// exp and nbf with a leeway of 30 s, at 1,800,000,000.
TEST(Rules, JudgesTimes) {
  Gate gate(all_keys());
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"("exp":1800000001)", "taken"},
      {R"("exp":1799999971)", "taken"},
      {R"("exp":1799999970)", "expired"},
      {R"("exp":1799999970.9)", "expired"},
      {R"("exp":1799999971.1)", "taken"},
      {R"("exp":1.8e9)", "taken"},
      {R"("exp":1.8E+9)", "taken"},
      {R"("exp":0)", "expired"},
      {R"("exp":-1)", "expired"},
      {R"("exp":-0)", "expired"},
      {R"("exp":-0.5)", "expired"},
      {R"("exp":-1.8e9)", "expired"},
      {R"("exp":-9223372036854775808)", "bad_claim"},
      {R"("exp":9223372036854775807)", "bad_claim"},
      {R"("exp":18446744073709551615)", "bad_claim"},
      {R"("exp":9007199254740992)", "taken"},
      {R"("exp":9007199254740993)", "bad_claim"},
      {R"("exp":1e308)", "bad_claim"},
      {R"("exp":-1e308)", "bad_claim"},
      {R"("exp":1e309)", "bad_json"},
      {R"("exp":99999999999999999999)", "bad_json"},
      {R"("exp":01800000001)", "bad_json"},
      {R"("exp":+1800000001)", "bad_json"},
      {R"("exp":0x6b49d201)", "bad_json"},
      {R"("exp":NaN)", "bad_json"},
      {R"("exp":Infinity)", "bad_json"},
      {R"("exp":"1800000060")", "bad_claim"},
      {R"("exp":null)", "bad_claim"},
      {R"("exp":true)", "bad_claim"},
      {R"("exp":[1800000060])", "bad_claim"},
      {R"("exp":1800000060,"nbf":1800000030)", "taken"},
      {R"("exp":1800000060,"nbf":1800000031)", "not_yet_valid"},
      {R"("exp":1800000060,"nbf":1800000030.1)", "not_yet_valid"},
      {R"("exp":1800000060,"nbf":-5)", "taken"},
      {R"("exp":1800000060,"nbf":"0")", "bad_claim"},
      {R"("exp":1800000060,"nbf":1e300)", "bad_claim"},
      {R"("exp":0,"nbf":1900000000)", "expired"},
  };
  for (const auto& [members, want] : rows)
    EXPECT_EQ(gate.say(ed().token(payload(members))), want) << members;
}

TEST(Rules, LeewayAndExpiryAreTheRules) {
  Rules strict = test_rules();
  strict.leeway = Duration();
  EXPECT_EQ(say(payload(R"("exp":1800000000)"), strict), "expired");
  EXPECT_EQ(say(payload(R"("exp":1800000001)"), strict), "taken");
  EXPECT_EQ(say(payload(R"("exp":1800000060,"nbf":1800000000)"), strict), "taken");
  EXPECT_EQ(say(payload(R"("exp":1800000060,"nbf":1800000001)"), strict), "not_yet_valid");
  Rules lasting = test_rules();
  lasting.expiry_required = false;
  EXPECT_EQ(say(payload(""), lasting), "taken");
  EXPECT_EQ(say(payload(R"("exp":1)"), lasting), "expired");
  EXPECT_EQ(say(payload(R"("exp":null)"), lasting), "bad_claim");
}

TEST(Rules, TypesAreTheRules) {
  Rules rules = test_rules();
  rules.types = {"application/secevent+jwt"};
  Gate gate(all_keys(), rules);
  EXPECT_EQ(gate.say(ed().token(R"({"alg":"EdDSA","typ":"secevent+JWT"})", payload())), "taken");
  EXPECT_EQ(gate.say(ed().token(R"({"alg":"EdDSA","typ":"JWT"})", payload())), "wrong_type");
}

TEST(Rules, AreBounded) {
  const auto wrong = [](auto change) {
    Rules rules = test_rules();
    change(rules);
    const auto checked = check(rules);
    return checked ? std::string("fine") : checked.error().text;
  };
  EXPECT_EQ(wrong([](Rules&) {}), "fine");
  EXPECT_EQ(wrong([](Rules& r) { r.issuer = ""; }),
            "issuer: it is needed, and has at most 1024 bytes");
  EXPECT_EQ(wrong([](Rules& r) { r.audiences = {}; }), "audiences: 0 names; 1 to 16 are allowed");
  EXPECT_EQ(wrong([](Rules& r) { r.audiences.resize(17, "a"); }),
            "audiences: 17 names; 1 to 16 are allowed");
  EXPECT_EQ(wrong([](Rules& r) { r.audiences = {""}; }), "audiences: a name has 1 to 1024 bytes");
  EXPECT_EQ(wrong([](Rules& r) { r.types = {}; }), "types: 0 names; 1 to 16 are allowed");
  EXPECT_EQ(wrong([](Rules& r) { r.algorithms = {}; }),
            "algorithms: 1 to 3 are allowed, each once");
  for (const Duration leeway : {seconds(301), seconds(-1), milliseconds(500)})
    EXPECT_EQ(wrong([&](Rules& r) { r.leeway = leeway; }),
              "leeway: whole seconds from 0 to 300 are allowed");
  for (const uint32_t bytes : {255U, 32'769U})
    EXPECT_EQ(wrong([&](Rules& r) { r.max_token_bytes = bytes; }),
              "max_token_bytes: 256 to 32768 are allowed");
  const auto library = *Library::create();
  EXPECT_FALSE(Verifier::create(*library, parsed(all_keys()), Rules()));
}

}  // namespace
}  // namespace heddle::jwt
