#include "rule_text.h"

#include <fmt/format.h>

namespace heddle::cli {

std::string rule_name(const v1::RuleCounts& rule) {
  return rule.route().empty() ? "-" : fmt::format("{}[{}]", rule.route(), rule.rule());
}

std::string short_time(uint64_t us) {
  const double ms = static_cast<double>(us) / 1e3;
  if (ms < 10) return fmt::format("{:.2f}ms", ms);
  if (ms < 1'000) return fmt::format("{:.1f}ms", ms);
  return ms < 10'000 ? fmt::format("{:.1f}s", ms / 1e3) : fmt::format("{:.0f}s", ms / 1e3);
}

}  // namespace heddle::cli
