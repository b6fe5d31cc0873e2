#include "policy_text.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "resource/kinds.h"
#include "table.h"

namespace heddle::cli {
namespace {

using resource::Problem;
using resource::Reader;

std::string value(const std::string& text) { return text.empty() ? "\"\"" : printable(text); }

std::string field_text(const v1::FieldChange& field) {
  const std::string path = printable(field.path());
  if (field.added()) return fmt::format("{}  + {}", path, value(field.new_value()));
  if (field.removed()) return fmt::format("{}  - {}", path, value(field.old_value()));
  return fmt::format("{}  {} -> {}", path, value(field.old_value()), value(field.new_value()));
}

void append_change(const v1::ResourceChange& change, std::string& out) {
  const std::string key = printable(resource::text_of(change.key()));
  if (change.what() == v1::ResourceChange::WHAT_ADDED) {
    out += fmt::format("+ {}\n", key);
  } else if (change.what() == v1::ResourceChange::WHAT_DELETED) {
    out += fmt::format("- {}\n", key);
  } else {
    for (const v1::FieldChange& field : change.fields())
      out += fmt::format("~ {}  {}\n", key, field_text(field));
    if (change.more_fields() > 0)
      out += fmt::format("~ {}  and {} more fields\n", key, thousands(change.more_fields()));
    if (change.fields().empty() && change.more_fields() == 0) out += fmt::format("~ {}\n", key);
  }
}

// Everything that is wrong, with places where they are known.
std::vector<Problem> located(const v1::ApplyResponse& response, const Reader* reader) {
  std::vector<Problem> problems;
  for (const v1::Problem& told : response.problems()) {
    Problem problem;
    const bool indexed = told.has_upsert() || told.has_delete_();
    const size_t index = told.has_upsert() ? told.upsert() : told.delete_();
    if (reader != nullptr && indexed && index < reader->size())
      problem.place = reader->place(index, told.field());
    problem.key = told.key();
    problem.field = printable(told.field());
    problem.message = printable(told.message());
    problems.push_back(std::move(problem));
  }
  return problems;
}

void write_problems(const std::vector<Problem>& problems, bool cut, yaml::Sink& sink) {
  const auto pair = [&](const char* key, const std::string& text) {
    sink.key(key);
    sink.string(text);
  };
  sink.begin_object();
  sink.key("problems");
  sink.begin_array(static_cast<int>(problems.size()));
  for (const Problem& problem : problems) {
    sink.begin_object();
    pair("file", problem.place.file);
    sink.key("line");
    sink.literal(std::to_string(problem.place.file.empty() ? 0 : problem.place.line));
    pair("kind", problem.key.kind());
    pair("namespace", problem.key.namespace_());
    pair("name", problem.key.name());
    pair("field", problem.field);
    pair("message", problem.message);
    sink.end_object();
  }
  sink.end_array();
  sink.key("problems_cut");
  sink.literal(cut ? "true" : "false");
  sink.end_object();
}

Outcome refused(const Options& options, const std::vector<Problem>& problems, bool cut) {
  Outcome outcome;
  outcome.failure = {.exit_code = kRefused, .text = "nothing was changed"};
  if (options.format != Format::kTable) {
    const auto sink = make_sink(options.format);
    write_problems(problems, cut, *sink);
    outcome.out = sink->finish();
    return outcome;
  }
  for (const Problem& problem : problems) outcome.problems += resource::text_of(problem) + '\n';
  if (cut) outcome.problems += "and more\n";
  outcome.problems += "nothing was changed\n";
  return outcome;
}

// Before heddled knows of all flows it says how many it knows of.
std::string cut_text(const v1::ApplyResponse& response) {
  const uint64_t cut = response.flows_cut(), requests = response.requests_cut();
  const std::string more = requests == 0 ? ""
                                         : fmt::format(", {} {}", thousands(requests),
                                                       requests == 1 ? "request" : "requests");
  return fmt::format("{} live {} cut{}{}", thousands(cut), cut == 1 ? "flow" : "flows", more,
                     response.flows_pending() ? " so far, not all were looked at" : "");
}

std::string summary(const v1::ApplyResponse& response, uint64_t content_of) {
  if (response.added() + response.changed() + response.deleted() == 0)
    return fmt::format("nothing to change: version {}\n", response.version());
  const std::string what =
      fmt::format("{} changed, {} added, {} deleted", thousands(response.changed()),
                  thousands(response.added()), thousands(response.deleted()));
  if (response.dry_run())
    return fmt::format("dry run: {}; version {} stays\n", what, response.version());
  // An older heddled does not tell how many there are.
  const uint32_t total = std::max(response.workers(), response.workers_total());
  const std::string content = content_of > 0 ? fmt::format(" (content of {})", content_of) : "";
  return fmt::format("version {}{} live on {}/{} workers in {} ms ({}); {}\n", response.version(),
                     content, response.workers(), total,
                     one_decimal(static_cast<double>(response.live_us()) / 1e3), what,
                     cut_text(response));
}

}  // namespace

std::string change_lines(const google::protobuf::RepeatedPtrField<v1::ResourceChange>& changes) {
  std::string out;
  for (const v1::ResourceChange& change : changes) append_change(change, out);
  return out;
}

std::string counts(uint32_t added, uint32_t changed, uint32_t deleted) {
  std::vector<std::string> parts;
  if (added > 0) parts.push_back(fmt::format("+{}", added));
  if (changed > 0) parts.push_back(fmt::format("~{}", changed));
  if (deleted > 0) parts.push_back(fmt::format("-{}", deleted));
  return parts.empty() ? "-" : join(parts, " ");
}

Outcome refused(const Options& options, const Reader& reader) {
  return refused(options, reader.problems(), reader.problems_cut());
}

Outcome applied(const Options& options, const v1::ApplyResponse& response, const Reader* reader,
                uint64_t content_of) {
  if (!response.problems().empty())
    return refused(options, located(response, reader), response.problems_cut());
  if (options.format != Format::kTable) return {.out = render(response, options.format)};
  return {.out = summary(response, content_of)};
}

std::string author(const Options& options) {
  if (!options.policy.author.empty()) return options.policy.author;
  if (const char* user = std::getenv("SUDO_USER"); user != nullptr && *user != '\0') return user;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_name : fmt::format("uid {}", ::getuid());
}

std::string space_of(const Options& options) {
  return options.policy.space.empty() ? "default" : options.policy.space;
}

}  // namespace heddle::cli
