// PEM texts of certificates, keys and CRLs: whether they can be used, and what is told of them.
// Errors are sentences without the text itself, as it may be a key's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace heddle::server {

// A certificate that is not an authority's, and its intermediates behind it.
Result<> check_chain(const std::string& chain_pem);
// Whether the key is that of the chain's first certificate. The chain is one that check_chain
// takes.
Result<> check_key(const std::string& chain_pem, const std::string& key_pem);
// Certificates of authorities.
Result<> check_roots(const std::string& roots_pem);
Result<> check_crl(const std::string& crl_pem);

// Whether one of the roots has issued it, by its intermediates, and all of them were good then.
// `at`: seconds since 1970-01-01 UTC. Revocation is not looked at.
Result<> verify_chain(const std::string& chain_pem, const std::string& roots_pem, int64_t at);

struct CertificateFacts {
  std::string subject, issuer;  // "CN=cart, O=Example"
  std::vector<std::string> dns_names, uris;
  std::string key_type;                   // "EC P-256", "RSA 2048"
  std::string fingerprint;                // SHA-256, the first 16 hexadecimal digits
  int64_t not_before = 0, not_after = 0;  // seconds since 1970-01-01 UTC
};
// In the order of the text; none of what cannot be read.
std::vector<CertificateFacts> describe_certificates(const std::string& pem);

}  // namespace heddle::server
