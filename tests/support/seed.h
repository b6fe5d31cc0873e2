// The seed of a random test: a new one each run, printed; HEDDLE_SEED=N repeats a run.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace heddle {

inline uint64_t test_seed() {
  const char* wanted = std::getenv("HEDDLE_SEED");
  const uint64_t seed =
      wanted != nullptr ? std::strtoull(wanted, nullptr, 0) : uint64_t{std::random_device{}()};
  std::printf("HEDDLE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace heddle
