// ProxyUser: who a data plane's connections are for. Those to a port of HTTP go to its proxy, all
// others to the relay.
#pragma once

#include <algorithm>

#include "tcp_io/http_user.h"
#include "tcp_io/relay_user.h"

namespace heddle::app {

class ProxyUser final : public TcpUser {
 public:
  ProxyUser(Worker& worker, Instant start)
      : worker_(worker), relay_(worker, start), http_(worker, start, relay_.relay()) {}

  void on_note(const tcp::EventNote& note, Instant now) override;
  bool on_turn(Instant now) override;
  Instant next_deadline() const override {
    return std::min({relay_.relay().next_deadline(), http_.proxy().next_deadline(),
                     http_.next_return(), worker_.tcp->tls.next_deadline()});
  }
  uint32_t frontend_of(uint64_t user) const override {
    return mesh::HttpProxy::is_mine(user) ? http_.proxy().frontend_of(user)
                                          : relay_.relay().frontend_of(user);
  }
  const mesh::TlsEnd* tls_of(uint64_t user) const override {
    return mesh::HttpProxy::is_mine(user) ? http_.proxy().tls_of(user)
                                          : relay_.relay().tls_of(user);
  }
  const mesh::RelayCounters* relay_counters() const override { return &relay_.relay().counters(); }
  const mesh::HttpProxy* http() const override { return &http_.proxy(); }

 private:
  Worker& worker_;
  RelayUser relay_;
  HttpUser http_;
  bool http_first_ = false;
};

}  // namespace heddle::app
