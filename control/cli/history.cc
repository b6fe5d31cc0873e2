// history and rollback.
#include <fmt/format.h>

#include "commands.h"
#include "policy_text.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string what(const v1::Version& version) {
  if (version.content_of() == 0) return version.message();
  return fmt::format("{}(content of {})", version.message().empty() ? "" : version.message() + ' ',
                     version.content_of());
}

std::string history_text(const v1::HistoryResponse& response, const Options& options) {
  if (response.versions().empty()) return "no versions so far\n";
  Table table({{"VERSION"}, {"WHEN"}, {"WHO"}, {"WHAT"}, {"CHANGES"}});
  for (const v1::Version& version : response.versions()) {
    table.add({std::to_string(version.version()), local_time(version.time_ms()), version.author(),
               what(version), counts(version.added(), version.changed(), version.deleted())});
  }
  if (!options.policy.version) return table.text();
  return table.text() + '\n' + change_lines(response.versions(0).changes());
}

}  // namespace

Outcome history(const Options& options) {
  v1::HistoryRequest request;
  if (options.policy.version) request.set_version(*options.policy.version);
  return ask(options, &Client::history, request, history_text);
}

Outcome rollback(const Options& options) {
  constexpr double kRollbackTimeout = 30;  // as an apply
  v1::RollbackRequest request;
  request.set_version(options.policy.version.value_or(0));
  request.set_author(author(options));
  request.set_message(options.policy.message);
  request.set_dry_run(options.policy.dry_run);
  if (options.policy.expected_version)
    request.set_expected_version(*options.policy.expected_version);
  auto client = Client::make(options.server, kRollbackTimeout);
  if (!client) return Outcome::fail(client.error());
  const auto response = client->rollback(request);
  if (!response) return Outcome::fail(response.error());
  return applied(options, *response, nullptr, request.version());
}

}  // namespace heddle::cli
