#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

namespace heddle::jwt {

namespace {

constexpr size_t kHalf = 32;  // of an ECDSA signature: r, then s

PkeyPtr from_params(OSSL_LIB_CTX* library, const char* kind, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(library, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (params != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return PkeyPtr(key);
}

PkeyPtr load_rsa(OSSL_LIB_CTX* library, const PublicKey& key) {
  const BnPtr modulus(BN_bin2bn(key.bytes.data(), static_cast<int>(key.bytes.size()), nullptr));
  const BnPtr exponent(BN_new());
  const ParamBldPtr builder(OSSL_PARAM_BLD_new());
  if (modulus == nullptr || exponent == nullptr || builder == nullptr ||
      BN_set_word(exponent.get(), key.exponent) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  return from_params(library, "RSA", builder.get());
}

PkeyPtr load_p256(OSSL_LIB_CTX* library, const PublicKey& key) {
  const ParamBldPtr builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, key.bytes.data(),
                                       key.bytes.size()) != 1)
    return nullptr;
  return from_params(library, "EC", builder.get());
}

// A DER INTEGER: no zeros in front, but for one before a first bit that is set (X.690 8.3).
size_t put_integer(uint8_t* out, std::span<const uint8_t> number) {
  while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
  const bool pad = (number.front() & 0x80) != 0;
  size_t at = 0;
  out[at++] = 0x02;
  out[at++] = static_cast<uint8_t>(number.size() + (pad ? 1 : 0));
  if (pad) out[at++] = 0;
  std::ranges::copy(number, out + at);
  return at + number.size();
}

// JWS has r and s side by side (RFC 7518 3.4), OpenSSL wants Ecdsa-Sig-Value (RFC 3279 2.2.3).
struct EcdsaDer {
  std::array<uint8_t, 2 + 2 * (2 + 1 + kHalf)> bytes;
  size_t size = 0;

  explicit EcdsaDer(std::span<const uint8_t> signature) {
    size = 2;
    size += put_integer(&bytes[size], signature.first(kHalf));
    size += put_integer(&bytes[size], signature.last(kHalf));
    bytes[0] = 0x30;
    bytes[1] = static_cast<uint8_t>(size - 2);
  }
};

}  // namespace

PkeyPtr load_key(OSSL_LIB_CTX* library, const PublicKey& key) {
  PkeyPtr loaded;
  switch (key.algorithm) {
    case Algorithm::kRs256:
      loaded = load_rsa(library, key);
      break;
    case Algorithm::kEs256:
      loaded = load_p256(library, key);
      break;
    case Algorithm::kEdDsa:
      loaded.reset(EVP_PKEY_new_raw_public_key_ex(library, "ED25519", nullptr, key.bytes.data(),
                                                  key.bytes.size()));
      break;
  }
  ERR_clear_error();
  return loaded;
}

bool is_sound(OSSL_LIB_CTX* library, EVP_PKEY* key) {
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(library, key, nullptr));
  const bool sound = context != nullptr && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  return sound;
}

std::optional<SignatureKey> SignatureKey::load(const Library::Parts& library,
                                               const PublicKey& key) {
  SignatureKey made;
  made.algorithm_ = key.algorithm;
  made.kid_ = key.kid;
  made.signature_bytes_ = key.algorithm == Algorithm::kRs256 ? key.bytes.size() : 2 * kHalf;
  made.library_ = library.library.get();
  made.key_ = load_key(made.library_, key);
  if (made.key_ == nullptr) return {};
  return made;
}

Verdict SignatureKey::verify(EVP_MD_CTX* context, std::span<const uint8_t> text,
                             std::span<const uint8_t> signature) const {
  if (signature.size() != signature_bytes_) return Verdict::kBad;
  EVP_MD_CTX_reset(context);
  EVP_PKEY_CTX* options = nullptr;  // the context's own
  const char* digest = algorithm_ == Algorithm::kEdDsa ? nullptr : "SHA256";
  if (EVP_DigestVerifyInit_ex(context, &options, digest, library_, nullptr, key_.get(), nullptr) !=
          1 ||
      (algorithm_ == Algorithm::kRs256 &&
       EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PADDING) != 1)) {
    ERR_clear_error();
    return Verdict::kFailed;
  }
  int good = 0;
  if (algorithm_ == Algorithm::kEs256) {
    const EcdsaDer der(signature);
    good = EVP_DigestVerify(context, der.bytes.data(), der.size, text.data(), text.size());
  } else {
    good = EVP_DigestVerify(context, signature.data(), signature.size(), text.data(), text.size());
  }
  ERR_clear_error();
  return good == 1 ? Verdict::kGood : Verdict::kBad;
}

}  // namespace heddle::jwt
