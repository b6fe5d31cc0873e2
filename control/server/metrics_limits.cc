// Metrics of RateLimits and Faults.
#include <fmt/format.h>

#include "metrics_page.h"

namespace heddle::server {
namespace {

template <class Info>
std::string name_of(const Info& of) {
  return fmt::format("{}/{}", of.namespace_(), of.name());
}

}  // namespace

void add_limits(const v1::ListLimitsResponse& limits, telemetry::MetricsText& to) {
  using telemetry::MetricType;
  to.family("heddle_rate_limit_requests_total", MetricType::kCounter,
            "Requests that a RateLimit was asked about, by what it said.");
  for (const v1::RateLimitInfo& limit : limits.limits()) {
    to.add({{"limit", name_of(limit)}, {"outcome", "allowed"}}, uint64_t{limit.allowed()});
    to.add({{"limit", name_of(limit)}, {"outcome", "limited"}}, uint64_t{limit.limited()});
  }
  to.family("heddle_rate_limit_overflow_total", MetricType::kCounter,
            "Of these, requests that found no place for their key and shared one bucket.");
  for (const v1::RateLimitInfo& limit : limits.limits())
    if (limit.keyed()) to.add({{"limit", name_of(limit)}}, uint64_t{limit.overflow()});
  to.family("heddle_rate_limit_keys", MetricType::kGauge, "Keys whose bucket is not full.");
  for (const v1::RateLimitInfo& limit : limits.limits())
    if (limit.keyed()) to.add({{"limit", name_of(limit)}}, uint64_t{limit.keys()});
  to.family("heddle_fault_requests_total", MetricType::kCounter,
            "Requests that a Fault has acted on.");
  for (const v1::FaultInfo& fault : limits.faults()) {
    to.add({{"fault", name_of(fault)}, {"kind", "delay"}}, uint64_t{fault.delayed()});
    to.add({{"fault", name_of(fault)}, {"kind", "abort"}}, uint64_t{fault.aborted()});
  }
}

}  // namespace heddle::server
