#include "peer_calls.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "utf8.h"
#include "walk_parts.h"

namespace heddle::server {
namespace {

constexpr size_t kMostNames = 16;  // of one peer

// What one peer's connections have in common, and what not.
struct PeerSums {
  uint64_t accepted = 0, opened = 0, longest_ms = 0, idle_ms = UINT64_MAX;
  std::set<uint32_t> frontends;
  std::set<std::string> protocols;
  std::string_view version;

  void add(const ConnectionInfo& connection) {
    ++(connection.accepted ? accepted : opened);
    longest_ms = std::max(longest_ms, connection.age_ms);
    idle_ms = std::min(idle_ms, connection.idle_ms);
    if (connection.frontend != policy::kNoSlot && frontends.size() < kMostNames)
      frontends.insert(connection.frontend);
    if (const auto alpn = connection.tls.alpn.text();
        !alpn.empty() && protocols.size() < kMostNames)
      protocols.insert(valid_utf8(alpn));
    // "TLSv1.2" is before "TLSv1.3".
    if (version.empty() || connection.tls.version < version) version = connection.tls.version;
  }

  void tell(const FlowNames& names, v1::Peer& to) const {
    to.set_accepted(accepted);
    to.set_opened(opened);
    std::set<std::string> services;
    for (const uint32_t frontend : frontends) services.insert(names.text(frontend));
    for (const std::string& service : services) to.add_services(service);
    for (const std::string& protocol : protocols) to.add_protocols(protocol);
    to.set_tls_version(std::string(version));
    to.set_longest_ms(longest_ms);
    to.set_idle_ms(idle_ms);
  }
};

}  // namespace

grpc::Status list_peers(NodeView& view, const FlowNames& names, const GoOn& go_on,
                        const v1::ListPeersRequest& request, v1::ListPeersResponse& response) {
  if (auto status = refuse_newer(request, request); !status.ok()) return status;
  std::map<std::pair<std::string, policy::IpAddress>, PeerSums> peers;
  std::set<std::pair<std::string, policy::IpAddress>> others;
  uint64_t anonymous = 0, plaintext = 0, handshakes = 0;
  const FlowWalk walk = view.walk_connections({}, go_on, [&](const ConnectionInfo& connection) {
    if (connection.tls.state == ConnectionTls::State::kNone) {
      ++plaintext;
    } else if (connection.tls.state == ConnectionTls::State::kHandshake) {
      ++handshakes;
    } else if (connection.tls.peer_identity.text().empty()) {
      ++anonymous;
    } else {
      std::pair key(valid_utf8(connection.tls.peer_identity.text()), connection.remote.address);
      const auto known = peers.find(key);
      if (known != peers.end())
        known->second.add(connection);
      else if (peers.size() < kMostRows)
        peers[std::move(key)].add(connection);
      else if (others.size() < kMostRows)
        others.insert(std::move(key));
    }
  });
  for (const auto& [key, sums] : peers) {
    v1::Peer& peer = *response.add_peers();
    peer.set_identity(key.first);
    peer.set_address(key.second.text());
    sums.tell(names, peer);
  }
  response.set_left_out(others.size());
  response.set_anonymous(anonymous);
  response.set_plaintext(plaintext);
  response.set_handshakes(handshakes);
  tell_end(walk, response);
  return grpc::Status::OK;
}

}  // namespace heddle::server
