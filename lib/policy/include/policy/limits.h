// How much policy a node takes. What is above a bound is refused with a sentence that names it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace heddle::policy {

struct Limits {
  uint32_t resources = 65'536;
  uint32_t services = 4'096;
  uint32_t gateways = 1'024;
  uint32_t workloads = 16'384;     // of all nodes
  uint32_t namespaces = 1'024;     // with Services or Gateways
  uint32_t service_ports = 8'191;  // addresses x ports, over all Services and Gateways
  uint32_t endpoints = 104'000;    // over all services
  uint32_t draining = 26'000;      // endpoints that take no new flows any more, besides
  uint32_t endpoints_per_service = 4'096;
  uint32_t routes = 8'192;
  uint32_t subsets = 4'096;  // different ones that backends name, over all services
  // Over all services: endpoints, once for the service and once for each subset of it. It bounds
  // the memory of tables.
  uint32_t cluster_endpoints = 524'288;
  uint32_t backends = 65'536;       // of all rules of all routes
  uint32_t access_terms = 262'144;  // of all access policies, for each port that they are for
  uint32_t access_rules = 16'384;   // of all access policies
  uint64_t label_bytes = 64 << 20;  // names and values of all labels, and kLabelCost for each
  uint32_t secrets = 4'096;
  uint32_t trust_bundles = 1'024;
  uint64_t pem_bytes = 64 << 20;  // of all Secrets and TrustBundles
  uint32_t tls_uses = 4'096;      // ports with TLS that ends here, and upstreams with TLS
  // PEM text of all uses of TLS, each of which has its own copy on every worker.
  uint64_t tls_use_bytes = 64 << 20;
  uint32_t server_names = 65'536;  // of all rules of all routes, and hostnames of listeners
  uint32_t http_rules = 16'384;    // of all routes
  uint32_t http_places = 131'072;  // their matches, once for each hostname of their route
  uint64_t http_bytes = 32 << 20;  // of all text in them, and kHttpMatchCost for each match
  uint32_t regexes = 8'192;        // of these, those of paths once for each hostname
  uint32_t jwt_providers = 256;
  // Of all of them: what it takes to look whether RSA keys are sound, each time that they are
  // applied or loaded, in keys of 2,048 bits (jwt::KeySet::rsa_work): some 2 ms each.
  uint32_t jwt_key_work = 4'096;
  uint32_t networks = 256;  // NetworkIdentities
  uint32_t rate_limits = 1'024;
  uint32_t keyed_rate_limits = 256;  // of these; each has a table of 256 KiB
  uint32_t faults = 1'024;

  // Slots are below these: twice what lives, as those of what has just gone rest for one commit.
  constexpr uint32_t frontend_slots() const { return 2 * service_ports; }
  constexpr uint32_t endpoint_slots() const { return 2 * (endpoints + draining); }
  constexpr uint32_t cluster_slots() const { return 4 * (services + subsets); }  // both families
  constexpr uint32_t http_rule_slots() const { return 2 * http_rules; }
  constexpr uint32_t access_rule_slots() const { return 2 * access_rules; }
  constexpr uint32_t jwt_provider_slots() const { return 2 * jwt_providers; }
  constexpr uint32_t network_slots() const { return 2 * networks; }
};

