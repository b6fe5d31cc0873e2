#include "metrics_page.h"

#include <algorithm>
#include <chrono>

namespace heddle::server {
namespace {

using telemetry::MetricsText;
using telemetry::MetricType;

// The engine may be busy with a large change: then this scrape has nothing of policy.
constexpr auto kPatience = std::chrono::seconds(1);

}  // namespace

HttpAnswer MetricsPage::answer(std::string_view path) {
  if (path == "/metrics") return metrics();
  // Who answers, lives.
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/readyz") return readiness();
  return {.status = 404, .body = "there are /metrics, /healthz and /readyz\n"};
}

// Ready: each worker runs, and under the same policy as all others.
HttpAnswer MetricsPage::readiness() {
  const std::vector<WorkerInfo> workers = view_.workers();
  uint64_t newest = 0;
  for (const WorkerInfo& worker : workers) newest = std::max(newest, worker.policy_version);
  for (const WorkerInfo& worker : workers) {
    if (worker.turns == 0)
      return {.status = 503, .body = fmt::format("worker {} does not run yet\n", worker.id)};
    if (worker.policy_version != newest)
      return {.status = 503,
              .body = fmt::format("worker {} runs policy version {}, another one {}\n", worker.id,
                                  worker.policy_version, newest)};
  }
  return {.body = "ready\n"};
}

HttpAnswer MetricsPage::metrics() {
  MetricsText text;
  add_node(view_.version(), text);
  add_ports(view_.ports(), text);
  add_workers(view_.workers(), text);
  add_graph(view_.graph(), text);
  add_drops(view_.drops(), text);
  add_counters("tcp", view_.tcp_counters(), text);
  add_counters("tls", view_.tls_counters(), text);
  add_policy(text);
  const RequestTotals totals = view_.request_totals();
  add_requests(totals, *book_.names(), view_, text);
  text.family("heddle_access_records_dropped_total", MetricType::kCounter,
              "Records of requests that were lost on their way to the access log or a tap.");
  text.add({}, totals.records_dropped);
  if (desk_.has_log()) {
    text.family("heddle_access_log_lines_total", MetricType::kCounter,
                "Lines written to the access log.");
    text.add({}, desk_.lines_written());
    text.family("heddle_access_log_lines_lost_total", MetricType::kCounter,
                "Lines that could not be written to the access log: the disk is full, or broken.");
    text.add({}, desk_.lines_lost());
  }
  return {.content_type = telemetry::kMetricsContentType, .body = text.take()};
}

void MetricsPage::add_policy(MetricsText& to) {
  if (engine_ == nullptr) return;
  const auto facts = ask_engine(*engine_, kPatience, [](Engine& engine) { return engine.facts(); });
  to.family("heddle_scrape_without_policy", MetricType::kGauge,
            "1 when the policy engine was too busy: its metrics are left out of this scrape.");
  to.add({}, uint64_t{facts ? 0u : 1u});
  if (!facts) return;
  add_status(facts->status, to);
  add_services(facts->services, to);
  add_endpoints(facts->endpoints, to);
}

}  // namespace heddle::server
