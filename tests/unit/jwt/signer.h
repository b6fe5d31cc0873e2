// Keys and tokens for tests, made when they are needed.
#pragma once

#include <openssl/evp.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "core/unix_time.h"
#include "jwt/algorithm.h"
#include "jwt/rules.h"

namespace heddle::jwt {

std::string base64url(std::string_view bytes);

class Signer {
 public:
  explicit Signer(Algorithm algorithm, unsigned rsa_bits = 2048);

  Algorithm algorithm() const { return algorithm_; }
  // The public key as a JWK, with more members behind: R"("kid":"a")".
  std::string jwk(std::string_view more = "") const;
  // As a JWS has it: r and s side by side with ECDSA.
  std::string sign(std::string_view text) const;
  std::string public_pem() const;
  // A token of this header and payload, whatever they are.
  std::string token(std::string_view header, std::string_view payload) const;
  // With header().
  std::string token(std::string_view payload) const;
  // The key's own alg, and this kid when it is not empty.
  std::string header(std::string_view kid = "") const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  std::string number(const char* name) const;
  Algorithm algorithm_;
  std::unique_ptr<EVP_PKEY, Free> key_;
};

// One of each algorithm for all tests, as RSA takes its time.
const Signer& signer(Algorithm algorithm);
std::string key_set(std::initializer_list<std::string> jwks);

inline constexpr UnixTime kNow{1'800'000'000};
inline constexpr std::string_view kIssuer = "https://issuer.example";
// What the rules of tests take.
Rules test_rules();
std::string payload(std::string_view more = R"("exp":1800000060)");

}  // namespace heddle::jwt
