#include "telemetry_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace heddle::config {
namespace {

constexpr std::array<std::string_view, 1> kKeys = {"access_log"};
constexpr std::array<std::string_view, 2> kLogKeys = {"file", "sample"};
constexpr size_t kLongestPath = 1024;

Result<> read_file(const Field& field, std::string& out) {
  constexpr std::string_view kExpected = "an absolute path of a file";
  const auto path = read_text(field, kExpected);
  if (!path) return std::unexpected(path.error());
  const bool good = path->starts_with('/') && !path->ends_with('/') &&
                    path->size() <= kLongestPath &&
                    std::ranges::all_of(*path, [](char c) { return c >= ' ' && c != '\x7f'; });
  if (!good) return field.fail("{} is no path; expected {}", quote(*path), kExpected);
  out = *path;
  return {};
}

Result<> read_sample(const Field& field, double& out) {
  constexpr std::string_view kExpected = "the share of requests, above 0 and at most 1, as 0.01";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  double share = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, share, std::chars_format::fixed);
  if (error != std::errc{} || at != end || !(share > 0 && share <= 1))
    return field.fail("{} is no share; expected {}", quote(*text), kExpected);
  out = share;
  return {};
}

}  // namespace

Result<> read_telemetry(const Field& field, app::NodeConfig& out) {
  const auto fields = Fields::of(field, kKeys);
  if (!fields) return std::unexpected(fields.error());
  const auto log = fields->find("access_log");
  if (!log) return {};
  const auto log_fields = Fields::of(*log, kLogKeys);
  if (!log_fields) return std::unexpected(log_fields.error());
  app::AccessLogSettings& settings = out.access_log.emplace();
  const auto file = log_fields->need("file", "an absolute path of a file");
  if (!file) return std::unexpected(file.error());
  HEDDLE_TRY(read_file(*file, settings.file));
  const auto sample = log_fields->find("sample");
  return sample ? read_sample(*sample, settings.sample) : Result<>();
}

}  // namespace heddle::config
