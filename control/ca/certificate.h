// Certificates as they are made (RFC 5280; X.509-SVID for leaves), and what is read back of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ca/key_kind.h"
#include "openssl.h"
#include "tls/config.h"

namespace heddle::ca {

using tls::UnixTime;

// Clocks of peers may be behind by this much.
inline constexpr int64_t kBackdate_s = 300;
inline constexpr int64_t kDay_s = 86'400;

struct Validity {
  UnixTime not_before{}, not_after{};
};

Result<KeyPtr> make_key(KeyKind kind);

// What signs: a certificate and its key.
struct Signer {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
};

// An authority's certificate with the trust domain's own SPIFFE ID (X.509-SVID 4.1), and a name
// that no other has. Signed by itself where `by` has no certificate, else an authority for leaves
// alone (path length 0).
Result<CertificatePtr> make_authority(std::string_view trust_domain, EVP_PKEY* key,
                                      const Validity& validity, const Signer& by);

struct LeafNames {
  std::string spiffe_id;
  std::vector<std::string> dns_names;
};
// For handshakes alone, as client and as server, without a subject: names are in the extension.
Result<CertificatePtr> make_leaf(const LeafNames& names, EVP_PKEY* key, const Validity& validity,
                                 const Signer& by);

// 32 small hexadecimal digits.
std::string serial_of(const X509* certificate);
std::string serial_of(const ASN1_INTEGER* serial);
Validity validity_of(const X509* certificate);
UnixTime time_of(const ASN1_TIME* time);
std::string subject_of(const X509* certificate);
// "EC P-256", "RSA 3072".
std::string key_type_of(X509* certificate);
// Whether `issuer` has signed it.
bool is_signed_by(X509* certificate, X509* issuer);
bool is_root(X509* certificate);

// Sets the time, whatever its century (RFC 5280 4.1.2.5).
Result<TimePtr> make_time(UnixTime time);
// The digest that fits a key.
const EVP_MD* digest_for(const EVP_PKEY* key);

}  // namespace heddle::ca
