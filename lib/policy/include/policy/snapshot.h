// Snapshot: compiled policy as the workers read it. Immutable; made by Model::commit, published by
// pointer (core/rcu.h), destroyed by the control side when no worker can see it any more. What a
// change does not touch is shared with the snapshot before.
//
// A packet's way: (destination, protocol, port) -> Frontend -> one of its choices by weight ->
// Cluster -> one of its endpoints by Maglev. Each step is a slot number; slots are stable for the
// life of what they stand for, so a worker's counters, indexed by them, outlive snapshots.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "balance/maglev.h"
#include "balance/ring_hash.h"
#include "balance/round_robin.h"
#include "balance/weighted_random.h"
#include "core/ids.h"
#include "core/time.h"
#include "dns/names.h"
#include "policy/access.h"
#include "policy/address_roles.h"
#include "policy/backend_terms.h"
#include "policy/claim_names.h"
#include "policy/cow_array.h"
#include "policy/http_routes.h"
#include "policy/ip.h"
#include "policy/jwt_check.h"
#include "policy/limits.h"
#include "policy/mesh.h"
#include "policy/networks.h"
#include "policy/request_limits.h"
#include "policy/resource.h"
#include "policy/server_names.h"
#include "policy/tls.h"
#include "resilience/breaker.h"
#include "resilience/endpoint_state.h"