// Of single resources.
inline constexpr size_t kMaxLabel = 63;  // a DNS label (RFC 1123 2.1)
inline constexpr size_t kMaxLabels = 32;
inline constexpr size_t kMaxLabelValue = 253;
inline constexpr size_t kMaxWorkloadAddresses = 16;
inline constexpr size_t kMaxNetworkCidrs = 64;
inline constexpr size_t kMaxServiceAddresses = 16;
inline constexpr size_t kMaxServicePorts = 64;
inline constexpr size_t kMaxRules = 64;
inline constexpr size_t kMaxBackends = 16;
inline constexpr uint32_t kMaxBackendWeight = 1'000'000;
inline constexpr uint16_t kMaxEndpointWeight = 1'000;
inline constexpr uint8_t kMaxPriority = 7;
inline constexpr Duration kMaxDrainTime = seconds(24 * 3600);
inline constexpr Duration kLeastConnectTimeout = milliseconds(1);
inline constexpr Duration kMaxConnectTimeout = seconds(600);
inline constexpr Duration kLeastIdleTimeout = seconds(1);  // or 0: never
inline constexpr Duration kMaxIdleTimeout = seconds(30 * 24 * 3600);
inline constexpr size_t kMaxSources = 64;       // of one access rule
inline constexpr size_t kMaxSourceTerms = 64;   // prefixes or namespaces in one list of a source
inline constexpr size_t kMaxOperations = 64;    // elements of one access rule's `to`
inline constexpr size_t kMaxAccessTexts = 64;   // methods, paths or hosts in one list of these
inline constexpr size_t kMaxPolicyPorts = 256;  // of heddled.yaml
inline constexpr size_t kMaxFallbacks = 8;      // one behind the other
// Of all access policies of one service: rules, their sources, what they ask for and what these
// list. A packet may
// have to be compared with all of them.
inline constexpr size_t kMaxAccessTerms = 4'096;
inline constexpr size_t kMaxCertificates = 16;  // of one port
inline constexpr size_t kMaxTrust = 16;         // TrustBundles of one port or upstream
inline constexpr size_t kMaxMeshPorts = 63;     // of one MeshPolicy; and all others
inline constexpr size_t kMaxExternalHosts = 64;
inline constexpr size_t kMaxExternalEndpoints = 256;
inline constexpr size_t kMaxPeerIds = 256;  // SPIFFE IDs that one port or upstream takes
inline constexpr size_t kMaxGroups = 8;
inline constexpr size_t kMaxAlpn = 16;
inline constexpr size_t kMaxAlpnName = 255;              // RFC 7301 3.1
inline constexpr size_t kMaxChainPem = 64 * 1024;        // a certificate with its intermediates
inline constexpr size_t kMaxChain = 10;                  // certificates in it
inline constexpr size_t kMaxKeyPem = 16 * 1024;          // a private key
inline constexpr size_t kMaxBundlePem = 512 * 1024;      // the roots of a TrustBundle
inline constexpr size_t kMaxRoots = 512;                 // certificates in it
inline constexpr size_t kMaxCrlPem = 1024 * 1024;        // its CRLs
inline constexpr size_t kMaxServerName = 253;            // RFC 1035 2.3.4
inline constexpr size_t kMaxServerNames = 256;           // of one rule
inline constexpr size_t kMaxServiceServerNames = 1'024;  // of all Routes of one service
inline constexpr size_t kMaxHttpRules = 256;             // of one Route
inline constexpr size_t kMaxHostnames = 64;              // of one Route or listener
inline constexpr size_t kMaxHttpMatches = 32;            // of one rule
inline constexpr size_t kMaxNamedMatches = 16;           // fields, or parameters, of one match
inline constexpr size_t kMaxAlikeMatches = 1'024;        // with one path and host, of one service
inline constexpr size_t kMaxFieldName = 256;
inline constexpr size_t kMaxFieldValue = 4'096;
inline constexpr size_t kMaxFieldChanges = 32;         // of a rule's requests, or responses
inline constexpr size_t kMaxFieldChangeBytes = 2'048;  // names and values set or added by them
inline constexpr size_t kMaxPath = 1'024;              // that a rule names
inline constexpr size_t kMaxPathElements = 32;         // of a prefix
inline constexpr size_t kMaxMethod = 32;
inline constexpr size_t kMaxRegex = 512;            // bytes
inline constexpr int kMaxRegexProgram = 500;        // RE2's instructions
inline constexpr size_t kMaxDirectBody = 16'384;    // of a response that a rule gives itself
inline constexpr size_t kMaxCorsOrigins = 64;       // of one rule
inline constexpr size_t kMaxOrigin = 512;           // bytes, also of those that requests have
inline constexpr size_t kMaxCorsNames = 64;         // in one list of methods or headers
inline constexpr size_t kMaxCorsListBytes = 1'024;  // of such a list as it is sent
inline constexpr Duration kMaxCorsAge = seconds(24 * 3600);
inline constexpr size_t kMaxCookieName = 256;
inline constexpr size_t kMaxJwtProviders = 4;    // that one port or rule names
inline constexpr size_t kMaxRequestLimits = 32;  // RateLimits and Faults of one target
inline constexpr size_t kMaxRateKeys = 4;
inline constexpr size_t kMaxLimitRoutes = 64;  // that one of these names
inline constexpr Duration kLeastRatePeriod = milliseconds(1);
inline constexpr Duration kMaxRatePeriod = seconds(24 * 3600);
inline constexpr Duration kLeastDelay = milliseconds(1);
inline constexpr Duration kMaxDelay = seconds(3600);
inline constexpr size_t kMaxClaimHeaders = 16;  // of one JwtProvider
// Names and values told of one token: what does not fit is left out.
inline constexpr size_t kMaxClaimHeaderBytes = 2'048;
inline constexpr size_t kMaxClaimPath = 256;     // bytes
inline constexpr size_t kMaxClaimValue = 1'024;  // bytes, that a rule asks for
inline constexpr size_t kMaxJwtPrefix = 64;
inline constexpr Duration kMaxCookieTtl = seconds(400 * 24 * 3600);
inline constexpr Duration kLeastHttpTimeout = milliseconds(1);
inline constexpr Duration kMaxRequestTimeout = seconds(24 * 3600);
inline constexpr size_t kHttpMatchCost = 192;  // bytes of memory besides its text
inline constexpr size_t kLabelCost = 96;       // bytes of memory besides its text

}  // namespace heddle::policy
