// RelayUser: the relay as the data plane runs it. Policy names the endpoints, topology the source
// addresses, and the worker's counters take what moves.
#pragma once

#include "mesh/tcp_relay.h"
#include "worker/tcp.h"
#include "worker/worker.h"

namespace heddle::app {

class RelayUser final : public TcpUser, private mesh::RelayPolicy {
 public:
  RelayUser(Worker& worker, Instant start);

  void on_note(const tcp::EventNote& note, Instant now) override { relay_.on_note(note, now); }
  bool on_turn(Instant now) override;
  Instant next_deadline() const override { return relay_.next_deadline(); }

  uint32_t frontend_of(uint64_t user) const override { return relay_.frontend_of(user); }

  const mesh::TlsEnd* tls_of(uint64_t user) const override { return relay_.tls_of(user); }

  const mesh::RelayCounters* relay_counters() const override { return &relay_.counters(); }

 private:
  std::optional<mesh::ClientTerms> terms(uint32_t frontend, const tcp::FourTuple& client) override;
  std::optional<mesh::Upstream> choose(uint32_t frontend, const tcp::FourTuple& client,
                                       const mesh::ClientFacts& facts) override;
  void opened(uint32_t frontend, uint32_t endpoint) override;
  void closed(uint32_t frontend, uint32_t endpoint) override;
  void moved(uint32_t frontend, uint32_t endpoint, bool to_endpoint, uint32_t bytes) override;
  mesh::Standing judge(const mesh::RelayPair& pair) override;

  static bool is_still_proxied(const policy::Snapshot& policy, const mesh::RelayPair& pair);
  std::shared_ptr<tls::Context> context_of(const std::shared_ptr<const policy::TlsUse>& use) const;
  policy::Flow flow_of(const tcp::FourTuple& client) const;

  Worker& worker_;
  mesh::TcpRelay relay_;
};

}  // namespace heddle::app
