// What TrafficPolicies and rules of Routes say of retries, bounds and outliers.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy/retry.h"
#include "policy_reader.h"

namespace heddle::server {

namespace {

// Times that have a default; the model says what they may be.
void read_time(bool given, const google::protobuf::Duration& from, const std::string& field,
               Duration& to, PolicyReader& reader) {
  if (!given) return;
  if (const auto time = PolicyReader::time(from, Duration(), seconds(24 * 3600)))
    to = *time;
  else
    reader.problem(field, "expected 1ms to 24h");
}

// Shares that are counted in whole percents.
uint32_t read_percent(const v1::Percentage& from, const std::string& field, PolicyReader& reader) {
  constexpr uint32_t kPercent = policy::kWholeShare / 100;
  if (from.millionths() % kPercent != 0) reader.problem(field, "expected whole percents");
  return from.millionths() / kPercent;
}

}  // namespace

policy::Retry read_retry(const v1::Retry& from, const std::string& field, PolicyReader& reader) {
  policy::Retry to;
  constexpr uint32_t kMostNumber = UINT8_MAX;
  to.attempts =
      static_cast<uint8_t>(from.attempts() == 0 ? 1u : std::min(from.attempts(), kMostNumber));
  for (int i = 0; i < from.on_size(); ++i) {
    const v1::RetryOn condition = from.on(i);
    if (condition == v1::RETRY_ON_UNSPECIFIED || !v1::RetryOn_IsValid(condition))
      reader.problem(fmt::format("{}.on[{}]", field, i), "is none that is known");
    else
      to.add(static_cast<policy::RetryOn>(condition - 1));
  }
  if (!reader.fits(from.status_codes_size(), policy::kMaxRetryCodes, field + ".status_codes") ||
      !reader.fits(from.headers_size(), policy::kMaxRetryHeaders, field + ".headers"))
    return to;
  for (const uint32_t code : from.status_codes())
    to.status_codes.push_back(static_cast<uint16_t>(std::min<uint32_t>(code, UINT16_MAX)));
  for (const std::string& name : from.headers()) to.headers.push_back(in_small_letters(name));
  read_time(from.has_backoff_base(), from.backoff_base(), field + ".backoff_base", to.backoff.base,
            reader);
  // With a base alone the longest grows with it.
  to.backoff.most = std::max(to.backoff.most, to.backoff.base * 10);
  read_time(from.has_backoff_max(), from.backoff_max(), field + ".backoff_max", to.backoff.most,
            reader);
  if (from.has_body_limit()) to.body_bytes = from.body_limit();
  return to;
}

resilience::BreakerTerms read_bounds(const v1::ConnectionLimits& from, PolicyReader& reader) {
  resilience::BreakerTerms to;
  to.connections = from.connections();
  to.pending = from.pending_requests();
  to.requests = from.requests();
  to.retries.most = from.retries();
  to.endpoint_connections = from.endpoint_connections();
  to.endpoint_requests = from.endpoint_requests();
  if (!from.has_retry_budget()) return to;
  if (from.retries() != 0)
    reader.problem("spec.limits.retry_budget", "and retries bound the same; give one of them");
  if (from.retry_budget().has_share()) to.retries.share = from.retry_budget().share().millionths();
  if (from.retry_budget().has_least()) to.retries.least = from.retry_budget().least();
  return to;
}

resilience::OutlierTerms read_outliers(const v1::OutlierDetection& from, PolicyReader& reader) {
  const std::string field = "spec.outlier_detection";
  resilience::OutlierTerms to;
  if (from.has_consecutive_5xx()) to.server_errors = from.consecutive_5xx();
  if (from.has_consecutive_gateway_errors()) to.gateway_errors = from.consecutive_gateway_errors();
  if (from.has_consecutive_local_errors()) to.local_errors = from.consecutive_local_errors();
  read_time(from.has_interval(), from.interval(), field + ".interval", to.interval, reader);
  read_time(from.has_ejection_time(), from.ejection_time(), field + ".ejection_time", to.base_time,
            reader);
  to.most_time = std::max(to.most_time, to.base_time);
  read_time(from.has_max_ejection_time(), from.max_ejection_time(), field + ".max_ejection_time",
            to.most_time, reader);
  if (from.has_max_ejected())
    to.most_ejected_percent = read_percent(from.max_ejected(), field + ".max_ejected", reader);
  if (from.has_failure_threshold())
    to.failure_percent =
        read_percent(from.failure_threshold(), field + ".failure_threshold", reader);
  to.deviation_thousandths = from.success_rate_stdev_factor();
  if (from.min_requests() != 0) to.least_requests = from.min_requests();
  if (from.min_hosts() != 0) to.least_hosts = from.min_hosts();
  return to;
}

void read_resilience(const v1::TrafficPolicy& from, policy::TrafficPolicy& to,
                     PolicyReader& reader) {
  to.bounds = read_bounds(from.limits(), reader);
  if (from.has_retry()) to.retry = read_retry(from.retry(), "spec.retry", reader);
  read_time(from.limits().has_per_try_timeout(), from.limits().per_try_timeout(),
            "spec.limits.per_try_timeout", to.per_try, reader);
  if (from.has_outlier_detection()) to.outliers = read_outliers(from.outlier_detection(), reader);
  if (!from.balancer().has_panic_threshold()) return;
  if (!to.outliers)
    return reader.problem("spec.balancer.panic_threshold",
                          "says when outlier_detection stands back; there is none");
  to.outliers->panic_percent =
      read_percent(from.balancer().panic_threshold(), "spec.balancer.panic_threshold", reader);
}

}  // namespace heddle::server
