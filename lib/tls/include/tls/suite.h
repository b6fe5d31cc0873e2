// The cipher suites that the record layer knows: AEAD only (RFC 8446 B.4, RFC 5289, RFC 7905).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::tls {

enum class Version : uint8_t { kTls12, kTls13 };
enum class Aead : uint8_t { kAes128Gcm, kAes256Gcm, kChaCha20Poly1305 };
enum class Hash : uint8_t { kSha256, kSha384 };

// An index into kSuites: what a connection remembers.
enum class SuiteId : uint8_t {
  kAes128GcmSha256,
  kAes256GcmSha384,
  kChaCha20Poly1305Sha256,
  kEcdheEcdsaAes128Gcm,
  kEcdheEcdsaAes256Gcm,
  kEcdheEcdsaChaCha20,
  kEcdheRsaAes128Gcm,
  kEcdheRsaAes256Gcm,
  kEcdheRsaChaCha20,
  kCount,
};

struct Suite {
  SuiteId id;
  uint16_t number;  // on the wire
  Version version;
  Aead aead;
  Hash hash;
  std::string_view name;     // IANA's
  std::string_view openssl;  // OpenSSL's
};

inline constexpr std::array<Suite, static_cast<size_t>(SuiteId::kCount)> kSuites{{
    {SuiteId::kAes128GcmSha256, 0x1301, Version::kTls13, Aead::kAes128Gcm, Hash::kSha256,
     "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {SuiteId::kAes256GcmSha384, 0x1302, Version::kTls13, Aead::kAes256Gcm, Hash::kSha384,
     "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
    {SuiteId::kChaCha20Poly1305Sha256, 0x1303, Version::kTls13, Aead::kChaCha20Poly1305,
     Hash::kSha256, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    {SuiteId::kEcdheEcdsaAes128Gcm, 0xc02b, Version::kTls12, Aead::kAes128Gcm, Hash::kSha256,
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {SuiteId::kEcdheEcdsaAes256Gcm, 0xc02c, Version::kTls12, Aead::kAes256Gcm, Hash::kSha384,
     "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {SuiteId::kEcdheEcdsaChaCha20, 0xcca9, Version::kTls12, Aead::kChaCha20Poly1305, Hash::kSha256,
     "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {SuiteId::kEcdheRsaAes128Gcm, 0xc02f, Version::kTls12, Aead::kAes128Gcm, Hash::kSha256,
     "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {SuiteId::kEcdheRsaAes256Gcm, 0xc030, Version::kTls12, Aead::kAes256Gcm, Hash::kSha384,
     "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {SuiteId::kEcdheRsaChaCha20, 0xcca8, Version::kTls12, Aead::kChaCha20Poly1305, Hash::kSha256,
     "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
}};

static_assert([] {
  for (size_t i = 0; i < kSuites.size(); ++i)
    if (kSuites[i].id != static_cast<SuiteId>(i)) return false;
  return true;
}());

constexpr const Suite& suite(SuiteId id) { return kSuites[static_cast<size_t>(id)]; }

// Null for a number that is not among them.
constexpr const Suite* find_suite(uint16_t number) {
  for (const Suite& each : kSuites)
    if (each.number == number) return &each;
  return nullptr;
}

constexpr size_t key_size(Aead aead) { return aead == Aead::kAes128Gcm ? 16 : 32; }
constexpr size_t hash_size(Hash hash) { return hash == Hash::kSha256 ? 32 : 48; }

inline constexpr size_t kIvSize = 12;
inline constexpr size_t kTagSize = 16;

// TLS 1.2 with GCM sends eight bytes of each nonce with its record (RFC 5288 3).
constexpr size_t explicit_nonce_size(const Suite& s) {
  return s.version == Version::kTls12 && s.aead != Aead::kChaCha20Poly1305 ? 8 : 0;
}

}  // namespace heddle::tls