namespace heddle::policy {

// One endpoint of a cluster. Its slot is for counters.
struct EndpointEntry {
  IpAddress address;
  uint32_t slot = kNoSlot;
  uint16_t weight = 1;
  uint16_t port = 0;  // 0: the frontend's target port
  uint8_t priority = 0;
  bool draining = false;  // takes no new flows; keeps its old ones
  // Another node's workload, in the mesh; null: it is none. The same object until it would differ.
  std::shared_ptr<const MeshPeer> mesh{};
  // What workers have seen of it; null: nobody looks. The same object as long as it is there.
  std::shared_ptr<resilience::EndpointState> state{};
  bool out = false;  // takes no new flows for a while, as it does not answer well
  friend bool operator==(const EndpointEntry&, const EndpointEntry&) = default;
};

// The endpoints of a service, or of one subset of it.
struct Cluster {
  std::vector<EndpointEntry> endpoints;  // by address and port
  // Positions in endpoints; empty: nobody takes new flows. Of least request, the two to compare.
  std::variant<balance::Maglev, balance::RingHash, balance::RoundRobin, balance::WeightedRandom>
      table;
  Algorithm algorithm = Algorithm::kMaglev;
  uint32_t fallback = kNoSlot;  // the cluster to use when the table is empty
  // The service's, for connections that end at the node. The same object as long as it is there.
  std::shared_ptr<resilience::Breaker> breaker{};
};

// Which senders a rule speaks of. A sender behind a workload port is known by that port, a peer of
// TLS by the identity that it has shown, anybody else (kAnonymous) by address alone.
struct SourceMatch {
  std::bitset<kMaxPolicyPorts> ports;  // by interface: whose identity fits
  bool anonymous = false;              // whether those without identity fit
  // Of peers; empty: any.
  std::string trust_domain, ns, service_account;
  std::vector<std::string> not_namespaces, not_service_accounts;
  std::vector<Principal> not_principals;
  std::vector<IpPrefix> cidrs, not_cidrs;
  std::vector<ClaimMatch> claims{}, not_claims{};  // as Source has them
  bool tokened = false;
  friend bool operator==(const SourceMatch&, const SourceMatch&) = default;
};

struct AccessEntry {
  Action action = Action::kAllow;
  bool dry_run = false;
  Refusal on_deny = Refusal::kDrop;
  std::vector<SourceMatch> from;    // any of them
  std::vector<AccessOperation> to;  // any of them; none: everything
  // For explain: which policy this is (Model::policy_name) and its rule.
  uint32_t policy = 0;
  uint16_t rule = 0;
  // For workers' counters: below Limits::access_rule_slots(), and the same for as long as its
  // policy has a rule of this number and the same target.
  uint32_t counter = 0;
  friend bool operator==(const AccessEntry&, const AccessEntry&) = default;
};

// An AUDIT rule and one of a dry run are only counted.
inline bool decides(const AccessEntry& entry) {
  return entry.action != Action::kAudit && !entry.dry_run;
}

// What only counts first, then DENY; the first that matches decides.
struct AccessList {
  std::vector<AccessEntry> entries;
  bool default_allow = true;         // false: there are ALLOW policies for this target
  Refusal on_deny = Refusal::kDrop;  // of these, for whom none of them fits
  MeshModes mesh;                    // of a guard: who has no identity may not come where STRICT
  std::string ns;                    // of a guard: the workload's
  // Made of the entries, for requests; null where they are few, or none is judged.
  std::shared_ptr<const AccessIndex> index{};
  friend bool operator==(const AccessList& a, const AccessList& b) {
    return a.default_allow == b.default_allow && a.on_deny == b.on_deny && a.mesh == b.mesh &&
           a.ns == b.ns && a.entries == b.entries;
  }
};

// One port of one address of a service. Its terms are for all choices without any of their own.
struct Frontend : BackendTerms {
  uint32_t service = kNoSlot;
  uint64_t since = 0;   // the version that has given the slot to it
  uint16_t tenant = 0;  // the namespace, numbered densely from 0
  std::string ns;       // its name
  Forwarding forwarding = Forwarding::kDnat;
  SourceMapping source_mapping = SourceMapping::kPerFlow;
  Refusal no_endpoint = Refusal::kUnreachable;
  uint32_t total_weight = 0;  // 0: every backend has weight 0
  // Of Forwarding::kProxy: connections of clients begin with a header of the PROXY protocol.
  bool proxy_protocol_in = false;
  bool edge = false;  // a gateway's: what clients say of their own way here is not believed
  // The names that clients may ask for: hosts of requests, or server names where TLS passes
  // through. Null: all.
  std::shared_ptr<const ServerNames> hosts;
  ClientTls client_tls = ClientTls::kOff;
  // A workload's, in the mesh. Of this node: other workloads of this node need no TLS, and with
  // kOptional TLS of others than nodes is not ours.
  bool of_workload = false;
  // An ExternalService's. `on_the_way`: at an address that somebody else has, the destination of
  // one or a workload of another node, where only what workloads of this node send is taken.
  bool external = false, on_the_way = false;
  // Of an ExternalService that is not exported: whose workloads it is for. Empty: all.
  std::string only_ns;
  // A gateway's: who it is to workloads. Null: nobody.
  std::shared_ptr<const MeshIdentity> identity;
  // Null unless kTerminate or kOptional. The same object until its configuration changes.
  std::shared_ptr<const TlsUse> tls_in;
  // HTTP ends here, and is led request by request. `choices` are the service's own endpoints, for
  // requests without a rule where there are no rules at all.
  bool is_http = false;
  // The same, and what does not begin as HTTP does is led by `choices` as bytes.
  bool sniffs = false;
  // Null: no rules. A gateway's is never null, and a request without a rule goes nowhere. The same
  // object until it would differ.
  std::shared_ptr<const HttpRoutes> http;
  // Which token requests are asked for whose rule says nothing else; null: none. The same object
  // until it would differ.
  std::shared_ptr<const JwtCheck> jwt;
  // Of all whose tokens its requests may be asked for, by the port or by any rule: a request that
  // is asked for none goes to the same endpoints. Null: no field. The same object until it would
  // differ.
  std::shared_ptr<const ClaimNames> claim_names;
  // What RateLimits and Faults make of requests; null: there are none. The same object until it
  // would differ.
  std::shared_ptr<const RequestLimits> limits;
  // With kPassthrough: who gets which name; there are no `choices` then. Null: choices, for all.
  std::shared_ptr<const ServerNames> server_names;
  std::vector<Choice> choices;
  std::shared_ptr<const AccessList> access;  // none: everybody may
  // For explain.
  uint32_t route = kNoSlot;  // Model::route_name; none: no route
  uint16_t rule = 0;
  friend bool operator==(const Frontend&, const Frontend&) = default;

  // Whether requests for the authority are taken, with or without a rule for them.
  bool takes_host(std::string_view authority) const;
  // Whether any request may be asked for a token.
  bool asks_tokens() const { return jwt != nullptr || (http != nullptr && http->asks_tokens()); }
  // Whether connections may be other than HTTP. Bytes have no token to show.
  bool takes_bytes() const { return !is_http || (sniffs && !asks_tokens()); }
};

struct FrontendKey {
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  friend auto operator<=>(const FrontendKey&, const FrontendKey&) = default;
};

// From address, protocol and port to the frontend's slot (port 0: of every port that has none of
// its own): open addressing, at most half full, with a seed under which nobody's way is long.
class FrontendTable {
 public:
  struct Entry {
    FrontendKey key;
    uint32_t slot = kNoSlot;
  };
  explicit FrontendTable(std::span<const Entry> entries = {});
  uint32_t find(const FrontendKey& key) const;
  void prefetch(const FrontendKey& key) const;
  size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

