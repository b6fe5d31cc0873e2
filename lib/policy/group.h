// Group: a service or gateway with all resources that name it, and what it was compiled to. It
// exists while there is any of these, so what names a service before it is there finds its place.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "policy/resource.h"
#include "policy/snapshot.h"

namespace heddle::policy {

class OutlierDesk;

struct ByKey {
  bool operator()(const Resource* a, const Resource* b) const { return a->key < b->key; }
};
using ResourceSet = std::set<const Resource*, ByKey>;

// Where an endpoint is; port 0: the service's target port.
struct EndpointPlace {
  IpAddress address;
  uint16_t port = 0;
  friend auto operator<=>(const EndpointPlace&, const EndpointPlace&) = default;
};

// As of the last commit.
struct CompiledService {
  struct Endpoint {
    EndpointPlace place;
    uint32_t slot = kNoSlot;
    bool listed = true;  // false: it drains, or has gone in this commit
    std::shared_ptr<resilience::EndpointState> state{};  // null: nobody looks how it does
    bool out = false;
    bool takes = true;  // it has a weight
  };
  // As what the endpoints answer for services that translate; port 0: from any.
  struct Answer {
    Protocol protocol = Protocol::kTcp;
    uint16_t port = 0;
    friend auto operator<=>(const Answer&, const Answer&) = default;
  };
  struct FrontendSlot {
    FrontendKey key;
    uint32_t slot = kNoSlot;
  };
  uint32_t slot = kNoSlot;
  ResourcePtr service;
  std::vector<Endpoint> endpoints;                        // by place
  std::vector<FrontendSlot> frontends;                    // by key
  std::vector<std::shared_ptr<const AccessList>> access;  // of each of the service's ports
  // Slots of clusters by family (0: IPv6, 1: IPv4) and subset.
  std::array<std::map<Labels, uint32_t>, 2> clusters;
  // Of services whose connections may end at the node.
  std::shared_ptr<resilience::Breaker> breaker;
  std::unique_ptr<OutlierDesk> outliers;  // null: policy asks for none
  std::vector<uint32_t> ports;            // whose workloads are among the endpoints; sorted
  // What the address roles have of this service.
  std::vector<Answer> answers;
  std::vector<EndpointPlace> answering;

  CompiledService();
  ~CompiledService();
  bool empty() const {
    return slot == kNoSlot && endpoints.empty() && clusters[0].empty() && clusters[1].empty();
  }
};

struct Group {
  Key key;  // of the Service or Gateway, or of a Workload in the mesh
  const Resource* service = nullptr;
  ResourceSet endpoint_sets, routes, traffic_policies, access_policies;  // whose service this is
  ResourceSet limits;                  // RateLimits and Faults, whose target this is
  ResourceSet backend_of;              // routes
  ResourceSet fallback_of;             // services
  std::map<Labels, uint32_t> subsets;  // that backends name, and how many do
  uint32_t identity_policies = 0;      // access policies that ask who the sender is
  uint32_t sender_routes = 0;          // routes, and limits, that do
  uint64_t endpoints = 0;  // of the sets and of selected workloads; what is in both counts twice
  uint64_t cluster_endpoints = 0;
  uint64_t access_terms = 0;  // for all ports

  CompiledService compiled;

  bool is_gateway() const { return key.kind == Kind::kGateway; }
  bool is_workload() const { return key.kind == Kind::kWorkload; }
  // Null: it is none.
  const ExternalService* external() const {
    return service == nullptr ? nullptr : std::get_if<ExternalService>(&service->spec);
  }
  const Service& spec() const { return service_of(*service); }
  bool empty() const {
    return service == nullptr && endpoint_sets.empty() && routes.empty() &&
           traffic_policies.empty() && access_policies.empty() && limits.empty() &&
           backend_of.empty() && fallback_of.empty() && subsets.empty() && compiled.empty();
  }
};

// What is said of its traffic; of those without a policy the defaults.
const TrafficPolicy& traffic_policy_of(const Group& group);

struct ByGroupKey {
  bool operator()(const Group* a, const Group* b) const { return a->key < b->key; }
};
using GroupSet = std::set<Group*, ByGroupKey>;

// What edits have touched: what has to be checked and compiled again.
struct Touched {
  GroupSet all;
  GroupSet members;    // endpoints, or the fallback
  GroupSet sizes;      // how many endpoints and subsets
  GroupSet frontends;  // the service, its routes or traffic policies
  GroupSet access;
  GroupSet services;                    // the Service resource itself
  std::set<uint32_t> ports;             // whose workload
  std::set<Key> material;               // Secrets and TrustBundles
  std::set<uint32_t> guards;            // ports with workloads that access policies may be for
  std::set<std::string> meshes;         // namespaces whose workloads may be others to the mesh
  std::set<std::string> mesh_material;  // namespaces with TLS of such workloads
  bool identities = false;
  bool mesh = false;  // workloads in the mesh are others
  bool service_addresses = false;
  bool hosts = false;     // of ExternalServices
  bool outbound = false;  // OutboundPolicies
  bool networks = false;  // NetworkIdentities

  void merge(const Touched& more) {
    all.insert(more.all.begin(), more.all.end());
    members.insert(more.members.begin(), more.members.end());
    sizes.insert(more.sizes.begin(), more.sizes.end());
    frontends.insert(more.frontends.begin(), more.frontends.end());
    access.insert(more.access.begin(), more.access.end());
    services.insert(more.services.begin(), more.services.end());
    ports.insert(more.ports.begin(), more.ports.end());
    material.insert(more.material.begin(), more.material.end());
    guards.insert(more.guards.begin(), more.guards.end());
    meshes.insert(more.meshes.begin(), more.meshes.end());
    mesh_material.insert(more.mesh_material.begin(), more.mesh_material.end());
    identities |= more.identities;
    mesh |= more.mesh;
    service_addresses |= more.service_addresses;
    hosts |= more.hosts;
    outbound |= more.outbound;
    networks |= more.networks;
  }

  void forget(Group* group) {
    for (GroupSet* set : {&all, &members, &sizes, &frontends, &access, &services})
      set->erase(group);
  }
};

}  // namespace heddle::policy
