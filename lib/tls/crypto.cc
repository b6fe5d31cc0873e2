#include "tls/crypto.h"

#include <intel-ipsec-mb.h>

#include <cstring>

#include "core/check.h"

namespace heddle::tls {

void wipe(MutableBytes bytes) { explicit_bzero(bytes.data(), bytes.size()); }

bool same_tag(const uint8_t* a, const uint8_t* b) {
  uint64_t left[2];
  uint64_t right[2];
  std::memcpy(left, a, kTagSize);
  std::memcpy(right, b, kTagSize);
  return ((left[0] ^ right[0]) | (left[1] ^ right[1])) == 0;
}

void Crypto::Free::operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }

Result<Crypto> Crypto::create() {
  IMB_MGR* manager = alloc_mb_mgr(0);
  if (manager == nullptr) return fail("TLS: no memory for IPsec-MB");
  Crypto crypto(manager);
  init_mb_mgr_auto(manager, nullptr);
  if (imb_get_errno(manager) != 0 || (manager->features & IMB_FEATURE_AESNI) == 0)
    return fail("TLS: the processor lacks AES instructions, which IPsec-MB needs");
  return crypto;
}

void Crypto::hmac(Hash hash, Bytes key, Bytes message, uint8_t* out) const {
  const size_t block = hash == Hash::kSha256 ? 64 : 128;
  const size_t size = hash_size(hash);
  HEDDLE_CHECK(key.size() <= block && message.size() <= kMaxMessage, "HMAC of too many bytes");
  const auto digest = [&](const uint8_t* from, size_t bytes, uint8_t* to) {
    if (hash == Hash::kSha256) {
      IMB_SHA256(manager_.get(), from, bytes, to);
    } else {
      IMB_SHA384(manager_.get(), from, bytes, to);
    }
  };
  uint8_t inner[128 + kMaxMessage];
  uint8_t outer[128 + 48];
  std::memset(inner, 0x36, block);
  std::memset(outer, 0x5c, block);
  for (size_t i = 0; i < key.size(); ++i) {
    inner[i] ^= key[i];
    outer[i] ^= key[i];
  }
  if (!message.empty()) std::memcpy(inner + block, message.data(), message.size());
  digest(inner, block + message.size(), outer + block);
  digest(outer, block + size, out);
  wipe(inner);
  wipe(outer);
}

void Crypto::expand(Aead aead, const uint8_t* key, gcm_key_data& expanded) const {
  if (aead == Aead::kAes128Gcm) {
    IMB_AES128_GCM_PRE(manager_.get(), key, &expanded);
  } else {
    IMB_AES256_GCM_PRE(manager_.get(), key, &expanded);
  }
}

}  // namespace heddle::tls
