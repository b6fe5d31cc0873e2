// The functions below EVP are marked as deprecated, not as leaving.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "sha256.h"

namespace heddle::jwt {

Sha256::Sha256() { SHA256_Init(&state_); }

void Sha256::add(std::span<const uint8_t> bytes) {
  SHA256_Update(&state_, bytes.data(), bytes.size());
}

TokenDigest Sha256::digest() const {
  SHA256_CTX last = state_;
  TokenDigest digest;
  SHA256_Final(digest.data(), &last);
  return digest;
}

}  // namespace heddle::jwt
