// show flows and flows flush.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"
#include "walk.h"

namespace heddle::cli {
namespace {

bool has_ports(const v1::Flow& flow) {
  return flow.protocol() == "tcp" || flow.protocol() == "udp";
}

std::string place_text(const v1::Flow& flow, const v1::FlowEnd& end) {
  return has_ports(flow) ? end_text(end) : end.address();
}

// An ICMP query has an identifier, the same on both sides.
std::string client_text(const v1::Flow& flow) {
  const bool query = flow.state().starts_with("query");
  return query ? fmt::format("{} id {}", flow.client().address(), flow.client().port())
               : place_text(flow, flow.client());
}

std::string flow_count(uint64_t flows) {
  return fmt::format("{} {}", thousands(flows), flows == 1 ? "flow" : "flows");
}

std::string top_text(const v1::ListFlowsResponse& response, const std::string& what) {
  std::string head = what;
  for (char& c : head) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  Table table({{head}, {"FLOWS", Align::kRight}});
  uint64_t told = 0;
  for (const v1::FlowTop& top : response.top()) {
    table.add({top.what(), thousands(top.flows())});
    told += top.flows();
  }
  std::string out = table.text();
  if (response.matched() > told)
    out += fmt::format("and {} of others\n", flow_count(response.matched() - told));
  return out;
}

std::string flows_text(const v1::ListFlowsResponse& response, const Options& options) {
  if (options.flows.count_only)
    return fmt::format("{}\n", response.matched()) + end_note(response, "flows");
  if (response.matched() == 0) return "no flows\n" + end_note(response, "flows");
  if (!options.flows.top.empty())
    return top_text(response, options.flows.top) + end_note(response, "flows");
  Table table({{"PROTO"},
               {"STATE"},
               {"CLIENT"},
               {"DESTINATION"},
               {"ENDPOINT"},
               {"AS"},
               {"SERVICE"},
               {"IDLE", Align::kRight},
               {"AGE", Align::kRight},
               {"EXPIRES", Align::kRight},
               {"WORKER", Align::kRight}});
  for (const v1::Flow& flow : response.flows()) {
    const std::string destination = place_text(flow, flow.destination());
    const std::string endpoint = place_text(flow, flow.endpoint());
    table.add({flow.protocol(), flow.state(), client_text(flow), destination,
               endpoint == destination ? "-" : endpoint,
               flow.source_translated() ? place_text(flow, flow.source()) : "-",
               flow.service().empty() ? "-" : flow.service(), span(flow.idle_ms()),
               span(flow.age_ms()), span(flow.expires_ms()), std::to_string(flow.worker())});
  }
  std::string out = table.text();
  const auto told = static_cast<uint64_t>(response.flows_size());
  if (response.matched() > told)
    out += fmt::format("and {} more (--limit)\n", thousands(response.matched() - told));
  return out + end_note(response, "flows");
}

std::string flushed_text(const v1::FlushFlowsResponse& response, const Options&) {
  return fmt::format("{} flushed\n", flow_count(response.flushed())) + end_note(response, "flows");
}

void fill(const FlowOptions& options, v1::FlowFilter& filter) {
  filter.set_source(options.source);
  filter.set_destination(options.destination);
  filter.set_port(options.port);
  filter.set_protocol(options.protocol);
  filter.set_state(options.state);
  filter.set_service(options.service);
  filter.set_endpoint(options.endpoint);
  if (options.worker) filter.set_worker(*options.worker);
}

}  // namespace

Outcome show_flows(const Options& options) {
  const FlowOptions& flows = options.flows;
  if (flows.count_only + !flows.top.empty() + (flows.limit != 0) > 1)
    return Outcome::fail({kUsage, "show flows: takes one of --count, --top and --limit"});
  v1::ListFlowsRequest request;
  fill(flows, *request.mutable_filter());
  request.set_count_only(flows.count_only);
  request.set_top(flows.top);
  request.set_limit(flows.limit);
  return walk(options, &Client::flows, request, flows_text);
}

Outcome flush_flows(const Options& options) {
  v1::FlushFlowsRequest request;
  fill(options.flows, *request.mutable_filter());
  const bool narrow = request.filter().ByteSizeLong() > 0;
  if (!narrow && !options.all)
    return Outcome::fail({kUsage, "flows flush: say which flows, or --all"});
  if (narrow && options.all)
    return Outcome::fail({kUsage, "flows flush: --all is every flow, the other options are some"});
  request.set_all(options.all);
  request.set_reset(options.flows.reset);
  return walk(options, &Client::flush_flows, request, flushed_text);
}

}  // namespace heddle::cli
