// The shape of what is said of retries, bounds and outliers.
#include <fmt/format.h>

#include <algorithm>

#include "http/chars.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

const char* name_of(RetryOn condition) {
  static constexpr const char* kNames[] = {"5xx",
                                           "gateway-error",
                                           "connect-failure",
                                           "reset",
                                           "refused-stream",
                                           "retriable-status-codes",
                                           "retriable-headers",
                                           "cancelled",
                                           "deadline-exceeded",
                                           "resource-exhausted",
                                           "unavailable",
                                           "internal"};
  return kNames[static_cast<size_t>(condition)];
}

void ShapeChecker::retry(const std::string& field, const Retry& retry) {
  if (retry.attempts == 0 || retry.attempts > kMaxRetryAttempts)
    fail(field + ".attempts", fmt::format("expected 1 to {}", kMaxRetryAttempts));
  if (retry.on == 0) fail(field + ".on", "is missing: without a condition nothing is tried again");
  if (retry.on >> (static_cast<unsigned>(RetryOn::kInternal) + 1) != 0)
    fail(field + ".on", "has one that is not known");
  const auto goes_with = [&](const char* list, size_t size, size_t most, RetryOn condition) {
    if (!count(field + list, size, 0, most, "elements")) return;
    if (retry.has(condition) && size == 0)
      fail(field + list, fmt::format("is missing, and on has {}", name_of(condition)));
    if (!retry.has(condition) && size != 0)
      fail(field + list, fmt::format("does not act without {} in on", name_of(condition)));
  };
  goes_with(".status_codes", retry.status_codes.size(), kMaxRetryCodes, RetryOn::kStatusCodes);
  goes_with(".headers", retry.headers.size(), kMaxRetryHeaders, RetryOn::kHeaders);
  for (size_t i = 0; i < retry.status_codes.size(); ++i)
    if (retry.status_codes[i] < 200 || retry.status_codes[i] > 599)
      fail(fmt::format("{}.status_codes[{}]", field, i), "expected 200 to 599");
  for (size_t i = 0; i < retry.headers.size(); ++i)
    field_name(fmt::format("{}.headers[{}]", field, i), retry.headers[i]);
  if (retry.backoff.base < kLeastBackoff || retry.backoff.base > kMaxBackoff)
    fail(field + ".backoff_base", "expected 1ms to 60s");
  if (retry.backoff.most < retry.backoff.base || retry.backoff.most > kMaxBackoff)
    fail(field + ".backoff_max", "expected backoff_base to 60s");
  if (retry.body_bytes > kMaxRetryBody)
    fail(field + ".body_limit", fmt::format("is more than {}", kMaxRetryBody));
}

void ShapeChecker::outliers(const std::string& field, const resilience::OutlierTerms& terms) {
  const auto time = [&](Duration given, const char* name, Duration most, const char* expected) {
    if (given < milliseconds(100) || given > most) fail(field + name, expected);
  };
  time(terms.interval, ".interval", seconds(3600), "expected 100ms to 1h");
  time(terms.base_time, ".ejection_time", seconds(24 * 3600), "expected 100ms to 24h");
  time(terms.most_time, ".max_ejection_time", seconds(24 * 3600), "expected 100ms to 24h");
  if (terms.most_time < terms.base_time)
    fail(field + ".max_ejection_time", "is shorter than ejection_time");
  if (terms.most_ejected_percent == 0 || terms.most_ejected_percent > 100)
    fail(field + ".max_ejected", "expected 1% to 100%");
  if (terms.failure_percent > 100) fail(field + ".failure_threshold", "expected 1% to 100%");
  if (terms.panic_percent > 100) fail("spec.balancer.panic_threshold", "expected 0% to 100%");
  constexpr uint32_t kMostRow = 10'000;
  if (std::max({terms.server_errors, terms.gateway_errors, terms.local_errors}) > kMostRow)
    fail(field, fmt::format("a row of more than {} is not counted", kMostRow));
  if (terms.server_errors == 0 && terms.gateway_errors == 0 && terms.local_errors == 0 &&
      terms.deviation_thousandths == 0 && terms.failure_percent == 0)
    fail(field, "all that could put an endpoint out is switched off; leave it out");
  if (terms.most_ejected_percent == 100 && terms.panic_percent == 0)
    fail(field + ".max_ejected",
         "all endpoints could be out at once; give spec.balancer.panic_threshold, or less");
}

void ShapeChecker::resilience(const TrafficPolicy& spec) {
  if (spec.retry) retry("spec.retry", *spec.retry);
  if (spec.per_try != Duration() &&
      (spec.per_try < kLeastHttpTimeout || spec.per_try > kMaxRequestTimeout))
    fail("spec.limits.per_try_timeout", "expected 1ms to 24h");
  const resilience::BreakerTerms& bounds = spec.bounds;
  constexpr uint32_t kMost = 1'000'000;
  const auto bound = [&](uint32_t most, const char* name) {
    if (most > kMost)
      fail(fmt::format("spec.limits.{}", name), fmt::format("is more than {}", kMost));
  };
  bound(bounds.connections, "connections");
  bound(bounds.pending, "pending_requests");
  bound(bounds.requests, "requests");
  bound(bounds.retries.most, "retries");
  bound(bounds.retries.least, "retry_budget.least");
  bound(bounds.endpoint_connections, "endpoint_connections");
  bound(bounds.endpoint_requests, "endpoint_requests");
  if (bounds.retries.share > kWholeShare)
    fail("spec.limits.retry_budget.share", "is more than 100%");
  if (bounds.retries.most == 0 && bounds.retries.share == 0 && bounds.retries.least == 0)
    fail("spec.limits.retry_budget", "lets nothing be tried again; leave retry out instead");
  if (bounds.pending != 0 && bounds.connections == 0 && bounds.endpoint_connections == 0)
    fail("spec.limits.pending_requests",
         "requests wait where connections are bounded; give connections or endpoint_connections");
  if (spec.outliers) outliers("spec.outlier_detection", *spec.outliers);
}

}  // namespace heddle::policy
