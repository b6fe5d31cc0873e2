// Public keys as OpenSSL has them, and signatures by them (RFC 7518 3.3 and 3.4, RFC 8037 3.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "jwt/key_set.h"
#include "openssl_ptr.h"

namespace heddle::jwt {

inline constexpr size_t kMaxSignature = kMaxRsaBits / 8;

// A key that OpenSSL has taken. Null when its numbers are none of its kind: a point that is not on
// the curve.
PkeyPtr load_key(OSSL_LIB_CTX* library, const PublicKey& key);
// Whether a loaded key is worth using: an RSA modulus that is odd, composite and has no small
// factors. Takes milliseconds.
bool is_sound(OSSL_LIB_CTX* library, EVP_PKEY* key);

enum class Verdict : uint8_t { kGood, kBad, kFailed };

class SignatureKey {
 public:
  static std::optional<SignatureKey> load(const Library::Parts& library, const PublicKey& key);

  Algorithm algorithm() const { return algorithm_; }
  const std::optional<std::string>& kid() const { return kid_; }
  // `context` is any; it is left in any state. A signature of another length than the key's is bad.
  Verdict verify(EVP_MD_CTX* context, std::span<const uint8_t> text,
                 std::span<const uint8_t> signature) const;

 private:
  SignatureKey() = default;
  Algorithm algorithm_ = Algorithm::kRs256;
  std::optional<std::string> kid_;
  size_t signature_bytes_ = 0;
  OSSL_LIB_CTX* library_ = nullptr;
  PkeyPtr key_;
};

}  // namespace heddle::jwt
