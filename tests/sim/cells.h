// The cells in which our stack is compared with the Linux kernel's: the same link, the same loss,
// a bulk transfer from its SYN on. The kernel runs over them in real time (tests/bench/
// kernel_goodput.cc), and what came of it is kept in golden/kernel_goodput.txt.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "throughput.h"

namespace heddle::sim {

struct Cell {
  std::string name;
  Conditions conditions;  // its name is not used
};

std::vector<Cell> kernel_cells();

struct KernelGoodput {
  double mbit = 0;    // a second, payload; mean of the runs
  double spread = 0;  // standard deviation of the runs
  unsigned runs = 0;
  bool noisy = false;  // the machine was late in each of the runs
};

// Of the file's text; lines that are not a cell's are left.
std::map<std::string, KernelGoodput> parse_kernel_goodput(const std::string& text);

// Of our own stack: mean payload bits a second, in millions, over seeds 1 to `seeds`.
double mean_goodput(const Conditions& conditions, unsigned seeds);

}  // namespace heddle::sim
