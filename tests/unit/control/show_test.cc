// heddlectl's tables, from the real program and a real server.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "fake_node.h"
#include "process.h"
#include "server/server.h"

namespace heddle::server {
namespace {

using test::Finished;

class Show : public testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::start(path_, node_);
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
  }

  // What "heddlectl show ..." prints; it must succeed and complain of nothing.
  std::string show(std::vector<std::string> words) {
    words.insert(words.begin(), {"--server", "unix:" + path_, "show"});
    const Finished finished = test::heddlectl(words);
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.err, "");
    return finished.out;
  }

  FakeNode node_;

 private:
  test::TempDirectory directory_;
  std::string path_ = directory_.path("heddled.sock");
  std::unique_ptr<Server> server_;
};

size_t widest_line(const std::string& text) {
  size_t widest = 0, start = 0;
  for (size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
    widest = std::max(widest, end - start);
  return widest;
}

constexpr const char* kPorts =
    R"(NAME        ROLE    LINK   MTU  MAC                RX-PACKETS  TX-PACKETS  DROPS  ADDRESSES
wan         uplink  up    1500  02:00:00:00:00:01   1,234,567   7,654,321     10  192.0.2.10/24
                                                                                  2001:db8::10/64
wan.7       uplink  down  1500  -                           0           0      0  -
odd?[31m"?  host    down  9000  -                           0           0      0  -
)";

TEST_F(Show, PortsFitsAHundredColumns) {
  EXPECT_EQ(show({"ports"}), kPorts);
  EXPECT_LE(widest_line(kPorts), 100u);
}

TEST_F(Show, PortsVerboseAddsDevicesAndCounters) {
  const std::string text = show({"ports", "-v"});
  ASSERT_TRUE(text.starts_with(kPorts));
  EXPECT_EQ(text.substr(std::string(kPorts).size()), R"(
NAME        DEVICE        DRIVER   SPEED  RX-QUEUES  TX-QUEUES  STEERING  VLAN
wan         0000:3b:00.0  net_ice    25G          2          2  rss       -
wan.7       -             -            -          0          0  -         7 on wan
odd?[31m"?  -             -            -          0          0  -         -

NAME                          RX-BYTES  RX-MISSED  RX-ERRORS  RX-NO-BUFFER        TX-BYTES  TX-ERRORS
wan         18,446,744,073,709,551,615          1          2             3  98,765,432,100          4
wan.7                                0          0          0             0               0          0
odd?[31m"?                           0          0          0             0               0          0
)");
}

TEST_F(Show, Workers) {
  EXPECT_EQ(
      show({"workers"}),
      R"(WORKER  CPU   BUSY  IDLE (ASLEEP)  PACKETS/s  CYCLES/PACKET  FLOWS  POLICY  HANDED-IN  HANDED-OUT  QUEUES
     0    3  25.0%  75.0% (50.0%)  1,250,000          181.2  1,234      42      2,002       1,001  wan:0 cart:0
     1    4   0.0%  100.0% (0.0%)          0              -      0       0          0           0  -
)");
}

TEST_F(Show, GraphLeavesDropNodesOutButCountsTheirCycles) {
  EXPECT_EQ(show({"graph"}),
            R"(NODE         CALLS  PACKETS  PACKETS/CALL  CYCLES/PACKET  SHARE
rx             100    6,400          64.0           10.0  32.0%
ip4_input      100    6,400          64.0           18.8  60.0%
ip4_forward      0        0             -              -   0.0%
)");
}

TEST_F(Show, GraphAll) {
  EXPECT_EQ(show({"graph", "--all"}),
            R"(NODE                    CALLS  PACKETS  PACKETS/CALL  CYCLES/PACKET  SHARE
rx                        100    6,400          64.0           10.0  32.0%
ip4_input                 100    6,400          64.0           18.8  60.0%
ip4_forward                 0        0             -              -   0.0%
ip4_input_bad_checksum     10       12           1.2        1,333.3   8.0%
)");
}

TEST_F(Show, GraphAsDot) {
  EXPECT_EQ(show({"graph", "--dot"}), R"(digraph heddle {
  rankdir=LR;
  node [shape=box];
  "rx" [label="rx\n6,400"];
  "ip4_input" [label="ip4_input\n6,400"];
  "ip4_forward" [label="ip4_forward\n0"];
  "rx" -> "ip4_input";
  "ip4_input" -> "ip4_forward";
}
)");
  const std::string all = show({"graph", "--dot", "--all"});
  EXPECT_NE(all.find(R"("ip4_input" -> "ip4_input_bad_checksum";)"), std::string::npos);
  EXPECT_NE(
      all.find(R"("ip4_input_bad_checksum" [label="ip4_input_bad_checksum\n12", style=dashed];)"),
      std::string::npos);
}

TEST_F(Show, DropsThatHappened) {
  EXPECT_EQ(show({"drops"}), R"(NODE       DROP          PACKETS  MEANS
ip4_input  bad_checksum    1,012  header checksum wrong: a broken sender
)");
}

TEST_F(Show, DropsAll) {
  EXPECT_EQ(show({"drops", "--all"}), R"(NODE         DROP               PACKETS  MEANS
ip4_input    bad_checksum         1,012  header checksum wrong: a broken sender
arp_resolve  neighbour_timeout        0  nobody answered for the next hop
)");
}

TEST_F(Show, Neighbors) {
  EXPECT_EQ(show({"neighbors"}),
            R"(INTERFACE  ADDRESS     MAC                STATE         AGE  QUEUED  WORKER
wan        192.0.2.1   02:00:00:00:00:fe  reachable    1.4s       0       1
wan        192.0.2.77  -                  incomplete  1m 1s       3       0
)");
}

TEST_F(Show, Routes) {
  EXPECT_EQ(show({"routes"}), R"(PREFIX       ACTION   SOURCE   STATE      VIA
0.0.0.0/0    forward  gateway  active     192.0.2.1 wan, 192.0.2.2 wan
10.1.0.0/16  drop     static   withdrawn  -
)");
}

TEST_F(Show, Version) {
  EXPECT_EQ(
      show({"version"}),
      "heddled 0.1.0 (commit 0123abcd), DPDK 22.11.11, node edge-1, process 4711, up 1d 2h\n");
}

TEST_F(Show, NothingToShowIsSaidInOneLine) {
  node_.empty = true;
  EXPECT_EQ(show({"ports"}), "no ports\n");
  EXPECT_EQ(show({"workers"}), "no workers\n");
  EXPECT_EQ(show({"graph"}), "no nodes\n");
  EXPECT_EQ(show({"drops"}), "no drops so far\n");
  EXPECT_EQ(show({"neighbors"}), "no neighbors so far\n");
  EXPECT_EQ(show({"routes"}), "no routes\n");
  EXPECT_EQ(show({"drops", "-o", "json"}), "{\n  \"drops\": []\n}\n");
  EXPECT_EQ(show({"drops", "-o", "yaml"}), "drops: []\n");
}

}  // namespace
}  // namespace heddle::server
