// Telemetry: what heddled tells without being asked by gRPC. Metrics on an HTTP port, and an access
// log; each has a thread of its own, so neither waits for gRPC's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "server/node_view.h"
#include "server/policy_engine.h"

namespace heddle::server {

struct AccessLogOptions {
  std::string file;
  double sample = 1;  // the share of requests that is logged
};

struct TelemetryOptions {
  PolicyEngine* engine = nullptr;  // outlives it; null: no names, and no metrics of policy
  std::string metrics;             // "127.0.0.1:9464"; empty: none are served
  std::optional<AccessLogOptions> access_log;
};

class Telemetry {
 public:
  // Listens, and opens the log. `view` outlives it. The threads inherit the caller's CPU affinity.
  static Result<std::unique_ptr<Telemetry>> start(NodeView& view, const TelemetryOptions& options);
  virtual ~Telemetry() = default;  // stops; what workers told before is in the log
};

}  // namespace heddle::server
