// RelayUser: the relay of TCP as the data plane runs it. Policy names the endpoints, topology the
// source addresses, and the worker's counters take what moves.
#pragma once

#include "mesh/tcp_relay.h"
#include "tcp_io/policy_view.h"
#include "worker/tcp.h"

namespace heddle::app {

class RelayUser final : private mesh::RelayPolicy {
 public:
  RelayUser(Worker& worker, Instant start);

  mesh::TcpRelay& relay() { return relay_; }
  const mesh::TcpRelay& relay() const { return relay_; }
  // True: there is more to do at once.
  bool on_turn(Instant now);

 private:
  bool wants_proxy_header(uint32_t frontend) override;
  std::optional<mesh::ClientTerms> terms(uint32_t frontend, const mesh::Client& client) override;
  std::optional<mesh::Upstream> choose(uint32_t frontend, const mesh::Client& client,
                                       const mesh::ClientFacts& facts) override;
  void opened(uint32_t frontend, uint32_t endpoint) override { view_.opened(frontend, endpoint); }
  void closed(uint32_t, uint32_t endpoint) override { view_.closed(endpoint); }
  void moved(uint32_t frontend, uint32_t endpoint, bool to_endpoint, uint32_t bytes) override;
  mesh::Standing judge(const mesh::RelayPair& pair) override;

  policy::Flow flow_of(const mesh::Client& client) const;

  Worker& worker_;
  PolicyView view_;
  mesh::TcpRelay relay_;
};

}  // namespace heddle::app
