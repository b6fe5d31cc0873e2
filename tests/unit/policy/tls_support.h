// TLS for tests of policy: a maker that counts, and resources with TLS in a line each.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "resources.h"

namespace heddle::policy::test {

// Makes everything ready but configurations with a key of "bad".
class FakeMaker final : public TlsMaker {
 public:
  Result<std::shared_ptr<const TlsReady>> make(const tls::Config& config) override {
    made.push_back(config.name);
    for (const tls::CertificateConfig& each : config.certificates)
      if (each.key_pem == "bad") return fail("certificate {}: the key is bad", each.name);
    return std::make_shared<const TlsReady>();
  }
  std::vector<std::string> made;  // names of configurations
};

inline Service with_tls(ServerTls tls, std::initializer_list<const char*> addresses = {"10.96.0.1"},
                        Forwarding forwarding = Forwarding::kProxy) {
  Service spec = service(addresses, {{"https", 443}});
  spec.forwarding = forwarding;
  spec.ports[0].tls = std::move(tls);
  return spec;
}

inline Service passing() { return with_tls({.mode = ClientTls::kPassthrough}); }

inline UpstreamTls by_name(std::string name, std::vector<std::string> trust = {"roots"}) {
  return {.server_name = std::move(name), .trust = std::move(trust)};
}

inline TrafficPolicy upstream(UpstreamTls tls, std::string of = "cart") {
  TrafficPolicy policy{.service = std::move(of)};
  policy.upstream_tls = std::move(tls);
  return policy;
}

inline Edit secret(const std::string& path, std::string key = "key") {
  return put(path, Secret{"chain of " + path, std::move(key)});
}
inline Edit bundle(const std::string& path, std::string domain, std::string crl = {}) {
  return put(path, TrustBundle{std::move(domain), "roots of " + path, std::move(crl)});
}

// A world where TLS can be made.
class TlsWorld {
 public:
  FakeMaker maker;
  World world{Limits(), node(), &maker};
};

}  // namespace heddle::policy::test
