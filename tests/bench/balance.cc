// What balancers cost: building for 10, 100, 1,000 and 10,000 endpoints, and one pick, each of
// which waits for the one before.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "balance/least_request.h"
#include "balance/maglev.h"
#include "balance/ring_hash.h"
#include "balance/round_robin.h"
#include "balance/weighted_random.h"
#include "core/random.h"

namespace {

using heddle::Random;
using heddle::balance::Endpoint;

constexpr size_t kSamples = 21;
constexpr uint32_t kPicks = 300'000;

using Clock = std::chrono::steady_clock;
using Samples = std::array<double, kSamples>;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

double median(Samples samples) {
  std::ranges::sort(samples);
  return samples[kSamples / 2];
}

std::vector<Endpoint> make_endpoints(Random& random, size_t count, bool weighted) {
  std::vector<Endpoint> endpoints;
  for (size_t i = 0; i < count; ++i)
    endpoints.push_back({random.next(), weighted ? 1 + random.below(100) : 1});
  return endpoints;
}

// Each sample builds a table of its own, so that no branch is learned by heart; `pick` gives a
// position for a table and a random number.
template <class Table, class Pick>
void measure(const char* name, size_t count, bool weighted, Pick&& pick) {
  Random random(count);
  Samples build_us;
  Samples pick_ns;
  size_t bytes = 0;
  uint64_t state = 1;
  for (size_t i = 0; i < kSamples; ++i) {
    const auto endpoints = make_endpoints(random, count, weighted);
    auto start = Clock::now();
    const Table table{std::span<const Endpoint>(endpoints)};
    build_us[i] = ns_since(start) / 1'000;
    bytes = table.bytes();
    start = Clock::now();
    for (uint32_t n = 0; n < kPicks; ++n)
      state = (state + pick(table, state)) * 6364136223846793005 + 1442695040888963407;
    pick_ns[i] = ns_since(start) / kPicks;
  }
  std::printf("%-16s %6zu %-8s %9.1f us %8.1f ns %9zu bytes%s\n", name, count,
              weighted ? "weighted" : "equal", median(build_us), median(pick_ns), bytes,
              state == 0 ? " " : "");
}

void measure_all(size_t count, bool weighted) {
  using namespace heddle::balance;
  const auto by_hash = [](const auto& table, uint64_t hash) { return table.pick(hash); };
  measure<Maglev>("maglev", count, weighted, by_hash);
  measure<RingHash>("ring_hash", count, weighted, by_hash);
  measure<WeightedRandom>("weighted_random", count, weighted, by_hash);
  RoundRobin::Cursor cursor;
  measure<RoundRobin>("round_robin", count, weighted,
                      [&](const RoundRobin& table, uint64_t) { return table.pick(cursor); });
  Random random(1);
  std::vector<uint32_t> active(count);
  for (uint32_t& load : active) load = random.below(20);
  measure<LeastRequest>("least_request", count, weighted, [&](const LeastRequest& table, uint64_t) {
    return table.pick(random, active);
  });
}

}  // namespace

int main() {
  std::printf("%-16s %6s %-8s %12s %11s %15s\n", "balancer", "count", "weights", "build", "pick",
              "memory");
  for (const bool weighted : {false, true})
    for (const size_t count : {10u, 100u, 1'000u, 10'000u}) measure_all(count, weighted);
  return 0;
}
