// PolicyReader: what the conversions of all kinds share. It collects problems and goes on, so
// that one answer tells all of them.
#pragma once

#include <fmt/format.h>
#include <google/protobuf/map.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/limits.h"
#include "policy/resource.h"
#include "policy_convert.h"

namespace heddle::server {

class PolicyReader {
 public:
  explicit PolicyReader(std::string_view trust_domain) : trust_domain_(trust_domain) {}

  void problem(std::string field, std::string text) {
    if (problems_.size() < kMaxProblems) problems_.push_back({std::move(field), std::move(text)});
  }
  // A field that is there and does not act yet.
  void later(bool given, std::string field) {
    if (given) problem(std::move(field), "does not act in this version; leave it out");
  }

  // Before a list is gone through: false, and a problem, when it is longer than any may be.
  bool fits(int size, size_t most, const std::string& field) {
    if (static_cast<size_t>(size) <= most) return true;
    problem(field, fmt::format("has {} elements; at most {} are allowed", size, most));
    return false;
  }

  policy::IpAddress address(const std::string& text, const std::string& field);
  std::vector<policy::IpPrefix> prefixes(
      const google::protobuf::RepeatedPtrField<std::string>& from, const std::string& field);
  uint16_t port(uint32_t number, const std::string& field);
  // Within [least, most]; protobuf's own may be of 10,000 years, or no time at all.
  static std::optional<Duration> time(const google::protobuf::Duration& from, Duration least,
                                      Duration most);
  static policy::Labels labels(const google::protobuf::Map<std::string, std::string>& from) {
    return {from.begin(), from.end()};
  }

  bool has_problems() const { return !problems_.empty(); }
  std::string_view trust_domain() const { return trust_domain_; }
  std::vector<FieldProblem> take_problems() { return std::move(problems_); }

 private:
  static constexpr size_t kMaxProblems = 20;
  std::string_view trust_domain_;
  std::vector<FieldProblem> problems_;
};

// One function a kind; what is wrong goes to the reader.
policy::Workload read(const v1::Workload& from, PolicyReader& reader);
policy::Service read(const v1::Service& from, PolicyReader& reader);
policy::EndpointSet read(const v1::EndpointSet& from, PolicyReader& reader);
policy::Route read(const v1::Route& from, const std::string& ns, PolicyReader& reader);
policy::TrafficPolicy read(const v1::TrafficPolicy& from, PolicyReader& reader);
policy::AccessPolicy read(const v1::AccessPolicy& from, PolicyReader& reader);
policy::Secret read(const v1::Secret& from, PolicyReader& reader);
policy::TrustBundle read(const v1::TrustBundle& from, PolicyReader& reader);
policy::Gateway read(const v1::Gateway& from, PolicyReader& reader);
policy::MeshPolicy read(const v1::MeshPolicy& from, PolicyReader& reader);
policy::ExternalService read(const v1::ExternalService& from, PolicyReader& reader);
policy::OutboundPolicy read(const v1::OutboundPolicy& from, PolicyReader& reader);
policy::NetworkIdentity read(const v1::NetworkIdentity& from, PolicyReader& reader);
policy::JwtProvider read(const v1::JwtProvider& from, PolicyReader& reader);
policy::RateLimit read(const v1::RateLimit& from, const std::string& ns, PolicyReader& reader);
policy::Fault read(const v1::Fault& from, const std::string& ns, PolicyReader& reader);

// A part of Service, Gateway and Route.
policy::JwtUse read_jwt_use(const v1::JwtUse& from, const std::string& field, PolicyReader& reader);
// A part of AccessPolicy.
std::vector<policy::ClaimMatch> read_claims(
    const google::protobuf::Map<std::string, std::string>& from, const std::string& field,
    PolicyReader& reader);

// A part of AccessPolicy.
policy::Operation read_operation(const v1::Operation& from, const std::string& field,
                                 PolicyReader& reader);

// Parameters that a rule of a Route asks for, and headers that one or an AccessPolicy does.
std::vector<policy::NamedMatch> read_named_matches(
    const google::protobuf::RepeatedPtrField<v1::HeaderMatch>& from, const std::string& field,
    PolicyReader& reader);
std::vector<policy::NamedMatch> read_header_matches(
    const google::protobuf::RepeatedPtrField<v1::HeaderMatch>& from, const std::string& field,
    PolicyReader& reader);

// Parts of Route.
policy::Backend read_backend(const v1::Backend& from, const std::string& ns,
                             const std::string& field, PolicyReader& reader);
std::vector<policy::HttpRule> read_http_rules(const v1::Route& from, const std::string& ns,
                                              PolicyReader& reader);
std::vector<policy::HttpRule> read_grpc_rules(const v1::Route& from, const std::string& ns,
                                              PolicyReader& reader);
policy::HttpMatch read_http_match(const v1::HttpMatch& from, const std::string& ns,
                                  const std::string& field, PolicyReader& reader);
policy::HttpMirror read_mirror(const v1::Mirror& from, const std::string& ns,
                               const std::string& field, PolicyReader& reader);
policy::HttpCors read_cors(const v1::Cors& from, const std::string& field, PolicyReader& reader);
std::string in_small_letters(std::string text);

// Parts of Service, Gateway and TrafficPolicy.
policy::ServerTls read_server_tls(const v1::ServerTls& from, const std::string& field,
                                  PolicyReader& reader);
policy::UpstreamTls read_upstream_tls(const v1::UpstreamTls& from, const std::string& field,
                                      PolicyReader& reader);

// Of rules of Routes; of TrafficPolicy all of retries, bounds and outliers.
policy::Retry read_retry(const v1::Retry& from, const std::string& field, PolicyReader& reader);
void read_resilience(const v1::TrafficPolicy& from, policy::TrafficPolicy& to,
                     PolicyReader& reader);

// Parts of Service, EndpointSet and ExternalService.
void read_protocol(v1::Protocol from, const std::string& field, policy::ServicePort& to,
                   PolicyReader& reader);
std::vector<policy::Endpoint> read_endpoints(
    const google::protobuf::RepeatedPtrField<v1::Endpoint>& from, PolicyReader& reader);

// What somebody has sent, short and printable.
std::string shown(std::string_view text);

}  // namespace heddle::server
