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
  mesh::ClientTerms terms_of(const policy::Frontend& frontend, const policy::Flow& flow) const;
  // Whether the client may come in at all.
  policy::Decision decide(const policy::Flow& flow) const;

  // A connection to what was decided for the flow; refused where there is no way to the endpoint,
  // or its own policy does not let the flow in.
  enum class NoWay : uint8_t {
    kUnreachable,
    kDenied,
    kNoIdentity,  // the endpoint is another node's, and who asks has nothing to show there
  };
  // What is spoken with the endpoint; between nodes it may be another version of HTTP than the
  // endpoint's own.
  enum class Inner : uint8_t { kTcp, kHttp1, kHttp2 };
  struct Wanted {
    Inner inner = Inner::kTcp;  // of the endpoint itself
    bool upgrades = false;      // the request asks for another protocol, as HTTP/1.1 alone can
    bool exactly = false;       // the other node is to know what is spoken to the endpoint
  };
  struct Way {
    mesh::Upstream to;
    Inner inner = Inner::kTcp;
  };
  std::expected<Way, NoWay> upstream_of(const policy::Flow& flow, const policy::Decision& decision,
                                        Wanted wanted,
                                        const policy::RequestHead* request = nullptr) const;

  // What the endpoint's own policy says of the flow, or of the request.
  policy::Guarded guard_of(const policy::Frontend& frontend, const policy::Flow& flow,
                           const policy::IpAddress& endpoint, uint16_t port,
                           const policy::RequestHead* request = nullptr) const;
  // Whether policy asks for an identity now that the connection came without.
  bool lacks_identity(const policy::Frontend& frontend, const mesh::Client& client) const;

  // Slots are used again: the address and port must lead to the same frontend as before.
  bool is_still_proxied(uint32_t frontend, const tcp::Endpoint& service) const;

  void opened(uint32_t frontend, uint32_t endpoint);
  void closed(uint32_t endpoint);

  Worker& worker() { return worker_; }

 private:
  std::expected<void, NoWay> protect(const policy::Flow& flow, const policy::Decision& decision,
                                     Wanted wanted, Way& way) const;
  mesh::Bounds bounds_of(const policy::Decision& decision) const;
  std::shared_ptr<tls::Context> context_of(const std::shared_ptr<const policy::TlsUse>& use) const;

  Worker& worker_;
};

policy::IpAddress policy_address(const tcp::IpAddress& address);

}  // namespace heddle::app
