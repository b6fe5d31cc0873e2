// Which keys of a JWK Set are used, which are left out, and which sets are refused (RFC 7517).
#include <vector>

#include "gate.h"

namespace heddle::jwt {
namespace {

const Signer& ec() { return signer(Algorithm::kEs256); }
const Signer& rsa() { return signer(Algorithm::kRs256); }
const Signer& ed() { return signer(Algorithm::kEdDsa); }

std::string error_of(const std::string& json) {
  const auto set = KeySet::parse(json);
  return set ? "taken" : set.error().text;
}

// The note of a key beside a good one; empty when it is used.
std::string note_of(const std::string& jwk) {
  const KeySet set = parsed(key_set({ec().jwk(R"("kid":"good")"), jwk}));
  EXPECT_EQ(set.keys().size() + set.notes().size(), 2U);
  return set.notes().empty() ? "" : set.notes().front();
}

TEST(KeySet, ReadsEachKind) {
  const KeySet set = parsed(key_set({rsa().jwk(R"("kid":"r","use":"sig","alg":"RS256")"),
                                     ec().jwk(R"("key_ops":["verify"],"alg":"ES256")"),
                                     ed().jwk(R"("kid":"e","alg":"EdDSA","x5t":"?")")}));
  ASSERT_EQ(set.keys().size(), 3U);
  EXPECT_TRUE(set.notes().empty());
  EXPECT_EQ(set.keys()[0].algorithm, Algorithm::kRs256);
  EXPECT_EQ(set.keys()[0].bytes.size(), 256U);
  EXPECT_EQ(set.keys()[0].exponent, 65537U);
  EXPECT_EQ(set.keys()[0].kid, "r");
  EXPECT_EQ(set.keys()[1].algorithm, Algorithm::kEs256);
  EXPECT_EQ(set.keys()[1].bytes.size(), 65U);
  EXPECT_FALSE(set.keys()[1].kid);
  EXPECT_EQ(set.keys()[2].algorithm, Algorithm::kEdDsa);
  EXPECT_EQ(set.keys()[2].bytes.size(), 32U);
}

TEST(KeySet, LeavesOutWhatIsForSomethingElse) {
  const std::pair<std::string, std::string> rows[] = {
      {ec().jwk(R"("kid":"b","use":"sig","key_ops":["sign","verify"],"alg":"ES256")"), ""},
      {ec().jwk(R"("kid":"b","use":"enc")"), "keys[1] (kid 'b'): its use is not sig"},
      {ec().jwk(R"("kid":"b","use":1)"), "keys[1] (kid 'b'): its use is not sig"},
      {ec().jwk(R"("kid":"b","key_ops":["encrypt"])"),
       "keys[1] (kid 'b'): its key_ops lack verify"},
      {ec().jwk(R"("kid":"b","key_ops":[])"), "keys[1] (kid 'b'): its key_ops lack verify"},
      {ec().jwk(R"("kid":"b","key_ops":"verify")"), "keys[1] (kid 'b'): its key_ops lack verify"},
      {ec().jwk(R"("kid":"b","alg":"ES384")"), "keys[1] (kid 'b'): its alg is 'ES384', not ES256"},
      {rsa().jwk(R"("kid":"b","alg":"RSA-OAEP")"),
       "keys[1] (kid 'b'): its alg is 'RSA-OAEP', not RS256"},
      {rsa().jwk(R"("kid":"b","alg":null)"), "keys[1] (kid 'b'): its alg is '', not RS256"},
      {ec().jwk(R"("kid":1)"), "keys[1] (kid ''): its kid is not a string of 1 to 256 bytes"},
      {ec().jwk(R"("kid":"")"), "keys[1] (kid ''): its kid is not a string of 1 to 256 bytes"},
      {R"({"kty":"AKP","kid":"b\u0001"})",
       "keys[1] (kid 'b?'): its kty is 'AKP', not RSA, EC or OKP"},
      {R"({"kid":"b"})", "keys[1] (kid 'b'): its kty is '', not RSA, EC or OKP"},
      {R"({"kty":"rsa"})", "keys[1] (kid ''): its kty is 'rsa', not RSA, EC or OKP"},
      {R"({"kty":"EC","crv":"P-384"})", "keys[1] (kid ''): its curve is 'P-384', not P-256"},
      {R"({"kty":"EC","crv":"secp256k1"})",
       "keys[1] (kid ''): its curve is 'secp256k1', not P-256"},
      {R"({"kty":"OKP","crv":"X25519"})", "keys[1] (kid ''): its curve is 'X25519', not Ed25519"},
      {R"({"kty":"OKP","crv":"Ed448"})", "keys[1] (kid ''): its curve is 'Ed448', not Ed25519"},
  };
  for (const auto& [jwk, note] : rows) EXPECT_EQ(note_of(jwk), note);
}

std::string rsa_jwk(const std::string& modulus, const std::string& exponent) {
  return R"({"kty":"RSA","n":")" + base64url(modulus) + R"(","e":")" + base64url(exponent) + "\"}";
}

TEST(KeySet, LeavesOutBrokenNumbers) {
  const std::string odd(1, '\x81');
  const std::string good = "\xf1" + std::string(254, '\x35') + '\x33';
  const std::string prefix = "keys[1] (kid ''): ";
  const std::string missing = "n or e is missing or no base64url number without zeros in front";
  const std::string coordinates = "x or y is missing or not 32 bytes of base64url";
  const std::string f(32, '\1');
  const auto point = [](const std::string& x, const std::string& y) {
    return R"({"kty":"EC","crv":"P-256","x":")" + base64url(x) + R"(","y":")" + base64url(y) +
           "\"}";
  };
  const std::pair<std::string, std::string> rows[] = {
      {R"({"kty":"RSA"})", missing},
      {rsa_jwk("", "\3"), missing},
      {rsa_jwk(good, ""), missing},
      {rsa_jwk(std::string(1, '\0') + good, "\3"), missing},
      {rsa_jwk(good, std::string("\0\3", 2)), missing},
      {R"({"kty":"RSA","n":"AQ==","e":"AQAB"})", missing},
      {R"({"kty":"RSA","n":[1],"e":"AQAB"})", missing},
      {rsa_jwk(good.substr(0, 128), "\3"),
       "an RSA key of 1024 bits; 2048 to 8192 are taken, in whole bytes"},
      {rsa_jwk("\x7f" + good.substr(1), "\3"),
       "an RSA key of 2047 bits; 2048 to 8192 are taken, in whole bytes"},
      {rsa_jwk(std::string(1025, '\xff'), "\3"),
       "an RSA key of 8200 bits; 2048 to 8192 are taken, in whole bytes"},
      // With e = 1 anybody signs.
      {rsa_jwk(good, "\1"), "e is not an odd number above 1"},
      {rsa_jwk(good, "\4"), "e is not an odd number above 1"},
      {rsa_jwk(good, "\1\1\1\1\1"), "e has more than 32 bits"},
      {rsa_jwk(good.substr(0, 255) + "\x34", "\3"), "its numbers are no RS256 key"},
      {R"({"kty":"EC","crv":"P-256"})", coordinates},
      {point(f.substr(1), f), coordinates},
      {point(f, f + "a"), coordinates},
      {point(f, f), "its numbers are no ES256 key"},
      {point(std::string(32, '\0'), std::string(32, '\0')), "its numbers are no ES256 key"},
      {point(std::string(32, '\xff'), f), "its numbers are no ES256 key"},
      {R"({"kty":"OKP","crv":"Ed25519"})", "x is missing or not 32 bytes of base64url"},
      {R"({"kty":"OKP","crv":"Ed25519","x":"AA"})", "x is missing or not 32 bytes of base64url"},
  };
  for (const auto& [jwk, note] : rows) EXPECT_EQ(note_of(jwk), prefix + note) << jwk;
}

