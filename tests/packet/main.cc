// Runs the packet tests and, when all of them ran, checks that together they met every drop of
// every node.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "expect.h"
#include "graph/graph.h"

namespace {

// Drops that no packet can meet here, each with its reason.
const std::map<std::string, std::string> kNotReached = {};

class AllDropsMet : public testing::Environment {
 public:
  void TearDown() override {
    if (testing::UnitTest::GetInstance()->test_to_run_count() !=
        testing::UnitTest::GetInstance()->total_test_count())
      return;  // only some tests were asked for
    for (const heddle::app::NodeSpec* node : heddle::app::all_nodes()) {
      for (const auto& edge : node->edges) {
        if (edge.kind == heddle::app::EdgeKind::kNode) continue;
        check(std::string(node->name) + "." + edge.name);
      }
    }
  }

 private:
  static void check(const std::string& name) {
    const bool met = heddle::rig::drops_seen().contains(name);
    const bool excused = kNotReached.contains(name);
    if (!met && !excused) ADD_FAILURE() << name << ": no row met this drop";
    if (met && excused) ADD_FAILURE() << name << ": met, so it is no exception";
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!heddle::rig::start()) {
    std::fputs("DPDK does not start\n", stderr);
    return 1;
  }
  testing::AddGlobalTestEnvironment(new AllDropsMet);
  return RUN_ALL_TESTS();
}
