// check: whether this node's mesh holds together.
#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string_view level_of(const v1::Finding& finding) {
  switch (finding.level()) {
    case v1::Finding::LEVEL_ERROR:
      return "error";
    case v1::Finding::LEVEL_WARNING:
      return "warning";
    default:
      return "note";
  }
}

size_t count(const v1::CheckResponse& response, v1::Finding::Level level) {
  return static_cast<size_t>(std::ranges::count(response.findings(), level, &v1::Finding::level));
}

std::string counted(size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string check_text(const v1::CheckResponse& response, const Options&) {
  std::string out;
  for (const v1::Finding& each : response.findings()) {
    out += fmt::format("{:<8} {}: {}\n", level_of(each), printable(each.about()),
                       printable(each.text()));
    if (!each.hint().empty()) out += fmt::format("{:<8} -> {}\n", "", printable(each.hint()));
  }
  if (response.left_out() != 0) out += fmt::format("and {} more\n", thousands(response.left_out()));
  const size_t resources = response.resources();
  if (response.findings().empty())
    return fmt::format("all is well: {} of version {}\n", counted(resources, "resource"),
                       response.version());
  return out + fmt::format("{}, {}, {} in {} of version {}\n",
                           counted(count(response, v1::Finding::LEVEL_ERROR), "error"),
                           counted(count(response, v1::Finding::LEVEL_WARNING), "warning"),
                           counted(count(response, v1::Finding::LEVEL_NOTE), "note"),
                           counted(resources, "resource"), response.version());
}

}  // namespace

// A script is told by the exit status: errors, and what was not told, are a failure.
Outcome check(const Options& options) {
  auto client = Client::make(options.server);
  if (!client) return Outcome::fail(client.error());
  const auto response = client->check();
  if (!response) return Outcome::fail(response.error());
  Outcome outcome = show(options, *response, check_text);
  if (count(*response, v1::Finding::LEVEL_ERROR) != 0)
    outcome.failure = {kRefused, "something is wrong"};
  return outcome;
}

}  // namespace heddle::cli
