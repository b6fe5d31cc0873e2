// show workloads: who is where, and how others come to it.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string workloads_text(const v1::ListWorkloadsResponse& response, const Options&) {
  if (response.workloads().empty()) return "no workloads\n";
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
  return table.text();
}

}  // namespace

Outcome show_workloads(const Options& options) {
  return ask(options, &Client::workloads, workloads_text);
}

}  // namespace heddle::cli
