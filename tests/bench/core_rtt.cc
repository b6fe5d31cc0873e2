// The round trip of a cache line between two cores, in nanoseconds: on a virtual machine it may
// flip from about 60 to about 350 within seconds, and with it all that two cores do together.
// usage: bench_core_rtt CPU CPU; prints the median of ten short probes.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

constexpr int kTrips = 2'000;
constexpr int kProbes = 10;

struct alignas(128) Line {
  std::atomic<int> value{0};
};
Line ping;
Line pong;

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) std::exit(2);
}

void answer(int cpu) {
  pin(cpu);
  for (int i = 1; i <= kTrips * kProbes; ++i) {
    while (ping.value.load(std::memory_order_acquire) != i) {
    }
    pong.value.store(i, std::memory_order_release);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_core_rtt CPU CPU\n");
    return 2;
  }
  std::thread other(answer, std::atoi(argv[2]));
  pin(std::atoi(argv[1]));
  std::array<double, kProbes> ns;
  int i = 0;
  for (double& result : ns) {
    const auto start = std::chrono::steady_clock::now();
    for (int trip = 0; trip < kTrips; ++trip) {
      ping.value.store(++i, std::memory_order_release);
      while (pong.value.load(std::memory_order_acquire) != i) {
      }
    }
    const std::chrono::duration<double, std::nano> elapsed =
        std::chrono::steady_clock::now() - start;
    result = elapsed.count() / kTrips;
  }
  other.join();
  std::ranges::sort(ns);
  std::printf("%.0f\n", ns[kProbes / 2]);
  return 0;
}
