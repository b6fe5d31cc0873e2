#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string with_commit(const v1::VersionResponse& response) {
  if (response.commit().empty()) return response.version();
  return fmt::format("{} (commit {})", response.version(), response.commit());
}

std::string version_text(const v1::VersionResponse& response, const Options&) {
  return printable(fmt::format("heddled {}, DPDK {}, node {}, process {}, up {}",
                               with_commit(response), response.dpdk(), response.node(),
                               response.pid(), span(response.uptime_ms()))) +
         '\n';
}

}  // namespace

Outcome show_version(const Options& options) {
  return ask(options, &Client::version, version_text);
}

// Says its own version also when heddled does not answer.
Outcome version(const Options& options) {
  Outcome outcome;
  v1::VersionResponse heddled;
  const bool asked = !options.client_only;
  if (asked) {
    auto client = Client::make(options.server);
    auto response = client ? client->version() : std::unexpected(client.error());
    if (response) {
      heddled = std::move(*response);
    } else {
      outcome.failure = response.error();
    }
  }
  const bool answered = asked && outcome.failure.exit_code == 0;
  if (options.format == Format::kTable) {
    outcome.out = "heddlectl " HEDDLE_VERSION "\n";
    if (answered) outcome.out += version_text(heddled, options);
    return outcome;
  }
  const auto sink = make_sink(options.format);
  sink->begin_object();
  sink->key("heddlectl");
  sink->begin_object();
  sink->key("version");
  sink->string(HEDDLE_VERSION);
  sink->end_object();
  if (answered) {
    sink->key("heddled");
    write(heddled, *sink);
  }
  sink->end_object();
  outcome.out = sink->finish();
  return outcome;
}

}  // namespace heddle::cli
