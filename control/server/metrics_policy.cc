// Metrics of what policy names: the policy itself, services, endpoints, requests.
#include <array>
#include <chrono>
#include <map>
#include <optional>

#include "metrics_page.h"

namespace heddle::server {
namespace {

using telemetry::MetricLabel;
using telemetry::MetricsText;
using telemetry::MetricType;

// One family, with a sample of each message.
template <class Messages, class Labels, class Value>
void each(const Messages& all, std::string_view name, std::string_view help, Labels labels,
          Value value, MetricsText& to) {
  to.family(name, name.ends_with("_total") ? MetricType::kCounter : MetricType::kGauge, help);
  for (const auto& one : all) {
    const auto of = labels(one);
    to.add(MetricsText::Labels(of), uint64_t{(one.*value)()});
  }
}

void gauge(std::string_view name, std::string_view help, double value, MetricsText& to) {
  to.family(name, MetricType::kGauge, help);
  to.add({}, value);
}

// Counts of the same names add up: a service has several ports, each with a number of its own.
using RequestLabels = std::array<std::string, 10>;
constexpr std::array<std::string_view, 10> kRequestLabels = {
    "destination_service", "destination_namespace", "destination_kind", "route",
    "response_code",       "grpc_status",           "response_flags",   "tls",
    "source_workload",     "source_namespace"};
using RouteLabels = std::array<std::string, 4>;

template <size_t kCount>
std::array<MetricLabel, kCount> labels_of(const std::array<std::string, kCount>& values) {
  std::array<MetricLabel, kCount> labels;
  for (size_t i = 0; i < kCount; ++i) labels[i] = {kRequestLabels[i], values[i]};
  return labels;
}

std::optional<RouteLabels> labels_of(const telemetry::RouteKey& key, const RequestNames& names) {
  if (names.is_gone(key)) return {};
  const RequestNames::Service* service = names.service(key);
  const RequestNames::Rule* rule = names.rule(key);
  return RouteLabels{service->name, service->ns, service->kind, rule == nullptr ? "" : rule->text};
}

// Where workers had no place for a series of its own.
constexpr const char* kOverflow = "overflow";

using Routes = std::map<RouteLabels, telemetry::RouteSum>;

void add_counter(const Routes& routes, std::string_view name, std::string_view help,
                 uint64_t telemetry::RouteSum::* member, MetricsText& to) {
  to.family(name, MetricType::kCounter, help);
  for (const auto& [values, sum] : routes) {
    const auto labels = labels_of(values);
    to.add(MetricsText::Labels(labels), sum.*member);
  }
}

void add_routes(const RequestTotals& totals, const RequestNames& names, MetricsText& to) {
  Routes routes;
  for (const RouteTotals& each : totals.routes)
    if (const auto labels = labels_of(each.key, names)) routes[*labels].add(*each.sum);
  if (totals.requests_overflow > 0 || totals.routes_overflow.times.total > 0)
    routes[{kOverflow}].add(totals.routes_overflow);
  to.family("heddle_request_duration_seconds", MetricType::kHistogram,
            "From a request's first byte to its response's last.");
  for (const auto& [values, sum] : routes) {
    const auto labels = labels_of(values);
    to.add_histogram(labels, telemetry::kTimeBounds, sum.by_bound,
                     static_cast<double>(sum.times.sum_us) / 1e6);
  }
  using Sum = telemetry::RouteSum;
  add_counter(routes, "heddle_request_bytes_total", "Bytes of requests' bodies.", &Sum::bytes_in,
              to);
  add_counter(routes, "heddle_response_bytes_total", "Bytes of responses' bodies.", &Sum::bytes_out,
              to);
  add_counter(routes, "heddle_request_retries_total", "Tries of requests behind the first.",
              &Sum::retries, to);
}

}  // namespace

void add_requests(const RequestTotals& totals, const RequestNames& names, NodeView& view,
                  MetricsText& to) {
  std::map<RequestLabels, uint64_t> requests;
  for (const RequestCount& count : totals.requests) {
    const auto route = labels_of(count.key.route, names);
    if (!route) continue;
    const bool is_grpc = count.key.grpc_status != telemetry::kNoGrpcStatus;
    const RequestNames::Source* source = names.source(count.key.source);
    requests[{(*route)[0], (*route)[1], (*route)[2], (*route)[3], std::to_string(count.key.status),
              is_grpc ? std::to_string(count.key.grpc_status) : "",
              std::string(view.fault_name(count.key.fault)), count.key.tls ? "true" : "false",
              source == nullptr ? "" : source->name, source == nullptr ? "" : source->ns}] +=
        count.requests;
  }
  if (totals.requests_overflow > 0) requests[{kOverflow}] = totals.requests_overflow;
  to.family("heddle_requests_total", MetricType::kCounter,
            "Requests of HTTP that have ended; response_code 0: without a response.");
  for (const auto& [values, count] : requests) {
    const auto labels = labels_of(values);
    to.add(MetricsText::Labels(labels), count);
  }
  to.family("heddle_request_series_overflow_total", MetricType::kCounter,
            "Requests that workers had no place to count by name, in the table of requests and in "
            "that of routes, from which times and bytes come; their series are named overflow.");
  to.add({{"table", "requests"}}, totals.requests_overflow);
  to.add({{"table", "routes"}}, totals.routes_overflow.times.total);
  add_routes(totals, names, to);
}

void add_services(const v1::ListServicesResponse& services, MetricsText& to) {
  using Counts = v1::ServiceCounts;
  const auto labels = [](const Counts& one) {
    return std::array<MetricLabel, 6>{MetricLabel{"destination_namespace", one.namespace_()},
                                      {"destination_service", one.name()},
                                      {"destination_kind", one.kind()},
                                      {"port", one.port()},
                                      {"address", one.address()},
                                      {"protocol", one.protocol()}};
  };
  const auto& all = services.services();
  each(all, "heddle_service_packets_total", "Packets of clients, sent on to an endpoint.", labels,
       &Counts::packets, to);
  each(all, "heddle_service_bytes_total", "Their bytes.", labels, &Counts::bytes, to);
  each(all, "heddle_service_flows_opened_total", "Flows and requests opened to endpoints.", labels,
       &Counts::flows, to);
  each(all, "heddle_service_denied_total", "Packets that policy has refused.", labels,
       &Counts::denied, to);
  each(all, "heddle_service_no_endpoint_total", "Packets and requests without an endpoint.", labels,
       &Counts::no_endpoint, to);
  each(all, "heddle_service_audited_total", "Packets that a rule which only watches has noted.",
       labels, &Counts::audited, to);
  each(all, "heddle_service_endpoints", "Endpoints that the port has.", labels, &Counts::endpoints,
       to);
}

namespace {

// An endpoint may be there with a port and, from a time when it had none, without, which people see
// as the same one. It drains when it takes nothing new by either.
using Endpoint = v1::EndpointCounts;
using EndpointLabels = std::array<std::string, 4>;

std::map<EndpointLabels, Endpoint> by_labels(const EndpointFacts& endpoints) {
  std::map<EndpointLabels, Endpoint> all;
  for (const Endpoint& one : endpoints.told.endpoints()) {
    const EndpointLabels labels = {one.namespace_(), one.service(), one.address(),
                                   std::to_string(one.port())};
    const auto [at, made] = all.try_emplace(labels, one);
    if (made) continue;
    Endpoint& sum = at->second;
    sum.set_packets(sum.packets() + one.packets());
    sum.set_bytes(sum.bytes() + one.bytes());
    sum.set_flows(sum.flows() + one.flows());
    sum.set_active_flows(sum.active_flows() + one.active_flows());
    sum.set_draining(sum.draining() && one.draining());
  }
  return all;
}

}  // namespace

void add_endpoints(const EndpointFacts& endpoints, MetricsText& to) {
  const std::map<EndpointLabels, Endpoint> all = by_labels(endpoints);
  const auto each_of = [&](std::string_view name, std::string_view help, auto value) {
    to.family(name, name.ends_with("_total") ? MetricType::kCounter : MetricType::kGauge, help);
    for (const auto& [labels, one] : all)
      to.add({{"destination_namespace", labels[0]},
              {"destination_service", labels[1]},
              {"address", labels[2]},
              {"port", labels[3]}},
             uint64_t{(one.*value)()});
  };
  each_of("heddle_endpoint_packets_total", "Packets sent to the endpoint.", &Endpoint::packets);
  each_of("heddle_endpoint_bytes_total", "Bytes sent to it.", &Endpoint::bytes);
  each_of("heddle_endpoint_flows_opened_total", "Flows and requests opened to it.",
          &Endpoint::flows);
  each_of("heddle_endpoint_active_flows", "Flows and requests that it has now.",
          &Endpoint::active_flows);
  each_of("heddle_endpoint_draining", "1 while it takes nothing new.", &Endpoint::draining);
  gauge("heddle_endpoints_without_series",
        "Endpoints that have no metrics of their own, as there are more than 10,000.",
        static_cast<double>(endpoints.left_out), to);
}

void add_status(const v1::PolicyStatus& status, MetricsText& to) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const auto age = status.since_ms() == 0 ? 0 : now.count() - status.since_ms();
  gauge("heddle_policy_version", "Version of the policy that was accepted last.",
        static_cast<double>(status.version()), to);
  gauge("heddle_policy_live", "1 when all workers run it.", status.live() ? 1 : 0, to);
  gauge("heddle_policy_age_seconds", "Since it was accepted.", static_cast<double>(age) / 1e3, to);
  gauge("heddle_policy_install_seconds", "From its publishing until all workers ran it.",
        static_cast<double>(status.install_us()) / 1e6, to);
  gauge("heddle_policy_resources", "Resources in it.", status.resources(), to);
  gauge("heddle_policy_services", "Services in it.", status.services(), to);
  gauge("heddle_policy_endpoints", "Endpoints in it.", status.endpoints(), to);
  gauge("heddle_policy_memory_bytes", "Memory of what workers read of it.",
        static_cast<double>(status.memory_bytes()), to);
  to.family("heddle_policy_applied_total", MetricType::kCounter, "Changes that were accepted.");
  to.add({}, status.applied());
  to.family("heddle_policy_refused_total", MetricType::kCounter, "Changes that were refused.");
  to.add({}, status.refused());
}

}  // namespace heddle::server
