// What sides that speak TLS need in memory (memory_net.h).
#pragma once

#include <memory>

#include "certificates.h"
#include "memory_net.h"

namespace heddle::bench {

// An SVID for everybody, of one kind of key, and each other's authority.
struct Identities {
  explicit Identities(tls::KeyKind kind)
      : library(std::move(*tls::Library::create())), authority(tls::make_authority("bench")) {
    const tls::Issued svid = tls::issue(
        {.common_name = "svid", .uris = {"spiffe://bench.test/ns/a/sa/b"}}, &authority, kind);
    config = {.name = "bench",
              .certificates = {{"bench", svid.pem(), svid.key_pem()}},
              .peer = tls::PeerCheck::kSpiffe,
              .trust = {{.trust_domain = "bench.test", .roots_pem = authority.pem()}}};
  }
  std::shared_ptr<tls::Context> context(tls::Role role, tls::PeerCheck peer) const {
    tls::Config its = config;
    its.role = role;
    its.peer = peer;
    return std::move(*tls::Context::create(*library, its));
  }
  std::shared_ptr<tls::Context> client() const {
    return context(tls::Role::kClient, tls::PeerCheck::kSpiffe);
  }
  std::shared_ptr<tls::Context> server(bool mutual) const {
    return context(tls::Role::kServer, mutual ? tls::PeerCheck::kSpiffe : tls::PeerCheck::kNone);
  }

  std::unique_ptr<tls::Library> library;
  tls::Issued authority;
  tls::Config config;
};

inline mesh::TlsWork work_of(Side& side) {
  mesh::TlsWork work;
  work.records = std::move(*tls::RecordContext::create({}, side.transport.pieces(), side.buffers));
  work.wall = [] { return tls::UnixTime(1'800'000'000); };
  return work;
}

}  // namespace heddle::bench
