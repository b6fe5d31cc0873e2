// heddlectl in front of a fake Policy service, with files of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fake_policy.h"
#include "process.h"

namespace heddle::test {

class PolicyTest : public testing::Test {
 protected:
  // A file in the test's directory; its name as a message has it.
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = directory_.path(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }

  std::vector<std::string> environment() const {
    return {"HEDDLE_SERVER=unix:" + socket_, "TZ=UTC", "SUDO_USER=ann"};
  }
  Finished heddlectl(std::vector<std::string> words) {
    return test::heddlectl(std::move(words), environment());
  }
  // What heddlectl prints; it must succeed and complain of nothing.
  std::string out(std::vector<std::string> words) {
    const Finished finished = heddlectl(std::move(words));
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.err, "");
    return finished.out;
  }
  // What heddlectl complains of; it must print nothing and end with this code.
  std::string err(int exit_code, std::vector<std::string> words) {
    const Finished finished = heddlectl(std::move(words));
    EXPECT_EQ(finished.exit_code, exit_code);
    EXPECT_EQ(finished.out, "");
    return finished.err;
  }

  TempDirectory directory_;
  PolicyAnswers answers_;

 private:
  std::string socket_ = directory_.path("heddled.sock");
  FakePolicy server_{socket_, answers_};
};

inline v1::ResourceKey key(const std::string& kind, const std::string& space,
                           const std::string& name) {
  v1::ResourceKey key;
  key.set_kind(kind);
  key.set_namespace_(space);
  key.set_name(name);
  return key;
}

}  // namespace heddle::test
