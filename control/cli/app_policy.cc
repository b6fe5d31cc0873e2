#include <fmt/format.h>

#include <limits>

#include "app_parts.h"
#include "yaml/tree.h"

namespace heddle::cli {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

using Run = Outcome (*)(const Options&);

CLI::App* add(CLI::App& app, Request& request, const char* name, Run run, const char* help,
              const char* examples) {
  CLI::App* command = add_command(app, name, help, std::string("Examples:\n") + examples);
  command->callback([&request, run] { request.command = run; });
  return command;
}

CLI::Option* add_files(CLI::App& command, PolicyOptions& policy) {
  return command
      .add_option("-f,--filename", policy.files,
                  "YAML or JSON file, directory of those, or - for standard input; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
}

void add_space(CLI::App& command, PolicyOptions& policy, const char* help) {
  command.add_option("-n,--namespace", policy.space, help)->type_name("NAMESPACE");
}

void add_reason(CLI::App& command, PolicyOptions& policy) {
  command.add_option("-m,--message", policy.message, "Why, for the history")->type_name("TEXT");
  command.add_option("--author", policy.author, "Who, for the history [the user's name]")
      ->type_name("NAME");
}

void add_transaction(CLI::App& command, PolicyOptions& policy) {
  add_reason(command, policy);
  command.add_flag("--dry-run", policy.dry_run, "Check and count, and change nothing");
  add_number(command, "--expected-version", "Only if this is the version now", {0, kMost},
             [&policy](uint64_t version) { policy.expected_version = version; })
      ->type_name("VERSION");
}

void add_names(CLI::App& command, PolicyOptions& policy) {
  command.add_option("KIND", policy.kind, "As service, services, endpointset")->type_name("");
  command.add_option("NAME", policy.name, "Or NAMESPACE/NAME")->type_name("");
}

void add_changes(CLI::App& app, Request& request) {
  PolicyOptions& policy = request.options.policy;
  CLI::App* applying = add(app, request, "apply", apply, "Put resources into effect, all or none",
                           "  heddlectl apply -f mesh.yaml -m \"half to v2\"\n"
                           "  heddlectl apply -f services/ -f routes/ --dry-run\n"
                           "  generate | heddlectl apply -f -");
  add_files(*applying, policy)->required();
  add_space(*applying, policy, "Of resources that name none [default]");
  add_transaction(*applying, policy);

  CLI::App* differing = add(app, request, "diff", diff, "Show what an apply would change",
                            "  heddlectl diff -f mesh.yaml\n\n"
                            "The exit code is 0 with and without differences.");
  add_files(*differing, policy)->required();
  add_space(*differing, policy, "Of resources that name none [default]");

  CLI::App* deleting =
      add(app, request, "delete", delete_resources, "Delete resources, all or none",
          "  heddlectl delete service cart -n shop\n"
          "  heddlectl delete -f mesh.yaml");
  add_names(*deleting, policy);
  add_files(*deleting, policy);
  add_space(*deleting, policy, "Of NAME, and of resources that name none [default]");
  add_transaction(*deleting, policy);
}

void add_gets(CLI::App& app, Request& request) {
  PolicyOptions& policy = request.options.policy;
  CLI::App* getting = add(app, request, "get", get, "List resources, or print them whole",
                          "  heddlectl get -A                          all there is\n"
                          "  heddlectl get services -n shop\n"
                          "  heddlectl get route shop/cart -o yaml     as apply takes it");
  add_names(*getting, policy);
  add_space(*getting, policy, "Only of this namespace [default]");
  getting->add_flag("-A,--all-namespaces", policy.all_spaces, "Of all namespaces");

  CLI::App* describing = add(app, request, "describe", describe, "Show one resource for people",
                             "  heddlectl describe route cart -n shop");
  add_names(*describing, policy);
  add_space(*describing, policy, "Of NAME [default]");
}

void add_versions(CLI::App& app, Request& request) {
  PolicyOptions& policy = request.options.policy;
  const auto set_version = [&policy](uint64_t version) { policy.version = version; };
  CLI::App* telling = add(app, request, "history", history, "Show the last versions, or one",
                          "  heddlectl history\n  heddlectl history 42");
  add_number(*telling, "VERSION", "With what it changed", {1, kMost}, set_version)->type_name("");

  CLI::App* rolling = add(app, request, "rollback", rollback, "Make an old version the newest",
                          "  heddlectl rollback 41 -m \"v2 fails\"");
  add_number(*rolling, "VERSION", "Whose content is wanted", {1, kMost}, set_version)
      ->type_name("")
      ->required();
  add_transaction(*rolling, policy);

  CLI::App* state =
      add(app, request, "status", status, "Show which version is live, and since when",
          "  heddlectl status\n  heddlectl status --watch");
  state->add_flag("-w,--watch", policy.watch, "Again at each change, until interrupted");
}

void add_explain(CLI::App& app, Request& request) {
  ExplainOptions& options = request.options.explain;
  CLI::App* command =
      add(app, request, "explain", explain_packet,
          "Tell what would happen to a packet or a request, and why",
          "  heddlectl explain --from shop/web-1 tcp 10.96.0.20:80\n"
          "  heddlectl explain --from 10.8.0.11 --source-port 40000 udp "
          "shop/dns:53\n"
          "  heddlectl explain --from shop/web-1 --request 'GET /items?page=2' --host "
          "cart.example\n"
          "      -H 'x-beta: 1' tcp shop/cart:80\n\n"
          "The exit code is 0 also when the packet would be dropped.");
  command
      ->add_option("--from", options.from, "The sender: a Workload's NAMESPACE/NAME, or an address")
      ->type_name("SENDER")
      ->required();
  add_number(*command, "--source-port", "Of the sender; it takes part in choosing an endpoint",
             {0, 65'535},
             [&options](uint64_t port) { options.source_port = static_cast<uint32_t>(port); })
      ->type_name("PORT");
  command
      ->add_option("--tls-name", options.tls_name,
                   "The server name that a TLS client asks for, where TLS passes through")
      ->type_name("NAME");
  command
      ->add_option("--as", options.identity,
                   "The SPIFFE ID that the sender shows by TLS, where that ends at this node")
      ->type_name("SPIFFE-ID");
  command
      ->add_option("--request", options.request,
                   "A request on that connection, where the port speaks HTTP")
      ->type_name("'METHOD PATH'");
  command->add_option("--host", options.host, "Whom it asks [DESTINATION]")->type_name("HOST");
  command->add_option("-H,--header", options.headers, "Of the request; may be repeated")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false);
  command->add_option("PROTOCOL", options.protocol, "")
      ->type_name("{tcp,udp}")
      ->check(CLI::Validator(
          [](std::string& text) {
            if (text == "tcp" || text == "udp") return std::string();
            return "expected tcp or udp, not '" + text + "'";
          },
          ""))
      ->required();
  command
      ->add_option("DESTINATION", options.destination,
                   "ADDRESS:PORT, [IPV6]:PORT or a Service's NAMESPACE/NAME:PORT")
      ->type_name("")
      ->required();
}

}  // namespace

CLI::Option* add_number(CLI::App& app, const std::string& name, const std::string& help,
                        std::pair<uint64_t, uint64_t> bounds,
                        const std::function<void(uint64_t)>& take) {
  const auto check = [bounds](std::string& text) {
    const auto number = yaml::parse_number(text);
    if (number && *number >= bounds.first && *number <= bounds.second) return std::string();
    if (bounds.second == kMost)
      return fmt::format("expected a number{}, not '{}'",
                         bounds.first > 0 ? fmt::format(" from {} on", bounds.first) : "", text);
    return fmt::format("expected a number from {} to {}, not '{}'", bounds.first, bounds.second,
                       text);
  };
  return app
      .add_option_function<std::string>(
          name, [take](const std::string& text) { take(*yaml::parse_number(text)); }, help)
      ->check(CLI::Validator(check, ""));
}

void add_policy(CLI::App& app, Request& request) {
  add_changes(app, request);
  add_gets(app, request);
  add_versions(app, request);
  add_explain(app, request);
  add(app, request, "check", check,
      "Look for what is wrong: certificates and clocks, endpoints without a way, policy that acts "
      "on nothing",
      "  heddlectl check\n"
      "  heddlectl check -o json | jq '.findings[] | select(.level == \"LEVEL_ERROR\")'\n\n"
      "It fails where there is an error; warnings and notes are told only.");
}

}  // namespace heddle::cli
