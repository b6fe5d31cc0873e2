// heddlectl -o json and -o yaml: both are read back, JSON as the YAML that it is.
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <memory>
#include <string>

#include "fake_node.h"
#include "process.h"
#include "server/server.h"

namespace heddle::server {
namespace {

class Output : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto server = Server::start(path_, node_);
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
  }

  YAML::Node ask(std::vector<std::string> words) {
    words.insert(words.end(), {"-o", GetParam()});
    const test::Finished finished = test::heddlectl(words, {"HEDDLE_SERVER=unix:" + path_});
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.err, "");
    return YAML::Load(finished.out);
  }

  FakeNode node_;

 private:
  test::TempDirectory directory_;
  std::string path_ = directory_.path("heddled.sock");
  std::unique_ptr<Server> server_;
};

TEST_P(Output, PortsHaveEveryFieldAsItIs) {
  const YAML::Node document = ask({"show", "ports"});
  EXPECT_EQ(document.size(), 1u);
  const YAML::Node wan = document["ports"][0];
  EXPECT_EQ(wan.size(), 22u);
  EXPECT_EQ(wan["name"].as<std::string>(), "wan");
  EXPECT_EQ(wan["device"].as<std::string>(), "0000:3b:00.0");
  EXPECT_EQ(wan["mac"].as<std::string>(), "02:00:00:00:00:01");
  EXPECT_EQ(wan["addresses"].as<std::vector<std::string>>(),
            (std::vector<std::string>{"192.0.2.10/24", "2001:db8::10/64"}));
  EXPECT_TRUE(wan["link_up"].as<bool>());
  EXPECT_EQ(wan["speed_mbps"].as<int>(), 25'000);
  EXPECT_EQ(wan["rx_packets"].as<uint64_t>(), 1'234'567u);
  EXPECT_EQ(wan["rx_bytes"].as<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(wan["tx_errors"].as<int>(), 4);
  // A plain scalar, not a string: what YAML calls "?" against "!".
  EXPECT_EQ(wan["rx_bytes"].Tag(), "?");
  EXPECT_EQ(wan["mac"].Tag(), "!");

  const YAML::Node odd = document["ports"][2];
  EXPECT_EQ(odd["name"].as<std::string>(), "odd\x1b[31m\"?");  // the half character replaced
  EXPECT_EQ(odd["addresses"].size(), 0u);
  EXPECT_EQ(odd["rx_packets"].as<int>(), 0);
  EXPECT_FALSE(odd["link_up"].as<bool>());
}

TEST_P(Output, Workers) {
  const YAML::Node worker = ask({"show", "workers"})["workers"][0];
  EXPECT_EQ(worker["cpu"].as<int>(), 3);
  EXPECT_EQ(worker["busy_share"].as<double>(), 0.25);
  EXPECT_EQ(worker["cycles_per_packet"].as<double>(), 181.25);
  EXPECT_EQ(worker["handed_in"].as<int>(), 2'002);
  EXPECT_EQ(worker["busy_cycles"].as<int>(), 3'003);
  EXPECT_EQ(worker["idle_cycles"].as<int>(), 4'004);
  EXPECT_EQ(worker["flows_opened"].as<int>(), 5'005);
  EXPECT_EQ(worker["flows_cut"].as<int>(), 6);
  EXPECT_EQ(worker["flows_not_learned"].as<int>(), 7);
  EXPECT_EQ(worker["guard_denied"].as<int>(), 8);
  EXPECT_EQ(worker["guard_audited"].as<int>(), 9);
  EXPECT_EQ(worker["queues"][1].as<std::string>(), "cart:0");
}

TEST_P(Output, GraphAndDropsAreFilteredLikeTheTables) {
  EXPECT_EQ(ask({"show", "graph"})["nodes"].size(), 3u);
  const YAML::Node nodes = ask({"show", "graph", "--all"})["nodes"];
  ASSERT_EQ(nodes.size(), 4u);
  EXPECT_TRUE(nodes[3]["is_drop"].as<bool>());
  EXPECT_EQ(nodes[1]["next"][1].as<std::string>(), "ip4_input_bad_checksum");
  EXPECT_EQ(nodes[1]["cycles"].as<int>(), 120'000);

  const YAML::Node drops = ask({"show", "drops"})["drops"];
  ASSERT_EQ(drops.size(), 1u);
  EXPECT_EQ(drops[0]["drop"].as<std::string>(), "bad_checksum");
  EXPECT_EQ(drops[0]["packets"].as<int>(), 1'012);
  EXPECT_EQ(ask({"show", "drops", "--all"})["drops"].size(), 2u);
}

TEST_P(Output, NeighborsAndRoutes) {
  const YAML::Node neighbor = ask({"show", "neighbors"})["neighbors"][1];
  EXPECT_EQ(neighbor["mac"].as<std::string>(), "");
  EXPECT_EQ(neighbor["age_ms"].as<int>(), 61'000);
  EXPECT_EQ(neighbor["queued"].as<int>(), 3);
  const YAML::Node routes = ask({"show", "routes"})["routes"];
  EXPECT_EQ(routes[0]["via"][1].as<std::string>(), "192.0.2.2 wan");
  EXPECT_FALSE(routes[1]["active"].as<bool>());
}

TEST_P(Output, Versions) {
  EXPECT_EQ(ask({"show", "version"})["uptime_ms"].as<int>(), 93'784'000);
  const YAML::Node both = ask({"version"});
  EXPECT_FALSE(both["heddlectl"]["version"].as<std::string>().empty());
  EXPECT_EQ(both["heddled"]["node"].as<std::string>(), "edge-1");
  EXPECT_EQ(ask({"version", "--client"}).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Formats, Output, testing::Values("json", "yaml"),
                         [](const auto& format) { return std::string(format.param); });

}  // namespace
}  // namespace heddle::server