  // The most entries that one look-up reads; a second one follows where there are port 0s.
  uint32_t probes() const { return probes_; }
  // Where the search starts, in a table of mask + 1 entries.
  static uint32_t place(const FrontendKey& key, uint64_t seed, uint32_t mask);

 private:
  void lay_out(std::span<const Entry> entries, uint64_t seed);
  uint32_t find_exactly(const FrontendKey& key) const;

  std::vector<Entry> entries_;
  uint32_t mask_ = 0;
  uint32_t probes_ = 1;
  uint64_t seed_ = 1;
  bool all_ports_ = false;  // some entry has port 0
};

// Where TCP connections are taken for a frontend of Forwarding::kProxy.
struct ProxyListener {
  IpAddress address;
  uint16_t port = 0;
  uint32_t frontend = kNoSlot;
  friend bool operator==(const ProxyListener&, const ProxyListener&) = default;
};

struct Snapshot {
  uint64_t version = 0;
  // Moves with each commit after which a live flow may have to be decided anew; never 0 but in an
  // empty snapshot.
  uint32_t generation = 0;
  // Whether flows have to be looked up at all: there are services, or guards.
  bool stateful = false;
  std::shared_ptr<const FrontendTable> frontend_table;
  CowArray<std::shared_ptr<const Frontend>> frontends;  // by slot; null: free
  CowArray<std::shared_ptr<const Cluster>> clusters;    // by slot; null: free
  // By HttpTarget::slot: the version that has given it to its rule; kNobody: it is no rule's.
  static constexpr uint64_t kNobody = UINT64_MAX;
  CowArray<uint64_t> rules_since;
  // By interface: who may open flows to the workload behind it. Null: no guard; empty: none at all.
  std::vector<std::shared_ptr<const AccessList>> guards;
  // By interface: what its workload shows to other nodes. Null: nothing; empty: none at all.
  std::vector<std::shared_ptr<const MeshIdentity>> identities;
  // Whether connections to addresses that are no services' may end here: those of workloads in the
  // mesh, and of ExternalServices.
  bool intercepts = false;
  // By interface: where the workload behind it may send what is for nobody that policy knows.
  // Empty: all of them anywhere.
  std::vector<Outbound> outbound;
  // The addresses of workloads, sorted; none where all may send anywhere.
  std::shared_ptr<const std::vector<IpAddress>> workload_addresses;
  // Who senders outside are by their address; null: nobody. The same object until it would differ.
  std::shared_ptr<const Networks> networks;
  // The addresses behind these interfaces, sorted; none when there is no guard.
  struct Guarded {
    IpAddress address;
    InterfaceId interface;
  };
  std::shared_ptr<const std::vector<Guarded>> guarded_addresses;
  AddressRoles roles;
  // By frontend slot; null: none. The same object until it would differ.
  std::shared_ptr<const std::vector<ProxyListener>> listeners;
  // What DNS knows of services; null: the node answers none. The same object until a Service's name
  // or addresses change.
  std::shared_ptr<const dns::Names> names;
  // By interface: the namespace of the workload behind it, empty where there is none. Null in an
  // empty snapshot.
  std::shared_ptr<const std::vector<std::string>> workload_namespaces;

  // Whether the slot stands for what it stood for under an older version. What outlives its policy
  // must not be taken for the slot's next owner's.
  bool is_frontend_of(uint32_t slot, uint64_t version_then) const {
    return slot < frontends.size() && frontends[slot] != nullptr &&
           frontends[slot]->since <= version_then;
  }
  bool is_rule_of(uint32_t slot, uint64_t version_then) const {
    return slot < rules_since.size() && rules_since[slot] <= version_then;
  }

  // The interface whose guard is for flows to the address, or kNoInterface.
  InterfaceId guarded(const IpAddress& address) const {
    if (guarded_addresses == nullptr) return kNoInterface;
    const auto at = std::ranges::lower_bound(*guarded_addresses, address, {}, &Guarded::address);
    return at == guarded_addresses->end() || at->address != address ? kNoInterface : at->interface;
  }
};

// What policy adds to the topology: changes seldom, and is the same object until it does.
struct Attachments {
  struct PortAddresses {
    uint32_t port = 0;                 // position in NodeFacts::ports
    std::vector<IpAddress> addresses;  // the workload's own: host routes and allowed sources
    std::vector<IpAddress> also_from;  // service addresses that it may answer with
    friend bool operator==(const PortAddresses&, const PortAddresses&) = default;
  };
  std::vector<PortAddresses> ports;
  std::vector<IpAddress> service_addresses;  // sorted
};

}  // namespace heddle::policy
