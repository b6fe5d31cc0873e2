// The shape of RateLimits and Faults.
#include <fmt/format.h>

#include <algorithm>

#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::scope(const RequestScope& scope) {
  if (scope.service.empty() == scope.gateway.empty())
    fail("spec.target", "names one Service, or one Gateway");
  else if (scope.gateway.empty())
    label("spec.target.service", scope.service);
  else
    label("spec.target.gateway", scope.gateway);
  names("spec.routes", scope.routes, kMaxLimitRoutes);
  if (!count("spec.matches", scope.matches.size(), 0, kMaxHttpMatches, "matches")) return;
  for (size_t i = 0; i < scope.matches.size(); ++i)
    http_match(fmt::format("spec.matches[{}]", i), scope.matches[i]);
}

void ShapeChecker::check(const RateLimit& spec) {
  scope(spec.scope);
  const resilience::Rate& rate = spec.rate;
  if (rate.tokens == 0) fail("spec.requests", "0 would let nothing through; 1 at least");
  if (rate.burst == 0)
    fail("spec.burst", "0 would let nothing through; 1 at least, or leave it out");
  if (rate.per < kLeastRatePeriod || rate.per > kMaxRatePeriod)
    fail("spec.per", "expected 1ms to 24h");
  else if (rate.tokens != 0 && rate.burst != 0 && !resilience::RateLimit::is_possible(rate))
    fail("spec.burst",
         "would take more than a day to come again, or is of more than 60,000,000 requests a "
         "second");
  if (!count("spec.keys", spec.keys.size(), 0, kMaxRateKeys, "keys")) return;
  for (size_t i = 0; i < spec.keys.size(); ++i) {
    const std::string field = fmt::format("spec.keys[{}]", i);
    const RateKey& key = spec.keys[i];
    if (key.kind == RateKey::Kind::kHeader) field_name(field + ".header", key.header);
    if (std::find(spec.keys.begin(), spec.keys.begin() + static_cast<ptrdiff_t>(i), key) !=
        spec.keys.begin() + static_cast<ptrdiff_t>(i))
      fail(field, "is there twice");
  }
}

void ShapeChecker::check(const Fault& spec) {
  scope(spec.scope);
  if (!spec.delay && !spec.abort) fail("spec", "does nothing; give delay, abort or both");
  if (spec.delay) {
    if (spec.delay->time < kLeastDelay || spec.delay->time > kMaxDelay)
      fail("spec.delay.duration", "expected 1ms to 1h");
    if (spec.delay->share > kWholeShare) fail("spec.delay.share", "is more than 100%");
  }
  if (spec.abort) fault_abort(*spec.abort);
}

void ShapeChecker::fault_abort(const resilience::FaultAbort& abort) {
  using resilience::FaultAbort;
  if (abort.share > kWholeShare) fail("spec.abort.share", "is more than 100%");
  if (abort.kind == FaultAbort::Kind::kStatus && (abort.code < 200 || abort.code > 599))
    fail("spec.abort.http_status", "expected 200 to 599");
  if (abort.kind == FaultAbort::Kind::kGrpcStatus && (abort.code < 1 || abort.code > 16))
    fail("spec.abort.grpc_status", "expected 1 to 16");
}

}  // namespace heddle::policy
