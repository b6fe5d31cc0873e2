// Genuine tokens are taken, and nothing that only looks like one (RFC 7515, RFC 8725).
#include <openssl/hmac.h>

#include "gate.h"

namespace heddle::jwt {
namespace {

const Signer& ec() { return signer(Algorithm::kEs256); }

std::string with_header(std::string_view header) { return ec().token(header, payload()); }

TEST(Verify, TakesEachAlgorithmWithAndWithoutKid) {
  Gate gate(all_keys());
  for (const Algorithm each : kAll) {
    const Signer& by = signer(each);
    EXPECT_EQ(gate.say(by.token(payload())), "taken") << name_of(each);
    EXPECT_EQ(gate.say(by.token(by.header(name_of(each)), payload())), "taken") << name_of(each);
  }
}

TEST(Verify, TakesManyEcdsaSignatures) {
  // Numbers of all lengths: one in 128 has a zero in front.
  Gate gate(all_keys());
  for (int i = 0; i < 300; ++i) ASSERT_EQ(gate.say(ec().token(payload())), "taken") << i;
}

TEST(Verify, RefusesAnyChangedCharacter) {
  Gate gate(all_keys());
  for (const Algorithm each : kAll) {
    const std::string token = signer(each).token(payload());
    for (size_t at = 0; at < token.size(); at += 7) {
      std::string changed = token;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      EXPECT_NE(gate.say(changed), "taken") << name_of(each) << " at " << at;
    }
  }
}

TEST(Verify, RefusesEveryPrefix) {
  Gate gate(all_keys());
  const std::string token = ec().token(payload());
  for (size_t size = 0; size < token.size(); ++size)
    EXPECT_NE(gate.say(token.substr(0, size)), "taken") << size;
}

TEST(Verify, RefusesWrongForms) {
  Gate gate(all_keys());
  const std::string token = ec().token(payload());
  const std::string header = token.substr(0, token.find('.'));
  const std::string rest = token.substr(header.size());
  const std::string text = token.substr(0, token.rfind('.'));
  const std::string signature = token.substr(text.size() + 1);
  const std::pair<std::string, std::string> rows[] = {
      {"", "malformed"},
      {".", "malformed"},
      {"..", "malformed"},
      {"...", "malformed"},
      {header, "malformed"},
      {text, "malformed"},
      {token + ".", "malformed"},
      {"." + text + "." + signature, "malformed"},
      {header + ".." + signature, "malformed"},
      {token + "..", "nested"},
      {"a.b.c.d.e", "nested"},
      {"Bearer " + token, "bad_base64"},
      {" " + token, "bad_base64"},
      {token + " ", "bad_base64"},
      {token + "\n", "bad_base64"},
      {token + "=", "bad_base64"},
      {header + "=" + rest, "bad_base64"},
      {header + "+" + rest, "bad_base64"},
      {text + ".", "bad_signature"},
      {token + "AAAA", "bad_signature"},
      {text + "." + signature.substr(4), "bad_signature"},
      {text + "." + std::string(2'000, 'A'), "bad_signature"},
  };
  for (const auto& [given, want] : rows) EXPECT_EQ(gate.say(given), want) << given;
}

TEST(Verify, RefusesBase64ThatIsNotCanonical) {
  Gate gate(all_keys());
  // 64 bytes are 85 characters and two bits; the others must be zero.
  std::string token = ec().token(payload());
  const size_t last = std::string_view("AQgw").find(token.back());
  ASSERT_NE(last, std::string_view::npos);
  token.back() = "BRhx"[last];
  EXPECT_EQ(gate.say(token), "bad_base64");
  // Signed as it is, so that only its form is wrong.
  std::string text = base64url(ec().header()) + "." + base64url(payload(R"("exp":1800000060   )"));
  ASSERT_EQ(text.back(), '0') << "the payload's length has changed: choose blanks anew";
  text.back() = '1';
  EXPECT_EQ(gate.say(text + "." + base64url(ec().sign(text))), "bad_base64");
}

TEST(Verify, RefusesHeaders) {
  Gate gate(all_keys());
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"({"alg":"none"})", "alg_none"},
      {R"({"alg":"NoNe"})", "alg_none"},
      {R"({"alg":"es256"})", "alg_not_allowed"},
      {R"({"alg":"ES256 "})", "alg_not_allowed"},
      {R"({"alg":"ES384"})", "alg_not_allowed"},
      {R"({"alg":"ES256K"})", "alg_not_allowed"},
      {R"({"alg":"PS256"})", "alg_not_allowed"},
      {R"({"alg":""})", "alg_not_allowed"},
      {R"({})", "malformed"},
      {R"({"alg":null})", "malformed"},
      {R"({"alg":["ES256"]})", "malformed"},
      {R"({"alg":"ES256","kid":1})", "malformed"},
      {R"({"alg":"ES256","typ":{}})", "malformed"},
      {R"({"alg":"ES256","kid":"other"})", "unknown_key"},
      {R"({"alg":"ES256","kid":""})", "unknown_key"},
      {R"({"alg":"ES256","kid":"ES256\u0000"})", "unknown_key"},
      {R"({"alg":"ES256","kid":"RS256"})", "alg_not_allowed"},
      {R"({"alg":"RS256","kid":"ES256"})", "alg_not_allowed"},
      {R"({"alg":"EdDSA","kid":"ES256"})", "alg_not_allowed"},
      {R"({"alg":"RS256"})", "bad_signature"},
      {R"({"alg":"EdDSA"})", "bad_signature"},
      {R"({"alg":"ES256","crit":["exp"],"exp":1})", "crit"},
      {R"({"alg":"ES256","crit":["b64"],"b64":false})", "crit"},
      {R"({"alg":"ES256","crit":[]})", "crit"},
      {R"({"alg":"ES256","crit":null})", "crit"},
      {R"({"alg":"ES256","cty":"JWT"})", "nested"},
      {R"({"alg":"ES256","enc":"A128GCM"})", "nested"},
      {R"({"alg":"ES256","typ":"logout+jwt"})", "wrong_type"},
      {R"({"alg":"ES256","typ":""})", "wrong_type"},
      {R"({"alg":"ES256","typ":"jwt"})", "taken"},
      {R"({"alg":"ES256","typ":"at+jwt"})", "taken"},
      {R"({"alg":"ES256","typ":"Application/AT+JWT"})", "taken"},
      {R"({"alg":"ES256","kid":"ES256","x5t":"abc"})", "taken"},
      {R"({"\u0061lg":"ES256"})", "taken"},
      {R"({"alg":"none","alg":"ES256"})", "duplicate_member"},
      {R"({"alg":"ES256","\u0061lg":"ES256"})", "duplicate_member"},
      {R"({"alg":"ES256","a":{"b":1,"b":1}})", "duplicate_member"},
      {R"({"alg":"ES256"}x)", "bad_json"},
      {R"({"alg":"ES256"}{})", "bad_json"},
      {R"({"alg":"ES256",})", "bad_json"},
      {R"({'alg':'ES256'})", "bad_json"},
      {R"(["ES256"])", "bad_json"},
      {R"("ES256")", "bad_json"},
      {"{\"alg\":\"ES256\",\"a\":\"\xff\"}", "bad_json"},
      {"\xef\xbb\xbf{\"alg\":\"ES256\"}", "bad_json"},
      {R"({"alg":"ES256","a":[[[[[[[[1]]]]]]]]})", "too_large"},
  };
  for (const auto& [header, want] : rows) EXPECT_EQ(gate.say(with_header(header)), want) << header;
}

TEST(Verify, RefusesAHeaderOfManyMembers) {
  Gate gate(all_keys());
  std::string header = R"({"alg":"ES256")";
  for (int i = 0; i < 32; ++i) header += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(gate.say(with_header(header + "}")), "too_large");
}

TEST(Verify, RefusesNoneWithAnEmptySignature) {
  Gate gate(all_keys());
  for (const std::string_view alg : {"none", "None", "NONE"})
    EXPECT_EQ(gate.say(base64url(R"({"alg":")" + std::string(alg) + "\"}") + "." +
                       base64url(payload()) + "."),
              "alg_none");
}

// The classic confusion: the public key, which everybody has, as the secret of a MAC.
TEST(Verify, RefusesHs256ByThePublicKey) {
  Gate gate(all_keys());
  for (const Algorithm each : kAll) {
    const std::string pem = signer(each).public_pem();
    for (const std::string_view alg : {"HS256", "RS256", "ES256", "EdDSA"}) {
      const std::string text =
          base64url(R"({"alg":")" + std::string(alg) + "\"}") + "." + base64url(payload());
      uint8_t mac[32];
      unsigned size = 0;
      HMAC(EVP_sha256(), pem.data(), static_cast<int>(pem.size()),
           reinterpret_cast<const uint8_t*>(text.data()), text.size(), mac, &size);
      const std::string token =
          text + "." + base64url({reinterpret_cast<const char*>(mac), sizeof mac});
      EXPECT_EQ(gate.say(token), alg == "HS256" ? "alg_not_allowed" : "bad_signature");
    }
  }
}

