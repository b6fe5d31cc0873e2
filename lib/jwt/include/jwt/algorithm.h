// The signature algorithms that are taken (RFC 7518 3.1, RFC 8037 3.1): those with a public key and
// one form of it each, so that a key fits one algorithm alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace heddle::jwt {

enum class Algorithm : uint8_t {
  kRs256,  // RSASSA-PKCS1-v1_5 with SHA-256, RSA of 2,048 to 8,192 bits
  kEs256,  // ECDSA on P-256 with SHA-256
  kEdDsa,  // Ed25519
};

inline constexpr std::array<std::string_view, 3> kAlgorithmNames{"RS256", "ES256", "EdDSA"};

constexpr std::string_view name_of(Algorithm algorithm) {
  return kAlgorithmNames[static_cast<size_t>(algorithm)];
}
// As in `alg`: with its case.
constexpr std::optional<Algorithm> parse_algorithm(std::string_view name) {
  for (size_t i = 0; i < kAlgorithmNames.size(); ++i)
    if (kAlgorithmNames[i] == name) return static_cast<Algorithm>(i);
  return {};
}

}  // namespace heddle::jwt
