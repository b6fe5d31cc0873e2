#include "rule_calls.h"

#include <map>
#include <string>
#include <utility>

namespace heddle::server {
namespace {

using telemetry::RouteSum;
using telemetry::TimeScale;

uint64_t quantile_us(const RouteSum& sum, double share) {
  return static_cast<uint64_t>(sum.times.quantile(share).us());
}

void tell(const RouteSum& sum, bool times, v1::RuleCounts& to) {
  to.set_requests(sum.times.total);
  to.set_no_status(sum.classes[0]);
  to.set_status_1xx(sum.classes[1]);
  to.set_status_2xx(sum.classes[2]);
  to.set_status_3xx(sum.classes[3]);
  to.set_status_4xx(sum.classes[4]);
  to.set_status_5xx(sum.classes[5]);
  to.set_faults(sum.faults);
  to.set_retries(sum.retries);
  to.set_bytes_in(sum.bytes_in);
  to.set_bytes_out(sum.bytes_out);
  to.set_p50_us(quantile_us(sum, 0.5));
  to.set_p90_us(quantile_us(sum, 0.9));
  to.set_p99_us(quantile_us(sum, 0.99));
  if (!times) return;
  for (size_t slot = 0; slot < sum.times.slots.size(); ++slot) {
    if (sum.times.slots[slot] == 0) continue;
    v1::TimeCount& count = *to.add_times();
    count.set_up_to_us(TimeScale::end_of(slot));
    count.set_count(sum.times.slots[slot]);
  }
}

}  // namespace

void list_rules(const RequestTotals& totals, const RequestNames& names, bool times,
                v1::ListRulesResponse& response) {
  // A service has several ports, and a rule is for all of them.
  std::map<uint32_t, RouteSum> by_rule;
  std::map<std::string, RouteSum> by_service;
  for (const RouteTotals& each : totals.routes) {
    if (names.is_gone(each.key)) continue;
    if (names.rule(each.key) != nullptr)
      by_rule[each.key.rule].add(*each.sum);
    else
      by_service[names.service(each.key)->full].add(*each.sum);
  }
  std::map<std::pair<std::string, uint16_t>, uint32_t> slots;
  for (uint32_t slot = 0; slot < names.rules.size(); ++slot)
    if (const auto& rule = names.rules[slot]; !rule.text.empty())
      slots[{rule.route, rule.rule}] = slot;
  for (const auto& [key, slot] : slots) {
    const RequestNames::Rule& rule = names.rules[slot];
    v1::RuleCounts& to = *response.add_rules();
    to.set_route(rule.route);
    to.set_rule(rule.rule);
    to.set_service(rule.service);
    to.set_text(rule.meaning);
    tell(by_rule[slot], times, to);
  }
  for (const auto& [service, sum] : by_service) {
    v1::RuleCounts& to = *response.add_rules();
    to.set_service(service);
    tell(sum, times, to);
  }
  response.set_overflow(totals.routes_overflow.times.total);
}

}  // namespace heddle::server
