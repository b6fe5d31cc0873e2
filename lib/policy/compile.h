// Compiler: from the index to snapshots, for what was touched alone. It owns the slots.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "access_shelf.h"
#include "frontend_bytes.h"
#include "index.h"
#include "jwt_shelf.h"
#include "policy/model.h"
#include "slots.h"
#include "tls_shelf.h"

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
  bool has(const Key& key) const { return by_key_.contains(key); }
  uint32_t at(const Key& key) const { return by_key_.at(key); }
  std::string name(uint32_t slot) const { return slot < names_.size() ? names_[slot] : ""; }

 private:
  Slots slots_;
  std::map<Key, uint32_t> by_key_;
  std::vector<std::string> names_;
};

class Compiler {
 public:
  struct Shelves {
    const TlsShelf& tls;
    const JwtShelf& jwt;
  };
  Compiler(const Facts& facts, const Limits& limits, Index& index, const Shelves& shelves);

  // `edited`: the keys of all edits since the last commit.
  Compiled commit(uint64_t version, Instant now, const Touched& touched,
                  std::span<const Key> edited);
  Instant next_drain_end() const;
  // See Model.
  bool tend(Instant now);
  std::vector<Model::ServiceBreaker> breakers() const;
  std::vector<Model::Outlier> outliers() const;
  Instant next_tend() const;

  ModelStats stats() const;
  std::vector<std::pair<uint32_t, Model::FrontendName>> frontends() const;
  Model::FrontendName frontend_name(uint32_t slot) const;
  std::vector<Model::EndpointName> endpoints(const Key* service) const;
  Model::SomeEndpoints endpoints_up_to(size_t most) const;
  Model::HttpRuleName http_rule_name(uint32_t slot) const;
  std::vector<Model::HttpRuleName> http_rules() const;
  std::vector<Model::AccessRuleName> access_rules() const { return access_.names(); }
  std::vector<std::shared_ptr<const JwtTarget>> jwt_providers() const;
  std::vector<std::shared_ptr<const RateLimitTarget>> rate_limits() const;
  std::vector<std::shared_ptr<const FaultTarget>> faults() const;
  std::string route_name(uint32_t slot) const { return routes_.name(slot); }
  std::string policy_name(uint32_t slot) const { return policies_.name(slot); }
  std::string cluster_name(uint32_t slot) const;
  std::string tenant_name(uint16_t tenant) const { return tenants_.name(tenant); }

 private:
  // One endpoint of a service, of its sets or of a workload that it selects.
  struct Candidate {
    EndpointPlace place;
    uint16_t weight = 1;
    uint8_t priority = 0;
    const Labels* labels = nullptr;
    const Resource* workload = nullptr;

    bool carries(const Labels& wanted) const;
  };
  struct ClusterSlot {
    Group* group = nullptr;  // none: free
    bool v4 = false;
    const Labels* subset = nullptr;
    uint32_t users = 0;                       // choices and fallbacks that lead here
    size_t listed = 0;                        // of its entries; the others have gone and drain
    std::map<EndpointPlace, Instant> drains;  // until when
  };
  using ClusterPtr = std::shared_ptr<const Cluster>;
  // Which rule of which route a port of a service follows.
  struct PortRule {
    const Resource* route = nullptr;
    uint16_t number = 0;
    const TcpRule* rule = nullptr;
  };
  struct AccessRuleEntry {
    const AccessRule* rule = nullptr;
    const Key* policy = nullptr;
    AccessEntry entry;  // without what is asked for
  };

  void note_draining(const Group& group, std::vector<Model::EndpointName>& names) const;
  void name_endpoints(const Group& group, std::vector<Model::EndpointName>& to) const;
  Model::FrontendName describe(const Group& group, const FrontendKey& key, uint32_t slot) const;
  void start_commit();
  std::vector<uint32_t> date_rules();
  void add_wide_groups(GroupSet& to);
  void name_slots(std::span<const Key> edited);
  void name_rules(const Key& route);
  void name_jwt_provider(const Key& key);
  void name_rate_limit(const Key& key);
  void name_fault(const Key& key);
  std::shared_ptr<const RequestMatcher> matcher_of(const Resource& resource) const;
  std::shared_ptr<const RequestLimits> limits_of(const Group& group) const;
  std::shared_ptr<const JwtCheck> jwt_check(const std::string& ns,
                                            const std::optional<JwtUse>& use) const;
  static std::shared_ptr<const ClaimNames> claim_names_of(const Frontend& frontend);

  std::vector<Candidate> candidates(const Group& group) const;
  void compile_services(const GroupSet& groups);
  void compile_service(Group& group);
  void compile_endpoints(Group& group);
  void look_after(Group& group);
  void sweep_endpoints(Group& group);

  // What the frontends of one port have in common.
  struct PortParts {
    PortRule rule;
    TlsUsePtr tls_in;
    BackendTerms terms;
    std::shared_ptr<const ServerNames> hosts;
    std::shared_ptr<const MeshIdentity> identity;
    std::shared_ptr<const JwtCheck> jwt;
    std::shared_ptr<const RequestLimits> limits;
    bool by_name = false;  // server names decide
  };
  BackendTerms terms_of(const Group& group, const ServicePort& port) const;
  std::shared_ptr<const BackendTerms> own_terms(const Route& route, const Backend& backend);
  std::vector<Choice> choices_of(const Route& route, const std::vector<Backend>& backends, bool v4);
  void add_led_there(GroupSet& to);
  std::vector<PortRule> rules_of(const Group& group) const;
  std::vector<PortParts> parts_of(const Group& group) const;
  void compile_frontends(Group& group);
  Frontend make_frontend(const Group& group, const FrontendKey& key, size_t port,
                         const PortParts& parts);
  void lead_by_weight(const Group& group, bool v4, const PortRule& rule, Frontend& frontend);
  std::shared_ptr<const ServerNames> lead_by_name(const Group& group, bool v4);
  // By family (0: IPv6, 1: IPv4), as clusters; null: no rules, or nobody to be led by them.
  using HttpParts = std::array<std::shared_ptr<const HttpRoutes>, 2>;
  HttpRoutes::Senders senders_of(const HttpSource& source) const;
  std::vector<HttpRoutes::Rule> http_rules_of(const Group& group, bool v4);
  HttpParts http_parts(const Group& group);
  void hold_choices(const HttpRoutes& routes);
  void release_choices(const HttpRoutes& routes);
  void note_change(const Frontend& before, const Frontend& after);
  void note_fresh(const FrontendKey& key, const Frontend& frontend);
  void put_frontend(uint32_t slot, std::shared_ptr<const Frontend> frontend);
  void release_choices(uint32_t frontend);

