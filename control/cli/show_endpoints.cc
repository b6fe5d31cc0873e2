#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string draining(const v1::EndpointCounts& endpoint) {
  if (!endpoint.draining()) return "-";
  return endpoint.drain_left_ms() == 0 ? "yes" : span(endpoint.drain_left_ms()) + " left";
}

std::string endpoints_text(const v1::ListEndpointsResponse& response, const Options&) {
  if (response.endpoints().empty()) return "no endpoints\n";
  Table table({{"SERVICE"},
               {"ADDRESS"},
               {"PORT", Align::kRight},
               {"WEIGHT", Align::kRight},
               {"PRIORITY", Align::kRight},
               {"DRAINING"},
               {"FLOWS-NOW", Align::kRight},
               {"FLOWS", Align::kRight},
               {"PACKETS", Align::kRight},
               {"BYTES", Align::kRight}});
  for (const v1::EndpointCounts& endpoint : response.endpoints()) {
    table.add({fmt::format("{}/{}", endpoint.namespace_(), endpoint.service()), endpoint.address(),
               endpoint.port() == 0 ? "-" : std::to_string(endpoint.port()),
               std::to_string(endpoint.weight()), std::to_string(endpoint.priority()),
               draining(endpoint), thousands(endpoint.active_flows()), thousands(endpoint.flows()),
               thousands(endpoint.packets()), thousands(endpoint.bytes())});
  }
  return table.text();
}

}  // namespace

Outcome show_endpoints(const Options& options) {
  v1::ListEndpointsRequest request;
  request.set_service(options.flows.service);
  return ask(options, &Client::endpoints, request, endpoints_text);
}

}  // namespace heddle::cli
