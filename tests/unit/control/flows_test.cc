// heddlectl on flows: what it asks for, what it prints, what it refuses.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "fake_node.h"
#include "flow/state.h"
#include "process.h"
#include "server/server.h"

namespace heddle::server {
namespace {

using test::Finished;

class FlowsCli : public testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::start(path_, node_);
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
  }

  Finished run(std::vector<std::string> words) {
    words.insert(words.begin(), {"--server", "unix:" + path_});
    node_.settle();
    Finished finished = test::heddlectl(words);
    node_.settle();
    return finished;
  }
  std::string out(std::vector<std::string> words) {
    const Finished finished = run(std::move(words));
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_EQ(finished.err, "");
    return finished.out;
  }

  FakeNode node_;

 private:
  test::TempDirectory directory_;
  std::string path_ = directory_.path("heddled.sock");
  std::unique_ptr<Server> server_;
};

TEST_F(FlowsCli, Table) {
  EXPECT_EQ(
      out({"show", "flows"}),
      R"(PROTO  STATE          CLIENT               DESTINATION          ENDPOINT        AS               SERVICE  IDLE    AGE  EXPIRES  WORKER
tcp    established    10.9.0.2:40000       10.96.0.20:80        10.8.0.11:8080  192.0.2.10:1024  -        1.4s  1m 1s    2h 3m       1
udp    udp_two_way    [2001:db8::2]:40001  [2001:db8:8::11]:53  -               -                -        0.0s   0.0s     0.0s       0
icmp   query_two_way  10.9.0.2 id 4711     10.8.0.11            -               -                -        0.0s   0.0s     0.0s       0
)");
}

TEST_F(FlowsCli, LimitSaysWhatIsLeftOut) {
  node_.copies = 400;
  const std::string all = out({"show", "flows"});
  EXPECT_TRUE(all.ends_with("\nand 1,100 more (--limit)\n")) << all.substr(all.size() - 80);
  EXPECT_TRUE(out({"show", "flows", "--limit", "1199"}).ends_with("\nand 1 more (--limit)\n"));
  EXPECT_EQ(out({"show", "flows", "--limit", "1200"}).find("more"), std::string::npos);
}

TEST_F(FlowsCli, CountAndTop) {
  node_.copies = 3;
  EXPECT_EQ(out({"show", "flows", "--count"}), "9\n");
  EXPECT_EQ(out({"show", "flows", "--top", "source"}),
            "SOURCE       FLOWS\n10.9.0.2         6\n2001:db8::2      3\n");
  EXPECT_EQ(out({"show", "flows", "--top", "endpoint"}),
            "ENDPOINT             FLOWS\n10.8.0.11                3\n"
            "10.8.0.11:8080           3\n[2001:db8:8::11]:53      3\n");
  node_.empty = true;
  EXPECT_EQ(out({"show", "flows", "--count"}), "0\n");
  EXPECT_EQ(out({"show", "flows", "--top", "source"}), "no flows\n");
  EXPECT_EQ(out({"show", "flows"}), "no flows\n");
}

TEST_F(FlowsCli, FiltersAreSent) {
  out({"show", "flows", "--source", "10.0.0.0/8", "--destination", "2001:db8::/32", "--port", "80",
       "--protocol", "tcp", "--state", "time_wait", "--endpoint", "10.8.0.11", "--worker", "0"});
  EXPECT_EQ(node_.filter.source->text(), "10.0.0.0/8");
  EXPECT_EQ(node_.filter.destination->text(), "2001:db8::/32");
  EXPECT_EQ(node_.filter.port, 80u);
  EXPECT_EQ(node_.filter.protocol, FlowProtocol::kTcp);
  EXPECT_EQ(node_.filter.state, flow::State::kTimeWait);
  EXPECT_EQ(node_.filter.endpoint->text(), "10.8.0.11");
  EXPECT_EQ(node_.filter.worker, 0u);
  EXPECT_EQ(out({"flows", "flush", "--worker", "0"}), "1 flow flushed\n");
  EXPECT_EQ(node_.filter.worker, 0u);
  EXPECT_FALSE(node_.filter.source);
  EXPECT_FALSE(node_.reset);
  node_.empty = true;
  EXPECT_EQ(out({"flows", "flush", "--all", "--reset"}), "0 flows flushed\n");
  EXPECT_FALSE(node_.filter.worker);
  EXPECT_TRUE(node_.reset);
}

TEST_F(FlowsCli, WhatIsIncompleteIsAFailure) {
  node_.end = {.complete = true, .silent = {1}};
  Finished finished = run({"show", "flows", "--count"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(finished.out, "3\nworker 1 does not answer: its flows are left out\n");
  EXPECT_EQ(finished.err, "heddlectl: the answer is incomplete\n");
  node_.end = {.complete = false};
  finished = run({"flows", "flush", "--all"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(finished.out, "1 flow flushed\nnot all flows were looked at in the time\n");
}

TEST_F(FlowsCli, Refuses) {
  const struct {
    std::vector<std::string> words;
    int exit_code;
    const char* error;  // its beginning, after "heddlectl: "
  } kRows[] = {
      {{"flows", "flush"}, 2, "flows flush: say which flows, or --all\n"},
      {{"flows", "flush", "--all", "--port", "80"}, 2, "flows flush: --all is every flow"},
      {{"flows"}, 2, "flows: one of these must follow: flush (--help)\n"},
      {{"show", "flows", "--count", "--top", "source"}, 2, "show flows: takes one of --count"},
      {{"show", "flows", "--limit", "0"}, 2, "--limit: expected a number from 1 to 10000, not '0'"},
      {{"show", "flows", "--top", "port"}, 2, "--top: expected one of source, destination, "},
      {{"show", "flows", "--protocol", "sctp"}, 2, "--protocol: expected one of tcp, udp, icmp, "},
      {{"show", "flows", "--state", "open"}, 2, "--state: expected one of syn_sent, "},
      {{"show", "flows", "--reset"}, 2, "show flows: unknown option '--reset'"},
      {{"flows", "flush", "--count"}, 2, "flows flush: unknown option '--count'"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.error);
    const Finished finished = run(row.words);
    EXPECT_EQ(finished.exit_code, row.exit_code);
    EXPECT_TRUE(finished.err.starts_with(std::string("heddlectl: ") + row.error)) << finished.err;
  }
  const Finished source = run({"show", "flows", "--source", "web"});
  EXPECT_EQ(source.exit_code, 1);
  EXPECT_NE(source.err.find(" refused: source: "), std::string::npos) << source.err;
  // This server has no policy.
  const Finished service = run({"flows", "flush", "--service", "shop/web"});
  EXPECT_EQ(service.exit_code, 1);
  EXPECT_NE(service.err.find("there is no Service \"shop/web\""), std::string::npos);
}

TEST_F(FlowsCli, JsonHasEveryField) {
  const std::string json = out({"show", "flows", "-o", "json", "--limit", "1"});
  for (const char* part :
       {"\"protocol\": \"tcp\"", "\"address\": \"192.0.2.10\"", "\"source_translated\": true",
        "\"expires_ms\": 7438600", "\"matched\": 3", "\"incomplete\": false"})
    EXPECT_NE(json.find(part), std::string::npos) << part << json;
  EXPECT_NE(out({"flows", "flush", "--all", "-o", "json"}).find("\"flushed\": 1"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::server
