// tap: requests as they end.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "commands.h"
#include "print.h"
#include "rule_text.h"
#include "table.h"

namespace heddle::cli {
namespace {

// "10:15:07.123".
std::string clock_text(int64_t ns) {
  const std::string second = local_time(ns / 1'000'000);
  return fmt::format("{}.{:03}", second.substr(second.find(' ') + 1), ns / 1'000'000 % 1'000);
}

std::string status_text(const v1::TappedRequest& request) {
  std::string text = request.status() == 0 ? "-" : std::to_string(request.status());
  if (request.has_grpc_status()) text += fmt::format(" grpc {}", request.grpc_status());
  return text;
}

std::string line_of(const v1::TappedRequest& request) {
  std::string line;
  if (request.missed() > 0) line = fmt::format("({} missed)\n", thousands(request.missed()));
  const std::string who = request.source().empty()
                              ? request.client()
                              : fmt::format("{} {}", request.client(), request.source());
  const std::string led = request.route().empty() ? request.service() : request.route();
  line += printable(fmt::format("{}  {}  {} {}://{}{}  {}  {}  {}  {}{}",
                                clock_text(request.time_ns()), who, request.method(),
                                request.tls() ? "https" : "http", request.authority(),
                                request.path(), status_text(request), short_time(request.time_us()),
                                led, request.endpoint().empty() ? "-" : request.endpoint(),
                                request.flags() == "none" ? "" : "  " + request.flags()));
  return line + '\n';
}

std::string text_of(const v1::TappedRequest& request, Format format) {
  if (format == Format::kYaml) return "---\n" + render(request, format);
  return format == Format::kJson ? render(request, format) : line_of(request);
}

}  // namespace

Outcome tap(const Options& options) {
  auto client = Client::make(options.server);
  if (!client) return Outcome::fail(client.error());
  // The stream has no deadline; a heddled that does not answer at all is found out before.
  if (const auto first = client->version(); !first) return Outcome::fail(first.error());
  v1::TapRequest request;
  request.set_service(options.requests.service);
  request.set_method(options.requests.method);
  request.set_path_prefix(options.requests.path);
  request.set_status_class(options.requests.status_class);
  request.set_faults(options.requests.faults);
  request.set_limit(options.requests.count);
  Outcome outcome;
  const auto tapped = client->tap(request, [&](const v1::TappedRequest& each) {
    const Printed printed = print(text_of(each, options.format));
    if (printed == Printed::kFailed)
      outcome.failure = {kUsage, fmt::format("cannot write the answer: {}", std::strerror(errno))};
    return printed == Printed::kAll;
  });
  if (!tapped) outcome.failure = tapped.error();
  return outcome;
}

}  // namespace heddle::cli
