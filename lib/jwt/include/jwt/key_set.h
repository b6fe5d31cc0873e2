// KeySet: the public keys of an issuer, from a JWK Set (RFC 7517, RFC 7518 6, RFC 8037 2). Plain
// values, immutable once made: one set may be read by all threads, and each worker's Verifier makes
// OpenSSL's objects of it for itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "jwt/algorithm.h"

namespace heddle::jwt {

inline constexpr uint32_t kMaxKeySetBytes = 64 * 1024;
inline constexpr uint32_t kMaxKeys = 64;
inline constexpr uint32_t kMaxKidBytes = 256;
inline constexpr uint32_t kMinRsaBits = 2048;
inline constexpr uint32_t kMaxRsaBits = 8192;  // as much time as one signature may take

struct PublicKey {
  Algorithm algorithm = Algorithm::kRs256;
  std::optional<std::string> kid;
  // RSA: the modulus, most significant byte first; P-256: the point, uncompressed (0x04, x, y);
  // Ed25519: the 32 bytes of RFC 8032.
  std::vector<uint8_t> bytes;
  uint32_t exponent = 0;  // RSA: odd, at least 3
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

class KeySet {
 public:
  // Keys that are of another kind, use or algorithm, or broken, are left out and told in notes()
  // (RFC 7517 5). Fails on what is no JWK Set, on duplicate members, on two usable keys of one kid,
  // when no usable key is left, and on private or symmetric keys, whose place is elsewhere.
  static Result<KeySet> parse(std::string_view json);
  // What parse() would do with the set's RSA keys, in those of 2,048 bits: one of 4,096 is as much
  // as 8, one of 8,192 as 64. Of what is no JWK Set 0: parse() refuses it before.
  static uint64_t rsa_work(std::string_view json);

  std::span<const PublicKey> keys() const { return keys_; }
  // One sentence for each key that was left out, at most kMaxKeys.
  std::span<const std::string> notes() const { return notes_; }
  friend bool operator==(const KeySet& a, const KeySet& b) { return a.keys_ == b.keys_; }

 private:
  KeySet() = default;
  std::vector<PublicKey> keys_;
  std::vector<std::string> notes_;
};

}  // namespace heddle::jwt
