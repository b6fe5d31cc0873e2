// From heddled.yaml to what one worker tracks flows by.
#pragma once

#include "app/node_config.h"
#include "worker/worker.h"

namespace heddle::app {

FlowOptions flow_options(const FlowSettings& settings, const Worker& worker, uint32_t workers);

}  // namespace heddle::app
