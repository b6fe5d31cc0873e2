#include "metrics_page.h"

#include <algorithm>
#include <chrono>

namespace heddle::server {
namespace {

using telemetry::MetricsText;
using telemetry::MetricType;

// The engine may be busy with a large change: then this scrape has nothing of policy.
constexpr auto kPatience = std::chrono::seconds(1);

// For counts and names of one policy, where it changes all the time.
constexpr int kTries = 3;

}  // namespace

MetricsPage::MetricsPage(NodeView& view, Engine* engine, NameBook& book, const RecordDesk& desk)
    : view_(view), book_(book), desk_(desk) {
  if (engine != nullptr)
    facts_.emplace(*engine,
                   [](Engine& of) { return std::make_shared<const EngineFacts>(of.facts()); });
}

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
  add_counters("dns", view_.dns_counters(), text);
  add_policy(text);
  add_requests(text);
  const RecordDrops drops = view_.records_dropped();
  text.family(
      "heddle_access_records_dropped_total", MetricType::kCounter,
      "Records of requests that were lost on their way: to the access log, or to taps alone.");
  text.add({{"wanted_by", "log"}}, drops.logged);
  text.add({{"wanted_by", "tap"}}, drops.watched);
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

// What a slot counts is forgotten when it is given to another: names from before are not for counts
// from behind that.
void MetricsPage::add_requests(MetricsText& to) {
  NameBook::Names names = book_.names();
  RequestTotals totals = view_.request_totals();
  for (int i = 1; i < kTries && !book_.are_new(*names); ++i) {
    names = book_.names();
    totals = view_.request_totals();
  }
  server::add_requests(totals, *names, view_, to);
}

void MetricsPage::add_policy(MetricsText& to) {
  if (!facts_) return;
  const auto facts = facts_->wait(kPatience);
  to.family("heddle_scrape_without_policy", MetricType::kGauge,
            "1 when the policy engine was too busy: its metrics are left out of this scrape.");
  to.add({}, uint64_t{facts == nullptr});
  if (facts == nullptr) return;
  add_status(facts->status, to);
  add_services(facts->services, to);
  add_access(facts->access, to);
  add_outbound(facts->workloads, to);
  add_jwt(facts->jwt, to);
  add_limits(facts->limits, to);
  add_endpoints(facts->endpoints, to);
}

}  // namespace heddle::server
