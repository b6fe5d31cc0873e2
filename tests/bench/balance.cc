// What balancers cost: building for 10, 100 and 1,000 endpoints, and one pick.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "balance/maglev.h"
#include "core/random.h"

namespace {

using heddle::Random;
using heddle::balance::Endpoint;
using heddle::balance::Maglev;

constexpr int kSamples = 21;
constexpr uint32_t kPicks = 1'000'000;

// The median of some runs, in nanoseconds for each of `times`.
template <class Run>
double median_ns(uint32_t times, Run&& run) {
  std::vector<double> samples;
  for (int i = 0; i < kSamples; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    samples.push_back(took.count() / times);
  }
  std::ranges::sort(samples);
  return samples[kSamples / 2];
}

std::vector<Endpoint> make_endpoints(size_t count, bool weighted) {
  Random random(count);
  std::vector<Endpoint> endpoints;
  for (size_t i = 0; i < count; ++i)
    endpoints.push_back({random.next(), weighted ? 1 + random.below(100) : 1});
  return endpoints;
}

void print(const char* what, size_t endpoints, double value, const char* unit) {
  std::printf("%-24s %6zu %10.1f %s\n", what, endpoints, value, unit);
}

void maglev(size_t count) {
  for (const bool weighted : {false, true}) {
    const auto endpoints = make_endpoints(count, weighted);
    Maglev table;
    const double build = median_ns(1, [&] { table = Maglev(endpoints); });
    print(weighted ? "maglev build weighted" : "maglev build", count, build / 1000, "us");
    if (weighted) continue;
    uint64_t hash = 1;
    const double pick = median_ns(kPicks, [&] {
      for (uint32_t i = 0; i < kPicks; ++i) hash = hash * 6364136223846793005 + table.pick(hash);
    });
    print("maglev pick", count, pick, hash == 0 ? "ns " : "ns");
    print("maglev bytes", count, static_cast<double>(table.bytes()), "bytes");
  }
}

}  // namespace

int main() {
  for (const size_t count : {10u, 100u, 1'000u, 10'000u}) maglev(count);
  return 0;
}
