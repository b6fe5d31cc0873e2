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
using RequestLabels = std::array<std::string, 9>;
constexpr std::array<std::string_view, 9> kRequestLabels = {
    "destination_service", "destination_namespace", "route", "response_code",
    "grpc_status",         "response_flags",        "tls",   "source_workload",
    "source_namespace"};
using RouteLabels = std::array<std::string, 3>;

template <size_t kCount>
std::array<MetricLabel, kCount> labels_of(const std::array<std::string, kCount>& values) {
  std::array<MetricLabel, kCount> labels;
  for (size_t i = 0; i < kCount; ++i) labels[i] = {kRequestLabels[i], values[i]};
  return labels;
}

std::optional<RouteLabels> labels_of(const telemetry::RouteKey& key, const RequestNames& names) {
  const RequestNames::Service* service = names.service(key);
  if (service == nullptr) return {};  // it is gone
  const RequestNames::Rule* rule = names.rule(key);
  return RouteLabels{service->name, service->ns, rule == nullptr ? "" : rule->text};
}

// Where workers had no place for a series of its own.
constexpr const char* kOverflow = "overflow";

void add(telemetry::RouteSum& to, const telemetry::RouteSum& from) {
  for (size_t i = 0; i < to.by_bound.size(); ++i) to.by_bound[i] += from.by_bound[i];
  to.times.sum_us += from.times.sum_us;
  to.retries += from.retries;
  to.bytes_in += from.bytes_in;
  to.bytes_out += from.bytes_out;
}

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
    if (const auto labels = labels_of(each.key, names)) add(routes[*labels], *each.sum);
  if (totals.requests_overflow > 0 || totals.routes_overflow.times.total > 0)
    add(routes[{kOverflow, "", ""}], totals.routes_overflow);
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
    requests[{(*route)[0], (*route)[1], (*route)[2], std::to_string(count.key.status),
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
  to.family(
      "heddle_request_series_overflow_total", MetricType::kCounter,
      "Requests that workers had no place to count by name; they are in series named overflow.");
  to.add({}, totals.requests_overflow);
  add_routes(totals, names, to);
}

void add_services(const v1::ListServicesResponse& services, MetricsText& to) {
  using Counts = v1::ServiceCounts;
  const auto labels = [](const Counts& one) {
    return std::array<MetricLabel, 5>{MetricLabel{"destination_namespace", one.namespace_()},
                                      {"destination_service", one.name()},
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

void add_endpoints(const EndpointFacts& endpoints, MetricsText& to) {
  using Counts = v1::EndpointCounts;
  std::map<const Counts*, std::string> ports;
  for (const Counts& one : endpoints.told.endpoints()) ports[&one] = std::to_string(one.port());
  const auto labels = [&](const Counts& one) {
    return std::array<MetricLabel, 4>{MetricLabel{"destination_namespace", one.namespace_()},
                                      {"destination_service", one.service()},
                                      {"address", one.address()},
                                      {"port", ports[&one]}};
  };
  const auto& all = endpoints.told.endpoints();
  each(all, "heddle_endpoint_packets_total", "Packets sent to the endpoint.", labels,
       &Counts::packets, to);
  each(all, "heddle_endpoint_bytes_total", "Bytes sent to it.", labels, &Counts::bytes, to);
  each(all, "heddle_endpoint_flows_opened_total", "Flows and requests opened to it.", labels,
       &Counts::flows, to);
  each(all, "heddle_endpoint_active_flows", "Flows and requests that it has now.", labels,
       &Counts::active_flows, to);
  each(all, "heddle_endpoint_draining", "1 while it takes nothing new.", labels, &Counts::draining,
       to);
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
