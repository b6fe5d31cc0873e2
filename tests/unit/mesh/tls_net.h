// The relay's net with TLS at its client and its server, or at either.
#pragma once

#include "ends.h"
#include "relay_net.h"
#include "tls_app.h"

namespace heddle::mesh {

inline std::shared_ptr<tls::Context> shared(const tls::Config& config) {
  return {tls::make_context(config)};
}

// Everybody has an SVID, and asks for one.
inline tls::Config server_config(const std::string& account = "node") {
  return {.name = account,
          .certificates = {tls::config_of(tls::workload(account))},
          .peer = tls::PeerCheck::kSpiffe,
          .trust = tls::mesh_trust()};
}
inline tls::Config client_config(const std::string& account = "client") {
  tls::Config config = server_config(account);
  config.role = tls::Role::kClient;
  return config;
}

struct TlsNet : Net {
  explicit TlsNet(const LinkSpec& near = wire(), const LinkSpec& far = wire(), uint32_t pairs = 8)
      : Net(near, far, pairs),
        client_work(tls_work(client)),
        server_work(tls_work(server)),
        tls_client(client, *client_work),
        tls_server(server, *server_work) {}
  ~TlsNet() {
    // Applications that are still there would keep pieces of their hosts.
    network.run_until(network.now() + seconds(300));
  }

  void terminate(const tls::Config& config = server_config()) {
    policy.side = ClientSide::kTls;
    policy.client_tls = shared(config);
    client.set_app(tls_client);
  }
  void originate(const tls::Config& config = client_config("node"),
                 const tls::Config& serving = server_config("server"), uint64_t reply = 300'000) {
    policy.server_tls = shared(config);
    server.set_app(tls_server);
    tls_server.listen({address(2), Be16(kServerPort)}, shared(serving), reply);
  }
  TlsPeer& open_tls(uint64_t bytes, const tls::Config& config = client_config(),
                    const std::string& server_name = {}) {
    client.set_app(tls_client);
    return tls_client.connect({{address(1), Be16(0)}, {address(9), Be16(kPort)}}, shared(config),
                              server_name, bytes, network.now());
  }
  uint64_t refused(tls::Refusal refusal) const { return work->records->counters().value(refusal); }

  std::unique_ptr<TlsWork> client_work, server_work;
  TlsApp tls_client, tls_server;
};

}  // namespace heddle::mesh
