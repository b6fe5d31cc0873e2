// Options of the commands on flows.
#include <fmt/format.h>

#include "app_parts.h"
#include "flow/state.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::vector<std::string> states() {
  std::vector<std::string> names;
  for (size_t i = 1; i < flow::kStates; ++i)
    names.emplace_back(flow::name(static_cast<flow::State>(i)));
  return names;
}

void add_filter(CLI::App& app, FlowOptions& options) {
  app.add_option("--source", options.source, "Of who opened it: an address or a prefix")
      ->type_name("CIDR");
  app.add_option("--destination", options.destination,
                 "As the client sends: an address or a prefix")
      ->type_name("CIDR");
  add_number(app, "--port", "Of the destination", {1, 65'535}, [&options](uint64_t port) {
    options.port = static_cast<uint32_t>(port);
  })->type_name("N");
  add_choice(app, "--protocol", options.protocol, "icmp: of both families", {"tcp", "udp", "icmp"});
  add_choice(app, "--state", options.state, "Of the flow", states());
  app.add_option("--service", options.service, "Whose flows")->type_name("NAMESPACE/NAME");
  app.add_option("--endpoint", options.endpoint, "Who answers")->type_name("ADDRESS");
  add_number(app, "--worker", "That has them", {0, 65'535}, [&options](uint64_t worker) {
    options.worker = static_cast<uint32_t>(worker);
  })->type_name("N");
}

}  // namespace

void add_choice(CLI::App& app, const std::string& name, std::string& to, const std::string& help,
                std::vector<std::string> words) {
  app.add_option(name, to, help)
      ->type_name(fmt::format("{{{}}}", join(words, ",")))
      ->check(CLI::Validator(
          [words](std::string& text) {
            for (const std::string& word : words)
              if (text == word) return std::string();
            return fmt::format("expected one of {}, not '{}'", join(words, ", "), text);
          },
          ""));
}

void add_show_flows(CLI::App& command, Request& request) {
  FlowOptions& options = request.options.flows;
  command.footer(
      "Examples:\n"
      "  heddlectl show flows --service shop/cart --state established\n"
      "  heddlectl show flows --source 10.8.0.0/16 --count\n"
      "  heddlectl show flows --top source");
  add_filter(command, options);
  command.add_flag("--count", options.count_only, "Only how many there are");
  add_choice(command, "--top", options.top, "The 10 with the most flows",
             {"source", "destination", "service", "endpoint"});
  add_number(command, "--limit", "How many to list at most [100]", {1, 10'000},
             [&options](uint64_t limit) { options.limit = static_cast<uint32_t>(limit); })
      ->type_name("N");
}

void add_flows(CLI::App& app, Request& request) {
  FlowOptions& options = request.options.flows;
  CLI::App* flows = add_command(app, "flows", "Change the table of flows",
                                "Examples:\n"
                                "  heddlectl flows flush --endpoint 10.8.0.11 --reset");
  flows->require_subcommand(1);
  CLI::App* flush = add_command(*flows, "flush", "Forget flows",
                                "Examples:\n"
                                "  heddlectl flows flush --endpoint 10.8.0.11 --reset\n"
                                "  heddlectl flows flush --all\n\n"
                                "Packets that go on are as those of no flow.");
  add_filter(*flush, options);
  flush->add_flag("--reset", options.reset, "Reset TCP connections at both ends");
  flush->add_flag("--all", request.options.all, "Every flow");
  flush->callback([&request] { request.command = flush_flows; });
}

}  // namespace heddle::cli