TEST(Verify, RefusesAKeyThatTheTokenBringsAlong) {
  Gate gate(all_keys());
  const Signer own(Algorithm::kEs256);
  EXPECT_EQ(gate.say(own.token(R"({"alg":"ES256","jwk":)" + own.jwk() + "}", payload())),
            "bad_signature");
  EXPECT_EQ(gate.say(own.token(R"({"alg":"ES256","kid":"mine","jku":"https://me.example/","jwk":)" +
                                   own.jwk(R"("kid":"mine")") + "}",
                               payload())),
            "unknown_key");
}

TEST(Verify, RefusesEcdsaSignaturesOfOtherForms) {
  Gate gate(all_keys());
  const std::string text = base64url(ec().header()) + "." + base64url(payload());
  const std::string good = ec().sign(text);
  const std::string zeros(32, '\0');
  const std::string rows[] = {
      std::string(64, '\0'),       // r = s = 0 (CVE-2022-21449)
      zeros + good.substr(32),     // r = 0
      good.substr(0, 32) + zeros,  // s = 0
      std::string(64, '\xff'),     // beyond the order
      good.substr(0, 63),          //
      '\0' + good,                 //
      good + '\0',                 //
      "\x30\x44\x02\x20" + good.substr(0, 32) + "\x02\x20" + good.substr(32),  // DER
      good.substr(32) + good.substr(0, 32),
      "",
  };
  ASSERT_EQ(gate.say(text + "." + base64url(good)), "taken");
  for (const std::string& each : rows)
    EXPECT_EQ(gate.say(text + "." + base64url(each)), "bad_signature") << each.size();
}

