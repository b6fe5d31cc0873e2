// Which TCP to an address that is no service's ends here: that to this node's workloads in the
// mesh, and that of this node's workloads to workloads of others, and to destinations of
// ExternalServices; but for what belongs to a flow.
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
  if (slot == policy::kNoSlot) return false;
  const policy::Frontend& frontend = *policy.frontends[slot];
  if (!frontend.on_the_way) return frontend.of_workload;
  // What others send there is led on as it is: it may be another node's, which speaks TLS already.
  const InterfaceId in = packet.meta().rx_interface;
  return worker.topology->interface(in).role == l3::InterfaceRole::kWorkload;
}

}  // namespace heddle::app
