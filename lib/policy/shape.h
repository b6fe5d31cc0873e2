// Shape: what can be said about a resource without knowing any other. What passes has bounded
// lists, usable names and addresses, and nothing twice.
#pragma once

#include "facts.h"
#include "problems.h"

namespace heddle::policy {

// `key` is the edit's, which the resource has to have too.
void check_shape(const Key& key, const Resource& resource, Problems& problems);

// Of one resource; the others are for check_shape.
class ShapeChecker {
 public:
  ShapeChecker(const Key& key, Problems& problems) : key_(key), problems_(problems) {}

  void check(const Workload& spec);
  void check(const Service& spec);
  void check(const Gateway& spec);
  void check(const EndpointSet& spec);
  void check(const Route& spec);
  void check(const TrafficPolicy& spec);
  void check(const AccessPolicy& spec);
  void check(const Secret& spec);
  void check(const TrustBundle& spec);
  void check(const MeshPolicy& spec);
  void check(const ExternalService& spec);
  void check(const OutboundPolicy& spec);
  void check(const NetworkIdentity& spec);
  void check(const JwtProvider& spec);
  void check(const RateLimit& spec);
  void check(const Fault& spec);
  void check_metadata(const Labels& labels);

 private:
  void fail(std::string field, std::string text) {
    problems_.add(key_, std::move(field), std::move(text));
  }
  // False: out of bounds, told.
  bool count(const std::string& field, size_t number, size_t least, size_t most, const char* what);
  void label(const std::string& field, std::string_view text);
  void labels(const std::string& field, const Labels& labels);
  void addresses(const std::vector<IpAddress>& addresses, size_t most);
  void host(const std::string& field, const IpAddress& address);
  void check_offer(const Service& spec);
  void ports(const std::vector<ServicePort>& ports);
  void listener(const std::string& field, const ServicePort& port);
  void hostnames(const std::string& field, const std::vector<std::string>& names);
  void proxied_ports(const Service& spec);
  void http_port(const std::string& field, const ServicePort& port, const Service& spec);
  void rule(const std::string& field, const TcpRule& rule);
  void tls_rule(const std::string& field, const TlsRule& rule);
  void backends(const std::string& field, const std::vector<Backend>& backends);
  void port_tls(const std::string& field, const ServicePort& port, const Service& spec);
  void passthrough(const std::string& field, const ServerTls& tls);
  void upstream_tls(const std::string& field, const UpstreamTls& tls);
  void external_port(const std::string& field, const ServicePort& port, const ExternalService& of);
  void endpoints(const std::vector<Endpoint>& endpoints);
  void tls_choice(const std::string& field, const TlsChoice& choice);
  // Names of resources, each once.
  void names(const std::string& field, const std::vector<std::string>& names, size_t most);
  void peer_ids(const std::string& field, const std::vector<std::string>& ids);
  void text(const std::string& field, const std::string& text, size_t least, size_t most);
  void backend(const std::string& field, const Backend& backend);
  void access_rule(const std::string& field, const AccessRule& rule);
  void port_numbers(const std::string& field, const AccessRule& rule);
  void operation(const std::string& field, const Operation& operation);
  void methods(const std::string& field, const std::vector<std::string>& methods);
  void access_paths(const std::string& field, const std::vector<AccessPath>& paths);
  void access_path(const std::string& field, const AccessPath& path);
  void http_rules(const Route& spec);
  void http_rule(const std::string& field, const HttpRule& rule);
  void http_action(const std::string& field, const HttpRule& rule);
  void http_match(const std::string& field, const HttpMatch& match);
  void path_match(const std::string& field, const PathMatch& path);
  void field_matches(const std::string& field, const std::vector<NamedMatch>& matches);
  void query_matches(const std::string& field, const std::vector<NamedMatch>& matches);
  void field_name(const std::string& field, const std::string& name);
  void field_change(const std::string& field, const HttpFieldChange& change);
  void redirect(const std::string& field, const HttpRedirect& redirect);
  void rewrite(const std::string& field, const HttpRewrite& rewrite);
  void direct(const std::string& field, const HttpDirect& direct);
  void mirror(const std::string& field, const HttpMirror& mirror);
  void cors(const std::string& field, const HttpCors& cors);
  void origin(const std::string& field, const TextMatch& origin, const HttpCors& cors);
  void cors_names(const std::string& field, const std::vector<std::string>& names,
                  bool credentials);
  void balancing(const TrafficPolicy& spec);
  void resilience(const TrafficPolicy& spec);
  void retry(const std::string& field, const Retry& retry);
  void outliers(const std::string& field, const resilience::OutlierTerms& terms);
  void path(const std::string& field, const std::string& path);
  void http_times(const std::string& field, const HttpRule& rule);
  void source(const std::string& field, const Source& source);
  void claims(const std::string& field, const std::vector<ClaimMatch>& claims);
  void jwt_use(const std::string& field, const std::optional<JwtUse>& use);
  void scope(const RequestScope& scope);
  void fault_abort(const resilience::FaultAbort& abort);
  void jwt_place(const JwtPlace& place, bool forward);
  void claim_headers(const JwtProvider& spec);
  void prefixes(const std::string& field, const std::vector<IpPrefix>& prefixes);

  const Key& key_;
  Problems& problems_;
  const char* ports_ = "spec.ports";
  bool may_leave_ = false;  // a Gateway's Route, whose backends may be of other namespaces
};

}  // namespace heddle::policy
