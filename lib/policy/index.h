// Index: all staged resources, and from each thing that they name the way back to them. What it
// holds depends on the resources alone, not on how they came, so taking an edit back is an edit.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "facts.h"
#include "group.h"
#include "policy/resource.h"

namespace heddle::policy {

// Who has an address. Ordered by address, then by key: of one address, namespaces are together.
class AddressIndex {
 public:
  using Use = std::pair<IpAddress, const Key*>;  // the key lives as long as the entry
  struct Order {
    using is_transparent = void;
    bool operator()(const Use& a, const Use& b) const {
      return a.first != b.first ? a.first < b.first : a.second != b.second && *a.second < *b.second;
    }
    bool operator()(const Use& a, const IpAddress& b) const { return a.first < b; }
    bool operator()(const IpAddress& a, const Use& b) const { return a < b.first; }
  };
  using Uses = std::set<Use, Order>;

  // Somebody but `me`, or null.
  const Key* other(const IpAddress& address, const Key& me) const;
  // Somebody in another namespace, or null.
  const Key* outside(const IpAddress& address, const std::string& ns) const;
  const Key* first(const IpAddress& address) const;
  std::pair<Uses::const_iterator, Uses::const_iterator> all(const IpAddress& address) const {
    return uses.equal_range(address);
  }

  Uses uses;
};

// Sums over all resources, and of what they name.
struct Totals {
  // Of each resource alone.
  uint64_t resources = 0, workloads = 0, services = 0, gateways = 0, service_ports = 0, routes = 0,
           backends = 0;
  uint64_t set_endpoints = 0;  // of EndpointSets
  uint64_t label_bytes = 0;
  uint64_t secrets = 0, trust_bundles = 0, jwt_providers = 0, networks = 0, pem_bytes = 0,
           tls_uses = 0, server_names = 0, jwt_key_work = 0;
  uint64_t rate_limits = 0, keyed_rate_limits = 0, faults = 0;
  uint64_t http_rules = 0, http_places = 0, http_bytes = 0, regexes = 0, access_rules = 0;
  // Of what several make together.
  uint64_t endpoints = 0, subsets = 0, cluster_endpoints = 0, access_terms = 0;
  uint64_t namespaces = 0;              // with Services or Gateways
  uint64_t meshed = 0, mesh_ports = 0;  // workloads in the mesh, and their addresses times ports
  uint64_t ports_on_the_way = 0;        // of ExternalServices: addresses times ports

  static Totals of(const Resource& resource);
  // The first group alone.
  void add(const Totals& own);
  void subtract(const Totals& own);
};

class Index {
 public:
  explicit Index(const Facts& facts)
      : facts_(facts),
        port_workloads_(facts.node.ports.size()),
        guard_terms_(facts.node.ports.size()) {}

  // Puts `next`, or nothing, in the place of what the key has, and gives that back.
  ResourcePtr replace(const Key& key, ResourcePtr next, Touched& touched);
  // After replacing: what workloads are to the mesh, and how much touched groups have.
  void recount(Touched& touched);
  // Forgets a group that nothing is left of; false: there is.
  bool sweep(Group* group);

  // In the place of a Service that is not there an ExternalService of its name.
  const Resource* find(const Key& key) const;
  const Resource* find_exactly(const Key& key) const;
  ResourcePtr shared(const Key& key) const;
  Group* group_of(const Key& key);  // of a Service, be it external or not, or a Gateway
  Group* group_of(const std::string& ns, const std::string& service) {
    return group_of({Kind::kService, ns, service});
  }
  const std::map<Key, Group>& groups() const { return groups_; }
  const std::map<Key, ResourcePtr>& resources() const { return resources_; }
  const Totals& totals() const { return totals_; }

