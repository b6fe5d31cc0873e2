// show rules and show clusters: where requests go.
#include <fmt/format.h>

#include "commands.h"
#include "rule_text.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string rules_text(const v1::ListRulesResponse& response, const Options&) {
  if (response.rules().empty()) return "no rules for requests, and no requests\n";
  Table table({{"ROUTE"},
               {"SERVICE"},
               {"REQUESTS", Align::kRight},
               {"2xx", Align::kRight},
               {"3xx", Align::kRight},
               {"4xx", Align::kRight},
               {"5xx", Align::kRight},
               {"FAULTS", Align::kRight},
               {"RETRIES", Align::kRight},
               {"P50", Align::kRight},
               {"P90", Align::kRight},
               {"P99", Align::kRight},
               {"BYTES-IN", Align::kRight},
               {"BYTES-OUT", Align::kRight},
               {"MATCHES"}});
  for (const v1::RuleCounts& rule : response.rules()) {
    const bool any = rule.requests() > 0;
    const auto time = [&](uint64_t us) { return any ? short_time(us) : "-"; };
    table.add({rule_name(rule), rule.service(), thousands(rule.requests()),
               thousands(rule.status_2xx()), thousands(rule.status_3xx()),
               thousands(rule.status_4xx()), thousands(rule.status_5xx()), thousands(rule.faults()),
               thousands(rule.retries()), time(rule.p50_us()), time(rule.p90_us()),
               time(rule.p99_us()), thousands(rule.bytes_in()), thousands(rule.bytes_out()),
               rule.text()});
  }
  std::string text = table.text();
  if (response.overflow() > 0)
    text +=
        fmt::format("{} requests more had no place of their own\n", thousands(response.overflow()));
  return text;
}

std::string clusters_text(const v1::ListClustersResponse& response, const Options&) {
  if (response.clusters().empty()) return "no clusters\n";
  Table table({{"CLUSTER"},
               {"FAMILY"},
               {"ALGORITHM"},
               {"ENDPOINTS", Align::kRight},
               {"DRAINING", Align::kRight},
               {"FALLBACK"},
               {"USED BY"}});
  for (const v1::ClusterInfo& cluster : response.clusters()) {
    std::vector<std::string> users(cluster.used_by().begin(), cluster.used_by().end());
    const auto more = cluster.users() - static_cast<uint32_t>(users.size());
    if (more > 0) users.push_back(fmt::format("{} more", more));
    table.add({cluster.name(), cluster.family().empty() ? "-" : cluster.family(),
               cluster.algorithm(), thousands(cluster.endpoints()), thousands(cluster.draining()),
               cluster.fallback().empty() ? "-" : cluster.fallback(), join(users, ", ")});
  }
  return table.text();
}

}  // namespace

Outcome show_rules(const Options& options) {
  return ask(options, &Client::rules, v1::ListRulesRequest(), rules_text);
}

Outcome show_clusters(const Options& options) {
  return ask(options, &Client::clusters, clusters_text);
}

}  // namespace heddle::cli
