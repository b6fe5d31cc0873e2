// show limits: RateLimits and Faults, and what they have done.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

template <class Info>
std::string name_of(const Info& of) {
  return fmt::format("{}/{}", of.namespace_(), of.name());
}

std::string keys_of(const v1::RateLimitInfo& limit) {
  if (!limit.keyed()) return "-";
  std::string text = fmt::format("{} of {}", thousands(limit.keys()), thousands(limit.places()));
  if (limit.overflow() > 0)
    text += fmt::format(", {} without a place", thousands(limit.overflow()));
  return text;
}

std::string limits_text(const v1::ListLimitsResponse& response, const Options&) {
  if (response.limits().empty() && response.faults().empty()) return "no RateLimits or Faults\n";
  std::string text;
  if (!response.limits().empty()) {
    Table table({{"RATELIMIT"},
                 {"OF"},
                 {"LETS THROUGH"},
                 {"ALLOWED", Align::kRight},
                 {"LIMITED", Align::kRight},
                 {"KEYS IN USE"}});
    for (const v1::RateLimitInfo& limit : response.limits())
      table.add({name_of(limit), limit.target(), printable(limit.text()),
                 thousands(limit.allowed()), thousands(limit.limited()), keys_of(limit)});
    text = table.text();
  }
  if (response.faults().empty()) return text;
  Table table(
      {{"FAULT"}, {"OF"}, {"PUTS IN"}, {"DELAYED", Align::kRight}, {"ABORTED", Align::kRight}});
  for (const v1::FaultInfo& fault : response.faults())
    table.add({name_of(fault), fault.target(), fault.text(), thousands(fault.delayed()),
               thousands(fault.aborted())});
  return text + (text.empty() ? "" : "\n") + table.text();
}

}  // namespace

Outcome show_limits(const Options& options) { return ask(options, &Client::limits, limits_text); }

}  // namespace heddle::cli
