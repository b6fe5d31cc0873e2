#include "signer.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <array>
#include <vector>

#include "core/check.h"

namespace heddle::jwt {

std::string base64url(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  uint32_t bits = 0;
  int waiting = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    for (waiting += 8; waiting >= 6; waiting -= 6) text += kAlphabet[bits >> (waiting - 6) & 63];
  }
  if (waiting > 0) text += kAlphabet[bits << (6 - waiting) & 63];
  return text;
}

Signer::Signer(Algorithm algorithm, unsigned rsa_bits) : algorithm_(algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256:
      key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{rsa_bits}));
      break;
    case Algorithm::kEs256:
      key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
      break;
    case Algorithm::kEdDsa:
      key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
  }
  HEDDLE_CHECK(key_ != nullptr, "no key is made");
}

std::string Signer::number(const char* name) const {
  BIGNUM* number = nullptr;
  HEDDLE_CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &number) == 1, "a key lacks a number");
  const int size = algorithm_ == Algorithm::kEs256 ? 32 : BN_num_bytes(number);
  std::string bytes(static_cast<size_t>(size), '\0');
  BN_bn2binpad(number, reinterpret_cast<uint8_t*>(bytes.data()), size);
  BN_free(number);
  return base64url(bytes);
}

std::string Signer::jwk(std::string_view more) const {
  std::string text;
  switch (algorithm_) {
    case Algorithm::kRs256:
      text = R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
             number(OSSL_PKEY_PARAM_RSA_E) + '"';
      break;
    case Algorithm::kEs256:
      text = R"({"kty":"EC","crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X) +
             R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y) + '"';
      break;
    case Algorithm::kEdDsa: {
      std::array<uint8_t, 32> raw;
      size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size);
      text = R"({"kty":"OKP","crv":"Ed25519","x":")" +
             base64url({reinterpret_cast<const char*>(raw.data()), size}) + '"';
    }
  }
  return text + (more.empty() ? "" : ",") + std::string(more) + "}";
}

std::string Signer::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const char* digest = algorithm_ == Algorithm::kEdDsa ? nullptr : "SHA256";
  EVP_DigestSignInit_ex(context.get(), nullptr, digest, nullptr, nullptr, key_.get(), nullptr);
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  size_t size = 0;
  EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
  std::vector<uint8_t> signature(size);
  const int done = EVP_DigestSign(context.get(), signature.data(), &size, bytes, text.size());
  HEDDLE_CHECK(done == 1, "nothing is signed");
  if (algorithm_ == Algorithm::kEs256) {
    const uint8_t* der = signature.data();
    ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
    size = 64;
    std::vector<uint8_t> flat(size);
    BN_bn2binpad(ECDSA_SIG_get0_r(parts), flat.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts), flat.data() + 32, 32);
    ECDSA_SIG_free(parts);
    signature = flat;
  }
  return {reinterpret_cast<const char*>(signature.data()), size};
}

std::string Signer::public_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, key_.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

std::string Signer::header(std::string_view kid) const {
  return R"({"alg":")" + std::string(name_of(algorithm_)) + '"' +
         (kid.empty() ? "" : R"(,"kid":")" + std::string(kid) + '"') + "}";
}

std::string Signer::token(std::string_view header, std::string_view payload) const {
  const std::string text = base64url(header) + "." + base64url(payload);
  return text + "." + base64url(sign(text));
}

std::string Signer::token(std::string_view payload) const { return token(header(), payload); }

const Signer& signer(Algorithm algorithm) {
  static const std::array<Signer, 3> signers{Signer(Algorithm::kRs256), Signer(Algorithm::kEs256),
                                             Signer(Algorithm::kEdDsa)};
  return signers[static_cast<size_t>(algorithm)];
}

std::string key_set(std::initializer_list<std::string> jwks) {
  std::string text;
  for (const std::string& jwk : jwks) text += (text.empty() ? "" : ",") + jwk;
  return R"({"keys":[)" + text + "]}";
}

Rules test_rules() {
  Rules rules;
  rules.issuer = kIssuer;
  rules.audiences = {"shop", "till"};
  return rules;
}

std::string payload(std::string_view more) {
  return R"({"iss":"https://issuer.example","aud":"shop")" + std::string(more.empty() ? "" : ",") +
         std::string(more) + "}";
}

}  // namespace heddle::jwt
