#include "explain_identity.h"

#include <algorithm>

namespace heddle::server {

void tell_unshown(const policy::PeerId& shown, Telling& telling) {
  telling.line("identity", "{} is shown by TLS, which does not end here: it counts for nothing",
               shown.id);
}

std::string show_identity(const policy::Frontend& frontend, const policy::PeerId& shown,
                          policy::Flow& flow, Telling& telling) {
  // A neighbour on this node is known by its port, and nothing is asked of it.
  const bool by_port = frontend.of_workload && flow.identified;
  if (frontend.tls_in == nullptr || by_port) {
    tell_unshown(shown, telling);
    return {};
  }
  const tls::Config& config = frontend.tls_in->config;
  if (config.peer != tls::PeerCheck::kSpiffe) {
    telling.line("identity", "{} counts for nothing: the port asks clients for no certificate",
                 shown.id);
    return {};
  }
  const auto is_domain = [&](const tls::TrustConfig& each) {
    return each.trust_domain == shown.trust_domain;
  };
  if (std::ranges::none_of(config.trust, is_domain)) {
    telling.line("identity", "refused in the handshake: no TrustBundle of the port is for {}",
                 shown.trust_domain);
    return "tls.unknown_trust_domain";
  }
  const auto& expected = config.expected_ids;
  if (!expected.empty() && std::ranges::find(expected, shown.id) == expected.end()) {
    telling.line("identity", "refused in the handshake: {} is none of the port's client_ids",
                 shown.id);
    return "tls.not_expected_peer";
  }
  telling.line("identity", "{}, where its certificate is good", shown.id);
  flow.peer = shown;
  return {};
}

std::string tell_network(const policy::Snapshot& snapshot, const policy::Flow& flow,
                         Telling& telling) {
  const policy::Networks::Identity* known = policy::by_address(snapshot, flow);
  if (known == nullptr) return {};
  telling.line("identity", "{}/{} by its address alone (NetworkIdentity {}/{})", known->ns,
               known->service_account, known->ns, known->name);
  return known->text;
}

}  // namespace heddle::server
