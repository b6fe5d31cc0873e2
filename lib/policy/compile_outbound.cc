// Where workloads may send what is for nobody that policy knows.
#include <algorithm>

#include "compile.h"

namespace heddle::policy {

Outbound Compiler::outbound_at(uint32_t port) const {
  Outbound strictest = Outbound::kAllow;
  for (const Resource* workload : index_.workloads_at(port))
    strictest = std::max(strictest, index_.outbound_of(workload->key.ns));
  return strictest;
}

// The guards, which a change of them changes, make live flows be asked about again.
void Compiler::compile_outbound(const Touched& touched) {
  if (!touched.outbound && !touched.identities) return;
  std::vector<Outbound> next(facts_.node.ports.size(), Outbound::kAllow);
  for (uint32_t port = 0; port < next.size(); ++port) next[port] = outbound_at(port);
  const bool free = std::ranges::all_of(next, [](Outbound o) { return o == Outbound::kAllow; });
  if (free) next.clear();
  // Its guard may be there for another reason, and be the same.
  const std::vector<Outbound>& before_it = current_.outbound;
  for (uint32_t port = 0; port < next.size(); ++port) {
    const Outbound was = port < before_it.size() ? before_it[port] : Outbound::kAllow;
    flows_cut_ |= next[port] > was;
  }
  current_.outbound = std::move(next);
  if (free) return current_.workload_addresses.reset();
  std::vector<IpAddress> known;
  for (const auto& [address, key] : index_.workloads().uses) known.push_back(address);
  for (const auto& [address, port] : facts_.port_addresses) known.push_back(address);
  std::ranges::sort(known);
  known.erase(std::ranges::unique(known).begin(), known.end());
  // What a Workload has left behind is outside from now on.
  const auto& before = current_.workload_addresses;
  flows_cut_ |= before != nullptr && !std::ranges::includes(known, *before);
  if (before == nullptr || *before != known)
    current_.workload_addresses = std::make_shared<const std::vector<IpAddress>>(std::move(known));
}

}  // namespace heddle::policy
