// What Library and Context are made of.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "openssl_ptr.h"
#include "tls/context.h"
#include "trust.h"

namespace heddle::tls {

struct Library::Parts {
  LibCtxPtr library;
  ProviderPtr provider;
  CipherPtr ticket_cipher;
};

struct Certificate {
  X509Ptr leaf;
  PkeyPtr key;
  std::vector<X509Ptr> chain;
};

struct Context::Parts {
  const Library::Parts* library = nullptr;
  SslCtxPtr ssl;
  std::vector<Certificate> certificates;
  // By name in lower case, or by what follows "*." of a wildcard: indices into certificates.
  std::map<std::string, std::vector<size_t>, std::less<>> exact;
  std::map<std::string, std::vector<size_t>, std::less<>> wildcard;
  Trust trust;
  std::string alpn;  // as on the wire

  // The certificates for an SNI in any case; null when none covers it.
  const std::vector<size_t>* find(std::string_view name) const;
};

// Finds the Exchange of OpenSSL's object.
int exchange_index();
// Those of OpenSSL's callbacks that a handshake answers.
void set_callbacks(SSL_CTX* ssl, Role role);

}  // namespace heddle::tls
