// Compiler: from the index to snapshots, for what was touched alone. It owns the slots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "index.h"
#include "policy/model.h"
#include "slots.h"

namespace heddle::policy {

// The size of the table for so many endpoints: 100 entries for each, up to 65,537, in steps of
// about the square root of two.
uint32_t table_size(size_t endpoints);

// Slots of resources that explain names, for as long as they are there.
class NamedSlots {
 public:
  void start_commit() { slots_.start_commit(); }
  void add(const Key& key);     // again: nothing
  void remove(const Key& key);  // not there: nothing
  uint32_t at(const Key& key) const { return by_key_.at(key); }
  std::string name(uint32_t slot) const { return slot < names_.size() ? names_[slot] : ""; }

 private:
  Slots slots_;
  std::map<Key, uint32_t> by_key_;
  std::vector<std::string> names_;
};

class Compiler {
 public:
  Compiler(const Facts& facts, Index& index);

  // `edited`: the keys of all edits since the last commit.
  Compiled commit(uint64_t version, const Touched& touched, std::span<const Key> edited);

  ModelStats stats() const;
  std::vector<std::pair<uint32_t, Model::FrontendName>> frontends() const;
  Model::FrontendName frontend_name(uint32_t slot) const;
  std::string route_name(uint32_t slot) const { return routes_.name(slot); }
  std::string policy_name(uint32_t slot) const { return policies_.name(slot); }
  std::string cluster_name(uint32_t slot) const;

 private:
  // One endpoint of a service, of its sets or of a workload that it selects.
  struct Candidate {
    IpAddress address;
    uint16_t weight = 1;
    const Labels* labels = nullptr;
    const Resource* workload = nullptr;

    bool carries(const Labels& wanted) const;
  };
  struct ClusterSlot {
    Group* group = nullptr;  // none: free
    bool v4 = false;
    const Labels* subset = nullptr;
    uint32_t users = 0;  // choices and fallbacks that lead here
  };
  // Which rule of which route a port of a service follows.
  struct PortRule {
    const Resource* route = nullptr;
    uint16_t number = 0;
    const TcpRule* rule = nullptr;
  };
  struct AccessRuleEntry {
    const AccessRule* rule = nullptr;
    AccessEntry entry;
  };

  Model::FrontendName describe(const Group& group, const FrontendKey& key, uint32_t slot) const;
  void name_slots(std::span<const Key> edited);

  std::vector<Candidate> candidates(const Group& group) const;
  void compile_service(Group& group);
  void compile_endpoints(Group& group);

  std::vector<PortRule> rules_of(const Group& group) const;
  void compile_frontends(Group& group);
  Frontend make_frontend(const Group& group, const FrontendKey& key, size_t port,
                         const PortRule& rule);
  void put_frontend(uint32_t slot, std::shared_ptr<const Frontend> frontend);
  void release_choices(uint32_t frontend);

  uint32_t acquire(Group* group, bool v4, const Labels& subset);
  void release(uint32_t cluster);
  void compile_clusters();
  void compile_cluster(uint32_t slot, const std::vector<Candidate>& all);
  void put_cluster(uint32_t slot, std::shared_ptr<const Cluster> cluster);
  void free_unused_clusters();

  bool compile_access(Group& group);  // whether a list has changed
  std::vector<AccessRuleEntry> access_entries(const Group& group) const;
  SourceMatch match_of(const Source& source) const;

  void compile_table();
  void attach_group(Group& group, bool addresses_changed);
  void compile_attachments(const Touched& touched);
  Attachments::PortAddresses attachments_of(uint32_t port) const;

  const Facts& facts_;
  Index& index_;
  Slots services_, frontends_, clusters_, endpoints_;
  NamedSlots routes_, policies_;
  std::vector<ClusterSlot> cluster_slots_;
  // Clusters to compile, by group; clusters that nobody used at some moment.
  std::map<Group*, std::vector<uint32_t>, ByGroupKey> pending_;
  std::vector<uint32_t> unused_;
  std::vector<uint32_t> fresh_frontends_;  // since the last commit

  Snapshot current_;
  std::shared_ptr<const Attachments> attachments_;
  std::vector<GroupSet> port_groups_;  // whose endpoints are workloads of the port
  std::set<uint32_t> changed_ports_;
  bool keys_changed_ = true;  // of the frontend table
  size_t bytes_ = 0;          // of frontends, clusters and access lists
  uint32_t frontend_count_ = 0, endpoint_count_ = 0;
};

}  // namespace heddle::policy
