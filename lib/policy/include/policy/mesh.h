// The mesh: how connections between workloads of different nodes are protected. A workload under a
// MeshPolicy is a service of itself: on its own node connections to it end and their TLS, on others
// they end and TLS towards it begins.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "policy/resource.h"
#include "policy/tls.h"

namespace heddle::policy {

// Inside TLS between nodes: bytes of TCP. HTTP has its own names (RFC 7301 6).
inline constexpr std::string_view kMeshTcpAlpn = "heddle-tcp";

// How connections to a workload's ports are protected.
struct MeshModes {
  MeshTls tls = MeshTls::kDisable;
  std::map<uint16_t, MeshTls> ports;  // that differ
  MeshTls at(uint16_t port) const {
    if (ports.empty()) return tls;
    const auto found = ports.find(port);
    return found == ports.end() ? tls : found->second;
  }
  // Whether any port is as the mode says.
  bool any(MeshTls mode) const;
  friend bool operator==(const MeshModes&, const MeshModes&) = default;
};

// A workload of another node.
struct MeshPeer {
  std::string id;  // the SPIFFE ID that it has to show
  MeshModes modes;
  friend bool operator==(const MeshPeer&, const MeshPeer&) = default;
};

// What a workload of this node shows to those of others. The uses are the same objects until their
// configuration changes, so connections of one identity are told by them.
struct MeshIdentity {
  std::string id, trust_domain, ns, service_account;  // a SPIFFE ID and its parts
  std::shared_ptr<const TlsUse> http2, http1, tcp;    // by what is spoken inside
  friend bool operator==(const MeshIdentity&, const MeshIdentity&) = default;
};

}  // namespace heddle::policy
