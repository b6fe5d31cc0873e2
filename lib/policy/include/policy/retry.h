// Retry: when a request is tried again at another endpoint, and how. Words and meanings are
// Envoy's (route.v3.RetryPolicy), where it has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"
#include "resilience/backoff.h"

namespace heddle::policy {

enum class RetryOn : uint8_t {
  k5xx,             // any status from 500 on, no answer at all, and what follows
  kGatewayError,    // 502, 503, 504
  kConnectFailure,  // no connection to the endpoint
  kReset,           // the connection or stream ended, or the try's time, before the response
  kRefusedStream,   // the endpoint said that it has not looked at the request
  kStatusCodes,     // of Retry::status_codes
  kHeaders,         // a response with one of Retry::headers
  kCancelled,       // and below: gRPC's, in the head of a response that has nothing else
  kDeadlineExceeded,
  kResourceExhausted,
  kUnavailable,
  kInternal,
};

// "connect-failure", as people write it.
const char* name_of(RetryOn condition);

struct Retry {
  uint8_t attempts = 1;  // beside the first
  uint16_t on = 0;       // a bit for each RetryOn
  std::vector<uint16_t> status_codes;
  std::vector<std::string> headers;  // in small letters
  resilience::Backoff backoff;
  // What of a request's body is kept for the next try; requests with more have one.
  uint32_t body_bytes = 64 * 1024;
  friend bool operator==(const Retry&, const Retry&) = default;

  bool has(RetryOn condition) const { return (on >> static_cast<unsigned>(condition) & 1) != 0; }
  void add(RetryOn condition) {
    on |= static_cast<uint16_t>(1u << static_cast<unsigned>(condition));
  }
};

inline constexpr uint8_t kMaxRetryAttempts = 10;
inline constexpr size_t kMaxRetryCodes = 32, kMaxRetryHeaders = 8;
inline constexpr uint32_t kMaxRetryBody = 1024 * 1024;
inline constexpr Duration kLeastBackoff = milliseconds(1), kMaxBackoff = seconds(60);

}  // namespace heddle::policy
