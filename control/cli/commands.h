// The commands, each a function from what was asked to what is printed.
#pragma once

#include <string>

#include "client.h"
#include "outcome.h"
#include "render.h"

namespace heddle::cli {

struct Options {
  std::string server;
  double timeout_seconds = 0;
  Format format = Format::kTable;
  bool all = false;          // show drops, graph: also what is left out by default
  bool verbose = false;      // show ports: also the devices and all counters
  bool dot = false;          // show graph: Graphviz
  bool client_only = false;  // version: do not ask heddled
};

Outcome show_ports(const Options& options);
Outcome show_workers(const Options& options);
Outcome show_graph(const Options& options);
Outcome show_drops(const Options& options);
Outcome show_neighbors(const Options& options);
Outcome show_routes(const Options& options);
Outcome show_version(const Options& options);
Outcome version(const Options& options);

// Asks heddled with one call of Client and renders the answer: as a table by `to_text`, else
// whole. `select`, where there is one, first takes out of the answer what was not asked for.
template <class Response>
Outcome ask(const Options& options, Reply<Response> (Client::*call)(),
            std::string (*to_text)(const Response&, const Options&),
            void (*select)(Response&, const Options&) = nullptr) {
  auto client = Client::make(options.server, options.timeout_seconds);
  if (!client) return Outcome::fail(client.error());
  auto response = ((*client).*call)();
  if (!response) return Outcome::fail(response.error());
  if (select != nullptr) select(*response, options);
  if (options.format != Format::kTable) return {.out = render(*response, options.format)};
  return {.out = to_text(*response, options)};
}

}  // namespace heddle::cli
