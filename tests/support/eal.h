// DPDK for a test process: no root, no hugepages, no device, nothing left on disk.
#pragma once

#include <fmt/format.h>
#include <rte_eal.h>
#include <sched.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace heddle {

// Starts it once a process. False when that is not possible.
inline bool start_eal() {
  static const bool started = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    std::string cpus;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
    // One thread, on whichever of our CPUs the system likes.
    std::vector<std::string> list = {"heddle-test",
                                     "--no-huge",
                                     "--no-pci",
                                     "--no-shconf",
                                     "--no-telemetry",
                                     "--log-level=alert",
                                     "-m",
                                     "128",
                                     fmt::format("--file-prefix=heddle-test-{}", getpid()),
                                     fmt::format("--lcores=0@({})", cpus)};
    std::vector<char*> argv;
    for (std::string& argument : list) argv.push_back(argument.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  return started;
}

}  // namespace heddle
