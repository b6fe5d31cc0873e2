// Checker: whether resources fit to each other and to heddled.yaml.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "index.h"
#include "listener_names.h"
#include "problems.h"

namespace heddle::policy {

// A backend's, in the Route that has it.
struct BackendPlace {
  const Key& key;
  const Route& spec;
  std::string field;
};

struct CheckContext {
  const Facts& facts;
  const Limits& limits;
  const Index& index;
  const std::set<Key>& deleted;  // by the edits that are checked
  bool has_tls = false;          // somebody can make it ready
};

class Checker {
 public:
  Checker(const CheckContext& context, Problems& problems)
      : facts_(context.facts),
        limits_(context.limits),
        index_(context.index),
        deleted_(context.deleted),
        has_tls_(context.has_tls),
        problems_(problems) {}

  void check(const Resource& resource);
  // What no resource can see alone.
  void check_endpoints(const Group& group);     // each once, and not too many
  void check_rules(const Group& group);         // one for each port
  void check_upstreams(const Resource& route);  // what backends' TrafficPolicies ask for
  void check_access(const Group& group);        // not too many
  void check_guard(uint32_t port);              // the same for the workload there
  void check_totals(const Totals& totals, const Key& blamed);
  // Of a workload in the mesh: not too many ports. Of a service: nothing that does not act there.
  void check_mesh_ports(const Group& group, const Key& blamed);
  void check_mesh_terms(const Group& group, const Key& blamed);
  // No token lies where claims are told, which is taken out of all requests.
  void check_token_places(const Group& group);

 private:
  void check_workload(const Key& key, const Workload& spec);
  void check_service(const Key& key, const Service& spec);
  void check_fallbacks(const Key& key, const Service& spec);
  void check_endpoint_set(const Key& key, const EndpointSet& spec);
  void check_route(const Key& key, const Route& spec);
  void check_traffic_policy(const Key& key, const TrafficPolicy& spec);
  void check_gateway_identity(const Key& key, const Gateway& spec);
  void check_mesh_policy(const Key& key, const MeshPolicy& spec);
  void check_external(const Key& key, const ExternalService& spec);
  void check_hosts(const Key& key, const ExternalService& spec);
  void check_external_endpoint(const Key& key, const std::string& field, const IpAddress& address);
  void check_outbound_policy(const Key& key);
  void check_network_identity(const Resource& resource);
  void check_limit(const Key& key, const RequestScope& scope);  // or Fault
  void check_meshed(const Resource& workload, const Key& blamed);
  void check_access_policy(const Key& key, const AccessPolicy& spec);
  void check_port_texts(const Key& key, const std::string& field,
                        const std::vector<std::string>& texts, const Service& target);

  // What makes the address useless for anybody, or who of heddled.yaml has it.
  bool check_own(const Key& key, const std::string& field, const IpAddress& address);
  void check_reserved(const Key& key, const std::string& field, const IpAddress& address);
  // What a Route is for, and a backend's Service. Null: told.
  const Service* route_target(const Key& key, const Route& spec);
  const Service* check_backend(const BackendPlace& place, const Backend& backend);
  void check_backend_port(const BackendPlace& place, const Backend& backend,
                          const Service& service);
  void check_hostnames(const Key& key, const Route& spec, const Service& gateway);
  const ListenerNames& listeners_of(const Service& gateway, ListenerNames::Is is);
  void check_listener_rules(const Key& key, const Route& spec, const Service& gateway);
  const Resource* policy_of(const Route& route, const Backend& backend) const;
  bool check_unproxied(const BackendPlace& place, const Backend& backend);
  bool check_wrapped(const BackendPlace& place, const Backend& backend);
  void check_external_backend(const BackendPlace& place, const Backend& backend,
                              const Service& service);
  // Null: told.
  const Service* service(const Key& key, const std::string& field, const std::string& name);
  void check_terms(const ResourceSet& policies, const std::string& target);
  std::string no_resource(const Key& wanted) const;
  // Null: told.
  const Resource* material(const Key& key, const std::string& field, Kind kind,
                           const std::string& name);
  void check_port_tls(const Key& key, const std::string& field, const ServerTls& tls);
  void check_jwt(const Key& key, const std::string& field, const std::optional<JwtUse>& use);
  void check_upstream_tls(const Key& key, const UpstreamTls& tls, const Service& target);
  // Of a TrafficPolicy's or a port's TLS: what it names.
  void check_client_tls(const Key& key, const std::string& field, const UpstreamTls& tls);
  void check_trust_bundle(const Key& key, const TrustBundle& spec);
  void check_peer_ids(const Key& key, const std::string& field, const std::vector<std::string>& ids,
                      const std::vector<std::string>& trust);
  void check_route_names(const Key& key, const Route& spec, const Service& target);
  void check_server_names(const Group& group);
  void check_http(const Key& key, const Route& spec, const Service* target);
  void check_filters(const Key& key, const Route& spec, const std::string& field,
                     const HttpRule& rule);
  void check_regex(const Key& key, const std::string& field, const std::string& text);
  void check_regexes(const Key& key, const std::string& field, const HttpMatch& match);
  void check_alike(const Group& group);
  void check_tcp_ports(const Key& key, const Route& spec, const Service& target);
  void duplicate_endpoint(const Group& group, const EndpointPlace& place);
  void check_untranslated(const Key& key, const std::string& field, const Service& from,
                          const std::string& name, const Service& to);
  void bound(const Key& key, uint64_t number, uint64_t most, const char* what);

  const Facts& facts_;
  const Limits& limits_;
  const Index& index_;
  const std::set<Key>& deleted_;
  bool has_tls_;
  Problems& problems_;
  // Of gateways whose Routes were checked.
  std::map<std::pair<const Service*, ListenerNames::Is>, ListenerNames> listeners_;
};

// " is also of Service shop/cart".
std::string also_of(const Key& key);

// "spec.addresses[3]".
std::string element(const char* list, size_t at);

}  // namespace heddle::policy