  // The workloads of the namespace that the service selects.
  std::vector<const Resource*> selected_by(const Group& group) const;
  const ResourceSet& workloads_at(uint32_t port) const { return port_workloads_[port]; }
  const AddressIndex& workloads() const { return workloads_; }
  const AddressIndex& services() const { return services_; }
  const AddressIndex& endpoints() const { return endpoints_; }
  // An ExternalService that has the address as an endpoint, or null.
  const Key* external_at(const IpAddress& address) const;
  // Null: the namespace has none. Of several, which are refused, the first by name.
  const Resource* outbound_policy(const std::string& ns) const;
  // Another ExternalService that exports the host, or null.
  const Key* other_exporter(const std::string& host, const Key& me) const;
  const Key* other_outbound_policy(const Key& me) const;
  Outbound outbound_of(const std::string& ns) const;
  // The access policies for a service, and for the workload behind a port: those that name it and
  // those of its namespace that name nothing. By name.
  ResourceSet policies_of(const Group& group) const;
  ResourceSet guards_of(uint32_t port) const;
  // Another service with the same address, protocol and port, or null.
  const Key* other_listener(const FrontendKey& frontend, const Key& me) const;
  // Whose TLS names the Secret or TrustBundle, or who asks for tokens of the JwtProvider.
  const ResourceSet& tls_users(const Key& key) const;
  // Another TrustBundle of the namespace for the same trust domain, or null.
  const Key* other_bundle(const std::string& trust_domain, const Key& me) const;
  // Groups with access policies that ask who the sender is; not those of namespaces.
  const GroupSet& identity_groups() const { return identity_groups_; }
  // Groups with Routes that ask the same.
  const GroupSet& sender_groups() const { return sender_groups_; }
  // The mesh (index_mesh.cc). Null: none is for the workload.
  const Resource* mesh_policy_of(const Resource& workload) const;
  // Of another node's workload in the mesh; else null.
  std::shared_ptr<const MeshPeer> mesh_peer(const Key& workload) const;
  // Those of this node that are in the mesh, of all namespaces.
  std::vector<const Resource*> meshed_here() const;
  const std::map<std::string, ResourceSet>& mesh_policies() const { return mesh_policies_; }
  bool is_here(const Workload& workload) const { return is_here(workload.node); }
  bool is_here(const std::string& node) const { return node.empty() || node == facts_.node.node; }
  // NetworkIdentities of this node's uplinks (index_networks.cc).
  const ResourceSet& networks_here() const { return networks_; }
  // Another one with an address of the prefix, or null.
  const Resource* other_network(const IpPrefix& prefix, const Resource& me) const;
  // The SPIFFE ID; empty where the node or the workload has no name for it.
  std::string identity_of(const std::string& ns, const std::string& account) const;
  std::string identity_of(const Resource& workload) const {
    return identity_of(workload.key.ns, std::get<Workload>(workload.spec).service_account);
  }
  // For the whole namespace; null: there is none.
  const Resource* wide_mesh_policy(const std::string& ns) const;
  // What a group offers: the resource of its key, or what was made of a workload.
  ResourcePtr offer_of(const Group& group) const;
  bool has_wide_policies() const { return !wide_policies_.empty(); }
  bool has_wide_policies(const std::string& ns) const { return wide_policies_.contains(ns); }

 private:
  enum class Change : uint8_t { kAdd, kRemove };

  Group* touch(const Key& key, Touched& touched);
  Group* touch(const std::string& ns, const std::string& service, Touched& touched) {
    return touch({Kind::kService, ns, service}, touched);
  }
  void link(const Key& key, const Resource& resource, Change change, Touched& touched);
  void link_workload(const Key& key, const Resource& resource, Change change, Touched& touched);
  void link_service(const Key& key, const Resource& resource, Change change, Touched& touched);
  void link_endpoint_set(const Resource& resource, Change change, Touched& touched);
  void link_route(const Resource& resource, Change change, Touched& touched);
  void link_limit(const Resource& resource, Change change, Touched& touched);
  void count_sender(Group* group, Change change);
  void link_traffic_policy(const Resource& resource, Change change, Touched& touched);
  void link_tls(const Resource& resource, Change change);
  void link_material(const Key& key, const Resource& resource, Change change, Touched& touched);
  void link_access_policy(const Resource& resource, Change change, Touched& touched);
  void link_mesh_policy(const Resource& resource, Change change, Touched& touched);
  void link_outbound_policy(const Resource& resource, Change change, Touched& touched);
  void link_network_identity(const Resource& resource, Change change, Touched& touched);
  void link_external_endpoints(const Key& key, const ExternalService& spec, Change change);
  struct Meshed {
    ResourcePtr offer;
    std::shared_ptr<const MeshPeer> peer;  // of another node's
    MeshModes modes;                       // of this node's
  };
  void refresh_mesh(Touched& touched);
  void refresh_mesh(const std::string& ns, Touched& touched);
  Meshed make_meshed(const Resource& workload, const Resource& policy) const;
  void add_mesh_ports(const Resource& workload, std::map<uint16_t, ServicePort>& to) const;
  void put_meshed(const Key& key, const Meshed* before, const Meshed* after, Touched& touched);
  void count_namespace(const std::string& ns, Change change);
  void touch_members(const std::string& ns, Touched& touched);
  void touch_namespace(const std::string& ns, const AccessPolicy& policy, Touched& touched);
  void replace_endpoints(const Key& key, const Resource* before, const Resource* after);

