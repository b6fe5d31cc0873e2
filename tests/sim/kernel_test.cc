// Our goodput against the Linux kernel's on the same links (golden/kernel_goodput.txt). With few
// seeds a lossy cell is off by some per cent; `tools/dev bench tcp_goodput` takes more.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cells.h"

namespace heddle::sim {
namespace {

constexpr double kLeast = 0.90;
constexpr double kWanted = 0.95;

TEST(Kernel, GoodputIsNowhereFarBelowIt) {
  std::stringstream text;
  text << std::ifstream(std::string(HEDDLE_GOLDEN) + "/kernel_goodput.txt").rdbuf();
  const auto golden = parse_kernel_goodput(text.str());
  const auto cells = kernel_cells();
  ASSERT_EQ(golden.size(), cells.size()) << "record it anew";
  for (const Cell& cell : cells) {
    const auto kernel = golden.find(cell.name);
    ASSERT_NE(kernel, golden.end()) << cell.name;
    ASSERT_GT(kernel->second.mbit, 0) << cell.name;
    const uint32_t loss = cell.conditions.loss;
    const double ours = mean_goodput(cell.conditions, loss == 0        ? 1
                                                      : loss == 1'000  ? 3
                                                      : loss == 10'000 ? 4
                                                                       : 6);
    const double ratio = ours / kernel->second.mbit;
    EXPECT_GE(ratio, kLeast) << cell.name << ": " << ours << " Mbit/s, the kernel's "
                             << kernel->second.mbit;
    if (ratio < kWanted) fmt::print("{}: {:.3f} of the kernel's goodput\n", cell.name, ratio);
  }
}

TEST(Kernel, TheRecordIsReadAsItIsWritten) {
  const auto all = parse_kernel_goodput(
      "# a remark | 1 2 3\n"
      "10 Mbit/s, 1 ms, 0.1 %        |    9.651   0.012   6\n"
      "50 Mbit/s, 1 ms, 3 %  | 21.590 1.164 4 noisy\n"
      "nothing of use\n"
      "cut short | 3.0\n");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_DOUBLE_EQ(all.at("10 Mbit/s, 1 ms, 0.1 %").mbit, 9.651);
  EXPECT_FALSE(all.at("10 Mbit/s, 1 ms, 0.1 %").noisy);
  EXPECT_EQ(all.at("50 Mbit/s, 1 ms, 3 %").runs, 4u);
  EXPECT_TRUE(all.at("50 Mbit/s, 1 ms, 3 %").noisy);
}

}  // namespace
}  // namespace heddle::sim
