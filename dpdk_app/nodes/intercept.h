// Which TCP to a workload's own address ends here: that to workloads in the mesh, of this node or
// another, but for what belongs to a flow.
#pragma once

#include "nodes/nodes.h"
#include "tcp_io/policy_view.h"
#include "tcp_io/segments.h"
#include "worker/worker.h"

namespace heddle::app {

template <class Address>
bool is_intercepted(packet::Packet packet, const Worker& worker) {
  const policy::Snapshot& policy = *worker.policy;
  if (!policy.intercepts || packet.meta().has(packet::Flag::kTracked)) [[likely]]
    return false;
  TcpPlace place;
  if (!locate_tcp<Address>(packet, place)) return false;
  const uint32_t slot =
      policy.frontend_table->find({policy_address(place.tuple.local.address),
                                   policy::Protocol::kTcp, place.tuple.local.port.host()});
  return slot != policy::kNoSlot && policy.frontends[slot]->of_workload;
}

}  // namespace heddle::app