TEST(KeySet, LeavesOutSmallRsaKeys) {
  const Signer small(Algorithm::kRs256, 1024);
  EXPECT_EQ(note_of(small.jwk(R"("kid":"s")")),
            "keys[1] (kid 's'): an RSA key of 1024 bits; 2048 to 8192 are taken, in whole bytes");
}

TEST(KeySet, RefusesSecrets) {
  for (const std::string secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    EXPECT_EQ(error_of(key_set({ec().jwk(), rsa().jwk('"' + secret + R"(":"AQAB")")})),
              "JWKS: keys[1] has the member '" + secret +
                  "': a secret, which has no place in a set of public keys; take the key out and "
                  "replace it where it is used");
  // Of a kind that is not used, too.
  EXPECT_NE(error_of(key_set({ec().jwk(), R"({"kty":"oct","k":"c2VjcmV0"})"})), "taken");
  EXPECT_NE(error_of(key_set({ec().jwk(), R"({"kty":"new","use":"enc","d":null})"})), "taken");
}

TEST(KeySet, RefusesSets) {
  const std::string key = ec().jwk(R"("kid":"a")");
  const std::pair<std::string, std::string> rows[] = {
      {"", "JWKS: it is no JSON object"},
      {"[]", "JWKS: it is no JSON object"},
      {"[" + key + "]", "JWKS: it is no JSON object"},
      {R"({"keys":[)" + key, "JWKS: it is no JSON object"},
      {key_set({key}) + "x", "JWKS: it is no JSON object"},
      {key, "JWKS: it has no list 'keys' (RFC 7517 5)"},
      {R"({"keys":)" + key + "}", "JWKS: it has no list 'keys' (RFC 7517 5)"},
      {R"({"keys":[1]})", "JWKS: keys[0] is no object"},
      {R"({"keys":[]})", "JWKS: no key that can be used"},
      {key_set({R"({"kty":"AKP"})"}),
       "JWKS: no key that can be used; keys[0] (kid ''): its kty is 'AKP', not RSA, EC or OKP"},
      {key_set({key, rsa().jwk(R"("kid":"a")")}), "JWKS: two keys have the kid 'a'"},
      {key_set({key, key}), "JWKS: two keys have the kid 'a'"},
      {R"({"keys":[)" + key + R"(],"keys":[]})", "JWKS: an object has two members of one name"},
      {key_set({ec().jwk(R"("kid":"a","kid":"b")")}),
       "JWKS: an object has two members of one name"},
      {R"({"keys":[)" + key + R"(],"a":[[[[[[[[]]]]]]]]})",
       "JWKS: more than 4096 members or elements, 64 members of one object, or 8 levels"},
      {std::string(65'537, ' '), "JWKS: 65537 bytes; 65536 are allowed"},
  };
  for (const auto& [json, error] : rows) EXPECT_EQ(error_of(json), error) << json.substr(0, 200);
}

TEST(KeySet, IsBounded) {
  const auto of = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i)
      text += (i == 0 ? "" : ",") + ec().jwk(R"("kid":")" + std::to_string(i) + '"');
    return R"({"keys":[)" + text + "]}";
  };
  EXPECT_EQ(parsed(of(kMaxKeys)).keys().size(), kMaxKeys);
  EXPECT_EQ(error_of(of(kMaxKeys + 1)), "JWKS: 65 keys; 64 are allowed");
  std::string padded = of(1);
  padded.resize(kMaxKeySetBytes, ' ');
  EXPECT_EQ(parsed(padded).keys().size(), 1U);
}

// A number of so many bytes, whatever it is.
std::string rsa_of(size_t bytes, const std::string& kid) {
  return R"({"kty":"RSA","e":"AQAB","kid":")" + kid + R"(","n":")" +
         base64url(std::string(bytes, '\xff')) + "\"}";
}

TEST(KeySet, TellsWhatItsRsaKeysTake) {
  EXPECT_EQ(KeySet::rsa_work(key_set({rsa().jwk(R"("kid":"a")"), ec().jwk(R"("kid":"b")")})), 1U);
  EXPECT_EQ(KeySet::rsa_work(key_set({rsa_of(512, "a"), rsa_of(1024, "b")})), 8U + 64U);
  EXPECT_EQ(KeySet::rsa_work(key_set({rsa_of(320, "a")})), 2U) << "rounded up";
  EXPECT_EQ(KeySet::rsa_work(key_set({rsa_of(128, "a"), rsa_of(2048, "b")})), 0U)
      << "of sizes that are not taken";
  for (const char* text : {"", "{}", "[]", R"({"keys":1})"}) EXPECT_EQ(KeySet::rsa_work(text), 0U);
}

TEST(KeySet, TakesKeysOfTheSameKidWhenOneIsNotUsed) {
  const KeySet set =
      parsed(key_set({ec().jwk(R"("kid":"a")"), rsa().jwk(R"("kid":"a","use":"enc")")}));
  EXPECT_EQ(set.keys().size(), 1U);
  EXPECT_EQ(set, parsed(key_set({ec().jwk(R"("kid":"a")")})));
}

}  // namespace
}  // namespace heddle::jwt
