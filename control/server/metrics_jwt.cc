// Metrics of JwtProviders: one series for each outcome that requests have had, and those two that
// are expected.
#include <fmt/format.h>

#include "metrics_page.h"

namespace heddle::server {

void add_jwt(const v1::ListJwtProvidersResponse& jwt, telemetry::MetricsText& to) {
  to.family("heddle_jwt_total", telemetry::MetricType::kCounter,
            "Requests that were asked for a token of the provider, by what became of that.");
  for (const v1::JwtProviderInfo& provider : jwt.providers()) {
    const std::string name = fmt::format("{}/{}", provider.namespace_(), provider.name());
    for (const v1::JwtOutcome& outcome : provider.outcomes())
      if (outcome.count() > 0 || outcome.name() == "verified" || outcome.name() == "missing")
        to.add({{"provider", name}, {"outcome", outcome.name()}}, uint64_t{outcome.count()});
  }
}

}  // namespace heddle::server
