#include "aead.h"

namespace heddle::tls {

AeadStream::AeadStream(const AeadKey& key, Direction direction, const Nonce& nonce, Bytes aad)
    : key_(key), direction_(direction) {
  switch (key.aead) {
    case Aead::kAes128Gcm:
      IMB_AES128_GCM_INIT(key.manager, key.gcm, &gcm_, nonce.data(), aad.data(), aad.size());
      break;
    case Aead::kAes256Gcm:
      IMB_AES256_GCM_INIT(key.manager, key.gcm, &gcm_, nonce.data(), aad.data(), aad.size());
      break;
    case Aead::kChaCha20Poly1305:
      IMB_CHACHA20_POLY1305_INIT(key.manager, key.raw, &chacha_, nonce.data(), aad.data(),
                                 aad.size());
      break;
  }
}

void AeadStream::add(uint8_t* text, size_t size) {
  const bool seal = direction_ == Direction::kSeal;
  IMB_MGR* manager = key_.manager;
  switch (key_.aead) {
    case Aead::kAes128Gcm:
      (seal ? manager->gcm128_enc_update : manager->gcm128_dec_update)(key_.gcm, &gcm_, text, text,
                                                                       size);
      break;
    case Aead::kAes256Gcm:
      (seal ? manager->gcm256_enc_update : manager->gcm256_dec_update)(key_.gcm, &gcm_, text, text,
                                                                       size);
      break;
    case Aead::kChaCha20Poly1305:
      (seal ? manager->chacha20_poly1305_enc_update : manager->chacha20_poly1305_dec_update)(
          key_.raw, &chacha_, text, text, size);
      break;
  }
}

void AeadStream::finish(uint8_t* tag) {
  const bool seal = direction_ == Direction::kSeal;
  IMB_MGR* manager = key_.manager;
  switch (key_.aead) {
    case Aead::kAes128Gcm:
      (seal ? manager->gcm128_enc_finalize : manager->gcm128_dec_finalize)(key_.gcm, &gcm_, tag,
                                                                           kTagSize);
      break;
    case Aead::kAes256Gcm:
      (seal ? manager->gcm256_enc_finalize : manager->gcm256_dec_finalize)(key_.gcm, &gcm_, tag,
                                                                           kTagSize);
      break;
    case Aead::kChaCha20Poly1305:
      manager->chacha20_poly1305_finalize(&chacha_, tag, kTagSize);
      break;
  }
}

void run_aead(const AeadKey& key, Direction direction, const Nonce& nonce, Bytes aad,
              MutableBytes text, uint8_t* tag) {
  if (key.aead == Aead::kChaCha20Poly1305) {
    AeadStream stream(key, direction, nonce, aad);
    if (!text.empty()) stream.add(text.data(), text.size());
    stream.finish(tag);
    return;
  }
  const bool seal = direction == Direction::kSeal;
  const aes_gcm_enc_dec_t run = key.aead == Aead::kAes128Gcm
                                    ? (seal ? key.manager->gcm128_enc : key.manager->gcm128_dec)
                                    : (seal ? key.manager->gcm256_enc : key.manager->gcm256_dec);
  gcm_context_data context;
  run(key.gcm, &context, text.data(), text.data(), text.size(), nonce.data(), aad.data(),
      aad.size(), tag, kTagSize);
}

}  // namespace heddle::tls
