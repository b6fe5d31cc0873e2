#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string workers_text(const v1::ListWorkersResponse& response, const Options&) {
  if (response.workers().empty()) return "no workers\n";
  Table table({{"WORKER", Align::kRight},
               {"CPU", Align::kRight},
               {"BUSY", Align::kRight},
               {"IDLE (ASLEEP)", Align::kRight},
               {"PACKETS/s", Align::kRight},
               {"CYCLES/PACKET", Align::kRight},
               {"FLOWS", Align::kRight},
               {"POLICY", Align::kRight},
               {"HANDED-IN", Align::kRight},
               {"HANDED-OUT", Align::kRight},
               {"QUEUES"}});
  for (const v1::Worker& worker : response.workers()) {
    const std::vector<std::string> queues(worker.queues().begin(), worker.queues().end());
    table.add({std::to_string(worker.id()), std::to_string(worker.cpu()),
               percent(worker.busy_share()),
               fmt::format("{} ({})", percent(worker.idle_share()), percent(worker.sleep_share())),
               thousands(worker.packets_per_second()),
               worker.cycles_per_packet() > 0 ? one_decimal(worker.cycles_per_packet()) : "-",
               thousands(worker.flows()), std::to_string(worker.policy_version()),
               thousands(worker.handed_in()), thousands(worker.handed_out()),
               queues.empty() ? "-" : join(queues, " ")});
  }
  return table.text();
}

}  // namespace

Outcome show_workers(const Options& options) {
  return ask(options, &Client::workers, workers_text);
}

}  // namespace heddle::cli