  template <class Set, class Value>
  static void put(Set& set, const Value& value, Change change) {
    if (change == Change::kAdd) {
      set.insert(value);
    } else {
      set.erase(value);
    }
  }

  const Facts& facts_;
  std::map<Key, ResourcePtr> resources_;
  std::map<Key, Group> groups_;
  Totals totals_;
  std::vector<ResourceSet> port_workloads_;
  std::vector<uint64_t> guard_terms_;  // of each port
  // Access policies that name no service, by namespace.
  std::map<std::string, ResourceSet> wide_policies_, label_policies_;
  AddressIndex workloads_, services_, endpoints_;
  std::set<std::pair<FrontendKey, const Key*>> listeners_;
  // How many Services, Gateways and Workloads in the mesh each has.
  std::map<std::string, uint32_t> service_namespaces_;
  // Services by namespace and one label of their selector.
  std::map<std::tuple<std::string, std::string, std::string>, GroupSet> selectors_;
  GroupSet identity_groups_, sender_groups_;
  std::map<std::string, ResourceSet> mesh_policies_;  // by namespace
  std::map<std::string, ResourceSet> outbound_policies_;
  std::map<std::string, std::set<Key>> exported_hosts_;
  ResourceSet networks_;
  using NetworkUse = std::pair<IpPrefix, const Resource*>;
  struct ByPrefix {
    bool operator()(const NetworkUse& a, const NetworkUse& b) const {
      return a.first != b.first ? a.first < b.first : a.second->key < b.second->key;
    }
  };
  using NetworkUses = std::set<NetworkUse, ByPrefix>;
  NetworkUses network_prefixes_;
  std::map<Key, Meshed> meshed_;          // by workload
  std::map<Key, ResourceSet> tls_users_;  // by what they name, be it there or not
  // TrustBundles by namespace and trust domain.
  std::map<std::pair<std::string, std::string>, std::set<Key>> bundles_;
};

// The key of the group that a resource offers something in: ExternalServices are among Services.
inline Key group_key(const Key& key) {
  if (key.kind != Kind::kExternalService) return key;
  return {Kind::kService, key.ns, key.name};
}

// The backends of all rules, of whatever kind.
template <class Take>
void for_each_backend(const Route& route, const Take& take) {
  for (const TcpRule& rule : route.rules)
    for (const Backend& backend : rule.backends) take(backend);
  for (const TlsRule& rule : route.tls)
    for (const Backend& backend : rule.backends) take(backend);
  for (const HttpRule& rule : route.http) {
    for (const Backend& backend : rule.backends) take(backend);
    if (rule.mirror) take(rule.mirror->backend);
  }
}

// Rules, sources, what is asked for and what they list; of a rule once for each of `ports` that it
// is for.
size_t access_terms(const AccessPolicy& policy, const std::vector<ServicePort>* ports = nullptr);

// Adds the rules themselves, and what they ask of requests.
void add_access_rules(const AccessPolicy& policy, Totals& to);

// Whether a rule's text names the port, by name or number.
bool names_port(const std::string& text, const ServicePort& port);

// Whether what is asked for, or the rule, may be for the port.
bool is_for(const Operation& operation, const ServicePort& port);
bool is_for(const AccessRule& rule, const ServicePort& port);

// Whether the rules ask who the sender is.
bool asks_identity(const AccessPolicy& policy);
bool asks_sender(const Route& route);
bool asks_sender(const RequestScope& scope);

}  // namespace heddle::policy
