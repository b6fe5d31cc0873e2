// What policy has to know of the configuration: a pure function.
#pragma once

#include "app/node_config.h"
#include "policy/model.h"

namespace heddle::app {

policy::NodeFacts policy_facts(const NodeConfig& config);

}  // namespace heddle::app
