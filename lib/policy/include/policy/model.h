// Model: all policy of a node, checked, and compiled change by change. What one change costs
// grows with what it touches, not with what there is.
//
//   if (auto problems = model.stage(edits); !problems.empty()) refuse(problems);
//   else if (!store.append(...)) model.rollback();
//   else publish(model.commit(version));
//
// One thread at a time. Snapshots that it made live on without it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/siphash.h"
#include "dns/names.h"
#include "policy/advice.h"
#include "policy/decide.h"
#include "policy/limits.h"
#include "policy/resource.h"
#include "policy/snapshot.h"

namespace heddle::policy {

// What heddled.yaml says that policy has to fit to.
struct NodeFacts {
  std::string node, trust_domain;  // its names; or empty
  struct Port {
    std::string name;
    bool is_workload = false;
    bool is_uplink = false;
    bool takes_ipv6 = true;            // its MTU is not known to be below 1280 (RFC 8200 5)
    std::vector<IpAddress> addresses;  // workload: given in the file
  };
  std::vector<Port> ports;               // by interface id
  std::vector<IpAddress> own_addresses;  // of uplinks: no policy may take them
  // Others that have a meaning already: gateways, neighbours, next hops, broadcast addresses.
  struct Reserved {
    IpAddress address;
    std::string what;  // "the gateway of port wan"
  };
  std::vector<Reserved> reserved;
  std::optional<dns::Suffix> dns_suffix;  // none: snapshots have no names
  uint16_t workers = 1;
  SipKey secret{};  // of keys of RateLimits, which senders choose
};

struct Edit {
  Key key;
  ResourcePtr resource;  // none: delete
};

struct Compiled {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Attachments> attachments;  // the same pointer as before when unchanged
  // Slots that this snapshot has given to frontends and endpoints that the one before did not have.
  std::vector<uint32_t> fresh_frontends, fresh_endpoints;
  bool may_cut = false;  // live flows may be cut: something was denied, or has gone
  std::vector<uint32_t> fresh_http_rules;    // the same of rules of Routes
  std::vector<uint32_t> fresh_access_rules;  // the same of rules of AccessPolicies
  std::vector<uint32_t> fresh_jwt_providers{};
  std::vector<uint32_t> fresh_networks{};
};

struct ModelStats {
  uint32_t resources = 0, services = 0, gateways = 0, frontends = 0, endpoints = 0;
  size_t snapshot_bytes = 0;  // of all that the last snapshot refers to
};

class Model {
 public:
  // The makers outlive the model. Null: there is no TLS, or nobody verifies tokens, and policy that
  // asks for it is refused.
  Model(NodeFacts facts, const Limits& limits, TlsMaker* tls_maker = nullptr,
        JwtMaker* jwt_maker = nullptr);
  ~Model();

  // Checks the edits on top of what is staged already. No problems: they are staged. Otherwise
  // nothing has changed; at most `kMaxProblems` are told, all of those that are found by one pass.
  // Deleting what is not there is a problem.
  static constexpr size_t kMaxProblems = 100;
  std::vector<Problem> stage(std::span<const Edit> edits);

  // Takes back what was staged since the last commit.
  void rollback();

  // Compiles what was staged. Cannot fail. `version` is written into the snapshot; where Secrets
  // and TrustBundles alone have changed it may be that of the commit before. Slots that become free
  // here are not used again before the next commit, so that a worker under the old snapshot and one
  // under the new cannot count different things in one slot; the caller waits for all workers
  // between two commits.
  Compiled commit(uint64_t version, Instant now = {});

  // When the next endpoint's time to drain ends; kNever: none drains. Then commit() with nothing
  // staged, under the same version, lets it go.
  Instant next_drain_end() const;

  // Looks at what workers have seen of endpoints: outliers go and come back. True: commit() has
  // something to do. To be called at next_tend().
  bool tend(Instant now);
  Instant next_tend() const;

  ModelStats stats() const;

