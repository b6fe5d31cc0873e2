#include "telemetry.h"

#include <utility>

#include "tcp_listener.h"

namespace heddle::server {

Result<> RunningTelemetry::start(const std::string& metrics) {
  if (!metrics.empty()) {
    const auto listening = listen_on_tcp(metrics, "metrics");
    if (!listening) return fail_in(listening.error(), "control.metrics");
    server_.emplace(*listening, [this](std::string_view path) { return page_.answer(path); });
    HEDDLE_TRY(server_->start());
  }
  return desk_.start();
}

Result<std::unique_ptr<Telemetry>> Telemetry::start(NodeView& view,
                                                    const TelemetryOptions& options) {
  std::optional<AccessLog> log;
  double sample = 0;
  if (options.access_log) {
    auto opened = AccessLog::open(options.access_log->file);
    if (!opened) return std::unexpected(opened.error());
    log.emplace(std::move(*opened));
    sample = options.access_log->sample;
  }
  auto telemetry = std::make_unique<RunningTelemetry>(view, static_cast<Engine*>(options.engine),
                                                      std::move(log), sample);
  HEDDLE_TRY(telemetry->start(options.metrics));
  return telemetry;
}

}  // namespace heddle::server
