// HttpUser: the HTTP proxy as the data plane runs it. Policy leads each request, and the worker's
// counters take what is asked for.
#pragma once

#include "mesh/http_proxy.h"
#include "mesh/jwt_gate.h"
#include "mesh/tcp_relay.h"
#include "resilience/shared_rate.h"
#include "tcp_io/policy_view.h"
#include "worker/tcp.h"

namespace heddle::app {

class HttpUser final : private mesh::HttpPolicy {
 public:
  // What turns out to be other than HTTP is given to `relay`, which outlives this.
  HttpUser(Worker& worker, Instant start, mesh::TcpRelay& relay);

  mesh::HttpProxy& proxy() { return proxy_; }
  const mesh::HttpProxy& proxy() const { return proxy_; }
  // True: there is more to do at once.
  bool on_turn(Instant now);
  // When tokens of RateLimits have to go back that nobody has asked for; kNever: none are held.
  Instant next_return() const { return held_.next_deadline(); }

 private:
  bool wants_proxy_header(uint32_t frontend) override;
  std::optional<mesh::ClientTerms> terms(uint32_t frontend, const mesh::Client& client) override;
  void take_bytes(mesh::HandedOver&& from, Instant now) override {
    relay_.take_over(std::move(from), now);
  }
  bool admits(uint32_t frontend, const mesh::Client& client,
              const policy::RequestHead& request) override;
  mesh::HttpTokens tokens(uint32_t frontend) override;
  mesh::HttpToken authenticate(const mesh::HttpTokenAsk& ask,
                               std::vector<uint8_t>& claims) override;
  bool tell_token(const mesh::HttpTokenAsk& ask, const mesh::HttpToken& token,
                  const jwt::ClaimsView* claims) override;
  std::optional<mesh::HttpRoute> route(uint32_t frontend, const mesh::Client& client,
                                       const http::Message& request) override;
  std::optional<mesh::HttpLimited> limit(uint32_t frontend, const mesh::Client& client,
                                         const mesh::HttpRoute& route,
                                         const http::Message& request) override;
  mesh::HttpInjected inject(uint32_t frontend, const mesh::Client& client,
                            const mesh::HttpRoute& route, const http::Message& request) override;
  std::expected<mesh::HttpDestination, mesh::HttpFault> choose(const Try& what,
                                                               const mesh::Client& client) override;
  std::expected<mesh::HttpDestination, mesh::HttpFault> mirror(
      uint32_t frontend, const mesh::Client& client, const mesh::HttpRoute& route,
      const http::Message& request) override;
  void opened(uint32_t frontend, uint32_t endpoint) override { view_.opened(frontend, endpoint); }
  void closed(uint32_t, uint32_t endpoint) override { view_.closed(endpoint); }
  void ended(const mesh::HttpRecord& record) override;
  mesh::Standing judge(uint32_t frontend, const mesh::Client& client) override;
  bool may_go_on(uint32_t frontend, const mesh::Client& client,
                 const policy::RequestHead& request) override;
  bool may_stay(uint32_t frontend, const mesh::Client& client, const tcp::Endpoint& endpoint,
                const http::Message& sent) override;

  const policy::JwtCheck* check_of(const mesh::HttpTokenAsk& ask) const;
  void lead_by_affinity(const policy::BackendTerms& terms, const policy::Flow& flow,
                        const http::Message& request, mesh::HttpRoute& route);

  Worker& worker_;
  mesh::TcpRelay& relay_;
  PolicyView view_;
  mesh::JwtGate gate_;
  resilience::HeldRates held_;
  mesh::HttpProxy proxy_;
};

}  // namespace heddle::app
