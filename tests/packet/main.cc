// Runs the packet tests and, when all of them ran, checks that together they met every node and
// every drop of every node.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "expect.h"
#include "graph/graph.h"

namespace {

// What no packet can meet here, each with its reason.
const std::map<std::string, std::string> kNotReached = {
    {"rx", "the rig has a source of its own"},
};

class AllNodesMet : public testing::Environment {
 public:
  void TearDown() override {
    if (testing::UnitTest::GetInstance()->test_to_run_count() !=
        testing::UnitTest::GetInstance()->total_test_count())
      return;  // only some tests were asked for
    for (const heddle::app::NodeSpec* node : heddle::app::all_nodes()) {
      check(node->name);
      for (const auto& edge : node->edges)
        if (edge.kind != heddle::app::EdgeKind::kNode)
          check(std::string(node->name) + "." + edge.name);
    }
  }

 private:
  static void check(const std::string& name) {
    const bool met = heddle::rig::nodes_seen().contains(name);
    const bool excused = kNotReached.contains(name);
    if (!met && !excused) ADD_FAILURE() << name << ": no row met it";
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
  testing::AddGlobalTestEnvironment(new AllNodesMet);
  return RUN_ALL_TESTS();
}