  uint32_t acquire(Group* group, bool v4, const Labels& subset);
  void release(uint32_t cluster);
  void compile_clusters();
  void compile_cluster(uint32_t slot, const std::vector<Candidate>& all);
  size_t add_entries(uint32_t slot, const std::vector<Candidate>& all, const Cluster* old,
                     std::vector<EndpointEntry>& to);
  bool drains(uint32_t cluster, const EndpointEntry& before);
  void stop_draining(uint32_t cluster, const EndpointPlace& place);
  void pend_drained(Instant now);
  void bound_drains();
  void put_cluster(uint32_t slot, ClusterPtr cluster);
  void free_unused_clusters();

  std::shared_ptr<const MeshPeer> mesh_peer_at(const Group& group,
                                               const Candidate& candidate) const;
  std::shared_ptr<const MeshIdentity> identity_of(
      const Resource& resource) const;  // a Workload or Gateway
  void compile_identities();
  std::optional<MeshModes> modes_at(uint32_t port) const;

  bool compile_access(Group& group);  // whether a list has changed
  std::vector<AccessRuleEntry> access_entries(const ResourceSet& policies) const;
  static size_t rank_of(const AccessPolicy& policy);
  static AccessList defaults_of(const ResourceSet& policies);
  AccessOperation operation_of(const AccessRuleEntry& of, size_t at) const;
  bool narrow(const AccessRuleEntry& of, const ServicePort& port, AccessEntry& to) const;
  std::shared_ptr<const AccessList> make_guard(uint32_t port) const;
  void compile_guards(const Touched& touched);
  void list_guarded();
  SourceMatch match_of(const Source& source) const;

  void compile_roles(const Touched& touched);
  void give_roles(Group& group);
  std::vector<CompiledService::Answer> answers_of(const Group& group) const;

  void compile_table();
  void compile_listeners();
  void attach_group(Group& group, bool addresses_changed);
  void compile_attachments(const Touched& touched);
  void compile_names(const Touched& touched);
  void compile_namespaces(const Touched& touched);
  void compile_outbound(const Touched& touched);
  void compile_networks(const Touched& touched);
  void name_network(const Key& key);
  Outbound outbound_at(uint32_t port) const;
  Attachments::PortAddresses attachments_of(uint32_t port) const;

  const Facts& facts_;
  const Limits& limits_;
  Index& index_;
  const TlsShelf& shelf_;
  const JwtShelf& jwt_shelf_;
  // Of this commit: by a port and its number.
  std::map<std::pair<const ServicePort*, uint16_t>, std::shared_ptr<const BackendTerms>> terms_;
  Slots services_, frontends_, clusters_, endpoints_;
  NamedSlots routes_, policies_, jwt_slots_, network_slots_;
  std::map<Key, std::shared_ptr<const JwtTarget>> jwt_targets_;
  std::map<Key, std::shared_ptr<const RateLimitTarget>> rate_limits_;
  std::map<Key, std::shared_ptr<const FaultTarget>> faults_;
  std::vector<uint32_t> fresh_jwt_, fresh_networks_;  // since the last commit
  RuleSlots rule_slots_;
  AccessShelf access_;
  Tenants tenants_;
  std::vector<ClusterSlot> cluster_slots_;
  // Clusters to compile, by group; clusters that nobody used at some moment.
  std::map<Group*, std::vector<uint32_t>, ByGroupKey> pending_;
  std::vector<uint32_t> unused_;
  GroupSet recompiled_;  // whose clusters were compiled in this commit
  // The ends of all that drains, with cluster and place.
  std::set<std::tuple<Instant, uint32_t, EndpointPlace>> drain_ends_;
  // Raised by workers that have seen an endpoint fail; groups with an OutlierDesk.
  std::shared_ptr<resilience::Attention> attention_ = std::make_shared<resilience::Attention>();
  GroupSet watched_;
  Instant tended_;
  Instant now_;
  uint64_t version_ = 0;                   // of this commit
  bool same_version_ = false;              // nothing was edited: only what has drained goes
  std::vector<uint32_t> fresh_frontends_;  // since the last commit
  std::vector<uint32_t> fresh_endpoints_;  // the same

  Snapshot current_;
  std::shared_ptr<const Attachments> attachments_;
  std::vector<GroupSet> port_groups_;  // whose endpoints are workloads of the port
  std::set<uint32_t> changed_ports_;
  bool keys_changed_ = true;        // of the frontend table
  bool listeners_changed_ = false;  // what is proxied, or its slots
  // Whether this commit changes what may become of live flows, and whether it may end some.
  bool flows_concerned_ = false, flows_cut_ = false;
  FrontendBytes frontend_bytes_;
  size_t bytes_ = 0;  // of clusters and access lists
  uint32_t frontend_count_ = 0, endpoint_count_ = 0;
};

}  // namespace heddle::policy
