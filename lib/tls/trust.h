// Trust: the bundles by trust domain, and the judgement of a peer's certificates.
#pragma once

#include <map>
#include <string>

#include "core/result.h"
#include "openssl_ptr.h"
#include "tls/config.h"
#include "tls/refusal.h"

namespace heddle::tls {

struct Judged {
  Refusal refusal = Refusal::kNone;
  std::string identity;  // the SPIFFE ID, where there is one
};

struct Presented {
  X509* certificate;
  STACK_OF(X509) * chain;  // what the peer sent with it; may be null
  std::string_view name;   // what the server is to be called, with kName
};

class Trust {
 public:
  static Result<Trust> create(OSSL_LIB_CTX* library, const Config& config);

  // The whole chain, at the time `at`.
  Judged judge(const Presented& presented, UnixTime at) const;
  // Of a resumed session, whose chain was judged before: identity and validity of the certificate.
  Judged judge_again(X509* certificate, UnixTime at) const;

 private:
  struct Bundle {
    X509StorePtr store;
    bool has_crl = false;
  };
  const Bundle* find(std::string_view trust_domain) const;
  Refusal verify(const Bundle& bundle, const Presented& presented, UnixTime at) const;
  Judged identify(X509* certificate) const;

  OSSL_LIB_CTX* library_ = nullptr;
  PeerCheck check_ = PeerCheck::kNone;
  Role own_role_ = Role::kServer;
  uint32_t max_intermediates_ = 0;
  std::vector<std::string> expected_ids_;
  std::map<std::string, Bundle, std::less<>> bundles_;
};

// The SPIFFE ID that a certificate is for, or why it is for none.
Judged identity_of(X509* certificate);

// All certificates of a PEM text, in order; none at all is an error.
Result<std::vector<X509Ptr>> parse_certificates(OSSL_LIB_CTX* library, const std::string& pem);

}  // namespace heddle::tls
