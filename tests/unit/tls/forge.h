// Records as a peer with the right keys could make them, right or wrong, by OpenSSL's EVP.
#pragma once

#include <openssl/evp.h>

#include <cstring>
#include <vector>

#include "core/check.h"
#include "core/endian.h"
#include "tls/key_schedule.h"
#include "tls/record_header.h"

namespace heddle::tls {

using ByteVector = std::vector<uint8_t>;

inline const EVP_CIPHER* cipher_of(Aead aead) {
  switch (aead) {
    case Aead::kAes128Gcm:
      return EVP_aes_128_gcm();
    case Aead::kAes256Gcm:
      return EVP_aes_256_gcm();
    default:
      return EVP_chacha20_poly1305();
  }
}

// A whole record under `keys`, whose sequence moves on. In 1.3 `inner` ends with the content type
// and padding; in 1.2 `type` is the record's.
inline ByteVector forge(const Suite& suite, TrafficKeys& keys, ByteVector inner,
                        uint8_t type = 23) {
  const size_t sent = explicit_nonce_size(suite);
  ByteVector record(kHeaderSize + sent + inner.size() + kTagSize);
  record[0] = type;
  store_be<uint16_t>(record.data() + 1, 0x0303);
  store_be(record.data() + 3, static_cast<uint16_t>(record.size() - kHeaderSize));
  uint8_t nonce[12];
  std::memcpy(nonce, keys.iv.data(), 12);
  if (sent > 0) {
    store_be(record.data() + kHeaderSize, keys.sequence ^ 0x1234'5678'9abc'def0);
    std::memcpy(nonce + 4, record.data() + kHeaderSize, 8);
  } else {
    store_be(nonce + 4, load_be<uint64_t>(nonce + 4) ^ keys.sequence);
  }
  ByteVector additional(record.begin(), record.begin() + kHeaderSize);
  if (suite.version == Version::kTls12) {
    additional.insert(additional.begin(), 8, 0);
    store_be(additional.data(), keys.sequence);
    store_be(additional.data() + 11, static_cast<uint16_t>(inner.size()));
  }
  ++keys.sequence;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int n = 0;
  uint8_t* text = record.data() + kHeaderSize + sent;
  HEDDLE_CHECK(
      EVP_EncryptInit_ex(context, cipher_of(suite.aead), nullptr, keys.key.data(), nonce) &&
          EVP_EncryptUpdate(context, nullptr, &n, additional.data(),
                            static_cast<int>(additional.size())) &&
          EVP_EncryptUpdate(context, text, &n, inner.data(), static_cast<int>(inner.size())) &&
          EVP_EncryptFinal_ex(context, text + n, &n) &&
          EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize, text + inner.size()),
      "EVP does not seal");
  EVP_CIPHER_CTX_free(context);
  return record;
}

// Keys that both ends of a test know.
inline TrafficKeys test_keys(const Crypto& crypto, const Suite& suite, uint8_t seed) {
  if (suite.version == Version::kTls13)
    return keys_of(crypto, suite, ByteVector(hash_size(suite.hash), seed));
  const ByteVector random(32, seed);
  return keys_of_master(crypto, suite, ByteVector(48, seed), random, random).client;
}

}  // namespace heddle::tls
