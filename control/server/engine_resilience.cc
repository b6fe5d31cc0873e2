// What of services is in use, and which endpoints are out.
#include "engine.h"

namespace heddle::server {
namespace {

using resilience::Bound;
using State = resilience::OutlierDetector::State;

void add_use(const char* what, Bound bound, uint64_t most, const resilience::Breaker& breaker,
             v1::BreakerInfo& to) {
  v1::BreakerInfo::Use& use = *to.add_uses();
  use.set_what(what);
  use.set_in_use(breaker.in_use(bound));
  use.set_most(static_cast<uint32_t>(most));
  use.set_refused(breaker.refused(bound));
}

const char* text_of(State state) {
  switch (state) {
    case State::kIn:
      return "in";
    case State::kOut:
      return "out";
    case State::kProbing:
      return "probing";
  }
  return "";
}

const char* text_of(resilience::Ejection why) {
  switch (why) {
    case resilience::Ejection::kServerErrors:
      return "5xx";
    case resilience::Ejection::kGatewayErrors:
      return "gateway errors";
    case resilience::Ejection::kLocalErrors:
      return "no answer";
    case resilience::Ejection::kDeviation:
      return "fewer successes than others";
    case resilience::Ejection::kFailures:
      return "share of failures";
  }
  return "";
}

}  // namespace

void Engine::list_breakers(v1::ListBreakersResponse& response) const {
  for (const auto& [key, breaker] : model_.breakers()) {
    v1::BreakerInfo& to = *response.add_breakers();
    to.set_kind(policy::name_of(key.kind));
    to.set_namespace_(key.ns);
    to.set_name(key.name);
    const resilience::BreakerTerms& terms = breaker->terms();
    add_use("connections", Bound::kConnections, terms.connections, *breaker, to);
    add_use("pending_requests", Bound::kPending, terms.pending, *breaker, to);
    add_use("requests", Bound::kRequests, terms.requests, *breaker, to);
    add_use("retries", Bound::kRetries, breaker->retries_allowed(), *breaker, to);
    to.set_endpoint_connections(terms.endpoint_connections);
    to.set_endpoint_requests(terms.endpoint_requests);
  }
}

void Engine::list_outliers(v1::ListOutliersResponse& response) const {
  const Instant now = steady_now();
  for (const policy::Model::Outlier& each : model_.outliers()) {
    v1::OutlierInfo& to = *response.add_outliers();
    to.set_kind(policy::name_of(each.key.kind));
    to.set_namespace_(each.key.ns);
    to.set_service(each.key.name);
    to.set_address(each.address.text());
    to.set_port(each.port);
    to.set_state(text_of(each.is.state));
    if (each.is.times > 0 || each.is.state != State::kIn) to.set_why(text_of(each.is.why));
    to.set_times(each.is.times);
    if (each.is.state == State::kOut && each.is.until > now)
      to.set_left_ms(static_cast<uint64_t>((each.is.until - now).ns() / 1'000'000));
    to.set_row_5xx(each.rows.server);
    to.set_row_gateway_errors(each.rows.gateway);
    to.set_row_local_errors(each.rows.local);
    to.set_panics(each.panics);
  }
}

}  // namespace heddle::server
