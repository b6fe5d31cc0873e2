// Policy as plain values: what was applied, after control/ has turned messages into it and before
// the compiler lays it out for the workers. Only the kinds that act today are here; control/
// refuses the others by name. Shapes and meanings are those of proto/heddle/v1.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/time.h"
#include "policy/access_rule.h"
#include "policy/backend.h"
#include "policy/http_rule.h"
#include "policy/ip.h"
#include "policy/jwt.h"
#include "policy/limit_rules.h"
#include "policy/retry.h"
#include "policy/tls.h"
#include "resilience/breaker.h"
#include "resilience/outlier_detector.h"

namespace heddle::policy {

enum class Kind : uint8_t {
  kWorkload,
  kService,
  kEndpointSet,
  kRoute,
  kTrafficPolicy,
  kAccessPolicy,
  kSecret,
  kTrustBundle,
  kGateway,
  kMeshPolicy,
  kExternalService,
  kOutboundPolicy,
  kJwtProvider,
  kNetworkIdentity,
  kRateLimit,
  kFault,
};

// "Workload", as people write it.
const char* name_of(Kind kind);

struct Key {
  Kind kind = Kind::kWorkload;
  std::string ns, name;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Workload {
  std::string port;  // of heddled.yaml
  std::vector<IpAddress> addresses;
  std::string service_account;
  Labels labels;
  std::string node;         // whose it is; empty: this one's
  std::string certificate;  // a Secret with its X.509-SVID; or empty
};

enum class Protocol : uint8_t { kTcp, kUdp };

// What both sides of TLS may choose. Lists are in order of preference.
struct TlsChoice {
  tls::Version min_version = tls::Version::kTls12;
  tls::Version max_version = tls::Version::kTls13;
  std::vector<tls::SuiteId> suites;  // none: all
  std::vector<std::string> groups;   // none: those of tls::Config
  std::vector<std::string> alpn;
  friend bool operator==(const TlsChoice&, const TlsChoice&) = default;
};

// TLS towards the endpoints of a service.
struct UpstreamTls {
  std::string server_name;  // sent as SNI; with kName what certificates must cover
  tls::PeerCheck verify = tls::PeerCheck::kName;  // or kSpiffe
  std::vector<std::string> trust;
  std::string certificate;              // a Secret, shown to endpoints that ask; or empty
  std::vector<std::string> server_ids;  // with kSpiffe; none: any of these trust domains
  TlsChoice choice;
  friend bool operator==(const UpstreamTls&, const UpstreamTls&) = default;
};

// TLS of the clients of one port. Names are of Secrets and TrustBundles of the same namespace.
struct ServerTls {
  ClientTls mode = ClientTls::kTerminate;
  std::vector<std::string> certificates;  // the first is the default
  std::vector<std::string> trust;         // given: clients must show an X.509-SVID of one of these
  std::vector<std::string> client_ids;    // SPIFFE IDs; none: any of these trust domains
  bool known_names_only = false;
  TlsChoice choice;
  std::string own_id;  // the SPIFFE ID of the certificates; empty: whatever they say
  friend bool operator==(const ServerTls&, const ServerTls&) = default;
};

struct ServicePort {
  std::string name;
  uint16_t number = 0;  // 0: every port of the protocol that no other entry names
  Protocol protocol = Protocol::kTcp;
  uint16_t target_port = 0;        // of the endpoints; 0: as the packet has it
  std::optional<ServerTls> tls{};  // none: bytes are bytes
  // HTTP of either version from clients, and this towards endpoints: the node ends connections
  // whatever the service's forwarding is. None: not HTTP.
  std::optional<HttpUpstream> http{};
  // Of a Gateway's listener alone.
  std::vector<std::string> hostnames{};  // in small letters, as Route's; none: any
  bool proxy_protocol = false;           // connections begin with its header
  // Of an ExternalService's ports of TCP alone.
  bool ends_here = false;                     // whatever the service's forwarding is
  std::optional<UpstreamTls> upstream_tls{};  // none: endpoints are spoken to as clients speak
  std::optional<JwtUse> jwt{};                // with `http` alone
  bool sniffed = false;  // the same: what does not begin as HTTP does goes on as bytes
  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

// How a packet gets to the chosen endpoint.
enum class Forwarding : uint8_t {
  kDnat,     // the destination becomes the endpoint's
  kFullNat,  // and the source one of the node's
  kDirect,   // unchanged, to the endpoint's MAC address
  kIpInIp,   // unchanged, inside a packet to the endpoint (RFC 2003, RFC 2473)
  kProxy,    // TCP alone: the node ends the connection and makes one of its own to the endpoint
};

// "full-nat", as people write it.
const char* name_of(Forwarding forwarding);

// Whether endpoints get the client's packets with an address and port of their own.
inline bool translates(Forwarding forwarding) {
  return forwarding == Forwarding::kDnat || forwarding == Forwarding::kFullNat;
}

// Whether endpoints get the client's packets as they are, with the service's address and port.
inline bool keeps_packets(Forwarding forwarding) {
  return forwarding == Forwarding::kDirect || forwarding == Forwarding::kIpInIp;
}

// Full NAT: who shares an own address and port.
enum class SourceMapping : uint8_t {
  kPerFlow,    // nobody
  kPerSource,  // all flows of one source address and port (RFC 4787 REQ-1)
};

struct Service {
  std::vector<IpAddress> addresses;
  std::vector<ServicePort> ports;
  Labels selector;       // none: no workloads
  std::string fallback;  // a service of the same namespace, or empty
  Forwarding forwarding = Forwarding::kDnat;
  SourceMapping source_mapping = SourceMapping::kPerFlow;
  friend bool operator==(const Service&, const Service&) = default;
};

// A service without endpoints of its own: its ports are listeners, and Routes lead on from these.
struct Gateway {
  Service service;                           // of Forwarding::kProxy
  std::string service_account, certificate;  // as a Workload's; both or none
};

// How a port of the service is forwarded.
inline Forwarding forwarding_of(const Service& service, const ServicePort& port) {
  return port.http || port.ends_here ? Forwarding::kProxy : service.forwarding;
}

// Whether the node ends connections of any of the service's ports.
inline bool ends_connections(const Service& service) {
  return std::ranges::any_of(service.ports, [&](const ServicePort& port) {
    return forwarding_of(service, port) == Forwarding::kProxy;
  });
}

struct Endpoint {
  IpAddress address;
  uint16_t weight = 1;
  Labels labels;
  uint16_t port = 0;     // 0: the service's target port
  uint8_t priority = 0;  // the lowest that has an endpoint with a weight takes all new flows
};

// A destination outside of the mesh. Among Services it has the name of one, and is one to all that
// names Services.
struct ExternalService {
  Service service;                  // its ports of HTTP and of TLS that passes have the hosts
  std::vector<Endpoint> endpoints;  // none: its addresses are those of the destination itself
  std::vector<std::string> hosts;   // names that are answered with its addresses
  bool exported = false;            // to workloads of all namespaces
  // Its addresses are where packets go anyway: it takes connections that workloads open to them on
  // their way, and nobody else's.
  bool on_the_way() const { return endpoints.empty(); }
};

struct EndpointSet {
  std::string service;
  std::vector<Endpoint> endpoints;
};

struct TcpRule {
  std::string port;  // empty: every port of the service
  std::vector<Backend> backends;
};

// For the ports with ClientTls::kPassthrough.
struct TlsRule {
  std::vector<std::string> server_names;  // in small letters; "*.example.org": see ServerNames
  std::vector<Backend> backends;
};

// Rules of one of the three kinds, for a service or a gateway of its namespace.
struct Route {
  std::string service;
  std::vector<TcpRule> rules;
  std::vector<TlsRule> tls;
  std::vector<HttpRule> http;          // for the ports with `http`
  std::vector<std::string> hostnames;  // of http alone, as TlsRule's names; none: any
  bool grpc = false;                   // what is under http was given as rules for gRPC
  std::string gateway;                 // or service
};

// kHeader and kCookie are of requests; what is led as a connection has kFlow in their place.
enum class HashOn : uint8_t { kFlow, kSourceAddress, kHeader, kCookie };

inline bool is_of_requests(HashOn hash_on) {
  return hash_on == HashOn::kHeader || hash_on == HashOn::kCookie;
}

// Which header of the PROXY protocol tells the client's address.
enum class ProxyProtocol : uint8_t { kOff, kV1, kV2 };

enum class Algorithm : uint8_t { kMaglev, kRingHash, kRoundRobin, kRandom, kLeastRequest };

// "round-robin", as people write it.
const char* name_of(Algorithm algorithm);

// Whether it leads all packets of a flow to one endpoint without remembering the flow.
inline bool is_hash(Algorithm algorithm) {
  return algorithm == Algorithm::kMaglev || algorithm == Algorithm::kRingHash;
}

// How the sender of a refused packet is told.
enum class Refusal : uint8_t { kUnreachable, kReset, kDrop };

inline constexpr Duration kDefaultDrainTime = seconds(60);
inline constexpr Duration kDefaultConnectTimeout = seconds(5);
inline constexpr Duration kDefaultIdleTimeout = seconds(3'600);

struct TrafficPolicy {
  std::string service;
  HashOn hash_on = HashOn::kFlow;
  std::string hash_name;  // of the field, in small letters, or of the cookie; else empty
  // With kCookie: clients without it are given one for so long, 0: for their session. Whole
  // seconds; none: they are given none.
  std::optional<Duration> hash_cookie_ttl;
  Algorithm algorithm = Algorithm::kMaglev;
  // How long flows stay with an endpoint that takes no new ones any more.
  Duration drain_time = kDefaultDrainTime;
  Refusal no_endpoint = Refusal::kUnreachable;
  // For services with forwarding: proxy alone. None: the default; idle 0: never.
  std::optional<Duration> connect_timeout, idle_timeout;
  std::optional<UpstreamTls> upstream_tls;             // the same
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;  // the same
  // For connections that end at the node, and requests on them.
  std::optional<Retry> retry;  // of requests whose rule says nothing else
  Duration per_try;            // the same; 0: none
  resilience::BreakerTerms bounds;
  std::optional<resilience::OutlierTerms> outliers;
};

enum class Action : uint8_t { kAllow, kDeny, kAudit };

// For one service, for the workloads that carry labels, or, with neither, for all services and
// workloads of the namespace.
struct AccessPolicy {
  std::string service;
  Labels workload_labels;
  Action action = Action::kAllow;
  bool dry_run = false;  // counted and not enforced
  Refusal on_deny = Refusal::kDrop;
  std::vector<AccessRule> rules;
};

// A certificate with its intermediates and its key, as PEM, wherever it was read from. control/
// has checked that they fit; here they are text.
struct Secret {
  std::string chain_pem, key_pem;
  friend bool operator==(const Secret&, const Secret&) = default;
};

struct TrustBundle {
  std::string trust_domain;
  std::string roots_pem;
  std::string crl_pem;  // or empty
  friend bool operator==(const TrustBundle&, const TrustBundle&) = default;
};

// How connections from other nodes come to a workload.
enum class MeshTls : uint8_t { kDisable, kPermissive, kStrict };

// "STRICT", as people write it.
const char* name_of(MeshTls mode);

// For the workloads that carry the labels, or, without any, for all others of the namespace.
struct MeshPolicy {
  Labels workload_labels;
  MeshTls tls = MeshTls::kStrict;
  std::map<uint16_t, MeshTls> ports;  // that are treated otherwise
  std::vector<std::string> trust;     // TrustBundles
};

// Where the workloads of a namespace may send what is for no Service and no Workload.
enum class Outbound : uint8_t {
  kAllow,           // anywhere
  kRegisteredOnly,  // to ExternalServices
  kRefuse,          // nowhere
};

// "REGISTERED_ONLY", as people write it.
const char* name_of(Outbound mode);

struct OutboundPolicy {
  Outbound mode = Outbound::kRefuse;
};

// Who sources of these prefixes are taken for, that come in by an uplink of the node.
struct NetworkIdentity {
  std::vector<IpPrefix> cidrs;
  std::string service_account;
  std::string node;  // whose uplinks; empty: this one's
};

struct Resource {
  Key key;
  Labels labels;  // metadata.labels
  std::variant<Workload, Service, EndpointSet, Route, TrafficPolicy, AccessPolicy, Secret,
               TrustBundle, Gateway, MeshPolicy, ExternalService, OutboundPolicy,  // as in Kind
               JwtProvider, NetworkIdentity, RateLimit, Fault>
      spec;
};
using ResourcePtr = std::shared_ptr<const Resource>;

// What a Service, a Gateway or an ExternalService offers.
inline const Service& service_of(const Resource& resource) {
  if (const auto* gateway = std::get_if<Gateway>(&resource.spec)) return gateway->service;
  if (const auto* external = std::get_if<ExternalService>(&resource.spec)) return external->service;
  return std::get<Service>(resource.spec);
}

// The Service or Gateway that a Route is for.
inline Key target_of(const Key& route, const Route& spec) {
  if (spec.gateway.empty()) return {Kind::kService, route.ns, spec.service};
  return {Kind::kGateway, route.ns, spec.gateway};
}

// The same of a RateLimit's or Fault's scope.
inline Key target_of(const Key& limit, const RequestScope& scope) {
  if (scope.gateway.empty()) return {Kind::kService, limit.ns, scope.service};
  return {Kind::kGateway, limit.ns, scope.gateway};
}

// Null: it is neither a RateLimit nor a Fault.
inline const RequestScope* scope_of(const Resource& resource) {
  if (const auto* limit = std::get_if<RateLimit>(&resource.spec)) return &limit->scope;
  if (const auto* fault = std::get_if<Fault>(&resource.spec)) return &fault->scope;
  return nullptr;
}

// One thing that is wrong. `field` is the proto's path ("spec.ports[0].port"), empty for the
// resource as a whole; `text` a sentence without either.
struct Problem {
  Key key;
  std::string field;
  std::string text;
};

}  // namespace heddle::policy
