// CowArray: a copy stays as it was, and shares what did not change.
#include "policy/cow_array.h"

#include <gtest/gtest.h>

#include <map>

#include "core/random.h"
#include "seed.h"

namespace heddle::policy {
namespace {

TEST(CowArray, CopiesStayAsTheyWere) {
  Random random(test_seed());
  CowArray<int> array;
  std::map<uint32_t, int> now;
  std::vector<std::pair<CowArray<int>, std::map<uint32_t, int>>> copies;
  for (int step = 1; step <= 2'000; ++step) {
    const uint32_t slot = random.below(1'000);
    array.set(slot, step);
    now[slot] = step;
    if (random.below(20) != 0) continue;
    copies.emplace_back(array, now);
    array.freeze();
  }
  ASSERT_GT(copies.size(), 10u);
  for (const auto& [copy, then] : copies) {
    EXPECT_EQ(copy.size() % CowArray<int>::kChunk, 0u);
    for (uint32_t slot = 0; slot < copy.size(); ++slot) {
      const auto wanted = then.find(slot);
      ASSERT_EQ(copy[slot], wanted == then.end() ? 0 : wanted->second);
    }
  }
}

TEST(CowArray, SharesChunksThatDidNotChange) {
  CowArray<int> array;
  array.set(0, 1);
  array.set(64, 2);
  const CowArray<int> copy = array;
  array.freeze();
  array.set(65, 3);
  EXPECT_EQ(&copy[0], &array[0]);
  EXPECT_NE(&copy[64], &array[64]);
  const int* own = &array[64];
  array.set(66, 4);
  EXPECT_EQ(&array[64], own) << "copied once";
  EXPECT_EQ(copy[65], 0);
}

}  // namespace
}  // namespace heddle::policy
