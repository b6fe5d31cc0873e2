// EAL: DPDK's environment, started once a process with arguments made from the configuration.
#pragma once

#include <utility>
#include <vector>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::app {

// Checks processor, cores and memory, and says what is missing before DPDK would in many words.
Result<> check_machine(const NodeConfig& config);

// Started once a process; its end gives everything back.
class Eal {
 public:
  // Worker i runs on lcore i + 1; lcore 0 is the main thread, off the workers' cores where the
  // machine has others. `verbose` lets DPDK's log through to stderr.
  static Result<Eal> start(const NodeConfig& config, bool verbose);
  ~Eal();
  Eal(Eal&& other) noexcept : running_(std::exchange(other.running_, false)) {}
  Eal& operator=(Eal&&) = delete;

 private:
  Eal() = default;
  bool running_ = true;
};

// The CPUs that are not the workers', for everything else; all when there are no others.
std::vector<unsigned> other_cpus(const NodeConfig& config);

}  // namespace heddle::app
