// What both proxies, of TCP and of HTTP, make of a worker's policy and topology.
#pragma once

#include <expected>
#include <memory>
#include <optional>

#include "mesh/relay_policy.h"
#include "policy/decide.h"
#include "worker/worker.h"

namespace heddle::app {

class PolicyView {
 public:
  explicit PolicyView(Worker& worker) : worker_(worker) {}

  const policy::Snapshot& policy() const { return *worker_.policy; }
  // Null where the slot is nobody's under this policy.
  const policy::Frontend* frontend(uint32_t slot) const { return policy().frontends[slot].get(); }
  // What an accepted connection is, as policy sees flows.
  policy::Flow flow_of(const mesh::Client& client) const;
  // What the frontend's clients speak.
  mesh::ClientTerms terms_of(const policy::Frontend& frontend) const;
  // Whether the client may come in at all.
  policy::Decision decide(const policy::Flow& flow) const;

  // A connection to what was decided for the flow; refused where there is no way to the endpoint,
  // or its own policy does not let the flow in.
  enum class NoWay : uint8_t { kUnreachable, kDenied };
  std::expected<mesh::Upstream, NoWay> upstream_of(const policy::Flow& flow,
                                                   const policy::Decision& decision) const;

  // Whether the endpoint's own policy lets the flow in.
  bool guard_lets_in(policy::Flow flow, const policy::IpAddress& endpoint, uint16_t port) const;

  // Slots are used again: the address and port must lead to the same frontend as before.
  bool is_still_proxied(uint32_t frontend, const tcp::Endpoint& service) const;

  void opened(uint32_t frontend, uint32_t endpoint);
  void closed(uint32_t endpoint);

  Worker& worker() { return worker_; }

 private:
  std::shared_ptr<tls::Context> context_of(const std::shared_ptr<const policy::TlsUse>& use) const;

  Worker& worker_;
};

policy::IpAddress policy_address(const tcp::IpAddress& address);

}  // namespace heddle::app