TEST(Verify, RefusesRsaAndEdDsaSignaturesOfOtherLengths) {
  Gate gate(all_keys());
  for (const Algorithm each : {Algorithm::kRs256, Algorithm::kEdDsa}) {
    const Signer& by = signer(each);
    const std::string text = base64url(by.header()) + "." + base64url(payload());
    const std::string good = by.sign(text);
    const std::string rows[] = {good.substr(1),
                                good.substr(0, good.size() - 1),
                                '\0' + good,
                                good + '\0',
                                std::string(good.size(), '\0'),
                                std::string(good.size(), '\xff'),
                                std::string(1024, '\1')};
    for (const std::string& other : rows)
      EXPECT_EQ(gate.say(text + "." + base64url(other)), "bad_signature") << other.size();
  }
}

TEST(Verify, TakesOnlyTheAlgorithmsOfTheRules) {
  for (const Algorithm allowed : kAll) {
    Rules rules = test_rules();
    rules.algorithms = {allowed};
    Gate gate(all_keys(), rules);
    for (const Algorithm each : kAll)
      EXPECT_EQ(gate.say(signer(each).token(payload())),
                each == allowed ? "taken" : "alg_not_allowed");
  }
}

TEST(Verify, TriesTheKeysOfTheAlgorithmWithoutKid) {
  const Signer other(Algorithm::kEs256);
  Gate both(key_set({other.jwk(R"("kid":"a")"), ec().jwk()}));
  EXPECT_EQ(both.say(ec().token(payload())), "taken");
  EXPECT_EQ(both.say(other.token(payload())), "taken");
  EXPECT_EQ(both.say(other.token(other.header("a"), payload())), "taken");
  EXPECT_EQ(both.say(ec().token(ec().header("a"), payload())), "bad_signature");
  // A key without kid is not one that a kid names.
  EXPECT_EQ(both.say(ec().token(ec().header("b"), payload())), "unknown_key");
  EXPECT_EQ(both.say(signer(Algorithm::kRs256).token(payload())), "unknown_key");
}

TEST(Verify, TriesFewKeys) {
  std::string jwks = R"({"keys":[)" + ec().jwk(R"("kid":"0")");
  for (uint32_t i = 1; i < kMaxTried; ++i)
    jwks += "," + ec().jwk(R"("kid":")" + std::to_string(i) + '"');
  EXPECT_EQ(Gate(jwks + "]}").say(ec().token(payload())), "taken");
  Gate many(jwks + "," + ec().jwk(R"("kid":"more")") + "]}");
  EXPECT_EQ(many.say(ec().token(payload())), "unknown_key");
  EXPECT_EQ(many.say(ec().token(ec().header("more"), payload())), "taken");
}

TEST(Verify, RefusesHugeTokens) {
  Rules rules = test_rules();
  rules.max_token_bytes = 1024;
  Gate gate(all_keys(), rules);
  std::string token =
      ec().token(payload(R"("exp":1800000060,"a":")" + std::string(550, 'x') + '"'));
  ASSERT_LE(token.size(), 1024U);
  EXPECT_EQ(gate.say(token), "taken");
  token += std::string(1024 - token.size(), 'A');
  EXPECT_NE(gate.say(token), "too_large");
  EXPECT_EQ(gate.say(token + "A"), "too_large");
  EXPECT_EQ(gate.say(std::string(10'000'000, '.')), "too_large");
}

TEST(Verify, AVerifierForgetsTheTokenBefore) {
  Gate gate(all_keys());
  const std::string good = ec().token(payload());
  const std::string bad = ec().token(R"({"alg":"ES256"}x)", payload());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(gate.say(good), "taken");
    EXPECT_EQ(gate.say(bad), "bad_json");
  }
}

}  // namespace
}  // namespace heddle::jwt
