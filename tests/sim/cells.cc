#include "cells.h"

#include <fmt/core.h>

#include <sstream>

namespace heddle::sim {

std::vector<Cell> kernel_cells() {
  struct Path {
    int64_t rtt_ms;
    int64_t seconds;  // long enough for a few dozen losses at 3 %
  };
  std::vector<Cell> all;
  for (const uint64_t megabits : {10u, 50u, 100u}) {
    for (const auto [rtt_ms, lasts] : {Path{1, 10}, Path{20, 15}, Path{100, 30}}) {
      for (const uint32_t loss : {0u, 1'000u, 10'000u, 30'000u}) {
        all.push_back({fmt::format("{} Mbit/s, {} ms, {:g} %", megabits, rtt_ms, loss / 1e4),
                       {.name = "",
                        .megabits = megabits,
                        .rtt = milliseconds(rtt_ms),
                        .loss = loss,
                        .lasts = seconds(lasts)}});
      }
    }
  }
  Cell reordered{"50 Mbit/s, 20 ms, 5 % reordered by 10 ms",
                 {.name = "", .megabits = 50, .rtt = milliseconds(20), .lasts = seconds(15)}};
  reordered.conditions.more.reorder = 50'000;
  reordered.conditions.more.reorder_by = milliseconds(10);
  all.push_back(reordered);
  return all;
}

// A line: the name, then after '|' mean, spread, runs and perhaps a word.
std::map<std::string, KernelGoodput> parse_kernel_goodput(const std::string& text) {
  std::map<std::string, KernelGoodput> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t bar = line.find('|');
    if (line.empty() || line[0] == '#' || bar == std::string::npos) continue;
    std::string name = line.substr(0, bar);
    name.erase(name.find_last_not_of(' ') + 1);
    std::istringstream values(line.substr(bar + 1));
    KernelGoodput goodput;
    std::string word;
    if (!(values >> goodput.mbit >> goodput.spread >> goodput.runs)) continue;
    goodput.noisy = static_cast<bool>(values >> word) && word == "noisy";
    all[name] = goodput;
  }
  return all;
}

double mean_goodput(const Conditions& conditions, unsigned seeds) {
  double sum = 0;
  for (unsigned seed = 1; seed <= seeds; ++seed) sum += measure(conditions, seed).megabits;
  return sum / seeds;
}

}  // namespace heddle::sim
