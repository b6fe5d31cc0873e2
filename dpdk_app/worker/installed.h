// Installed: all that workers read and do not own, behind one pointer. Topology and policy are
// replaced together, so that a turn never sees an address of a policy that it does not know.
#pragma once

#include <memory>

#include "l3/topology.h"
#include "policy/snapshot.h"
#include "worker/node_secrets.h"

namespace heddle::app {

// The owners are the control side's: workers use the plain pointers for one turn.
struct Installed {
  std::shared_ptr<const l3::Topology> topology;
  std::shared_ptr<const policy::Snapshot> policy;
  std::shared_ptr<const NodeSecrets> secrets;
};

}  // namespace heddle::app
