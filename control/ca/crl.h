// Revocation lists (RFC 5280 5): one for each issuer of certificates that have not ended.
#pragma once

#include <string>
#include <vector>

#include "certificate.h"

namespace heddle::ca {

struct RevokedSerial {
  std::string serial;
  UnixTime at{};
};

struct CrlWanted {
  uint64_t number = 0;  // above that of each list before
  Validity update;      // thisUpdate, nextUpdate
  std::vector<RevokedSerial> revoked;
};

Result<CrlPtr> make_crl(const CrlWanted& wanted, const Signer& by);

bool lists(X509_CRL* crl, const std::string& serial);
// Whether it is the list of this issuer, signed by it.
bool is_crl_of(X509_CRL* crl, X509* issuer);
UnixTime next_update_of(const X509_CRL* crl);

}  // namespace heddle::ca
