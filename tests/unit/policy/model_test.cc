// Model: what it refuses, what it shares, what slots mean.
#include "policy/model.h"

#include <gtest/gtest.h>

#include "resources.h"

namespace heddle::policy {
namespace {

using namespace test;

TEST(Model, StartsEmpty) {
  World world;
  world.commit();
  EXPECT_EQ(world.snapshot->version, 1u);
  EXPECT_EQ(outcome(decide(*world.snapshot, flow("10.9.0.1", "10.96.0.20", 80))), "no port");
  ASSERT_NE(world.attachments, nullptr);
  EXPECT_TRUE(world.attachments->ports.empty());
  EXPECT_EQ(world.model.stats().resources, 0u);
}

}  // namespace
}  // namespace heddle::policy
