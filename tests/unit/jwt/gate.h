// A verifier over some keys, ready to ask.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "jwt/verifier.h"
#include "signer.h"

namespace heddle::jwt {

inline KeySet parsed(const std::string& json) {
  auto set = KeySet::parse(json);
  EXPECT_TRUE(set) << (set ? "" : set.error().text);
  return std::move(*set);
}

struct Gate {
  explicit Gate(const std::string& jwks, const Rules& rules = test_rules())
      : library(*Library::create()), verifier(make(*library, jwks, rules)) {}

  static std::unique_ptr<Verifier> make(const Library& library, const std::string& jwks,
                                        const Rules& rules) {
    auto made = Verifier::create(library, parsed(jwks), rules);
    EXPECT_TRUE(made) << (made ? "" : made.error().text);
    return std::move(*made);
  }
  // "taken", or the refusal's name.
  std::string say(std::string_view token, UnixTime now = kNow) {
    const auto claims = verifier->verify(token, now);
    return std::string(claims ? "taken" : name_of(claims.error()));
  }

  std::unique_ptr<Library> library;
  std::unique_ptr<Verifier> verifier;
};

// All three algorithms, each with the kid of its name.
inline std::string all_keys() {
  return key_set({signer(Algorithm::kRs256).jwk(R"("kid":"RS256")"),
                  signer(Algorithm::kEs256).jwk(R"("kid":"ES256")"),
                  signer(Algorithm::kEdDsa).jwk(R"("kid":"EdDSA")")});
}

inline constexpr Algorithm kAll[] = {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa};

}  // namespace heddle::jwt
