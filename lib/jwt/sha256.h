// SHA-256 (FIPS 180-4) without heap memory: OpenSSL's EVP takes some for each digest.
#pragma once

#include <openssl/sha.h>

#include <cstdint>
#include <span>

#include "jwt/verifier.h"

namespace heddle::jwt {

class Sha256 {
 public:
  Sha256();
  void add(std::span<const uint8_t> bytes);
  // Of all that was added; more may be added behind.
  TokenDigest digest() const;

 private:
  SHA256_CTX state_;
};

}  // namespace heddle::jwt
