// Policy as plain values: what was applied, after control/ has turned messages into it and before
// the compiler lays it out for the workers. Only the kinds that act today are here; control/
// refuses the others by name. Shapes and meanings are those of proto/heddle/v1.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "policy/ip.h"

namespace heddle::policy {

enum class Kind : uint8_t {
  kWorkload,
  kService,
  kEndpointSet,
  kRoute,
  kTrafficPolicy,
  kAccessPolicy,
};

// "Workload", as people write it.
const char* name_of(Kind kind);

struct Key {
  Kind kind = Kind::kWorkload;
  std::string ns, name;
  friend auto operator<=>(const Key&, const Key&) = default;
};

// Sorted, so that equal label sets compare equal and subset tests are one merge.
using Labels = std::map<std::string, std::string>;

struct Workload {
  std::string port;  // of heddled.yaml
  std::vector<IpAddress> addresses;
  std::string service_account;
  Labels labels;
};

enum class Protocol : uint8_t { kTcp, kUdp };

struct ServicePort {
  std::string name;
  uint16_t number = 0;
  Protocol protocol = Protocol::kTcp;
  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

struct Service {
  std::vector<IpAddress> addresses;
  std::vector<ServicePort> ports;
  Labels selector;       // none: no workloads
  std::string fallback;  // a service of the same namespace, or empty
};

struct Endpoint {
  IpAddress address;
  uint16_t weight = 1;
  Labels labels;
};

struct EndpointSet {
  std::string service;
  std::vector<Endpoint> endpoints;
};

struct Backend {
  std::string service, ns;  // ns: never empty
  Labels subset;
  uint32_t weight = 1;
};

struct TcpRule {
  std::string port;  // empty: every port of the service
  std::vector<Backend> backends;
};

struct Route {
  std::string service;
  std::vector<TcpRule> rules;
};

enum class HashOn : uint8_t { kFlow, kSourceAddress };

struct TrafficPolicy {
  std::string service;
  HashOn hash_on = HashOn::kFlow;
};

enum class Action : uint8_t { kAllow, kDeny };

// All that is given has to fit. A principal is split: control/ has checked its trust domain, or
// kept the rule from ever matching by `foreign`.
struct Source {
  std::string ns, service_account;  // empty: any
  bool foreign = false;             // another trust domain: nobody on this node
  bool identified = false;          // senders without identity do not fit
  std::vector<IpPrefix> cidrs, not_cidrs;
  std::vector<std::string> not_namespaces;
};

struct AccessRule {
  std::vector<Source> from;        // none: everybody
  std::vector<std::string> ports;  // names or numbers of the service's ports; none: all
};

struct AccessPolicy {
  std::string service;
  Action action = Action::kAllow;
  std::vector<AccessRule> rules;
};

struct Resource {
  Key key;
  Labels labels;  // metadata.labels
  std::variant<Workload, Service, EndpointSet, Route, TrafficPolicy, AccessPolicy> spec;
};
using ResourcePtr = std::shared_ptr<const Resource>;

// One thing that is wrong. `field` is the proto's path ("spec.ports[0].port"), empty for the
// resource as a whole; `text` a sentence without either.
struct Problem {
  Key key;
  std::string field;
  std::string text;
};

}  // namespace heddle::policy
