// Keys, certificates and revocation lists as PEM text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ca/secret_text.h"
#include "openssl.h"

namespace heddle::ca {

// Without a pass phrase (PKCS #8).
Result<SecretText> pem_of_key(EVP_PKEY* key);
Result<KeyPtr> key_of_pem(const std::string& pem);

Result<std::string> pem_of_certificate(X509* certificate);
// The first one; what is behind it is not looked at.
Result<CertificatePtr> certificate_of_pem(const std::string& pem);

Result<std::string> pem_of_crl(X509_CRL* crl);
// All of them; none is no error.
Result<std::vector<CrlPtr>> crls_of_pem(const std::string& pem);

}  // namespace heddle::ca
