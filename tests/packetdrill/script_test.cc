// Every script of scripts/ as a test of its own, once for each family.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "loaded.h"
#include "player.h"

namespace heddle::packetdrill {
namespace {

struct Case {
  std::filesystem::path path;
  bool ipv4 = true;
};

void PrintTo(const Case& it, std::ostream* out) { *out << it.path << (it.ipv4 ? " 4" : " 6"); }

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<Case> all_cases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(HEDDLE_SCRIPTS))
    if (entry.path().extension() == ".pkt") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Case> cases;
  for (const auto& path : paths) {
    const auto script = parse_script(read_file(path));
    // One that cannot be read is a test too, and fails.
    if (!script || script->ipv4) cases.push_back({path, true});
    if (!script || script->ipv6) cases.push_back({path, false});
  }
  return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const auto& path = info.param.path;
  std::string name = path.parent_path().filename().string() + "_" + path.stem().string() +
                     (info.param.ipv4 ? "_ipv4" : "_ipv6");
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

class ScriptTest : public testing::TestWithParam<Case> {};

TEST_P(ScriptTest, Runs) {
  const auto script = parse_script(read_file(GetParam().path));
  ASSERT_TRUE(script) << GetParam().path << ": " << script.error().text;
  Player player(loaded_init(), *script, GetParam().ipv4);
  EXPECT_EQ(player.run(), "") << GetParam().path;
}

INSTANTIATE_TEST_SUITE_P(Scripts, ScriptTest, testing::ValuesIn(all_cases()), name_of);

TEST(Scripts, AreThere) { EXPECT_GE(all_cases().size(), 100u); }

}  // namespace
}  // namespace heddle::packetdrill
