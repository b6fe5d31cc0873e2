// Providers of tokens and claims, in a line each.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "gate.h"
#include "http_support.h"
#include "policy/jwt_check.h"
#include "signer.h"

namespace heddle::policy::test {

// Makes everything ready but for issuers called "bad", and nothing that verifies.
class FakeJwtMaker final : public JwtMaker {
 public:
  Result<std::shared_ptr<const JwtReady>> make(const jwt::KeySet&,
                                               const jwt::Rules& rules) override {
    made.push_back(rules.issuer);
    if (rules.issuer == "bad") return fail("no memory for the keys");
    return std::make_shared<const Ready>();
  }
  std::vector<std::string> made;  // issuers

 private:
  struct Ready final : JwtReady {
    jwt::Verifier& of(WorkerId) const override {
      HEDDLE_CHECK(false, "nobody verifies here");
      std::abort();
    }
  };
};

inline std::string jwks(const std::string& kid = "a") {
  return jwt::key_set({jwt::signer(jwt::Algorithm::kEdDsa).jwk("\"kid\":\"" + kid + "\"")});
}

inline JwtProvider provider(std::string keys = jwks()) {
  return {.issuer = std::string(jwt::kIssuer),
          .audiences = {"shop"},
          .jwks = std::move(keys),
          .algorithms = {},
          .leeway = {},
          .from = {},
          .claim_headers = {}};
}

inline JwtUse tokens_of(std::vector<std::string> providers, bool required = true) {
  return {.providers = std::move(providers), .required = required};
}

inline ServicePort asking(ServicePort port, JwtUse use) {
  port.jwt = std::move(use);
  return port;
}

// Claims of a token with these members, as they are after it was verified.
inline jwt::Claims claims(const std::string& members) {
  static jwt::Gate gate(jwt::all_keys());
  const std::string token = jwt::signer(jwt::Algorithm::kEdDsa)
                                .token(jwt::signer(jwt::Algorithm::kEdDsa).header("EdDSA"),
                                       jwt::payload("\"exp\":1800000060," + members));
  auto verified = gate.verifier->verify(token, jwt::kNow);
  EXPECT_TRUE(verified.has_value());
  return std::move(*verified);
}

}  // namespace heddle::policy::test
