// show breakers: what of services is in use. show outliers: endpoints that answer badly.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string name_of(const std::string& kind, const std::string& ns, const std::string& name) {
  return kind == "Service" ? fmt::format("{}/{}", ns, name)
                           : fmt::format("{} {}/{}", kind, ns, name);
}

// "12 of 100, 3 refused"
std::string text_of(const v1::BreakerInfo::Use& use) {
  std::string text = thousands(use.in_use());
  if (use.most() != 0) text += fmt::format(" of {}", thousands(use.most()));
  if (use.refused() != 0) text += fmt::format(", {} refused", thousands(use.refused()));
  return text;
}

std::string bounds_of(const v1::BreakerInfo& breaker) {
  std::string text;
  if (breaker.endpoint_connections() != 0)
    text = fmt::format("{} connections", thousands(breaker.endpoint_connections()));
  if (breaker.endpoint_requests() != 0)
    text += fmt::format("{}{} requests", text.empty() ? "" : ", ",
                        thousands(breaker.endpoint_requests()));
  return text.empty() ? "-" : text;
}

std::string breakers_text(const v1::ListBreakersResponse& response, const Options&) {
  if (response.breakers().empty()) return "no service whose connections end at the node\n";
  Table table(
      {{"SERVICE"}, {"CONNECTIONS"}, {"PENDING"}, {"REQUESTS"}, {"RETRIES"}, {"EACH ENDPOINT"}});
  for (const v1::BreakerInfo& breaker : response.breakers()) {
    std::vector<std::string> row{name_of(breaker.kind(), breaker.namespace_(), breaker.name())};
    for (const v1::BreakerInfo::Use& use : breaker.uses()) row.push_back(text_of(use));
    row.resize(5);
    row.push_back(bounds_of(breaker));
    table.add(std::move(row));
  }
  return table.text();
}

std::string state_of(const v1::OutlierInfo& outlier) {
  if (outlier.state() == "in") return "in";
  if (outlier.state() == "probing") return "one request decides";
  return fmt::format("out for {:.1f} s more{}", static_cast<double>(outlier.left_ms()) / 1'000,
                     outlier.panics() ? ", and asked all the same: too many are" : "");
}

std::string outliers_text(const v1::ListOutliersResponse& response, const Options&) {
  if (response.outliers().empty()) return "no endpoints of services with outlier_detection\n";
  Table table({{"SERVICE"},
               {"ENDPOINT"},
               {"STATE"},
               {"LAST TIME FOR"},
               {"TIMES", Align::kRight},
               {"5XX", Align::kRight},
               {"GATEWAY", Align::kRight},
               {"NO ANSWER", Align::kRight}});
  for (const v1::OutlierInfo& outlier : response.outliers()) {
    const bool v6 = outlier.address().contains(':');
    const std::string place = outlier.port() == 0 ? outlier.address()
                              : v6 ? fmt::format("[{}]:{}", outlier.address(), outlier.port())
                                   : fmt::format("{}:{}", outlier.address(), outlier.port());
    table.add({name_of(outlier.kind(), outlier.namespace_(), outlier.service()), place,
               state_of(outlier), outlier.why().empty() ? "-" : outlier.why(),
               std::to_string(outlier.times()), std::to_string(outlier.row_5xx()),
               std::to_string(outlier.row_gateway_errors()),
               std::to_string(outlier.row_local_errors())});
  }
  return table.text();
}

}  // namespace

Outcome show_breakers(const Options& options) {
  return ask(options, &Client::breakers, breakers_text);
}
Outcome show_outliers(const Options& options) {
  return ask(options, &Client::outliers, outliers_text);
}

}  // namespace heddle::cli
