// show workloads: who is where, and how others come to it.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string networks_text(const v1::ListWorkloadsResponse& response) {
  if (response.networks().empty()) return {};
  Table table({{"NETWORK"}, {"NODE"}, {"BY ADDRESS"}, {"TAKEN FOR"}, {"FLOWS", Align::kRight}});
  for (const v1::NetworkInfo& each : response.networks()) {
    const std::vector<std::string> cidrs(each.cidrs().begin(), each.cidrs().end());
    const std::string node = each.node().empty() ? "this one" : each.node();
    table.add({each.namespace_() + "/" + each.name(),
               each.here() && !each.node().empty() ? node + " (this one)" : node, join(cidrs, ", "),
               "address:" + each.namespace_() + "/" + each.service_account(),
               each.here() ? fmt::format("{}", each.flows()) : "-"});
  }
  return "\n" + table.text();
}

std::string workloads_text(const v1::ListWorkloadsResponse& response, const Options&) {
  if (response.workloads().empty()) return "no workloads\n" + networks_text(response);
  Table table(
      {{"WORKLOAD"}, {"NODE"}, {"PORT"}, {"ADDRESSES"}, {"MESH"}, {"IDENTITY"}, {"CERTIFICATE"}});
  for (const v1::WorkloadInfo& each : response.workloads()) {
    const std::vector<std::string> addresses(each.addresses().begin(), each.addresses().end());
    std::string mesh = or_dash(each.mesh());
    for (const std::string& port : each.mesh_ports()) mesh += ", " + port;
    const std::string node = each.node().empty() ? "this one" : each.node();
    table.add({each.namespace_() + "/" + each.name(),
               each.here() && !each.node().empty() ? node + " (this one)" : node,
               or_dash(each.port()), join(addresses, ", "), mesh, or_dash(each.identity()),
               or_dash(each.certificate())});
  }
  return table.text() + networks_text(response);
}

}  // namespace

Outcome show_workloads(const Options& options) {
  return ask(options, &Client::workloads, workloads_text);
}

}  // namespace heddle::cli
