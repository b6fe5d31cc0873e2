// goodput: our TCP in the simulator over the cells that the Linux kernel's was recorded on.
//
//   goodput GOLDEN [WORD]   a line of JSON for each cell (whose name has WORD in it)
//
// Lossy cells are run with many seeds: a run of theirs has only a few dozen losses.
#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "cells.h"

int main(int argc, char** argv) {
  using namespace heddle;
  if (argc < 2) return 2;
  std::stringstream text;
  text << std::ifstream(argv[1]).rdbuf();
  const auto golden = sim::parse_kernel_goodput(text.str());
  for (const sim::Cell& cell : sim::kernel_cells()) {
    if (argc > 2 && cell.name.find(argv[2]) == std::string::npos) continue;
    const auto kernel = golden.find(cell.name);
    const sim::Conditions& c = cell.conditions;
    const unsigned seeds = c.loss == 0 ? 3 : c.loss == 1'000 ? 8 : 24;
    const double ours = sim::mean_goodput(c, seeds);
    fmt::print("{{\"name\": \"{}\", \"mbit\": {:.3f}, \"kernel\": {:.3f}}}\n", cell.name, ours,
               kernel == golden.end() ? 0.0 : kernel->second.mbit);
    std::fflush(stdout);
  }
  return 0;
}
