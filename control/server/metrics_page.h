// MetricsPage: all that heddled counts, as Prometheus reads it; and whether it is healthy.
#pragma once

#include <optional>
#include <string_view>

#include "metrics_server.h"
#include "name_book.h"
#include "record_desk.h"
#include "server/node_view.h"
#include "telemetry/metrics_text.h"

namespace heddle::server {

class MetricsPage {
 public:
  // Without an engine there is nothing of policy. All outlive the page.
  MetricsPage(NodeView& view, Engine* engine, NameBook& book, const RecordDesk& desk);

  // /metrics, /healthz, /readyz; 404 for all else. The metrics server's thread.
  HttpAnswer answer(std::string_view path);

 private:
  HttpAnswer metrics();
  HttpAnswer readiness();
  void add_policy(telemetry::MetricsText& to);
  void add_requests(telemetry::MetricsText& to);

  NodeView& view_;
  std::optional<Asked<EngineFacts>> facts_;
  NameBook& book_;
  const RecordDesk& desk_;
};

// The parts, each without a view of its own. Of requests: one series for each combination of names,
// whatever numbers they have.
void add_node(const VersionInfo& info, telemetry::MetricsText& to);
void add_ports(const std::vector<PortInfo>& ports, telemetry::MetricsText& to);
void add_workers(const std::vector<WorkerInfo>& workers, telemetry::MetricsText& to);
void add_graph(const std::vector<GraphNodeInfo>& nodes, telemetry::MetricsText& to);
void add_drops(const std::vector<DropInfo>& drops, telemetry::MetricsText& to);
// Named heddle_PREFIX_NAME_total.
void add_counters(std::string_view prefix, const std::vector<TcpCounterInfo>& counters,
                  telemetry::MetricsText& to);
void add_requests(const RequestTotals& totals, const RequestNames& names, NodeView& view,
                  telemetry::MetricsText& to);
void add_services(const v1::ListServicesResponse& services, telemetry::MetricsText& to);
// By policy, action and outcome: allowed, denied, audited, dry_run.
void add_access(const v1::ListAccessResponse& access, telemetry::MetricsText& to);
// Of workloads that may not send anywhere.
void add_outbound(const v1::ListWorkloadsResponse& workloads, telemetry::MetricsText& to);
// By provider and outcome.
void add_jwt(const v1::ListJwtProvidersResponse& jwt, telemetry::MetricsText& to);
void add_limits(const v1::ListLimitsResponse& limits, telemetry::MetricsText& to);
void add_endpoints(const EndpointFacts& endpoints, telemetry::MetricsText& to);
void add_status(const v1::PolicyStatus& status, telemetry::MetricsText& to);

}  // namespace heddle::server
