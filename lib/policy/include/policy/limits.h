// How much policy a node takes. What is above a bound is refused with the bound's name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heddle::policy {

struct Limits {
  uint32_t resources = 65'536;
  uint32_t services = 4'096;
  uint32_t service_ports = 16'384;  // addresses x ports, over all services
  uint32_t endpoints = 131'072;     // over all services
  uint32_t endpoints_per_service = 4'096;
  uint32_t routes = 8'192;
};

// Of single resources.
inline constexpr size_t kMaxLabel = 63;  // a DNS label (RFC 1123 2.1)
inline constexpr size_t kMaxLabels = 32;
inline constexpr size_t kMaxLabelValue = 253;
inline constexpr size_t kMaxWorkloadAddresses = 16;
inline constexpr size_t kMaxServiceAddresses = 16;
inline constexpr size_t kMaxServicePorts = 64;
inline constexpr size_t kMaxRules = 64;
inline constexpr size_t kMaxBackends = 16;
inline constexpr uint32_t kMaxBackendWeight = 1'000'000;
inline constexpr uint16_t kMaxEndpointWeight = 1'000;
inline constexpr size_t kMaxSources = 64;  // of one access rule
inline constexpr size_t kMaxPolicyPorts = 256;  // of heddled.yaml
inline constexpr size_t kMaxFallbacks = 8;      // one behind the other

}  // namespace heddle::policy
