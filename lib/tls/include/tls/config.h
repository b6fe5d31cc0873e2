// What TLS on one kind of connection is to be: plain values, compiled into a Context.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"
#include "core/unix_time.h"
#include "tls/role.h"
#include "tls/suite.h"

namespace heddle::tls {

using heddle::UnixTime;

enum class PeerCheck : uint8_t {
  kNone,    // a server that asks for no certificate; a client that takes any (tests only)
  kSpiffe,  // the peer must have an X.509-SVID of a known trust domain
  kName,    // client: the server's certificate must cover its name (RFC 9525)
};

struct CertificateConfig {
  std::string name;       // of the resource, for messages
  std::string chain_pem;  // the certificate first, then its intermediates
  std::string key_pem;
  friend bool operator==(const CertificateConfig&, const CertificateConfig&) = default;
};

struct TrustConfig {
  std::string trust_domain;  // unused with kName
  std::string roots_pem;
  std::string crl_pem;  // when not empty, every peer's certificate is looked up in it
  friend bool operator==(const TrustConfig&, const TrustConfig&) = default;
};

struct Config {
  std::string name;  // for messages
  Role role = Role::kServer;
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::vector<SuiteId> suites;  // in order of preference; empty: all
  std::vector<std::string> groups = {"X25519", "P-256"};
  std::vector<std::string> alpn;  // in order of preference; empty: none
  // A server picks by SNI, the names being those in the certificates; the first is the default.
  // Certificates of the same name may differ in their kind of key. A client uses the first.
  std::vector<CertificateConfig> certificates;
  // Not empty: the SPIFFE ID that all certificates must be of.
  std::string own_id;
  bool known_names_only = false;  // server: refuse an SNI that no certificate covers
  PeerCheck peer = PeerCheck::kNone;
  std::vector<TrustConfig> trust;
  std::vector<std::string>
      expected_ids;  // with kSpiffe: if not empty, the peer must be one of them
  uint32_t max_intermediates = 3;
  uint32_t tickets = 1;            // server: of a TLS 1.3 handshake; 0: no resumption
  uint32_t max_bytes = 64 * 1024;  // of a handshake, from the peer
  uint32_t max_records = 64;
  Duration timeout = seconds(10);
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace heddle::tls
