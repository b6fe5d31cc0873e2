// Telemetry, as the gRPC service sees it.
#pragma once

#include "metrics_page.h"
#include "metrics_server.h"
#include "record_desk.h"
#include "server/telemetry.h"

namespace heddle::server {

class RunningTelemetry final : public Telemetry {
 public:
  // There is one kind of engine.
  RunningTelemetry(NodeView& view, Engine* engine, std::optional<AccessLog> log, double sample)
      : book_(engine),
        desk_(view, book_, std::move(log), sample),
        page_(view, engine, book_, desk_) {}

  Result<> start(const std::string& metrics);

  RecordDesk& desk() { return desk_; }
  NameBook& book() { return book_; }

 private:
  // In this order: the server asks the page, and the page the desk.
  NameBook book_;
  RecordDesk desk_;
  MetricsPage page_;
  std::optional<MetricsServer> server_;
};

}  // namespace heddle::server
