#include "pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace heddle::ca {
namespace {

BioPtr reader(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// No pass phrase is asked for: a key that has one is refused.
int no_pass_phrase(char*, int, int, void*) { return -1; }

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

}  // namespace

std::unexpected<Error> openssl_failed(std::string_view what) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return fail("cannot {}: {}", what, reason == nullptr ? "OpenSSL gives no reason" : reason);
}

Result<SecretText> pem_of_key(EVP_PKEY* key) {
  // Wipes its buffer when it ends.
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_failed("write a private key");
  return SecretText(text_of(bio.get()));
}

Result<KeyPtr> key_of_pem(const std::string& pem) {
  KeyPtr key(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_pass_phrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) return fail("no PEM private key without pass phrase in it");
  return key;
}

Result<std::string> pem_of_certificate(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1)
    return openssl_failed("write a certificate");
  return text_of(bio.get());
}

Result<CertificatePtr> certificate_of_pem(const std::string& pem) {
  CertificatePtr made(PEM_read_bio_X509(reader(pem).get(), nullptr, no_pass_phrase, nullptr));
  ERR_clear_error();
  if (made == nullptr) return fail("no PEM certificate in it");
  return made;
}

Result<std::string> pem_of_crl(X509_CRL* crl) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509_CRL(bio.get(), crl) != 1)
    return openssl_failed("write a revocation list");
  return text_of(bio.get());
}

Result<std::vector<CrlPtr>> crls_of_pem(const std::string& pem) {
  const BioPtr bio = reader(pem);
  std::vector<CrlPtr> all;
  while (CrlPtr each{PEM_read_bio_X509_CRL(bio.get(), nullptr, no_pass_phrase, nullptr)})
    all.push_back(std::move(each));
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
    return fail("revocation list {} of it cannot be read", all.size() + 1);
  return all;
}

}  // namespace heddle::ca
