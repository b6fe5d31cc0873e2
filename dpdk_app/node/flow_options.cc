#include "node/flow_options.h"

#include <algorithm>

namespace heddle::app {

namespace {

uint32_t share(uint32_t of, uint32_t workers) { return std::max(1u, of / workers); }

// Which steering slots lead to the worker: the source ports that it may use are those that bring
// the answer back.
uint64_t own_slots(const Worker& worker) {
  uint64_t slots = 0;
  for (uint32_t slot = 0; slot < kSteeringSlots; ++slot)
    if (worker.owners[slot] == worker.id.value()) slots |= uint64_t{1} << slot;
  return slots;
}
static_assert(kSteeringSlots == flow::kSteeringSlots);

}  // namespace

FlowOptions flow_options(const FlowSettings& settings, const Worker& worker, uint32_t workers) {
  FlowOptions options;
  flow::Limits& limits = options.tracker.limits;
  limits.flows = share(settings.flows, workers);
  limits.flows_v6 = limits.flows / 2;
  limits.half_open =
      settings.half_open == 0 ? std::max(1u, limits.flows / 4) : share(settings.half_open, workers);
  limits.tenants = static_cast<uint16_t>(kNoTenant + 1);
  // A namespace that may have all flows is not refused when it has them: its oldest make room.
  limits.flows_per_tenant =
      settings.flows_per_namespace == 0 ? UINT32_MAX : share(settings.flows_per_namespace, workers);
  if (settings.new_flows != 0) limits.learn_rate = share(settings.new_flows, workers);
  limits.learn_burst = std::max(100u, limits.learn_rate / 10);
  limits.source_rate = settings.new_flows_per_source;
  limits.source_burst = std::max(10u, settings.new_flows_per_source);
  switch (settings.window) {
    case TcpWindow::kStrict:
      options.tracker.window = flow::WindowCheck::kStrict;
      break;
    case TcpWindow::kLiberal:
      options.tracker.window = flow::WindowCheck::kLiberal;
      break;
    case TcpWindow::kOff:
      options.tracker.window = flow::WindowCheck::kOff;
      break;
  }
  options.pick_up = settings.pick_up ? flow::PickUp::kAllow : flow::PickUp::kRefuse;
  flow::TranslatorConfig& nat = options.translator;
  nat.pool4.groups = {settings.nat4, {l3::kGateway4}};
  nat.pool6.groups = {settings.nat6, {}};
  nat.pool4.first_port = nat.pool6.first_port = settings.first_nat_port;
  nat.pool4.last_port = nat.pool6.last_port = settings.last_nat_port;
  nat.pool4.own_slots = nat.pool6.own_slots = own_slots(worker);
  nat.mappings4 = settings.nat4.empty() ? 0 : std::min(limits.flows, 262'144u);
  nat.mappings6 = settings.nat6.empty() ? 0 : std::min(limits.flows, 262'144u);
  return options;
}

}  // namespace heddle::app
