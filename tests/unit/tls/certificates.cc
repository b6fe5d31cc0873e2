#include "certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "core/check.h"

namespace heddle::tls {

namespace {

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  HEDDLE_CHECK(extension != nullptr, "a test's extension is wrong");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

template <class Write>
std::string pem_of(Write&& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  HEDDLE_CHECK(write(bio) == 1, "PEM is not written");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

int64_t next_serial() {
  static int64_t serial = 1000;
  return ++serial;
}

}  // namespace

KeyPtr make_key(KeyKind kind) {
  return KeyPtr(kind == KeyKind::kP256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048u));
}

Issued issue(const Wanted& wanted, const Issued* issuer, KeyKind kind) {
  Issued made{CertificatePtr(X509_new()), make_key(kind)};
  X509* x = made.certificate.get();
  X509* by = issuer == nullptr ? x : issuer->certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(x), next_serial());
  ASN1_TIME_set(X509_getm_notBefore(x), wanted.not_before);
  ASN1_TIME_set(X509_getm_notAfter(x), wanted.not_after);
  X509_set_pubkey(x, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(wanted.common_name.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(by));
  add_extension(x, by, NID_basic_constraints, wanted.authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!wanted.key_usage.empty()) add_extension(x, by, NID_key_usage, wanted.key_usage);
  if (!wanted.authority && !wanted.extended_usage.empty())
    add_extension(x, by, NID_ext_key_usage, wanted.extended_usage);
  std::string alternative;
  for (const std::string& uri : wanted.uris) alternative += ",URI:" + uri;
  for (const std::string& name : wanted.names) alternative += ",DNS:" + name;
  if (!alternative.empty()) add_extension(x, by, NID_subject_alt_name, alternative.substr(1));
  X509_sign(x, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

Issued make_authority(const std::string& name, const Issued* issuer) {
  return issue(
      {.common_name = name, .authority = true, .key_usage = "critical,keyCertSign,cRLSign"},
      issuer);
}

std::string Issued::pem() const {
  return pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

std::string Issued::key_pem() const {
  return pem_of([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string make_crl(const Issued& issuer, const std::vector<const Issued*>& revoked,
                     int64_t last_update, int64_t next_update) {
  X509_CRL* crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.certificate.get()));
  ASN1_TIME* time = ASN1_TIME_set(nullptr, last_update);
  X509_CRL_set1_lastUpdate(crl, time);
  ASN1_TIME_set(time, next_update);
  X509_CRL_set1_nextUpdate(crl, time);
  for (const Issued* each : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(each->certificate.get()));
    ASN1_TIME_set(time, last_update);
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl, entry);
  }
  ASN1_TIME_free(time);
  X509_CRL_sort(crl);
  X509_CRL_sign(crl, issuer.key.get(), EVP_sha256());
  std::string pem = pem_of([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, crl); });
  X509_CRL_free(crl);
  return pem;
}

}  // namespace heddle::tls
