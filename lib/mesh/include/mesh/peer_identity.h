// PeerIdentity: who a client of TLS has shown to be, kept for as long as its connection.
#pragma once

#include <memory>
#include <string>

#include "mesh/tls_end.h"
#include "tls/spiffe.h"

namespace heddle::mesh {

struct PeerIdentity {
  std::string id;       // a SPIFFE ID that was verified
  tls::SpiffeId parts;  // views into it

  // Null: it has shown none.
  static std::unique_ptr<const PeerIdentity> of(const TlsEnd* end) {
    if (end == nullptr || end->agreed() == nullptr) return nullptr;
    if (end->agreed()->peer_identity.empty()) return nullptr;
    auto made = std::make_unique<PeerIdentity>();
    made->id = end->agreed()->peer_identity;
    const auto parts = tls::parse_spiffe_id(made->id);
    if (!parts) return nullptr;
    made->parts = *parts;
    return made;
  }
};

}  // namespace heddle::mesh
