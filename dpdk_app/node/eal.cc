#include "node/eal.h"

#include <bpf/libbpf.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "packet/packet.h"

namespace heddle::app {

namespace {

namespace fs = std::filesystem;

bool is_online(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set);
}

uint64_t free_huge_bytes() {
  uint64_t total = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    const std::string name = entry.path().filename().string();  // hugepages-2048kB
    const auto dash = name.find('-');
    if (dash == std::string::npos) continue;
    uint64_t pages = 0;
    std::ifstream(entry.path() / "free_hugepages") >> pages;
    total += pages * std::strtoull(name.c_str() + dash + 1, nullptr, 10) * 1024;
  }
  return total;
}

std::string join_cpus(const std::vector<unsigned>& cpus) {
  std::string all;
  for (const unsigned cpu : cpus) all += (all.empty() ? "" : ",") + std::to_string(cpu);
  return all;
}

std::string lcores_argument(const NodeConfig& config) {
  std::string all = "0@(" + join_cpus(other_cpus(config)) + ")";
  for (size_t i = 0; i < config.cores.size(); ++i)
    all += fmt::format(",{}@{}", i + 1, config.cores[i]);
  return all;
}

std::vector<std::string> arguments(const NodeConfig& config, bool verbose) {
  std::vector<std::string> all = {"heddled", "--no-telemetry",
                                  "--lcores=" + lcores_argument(config), "-m",
                                  std::to_string(config.memory_bytes >> 20)};
  // Nothing on disk that a killed process would leave behind, and no second process.
  if (config.huge_pages)
    all.push_back("--in-memory");
  else
    all.insert(all.end(), {"--no-huge", "--no-shconf"});
  if (!verbose) all.push_back("--log-level=critical");
  bool pci = false;
  for (const PortConfig& port : config.ports) {
    if (!port.device || port.device->kind != DeviceKind::kPci) continue;
    all.insert(all.end(), {"-a", port.device->target});
    pci = true;
  }
  if (!pci) all.insert(all.end(), {"--no-pci", "--iova-mode=va"});
  // memif's peers and virtio_user's map our memory by one file a segment list.
  const bool shares_memory = std::ranges::any_of(config.ports, [](const PortConfig& port) {
    return port.device && (port.device->kind == DeviceKind::kMemif ||
                           port.device->kind == DeviceKind::kVirtioUser);
  });
  if (shares_memory && config.huge_pages) all.push_back("--single-file-segments");
  return all;
}

}  // namespace

std::vector<unsigned> other_cpus(const NodeConfig& config) {
  std::vector<unsigned> others;
  std::vector<unsigned> all;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!is_online(cpu)) continue;
    all.push_back(cpu);
    if (std::ranges::find(config.cores, cpu) == config.cores.end()) others.push_back(cpu);
  }
  return others.empty() ? all : others;
}

Result<> check_machine(const NodeConfig& config) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
    return fail("this processor lacks AVX2 or BMI2, which heddled is built for");
  for (const unsigned core : config.cores)
    if (!is_online(core))
      return fail("workers.cores: there is no CPU {} here, or this process may not use it", core);
  if (config.huge_pages && free_huge_bytes() < config.memory_bytes)
    return fail(
        "memory.hugepages: {} MiB wanted, {} MiB free; reserve more with "
        "'sysctl vm.nr_hugepages={}', or use memory: {{ no_huge: {}M }}",
        config.memory_bytes >> 20, free_huge_bytes() >> 20, config.memory_bytes >> 21,
        config.memory_bytes >> 20);
  return {};
}

Result<Eal> Eal::start(const NodeConfig& config, bool verbose) {
  std::vector<std::string> list = arguments(config, verbose);
  std::vector<char*> argv;
  for (std::string& argument : list) argv.push_back(argument.data());
  // DPDK's complaints are worth reading only when asked for: ours say it in one sentence.
  std::FILE* log = verbose ? stderr : std::fopen("/dev/null", "w");
  if (log != nullptr) rte_openlog_stream(log);
  if (!verbose) {
    libbpf_set_print(nullptr);
    libxdp_set_print(nullptr);
  }
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0)
    return fail("DPDK does not start: {}; --verbose shows why", rte_strerror(rte_errno));
  Eal eal;
  if (!packet::reserve_meta()) return fail("DPDK's packet fields are taken");
  return eal;
}

Eal::~Eal() {
  if (running_) rte_eal_cleanup();
}

}  // namespace heddle::app
