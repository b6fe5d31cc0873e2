// EAL: DPDK's environment, started once a process with arguments made from the configuration.
#pragma once

#include <vector>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::app {

// Checks processor, cores and memory, and says what is missing before DPDK would in many words.
Result<> check_machine(const NodeConfig& config);

// Worker i runs on lcore i + 1; lcore 0 is the main thread, off the workers' cores where the
// machine has others. `verbose` lets DPDK's log through to stderr.
Result<> start_eal(const NodeConfig& config, bool verbose);

// The CPUs that are not the workers', for everything else; all when there are no others.
std::vector<unsigned> other_cpus(const NodeConfig& config);

}  // namespace heddle::app