  // Names for what the last committed snapshot's slots mean, for people.
  struct FrontendName {
    Kind kind = Kind::kService;  // or kGateway, kExternalService; kWorkload: in the mesh
    std::string ns, service, port;
    FrontendKey key;
    uint32_t endpoints = 0;  // in its choices' clusters
    Forwarding forwarding = Forwarding::kDnat;
  };
  std::vector<std::pair<uint32_t, FrontendName>> frontends() const;  // by slot
  FrontendName frontend_name(uint32_t slot) const;
  struct EndpointName {
    std::string ns, service;
    IpAddress address;
    uint16_t port = 0;  // 0: there are several, each as the service's port says
    uint16_t weight = 0;
    uint8_t priority = 0;
    bool draining = false;
    Instant drains_until;  // the clock's start: not known
    uint32_t slot = kNoSlot;
  };
  // Of one service, or of all; also those that have gone and drain. By service, address and port.
  std::vector<EndpointName> endpoints(const Key* service = nullptr) const;
  // The first of all of them, and how many there are besides, at a cost that does not grow with
  // these.
  struct SomeEndpoints {
    std::vector<EndpointName> endpoints;
    size_t left_out = 0;
  };
  SomeEndpoints endpoints_up_to(size_t most) const;
  // What of a service is in use and may be; by kind and key.
  struct ServiceBreaker {
    Key key;
    std::shared_ptr<const resilience::Breaker> breaker;
  };
  std::vector<ServiceBreaker> breakers() const;
  // An endpoint that is looked at, whether it is out or not; by service and place.
  struct Outlier {
    Key key;  // of the service
    IpAddress address;
    uint16_t port = 0;  // 0: the service's target port
    resilience::OutlierDetector::Endpoint is;
    resilience::OutlierRows rows;
    bool panics = false;  // it gets new flows all the same, as so many are out
  };
  std::vector<Outlier> outliers() const;
  // A rule of a Route for requests. Of an unknown slot the route is empty.
  struct HttpRuleName {
    std::string route, service;  // "shop/cart"
    Kind kind = Kind::kService;  // of whose rule it is: or kGateway
    uint16_t rule = 0;
    uint32_t slot = kNoSlot;
    std::string text;  // "host a.example; path prefix /v2, header x-beta = 1"
  };
  HttpRuleName http_rule_name(uint32_t slot) const;
  std::vector<HttpRuleName> http_rules() const;  // by slot
  // A rule of an AccessPolicy.
  struct AccessRuleName {
    Key key;
    std::string target;  // "Service shop/cart"
    uint16_t rule = 0;
    Action action = Action::kAllow;
    bool dry_run = false;
    uint32_t slot = kNoSlot;  // AccessEntry::counter
    std::string text;         // "from shop/web; to GET /a/*"
  };
  std::vector<AccessRuleName> access_rules() const;  // by policy and rule
  std::string route_name(uint32_t route) const;      // "shop/cart"
  // As compiled, by namespace and name.
  std::vector<std::shared_ptr<const JwtTarget>> jwt_providers() const;
  std::vector<std::shared_ptr<const RateLimitTarget>> rate_limits() const;
  std::vector<std::shared_ptr<const FaultTarget>> faults() const;
  std::string policy_name(uint32_t policy) const;    // "shop/cart-callers"
  std::string cluster_name(uint32_t cluster) const;  // "shop/cart", "shop/cart (version=v2)"
  std::string tenant_name(uint16_t tenant) const;    // "shop"
  // The workload that has this address, or null.
  const Resource* workload_at(const IpAddress& address) const;
  const Resource* find(const Key& key) const;  // as staged
  // Who names the Secret, TrustBundle or JwtProvider, as staged.
  std::vector<Key> tls_users(const Key& key) const;
  std::string identity_of(const Resource& workload) const;  // its SPIFFE ID; or empty
  bool is_here(const Workload& workload) const;             // of this node
  Outbound outbound_of(const Resource& workload) const;
  // How others may come to it, as staged; none: it is not in the mesh.
  std::optional<MeshModes> mesh_of(const Resource& workload) const;
  const Resource* mesh_policy_of(const Resource& workload) const;  // or null
  // What of all that is staged a person should look at, at most so many; at a cost that grows with
  // what there is.
  std::vector<Advice> advice(size_t most) const;
  // The interface of a workload's port; of another node's none.
  InterfaceId interface_of(const Workload& workload) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace heddle::policy
