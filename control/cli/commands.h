// The commands, each a function from what was asked to what is printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client.h"
#include "outcome.h"
#include "render.h"
#include "target.h"

namespace heddle::cli {

// Of the commands on policy. What a command has no option for stays at its default.
struct PolicyOptions {
  std::vector<std::string> files;  // -f
  std::string kind, name;          // as typed
  std::string space;               // -n: the namespace; empty: not given
  bool all_spaces = false;         // -A
  std::string message, author;
  std::optional<uint64_t> expected_version;
  bool dry_run = false;
  std::optional<uint64_t> version;  // history, rollback
  bool watch = false;
};

struct ExplainOptions {
  std::string from, protocol, destination;
  uint32_t source_port = 0;
  std::string tls_name, identity;
  std::string request, host;         // "GET /path", "shop.example"
  std::vector<std::string> headers;  // "name: value"
};

// Which flows; what is empty or 0 is not asked for.
struct FlowOptions {
  std::string source, destination, protocol, state, service, endpoint;
  uint32_t port = 0;
  std::optional<uint32_t> worker;
  bool count_only = false;
  std::string top;
  uint32_t limit = 0;
  bool reset = false;  // flush
};

// Which connections; the namespace of a service without one is PolicyOptions::space.
struct ConnectionOptions {
  std::string source, destination, state, service;
  uint32_t port = 0;
  std::optional<uint32_t> worker;
  uint32_t limit = 0;
  bool sums = false;
};

// top: how many tables. tap: which requests, and how many.
struct RequestOptions {
  std::string service, method, path;
  std::string status;         // "5xx"
  uint32_t status_class = 0;  // what it means
  bool faults = false;
  uint64_t count = 0;  // 0: no end
};

// ca: of an authority in a directory.
struct CaOptions {
  std::string directory, trust_domain, key;
  std::string service_account, name;
  std::vector<std::string> dns_names;
  std::string out, pem;     // the files to write
  std::string what;         // rotate: root or intermediate
  std::string certificate;  // revoke: a serial or a file
  std::optional<uint32_t> days, intermediate_days, hours;
  bool prepare = false, change = false, finish = false, force = false;
};

struct Options {
  ServerOptions server;
  Format format = Format::kTable;
  // show drops, graph, tcp, tls, ca show: also what is left out by default; flush: every flow
  bool all = false;
  bool verbose = false;      // show ports: also the devices and all counters
  bool dot = false;          // show graph: Graphviz
  bool client_only = false;  // version: do not ask heddled
  PolicyOptions policy;
  ExplainOptions explain;
  FlowOptions flows;  // show endpoints: the service
  ConnectionOptions connections;
  RequestOptions requests;
  CaOptions ca;
};

Outcome show_ports(const Options& options);
Outcome show_workers(const Options& options);
Outcome show_graph(const Options& options);
Outcome show_drops(const Options& options);
Outcome show_neighbors(const Options& options);
Outcome show_routes(const Options& options);
Outcome show_rules(const Options& options);
Outcome show_access(const Options& options);
Outcome show_breakers(const Options& options);
Outcome show_outliers(const Options& options);
Outcome show_jwt(const Options& options);
Outcome show_limits(const Options& options);
Outcome show_clusters(const Options& options);
Outcome show_workloads(const Options& options);
Outcome show_services(const Options& options);
Outcome show_endpoints(const Options& options);
Outcome show_flows(const Options& options);
Outcome show_connections(const Options& options);
Outcome show_peers(const Options& options);
Outcome show_listeners(const Options& options);
Outcome show_tcp(const Options& options);
Outcome show_tls(const Options& options);
Outcome show_secrets(const Options& options);
Outcome show_version(const Options& options);
Outcome version(const Options& options);

Outcome apply(const Options& options);
Outcome diff(const Options& options);
Outcome get(const Options& options);
Outcome describe(const Options& options);
Outcome delete_resources(const Options& options);
Outcome history(const Options& options);
Outcome rollback(const Options& options);
Outcome status(const Options& options);
Outcome explain_packet(const Options& options);
Outcome check(const Options& options);
Outcome flush_flows(const Options& options);
Outcome top(const Options& options);
Outcome tap(const Options& options);

// Without heddled.
Outcome ca_init(const Options& options);
Outcome ca_issue(const Options& options);
Outcome ca_bundle(const Options& options);
Outcome ca_rotate(const Options& options);
Outcome ca_revoke(const Options& options);
Outcome ca_crl(const Options& options);
Outcome ca_show(const Options& options);

// Renders an answer: as a table by `to_text`, else whole.
template <class Response>
Outcome show(const Options& options, const Response& response,
             std::string (*to_text)(const Response&, const Options&)) {
  if (options.format != Format::kTable) return {.out = render(response, options.format)};
  return {.out = to_text(response, options)};
}

// Asks heddled with one call of Client and renders the answer. `select`, where there is one,
// first takes out of the answer what was not asked for.
template <class Response>
Outcome ask(const Options& options, Reply<Response> (Client::*call)(),
            std::string (*to_text)(const Response&, const Options&),
            void (*select)(Response&, const Options&) = nullptr) {
  auto client = Client::make(options.server);
  if (!client) return Outcome::fail(client.error());
  auto response = ((*client).*call)();
  if (!response) return Outcome::fail(response.error());
  if (select != nullptr) select(*response, options);
  return show(options, *response, to_text);
}

// The same with a request.
template <class Request, class Response>
Outcome ask(const Options& options, Reply<Response> (Client::*call)(const Request&),
            const Request& request, std::string (*to_text)(const Response&, const Options&)) {
  auto client = Client::make(options.server);
  if (!client) return Outcome::fail(client.error());
  const auto response = ((*client).*call)(request);
  if (!response) return Outcome::fail(response.error());
  return show(options, *response, to_text);
}

}  // namespace heddle::cli
