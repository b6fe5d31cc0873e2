// Options of show connections.
#include "app_parts.h"
#include "server/connection_state.h"

namespace heddle::cli {
namespace {

std::vector<std::string> states() {
  std::vector<std::string> names;
  for (size_t i = 0; i < server::kConnectionStates; ++i)
    names.emplace_back(server::name_of(static_cast<server::ConnectionState>(i)));
  return names;
}

}  // namespace

void add_show_connections(CLI::App& command, Request& request) {
  ConnectionOptions& options = request.options.connections;
  command.footer(
      "Examples:\n"
      "  heddlectl show connections --service cart -n shop --state ESTABLISHED\n"
      "  heddlectl show connections --source 10.8.0.0/16 --limit 1000\n"
      "  heddlectl show connections --sum\n\n"
      "-o json and -o yaml tell more of each: windows, MSS, variance, memory.");
  command.add_option("--source", options.source, "Of who opened it: an address or a prefix")
      ->type_name("CIDR");
  command
      .add_option("--destination", options.destination,
                  "Whom it was opened to: an address or a prefix")
      ->type_name("CIDR");
  add_number(command, "--port", "Of the destination", {1, 65'535}, [&options](uint64_t port) {
    options.port = static_cast<uint32_t>(port);
  })->type_name("N");
  add_choice(command, "--state", options.state, "Of the connection", states());
  command.add_option("--service", options.service, "Whose connections, of both sides")
      ->type_name("NAME");
  command.add_option("-n,--namespace", request.options.policy.space, "Of the service [default]")
      ->type_name("NAMESPACE");
  add_number(command, "--worker", "That has them", {0, 65'535}, [&options](uint64_t worker) {
    options.worker = static_cast<uint32_t>(worker);
  })->type_name("N");
  add_number(command, "--limit", "How many to list at most [100]", {1, 10'000},
             [&options](uint64_t limit) { options.limit = static_cast<uint32_t>(limit); })
      ->type_name("N");
  command.add_flag("--sum", options.sums, "How many in each state, buffers and memory, in all");
}

}  // namespace heddle::cli
