#include "app.h"

#include <CLI/CLI.hpp>

#include "app_parts.h"
#include "target.h"

namespace heddle::cli {
namespace {

constexpr const char* kDefaultServer = "unix:/run/heddle/heddled.sock";
constexpr double kShortestTimeout = 0.001, kLongestTimeout = 3'600;

// CLI11's own Range lets NaN pass.
std::string check_timeout(std::string& text) {
  double seconds = 0;
  if (CLI::detail::lexical_cast(text, seconds) && seconds >= kShortestTimeout &&
      seconds <= kLongestTimeout) {
    return {};
  }
  return "expected seconds from 0.001 to 3600, not '" + text + "'";
}

std::string check_server(std::string& text) {
  const auto target = parse_server(text);
  return target ? std::string() : target.error().text;
}

std::string check_format(std::string& text) {
  if (text == "table" || text == "json" || text == "yaml") return {};
  return "expected table, json or yaml, not '" + text + "'";
}

void add_options(CLI::App& app, Options& options) {
  ServerOptions& server = options.server;
  server.address = kDefaultServer;
  app.add_option("--server", server.address,
                 "Of heddled: unix:PATH or tls:HOST:PORT [unix:/run/heddle/heddled.sock]")
      ->envname("HEDDLE_SERVER")
      ->type_name("ADDRESS")
      ->check(CLI::Validator(check_server, ""));
  app.add_option("--cert", server.cert, "This client's certificate, for tls:")->type_name("PEM");
  app.add_option("--key", server.key, "The certificate's private key")->type_name("PEM");
  app.add_option("--ca", server.ca, "Who may have signed heddled's certificate")->type_name("PEM");
  app.add_option("--server-name", server.server_name, "In heddled's certificate [HOST]")
      ->type_name("NAME");
  app.add_option(
         "--timeout", server.timeout_seconds,
         "How long to wait for an answer [5; apply, delete, diff, rollback, flows, connections 30]")
      ->type_name("SECONDS")
      ->check(CLI::Validator(check_timeout, ""));
  app.add_option_function<std::string>(
         "-o,--output",
         [&options](const std::string& name) {
           options.format = name == "json"   ? Format::kJson
                            : name == "yaml" ? Format::kYaml
                                             : Format::kTable;
         },
         "Tables for people, the others for programs [table]")
      ->type_name("{table,json,yaml}")
      ->check(CLI::Validator(check_format, ""));
}

CLI::App* add_show(CLI::App& show, Request& request, const std::string& name,
                   Outcome (*run)(const Options&), const std::string& help) {
  CLI::App* command = add_command(show, name, help,
                                  "Options of 'heddlectl --help' may stand here too, as in\n"
                                  "  heddlectl show " +
                                      name + " -o json");
  command->callback([&request, run] { request.command = run; });
  return command;
}

void add_shows(CLI::App& show, Request& request) {
  Options& options = request.options;
  CLI::App* ports = add_show(show, request, "ports", show_ports, "Ports, links and packet counts");
  ports->add_flag("-v,--verbose", options.verbose, "Also devices, queues, bytes, each error count");
  add_show(show, request, "workers", show_workers,
           "Workers: load of the last second, flows, packets handed over");
  CLI::App* graph = add_show(show, request, "graph", show_graph,
                             "Nodes of the packet graph: calls, packets, cycles");
  graph->add_flag("--all", options.all, "Also the nodes that only drop");
  graph->add_flag("--dot", options.dot, "As input of Graphviz's dot");
  CLI::App* drops = add_show(show, request, "drops", show_drops,
                             "Dropped packets by reason, and what each reason means");
  drops->add_flag("--all", options.all, "Also the reasons that have not happened");
  add_show(show, request, "neighbors", show_neighbors, "Link-layer addresses (ARP, ND)");
  add_show(show, request, "routes", show_routes, "Routes and where they come from");
  add_show(show, request, "rules", show_rules,
           "Rules of Routes for requests: how many, how they ended, how long they took");
  add_show(show, request, "clusters", show_clusters,
           "Groups of endpoints that traffic is spread over, and who uses them");
  add_show(show, request, "workloads", show_workloads,
           "Workloads of all nodes: addresses, identities, how they are in the mesh");
  add_show(show, request, "access", show_access,
           "Rules of AccessPolicies: what they have allowed, denied and noted");
  add_show(show, request, "breakers", show_breakers,
           "what of services is in use at once: connections, requests, retries, and their bounds");
  add_show(show, request, "outliers", show_outliers,
           "endpoints of services with outlier_detection: which are out, why and for how long");
  add_show(show, request, "jwt", show_jwt,
           "JwtProviders: keys, who asks for their tokens, and what became of requests");
  add_show(show, request, "limits", show_limits,
           "RateLimits and Faults: what they have let through, refused and put into requests");
  add_show(show, request, "services", show_services,
           "Services: endpoints, packets, and what was refused");
  CLI::App* endpoints = add_show(show, request, "endpoints", show_endpoints,
                                 "Endpoints of services: flows, packets, who drains");
  endpoints->add_option("--service", options.flows.service, "Of this one alone")
      ->type_name("NAMESPACE/NAME");
  add_show_flows(
      *add_show(show, request, "flows", show_flows, "Connections and other flows that are tracked"),
      request);
  add_show_connections(*add_show(show, request, "connections", show_connections,
                                 "TCP connections that heddled terminates (forwarding: proxy)"),
                       request);
  add_show(show, request, "peers", show_peers,
           "Who has shown an identity by TLS, on how many connections");
  add_show(show, request, "listeners", show_listeners, "Where heddled takes TCP connections");
  CLI::App* tcp = add_show(show, request, "tcp", show_tcp,
                           "What heddled's own TCP has counted, and what it means");
  tcp->add_flag("--all", options.all, "Also the counters that are at 0");
  CLI::App* tls = add_show(show, request, "tls", show_tls,
                           "What heddled's own TLS has counted, and what it means");
  tls->add_flag("--all", options.all, "Also the counters that are at 0");
  add_show(show, request, "secrets", show_secrets,
           "Certificates and trust bundles: until when, and who uses them");
  add_show(show, request, "version", show_version, "Version of the running heddled");
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& help,
                      const std::string& footer) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->fallthrough();
  command->footer(footer);
  return command;
}

std::unique_ptr<CLI::App> make_app(Request& request) {
  auto app =
      std::make_unique<CLI::App>("Asks and steers heddled, the data plane of Heddle.", "heddlectl");
  app->set_help_flag("-h,--help", "Print this help and exit");
  add_options(*app, request.options);
  app->require_subcommand(1);
  app->footer(
      "Examples:\n"
      "  heddlectl apply -f mesh.yaml              put policy into effect\n"
      "  heddlectl show ports                      what goes in and out\n"
      "  heddlectl show drops                      what was dropped, and why\n"
      "  heddlectl -o json show workers | jq .     for programs\n"
      "  source <(heddlectl completion bash)       completion in this shell\n\n"
      "Environment:\n"
      "  HEDDLE_SERVER   used when --server is not given\n"
      "  HEDDLE_CERT, HEDDLE_KEY, HEDDLE_CA   the same for --cert, --key and --ca\n\n"
      "Exit codes: 0 done; 1 heddled refused; 2 wrong usage, or heddled was not reached.");

  add_policy(*app, request);
  CLI::App* show = add_command(*app, "show", "Show the state of heddled",
                               "Examples:\n"
                               "  heddlectl show ports -v\n"
                               "  heddlectl show graph --dot | dot -Tsvg > graph.svg\n"
                               "  heddlectl show drops -o json | jq '.drops[].drop'");
  show->require_subcommand(1);
  add_shows(*show, request);

  add_flows(*app, request);
  add_requests(*app, request);
  add_ca(*app, request);

  CLI::App* versions = add_command(*app, "version", "Versions of heddlectl and heddled",
                                   "Examples:\n  heddlectl version --client");
  versions->add_flag("--client", request.options.client_only, "Only heddlectl's own");
  versions->callback([&request] { request.command = version; });

  CLI::App* completion =
      add_command(*app, "completion", "Print a script for the shell's completion",
                  "Examples:\n  source <(heddlectl completion bash)");
  completion->require_subcommand(1);
  CLI::App* bash = add_command(*completion, "bash", "For bash", "");
  bash->callback([&request, root = app.get()] {
    request.command = [root](const Options&) { return Outcome{.out = bash_completion(*root)}; };
  });
  return app;
}

}  // namespace heddle::cli
