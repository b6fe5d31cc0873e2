// Certificates and keys for tests, made when they are needed.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace heddle::tls {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using CertificatePtr = std::unique_ptr<X509, FreeCertificate>;

enum class KeyKind { kP256, kRsa2048 };

struct Wanted {
  std::string common_name = "test";
  std::vector<std::string> uris;
  std::vector<std::string> names;
  bool authority = false;
  std::string key_usage = "critical,digitalSignature";
  std::string extended_usage = "serverAuth,clientAuth";
  int64_t not_before = 1'700'000'000;
  int64_t not_after = 2'000'000'000;
};

struct Issued {
  CertificatePtr certificate;
  KeyPtr key;
  std::string pem() const;
  std::string key_pem() const;
};

KeyPtr make_key(KeyKind kind = KeyKind::kP256);
// Signed by `issuer`; by itself when that is null.
Issued issue(const Wanted& wanted, const Issued* issuer, KeyKind kind = KeyKind::kP256);
Issued make_authority(const std::string& name, const Issued* issuer = nullptr);
// An empty CRL but for the revoked ones, as PEM.
std::string make_crl(const Issued& issuer, const std::vector<const Issued*>& revoked,
                     int64_t last_update = 1'700'000'000, int64_t next_update = 2'000'000'000);

}  // namespace heddle::tls
