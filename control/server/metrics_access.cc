// Metrics of AccessPolicies, one series for each outcome that a policy has had; and of
// OutboundPolicies, one for each workload that one is for.
#include <fmt/format.h>

#include <array>
#include <map>
#include <string>

#include "metrics_page.h"

namespace heddle::server {

void add_access(const v1::ListAccessResponse& access, telemetry::MetricsText& to) {
  using Labels = std::array<std::string, 4>;
  std::map<Labels, uint64_t> all;
  const auto add = [&](const v1::AccessRuleCounts& rule, const char* outcome, uint64_t count,
                       bool expected) {
    if (count > 0 || expected)
      all[{rule.namespace_(), rule.policy(), rule.action(), outcome}] += count;
  };
  for (const v1::AccessRuleCounts& rule : access.rules()) {
    add(rule, "allowed", rule.allowed(), !rule.dry_run() && rule.action() == "ALLOW");
    add(rule, "denied", rule.denied(), !rule.dry_run() && rule.action() == "DENY");
    add(rule, "audited", rule.audited(), !rule.dry_run() && rule.action() == "AUDIT");
    add(rule, "dry_run", rule.dry_run_matches(), rule.dry_run());
  }
  to.family("heddle_access_policy_total", telemetry::MetricType::kCounter,
            "Requests at ports of HTTP, and flows elsewhere, that a policy's rules decided or "
            "noted.");
  for (const auto& [values, count] : all)
    to.add({{"namespace", values[0]},
            {"policy", values[1]},
            {"action", values[2]},
            {"outcome", values[3]}},
           count);
}

void add_outbound(const v1::ListWorkloadsResponse& workloads, telemetry::MetricsText& to) {
  to.family("heddle_outbound_refused_packets_total", telemetry::MetricType::kCounter,
            "Packets of a workload that its OutboundPolicy does not let go where they were to go.");
  for (const v1::WorkloadInfo& each : workloads.workloads())
    if (each.here() && (each.outbound() != "ALLOW" || each.outbound_refused() > 0))
      to.add({{"source_namespace", each.namespace_()}, {"source_workload", each.name()}},
             each.outbound_refused());
  to.family("heddle_network_flows_total", telemetry::MetricType::kCounter,
            "Flows of senders that a NetworkIdentity takes for somebody by their address.");
  for (const v1::NetworkInfo& each : workloads.networks())
    if (each.here())
      to.add({{"network", fmt::format("{}/{}", each.namespace_(), each.name())},
              {"service_account", each.service_account()}},
             each.flows());
}

}  // namespace heddle::server
