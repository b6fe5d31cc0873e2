// Counts who senders were taken for by their address.
#pragma once

#include "policy/decide.h"
#include "worker/worker.h"

namespace heddle::app {

inline void count_network(Worker& worker, const policy::Flow& flow) {
  if (worker.policy->networks == nullptr) [[likely]]
    return;
  if (const auto* known = policy::by_address(*worker.policy, flow))
    worker.networks[known->slot].add();
}

}  // namespace heddle::app
