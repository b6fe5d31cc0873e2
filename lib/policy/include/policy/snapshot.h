// Snapshot: compiled policy as the workers read it. Immutable; made by Model::commit, published by
// pointer (core/rcu.h), destroyed by the control side when no worker can see it any more. What a
// change does not touch is shared with the snapshot before.
//
// A packet's way: (destination, protocol, port) -> Frontend -> one of its choices by weight ->
// Cluster -> one of its endpoints by Maglev. Each step is a slot number; slots are stable for the
// life of what they stand for, so a worker's counters, indexed by them, outlive snapshots.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "balance/maglev.h"
#include "policy/cow_array.h"
#include "policy/ip.h"
#include "policy/limits.h"
#include "policy/resource.h"

namespace heddle::policy {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

// One endpoint of a cluster. Its slot is for counters.
struct EndpointEntry {
  IpAddress address;
  uint32_t slot = kNoSlot;
  uint16_t weight = 1;
  friend bool operator==(const EndpointEntry&, const EndpointEntry&) = default;
};

// The endpoints of a service, or of one subset of it.
struct Cluster {
  std::vector<EndpointEntry> endpoints;
  balance::Maglev table;        // positions in endpoints; empty: nobody takes new flows
  uint32_t fallback = kNoSlot;  // the cluster to use when the table is empty
};

struct Choice {
  uint32_t until = 0;  // of the frontend's total weight
  uint32_t cluster = kNoSlot;
  friend bool operator==(const Choice&, const Choice&) = default;
};

// Which senders a rule speaks of. A sender behind a workload port is known by that port, anybody
// else (kAnonymous) by address alone.
struct SourceMatch {
  std::bitset<kMaxPolicyPorts> ports;  // by interface: whose identity fits
  bool anonymous = false;              // whether those without identity fit
  std::vector<IpPrefix> cidrs, not_cidrs;
  friend bool operator==(const SourceMatch&, const SourceMatch&) = default;
};

struct AccessEntry {
  Action action = Action::kAllow;
  std::vector<SourceMatch> from;  // any of them
  // For explain: which policy this is (Model::policy_name) and its rule.
  uint32_t policy = 0;
  uint16_t rule = 0;
  friend bool operator==(const AccessEntry&, const AccessEntry&) = default;
};

// DENY entries first; the first that matches decides.
struct AccessList {
  std::vector<AccessEntry> entries;
  bool default_allow = true;  // false: there are ALLOW policies for this target
  friend bool operator==(const AccessList&, const AccessList&) = default;
};

// One port of one address of a service.
struct Frontend {
  uint32_t service = kNoSlot;
  HashOn hash_on = HashOn::kFlow;
  uint32_t total_weight = 0;  // 0: every backend has weight 0
  std::vector<Choice> choices;
  std::shared_ptr<const AccessList> access;  // none: everybody may
  // For explain.
  uint32_t route = kNoSlot;  // Model::route_name; none: no route
  uint16_t rule = 0;
  friend bool operator==(const Frontend&, const Frontend&) = default;
};

struct FrontendKey {
  IpAddress address;
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  friend auto operator<=>(const FrontendKey&, const FrontendKey&) = default;
};

// From address, protocol and port to the frontend's slot: open addressing, at most half full, with
// a seed under which nobody's way is long.
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

  // The most entries that one look-up reads.
  uint32_t probes() const { return probes_; }
  // Where the search starts, in a table of mask + 1 entries.
  static uint32_t place(const FrontendKey& key, uint64_t seed, uint32_t mask);

 private:
  void lay_out(std::span<const Entry> entries, uint64_t seed);

  std::vector<Entry> entries_;
  uint32_t mask_ = 0;
  uint32_t probes_ = 1;
  uint64_t seed_ = 1;
};

struct Snapshot {
  uint64_t version = 0;
  std::shared_ptr<const FrontendTable> frontend_table;
  CowArray<std::shared_ptr<const Frontend>> frontends;  // by slot; null: free
  CowArray<std::shared_ptr<const Cluster>> clusters;    // by slot; null: free
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
