#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string neighbors_text(const v1::ListNeighborsResponse& response, const Options&) {
  if (response.neighbors().empty()) return "no neighbors so far\n";
  Table table({{"INTERFACE"},
               {"ADDRESS"},
               {"MAC"},
               {"STATE"},
               {"AGE", Align::kRight},
               {"QUEUED", Align::kRight},
               {"WORKER", Align::kRight}});
  for (const v1::Neighbor& neighbor : response.neighbors()) {
    table.add({neighbor.interface(), neighbor.address(),
               neighbor.mac().empty() ? "-" : neighbor.mac(), neighbor.state(),
               span(neighbor.age_ms()), thousands(neighbor.queued()),
               std::to_string(neighbor.worker())});
  }
  return table.text();
}

std::string routes_text(const v1::ListRoutesResponse& response, const Options&) {
  if (response.routes().empty()) return "no routes\n";
  Table table({{"PREFIX"}, {"ACTION"}, {"SOURCE"}, {"STATE"}, {"VIA"}});
  for (const v1::RouteLine& route : response.routes()) {
    const std::vector<std::string> via(route.via().begin(), route.via().end());
    table.add({route.prefix(), route.action(), route.source(),
               route.active() ? "active" : "withdrawn", via.empty() ? "-" : join(via, ", ")});
  }
  return table.text();
}

}  // namespace

Outcome show_neighbors(const Options& options) {
  return ask(options, &Client::neighbors, neighbors_text);
}

Outcome show_routes(const Options& options) { return ask(options, &Client::routes, routes_text); }

}  // namespace heddle::cli
