// RateLimits and Faults as they were applied: for which requests of whom, and what becomes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/http_rule.h"
#include "resilience/fault.h"
#include "resilience/rate_limit.h"

namespace heddle::policy {

// Requests to ports of HTTP of a Service or a Gateway of the namespace.
struct RequestScope {
  std::string service, gateway;     // one of them
  std::vector<std::string> routes;  // led by one of these; none: all
  std::vector<HttpMatch> matches;   // any of them; none: all
  friend bool operator==(const RequestScope&, const RequestScope&) = default;
};

// What is the same in requests that share a bucket.
struct RateKey {
  enum class Kind : uint8_t { kHeader, kSourceIdentity, kSourceAddress };
  Kind kind = Kind::kSourceAddress;
  std::string header;  // in small letters; of kHeader
  friend bool operator==(const RateKey&, const RateKey&) = default;
};

struct RateLimit {
  RequestScope scope;
  resilience::Rate rate;
  std::vector<RateKey> keys;  // none: all share one
};

// One of both at least.
struct Fault {
  RequestScope scope;
  std::optional<resilience::FaultDelay> delay;
  std::optional<resilience::FaultAbort> abort;
};

// "100 in 60s by source_address", "5% delayed by 100ms, 1% answered with 503".
std::string text_of(const RateLimit& limit);
std::string text_of(const Fault& fault);

}  // namespace heddle::policy
