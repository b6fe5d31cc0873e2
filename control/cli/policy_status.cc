// status and show services: what of the policy is live, and what it does.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "commands.h"
#include "print.h"
#include "table.h"

namespace heddle::cli {
namespace {

// "16.0 MiB".
std::string size(uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} bytes", bytes)
                   : fmt::format("{} {}", one_decimal(value), kUnits[unit]);
}

size_t live_workers(const v1::PolicyStatus& status) {
  return static_cast<size_t>(
      std::ranges::count(status.workers(), status.version(), &v1::PolicyStatus::Worker::version));
}

std::string version_line(const v1::PolicyStatus& status) {
  if (status.version() == 0) return "none so far";
  std::string text = fmt::format("{}, {} since {}", status.version(),
                                 status.live() ? "live" : "not live on all workers",
                                 local_time(status.since_ms()));
  if (!status.author().empty()) text += ", by " + status.author();
  if (!status.message().empty()) text += ": " + status.message();
  return text;
}

std::string status_text(const v1::PolicyStatus& status, const Options&) {
  const auto line = [](std::string_view topic, const std::string& text) {
    return fmt::format("{:<10} {}\n", topic, printable(text));
  };
  std::string out = line("version", version_line(status));
  out += line("workers", fmt::format("{}/{} run it; installed in {} ms", live_workers(status),
                                     status.workers_size(),
                                     one_decimal(static_cast<double>(status.install_us()) / 1e3)));
  const std::string gateways =
      status.gateways() == 0 ? "" : fmt::format(", {} gateways", thousands(status.gateways()));
  out += line("holds",
              fmt::format("{} resources, {} services{}, {} endpoints; workers read {}",
                          thousands(status.resources()), thousands(status.services()), gateways,
                          thousands(status.endpoints()), size(status.memory_bytes())));
  out += line("applied", fmt::format("{} since start, {} refused", thousands(status.applied()),
                                     thousands(status.refused())));
  if (!status.last_refusal().empty()) out += line("refusal", "the last: " + status.last_refusal());
  out += line("store", status.store().empty() ? "none: a restart forgets it" : status.store());
  if (!status.store_error().empty()) out += line("", status.store_error());
  return out;
}

// One status of a watch: a line, or a document that the next one can follow.
std::string watch_text(const v1::PolicyStatus& status, Format format) {
  if (format == Format::kYaml) return "---\n" + render(status, format);
  if (format == Format::kJson) return render(status, format);
  return printable(fmt::format("version {}  {}/{} workers", version_line(status),
                               live_workers(status), status.workers_size())) +
         '\n';
}

Outcome watch(const Options& options) {
  auto client = Client::make(options.server);
  if (!client) return Outcome::fail(client.error());
  // The stream has no deadline; a heddled that does not answer at all is found out before.
  if (const auto first = client->status(); !first) return Outcome::fail(first.error());
  Outcome outcome;
  const auto watched = client->watch([&](const v1::PolicyStatus& status) {
    const Printed printed = print(watch_text(status, options.format));
    if (printed == Printed::kFailed)
      outcome.failure = {kUsage, fmt::format("cannot write the answer: {}", std::strerror(errno))};
    return printed == Printed::kAll;
  });
  if (!watched) outcome.failure = watched.error();
  return outcome;
}

std::string services_text(const v1::ListServicesResponse& response, const Options&) {
  if (response.services().empty()) return "no services\n";
  Table table({{"SERVICE"},
               {"PORT"},
               {"ADDRESS"},
               {"FORWARDING"},
               {"ENDPOINTS", Align::kRight},
               {"FLOWS", Align::kRight},
               {"PACKETS", Align::kRight},
               {"BYTES", Align::kRight},
               {"DENIED", Align::kRight},
               {"AUDITED", Align::kRight},
               {"NO-ENDPOINT", Align::kRight}});
  for (const v1::ServiceCounts& service : response.services()) {
    table.add({fmt::format("{}{}/{}", service.kind() == "Gateway" ? "gateway " : "",
                           service.namespace_(), service.name()),
               fmt::format("{} {}/{}", service.port(),
                           service.number() == 0 ? "all" : std::to_string(service.number()),
                           service.protocol()),
               service.address(), service.forwarding(), thousands(service.endpoints()),
               thousands(service.flows()), thousands(service.packets()), thousands(service.bytes()),
               thousands(service.denied()), thousands(service.audited()),
               thousands(service.no_endpoint())});
  }
  return table.text();
}

}  // namespace

Outcome status(const Options& options) {
  if (options.policy.watch) return watch(options);
  return ask(options, &Client::status, status_text);
}

Outcome show_services(const Options& options) {
  return ask(options, &Client::services, services_text);
}

}  // namespace heddle::cli
