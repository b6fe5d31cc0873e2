// apply, diff and delete: one transaction each.
#include <fmt/format.h>

#include "commands.h"
#include "files.h"
#include "names.h"
#include "policy_text.h"
#include "resource/kinds.h"
#include "table.h"

namespace heddle::cli {
namespace {

// All workers have the new version before heddled answers.
constexpr double kApplyTimeout = 30;

v1::ApplyRequest request_of(const Options& options) {
  v1::ApplyRequest request;
  request.set_author(author(options));
  request.set_message(options.policy.message);
  request.set_dry_run(options.policy.dry_run);
  if (options.policy.expected_version)
    request.set_expected_version(*options.policy.expected_version);
  return request;
}

void add_upserts(resource::Reader& reader, v1::ApplyRequest& request) {
  for (v1::Resource& resource : reader.resources()) *request.add_upserts() = std::move(resource);
}

Reply<v1::ApplyResponse> send(const Options& options, const v1::ApplyRequest& request) {
  auto client = Client::make(options.server, kApplyTimeout);
  if (!client) return std::unexpected(client.error());
  return client->apply(request);
}

std::string differences(const v1::ApplyResponse& response) {
  std::string out = change_lines(response.changes());
  const uint64_t all = uint64_t{response.added()} + response.changed() + response.deleted();
  const auto told = static_cast<uint64_t>(response.changes_size());
  if (all > told) out += fmt::format("and {} more resources\n", thousands(all - told));
  return out.empty() ? "no differences\n" : out;
}

Failure nothing_in(const PolicyOptions& options) {
  return {kUsage, fmt::format("no resources in {}", printable(join(options.files, ", ")))};
}

}  // namespace

Outcome apply(const Options& options) {
  auto reader = read_resources(options.policy.files, space_of(options));
  if (!reader) return Outcome::fail(reader.error());
  if (!reader->problems().empty()) return refused(options, *reader);
  if (reader->size() == 0) return Outcome::fail(nothing_in(options.policy));
  if (const auto put = put_in_files(*reader); !put) return Outcome::fail(put.error());
  v1::ApplyRequest request = request_of(options);
  add_upserts(*reader, request);
  const auto response = send(options, request);
  if (!response) return Outcome::fail(response.error());
  return applied(options, *response, &*reader);
}

Outcome diff(const Options& options) {
  auto reader = read_resources(options.policy.files, space_of(options));
  if (!reader) return Outcome::fail(reader.error());
  if (!reader->problems().empty()) return refused(options, *reader);
  if (reader->size() == 0) return Outcome::fail(nothing_in(options.policy));
  if (const auto put = put_in_files(*reader); !put) return Outcome::fail(put.error());
  v1::ApplyRequest request = request_of(options);
  request.set_dry_run(true);
  add_upserts(*reader, request);
  const auto response = send(options, request);
  if (!response) return Outcome::fail(response.error());
  if (!response->problems().empty() || options.format != Format::kTable)
    return applied(options, *response, &*reader);
  return {.out = differences(*response)};
}

Outcome delete_resources(const Options& options) {
  v1::ApplyRequest request = request_of(options);
  std::optional<resource::Reader> reader;
  if (options.policy.files.empty()) {
    auto key = named_key(options, "delete");
    if (!key) return Outcome::fail(key.error());
    *request.add_deletes() = std::move(*key);
  } else {
    if (!options.policy.kind.empty())
      return Outcome::fail({kUsage, "delete: takes KIND NAME or -f FILE, not both"});
    auto read = read_resources(options.policy.files, space_of(options));
    if (!read) return Outcome::fail(read.error());
    if (!read->problems().empty()) return refused(options, *read);
    if (read->size() == 0) return Outcome::fail(nothing_in(options.policy));
    reader.emplace(std::move(*read));
    for (const v1::Resource& resource : reader->resources())
      *request.add_deletes() = resource::key_of(resource);
  }
  const auto response = send(options, request);
  if (!response) return Outcome::fail(response.error());
  return applied(options, *response, reader ? &*reader : nullptr);
}

}  // namespace heddle::cli
