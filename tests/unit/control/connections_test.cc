// heddlectl on connections, listeners and TCP's counters: what it asks for, prints and refuses.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "fake_node.h"
#include "process.h"
#include "server/server.h"

namespace heddle::server {
namespace {

using test::Finished;

class ConnectionsCli : public testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::start(path_, node_);
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
  }

  Finished run(std::vector<std::string> words) {
    words.insert(words.begin(), {"--server", "unix:" + path_, "show"});
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

TEST_F(ConnectionsCli, Table) {
  EXPECT_EQ(
      out({"connections"}),
      R"(STATE        WITH      LOCAL                 REMOTE                 SERVICE    CWND  IN-FLIGHT   SRTT      RTO  RESENT  RECV-Q     SEND-Q  IDLE    AGE  WORKER
ESTABLISHED  client    10.96.0.20:80         10.9.0.2:40000         -        14,480      2,896  1.2ms  201.2ms       3      12  1,234,567  1.4s  1m 1s       1
SYN-SENT     endpoint  [2001:db8::10]:33000  [2001:db8:8::11]:8080  -        14,280          0      -     1.0s       0       0          0  0.0s   0.0s       0
)");
  node_.empty = true;
  EXPECT_EQ(out({"connections"}), "no connections\n");
}

TEST_F(ConnectionsCli, TlsHasColumnsWhereThereIsAny) {
  node_.tls = true;
  const std::string table = out({"connections"});
  EXPECT_NE(table.find("WORKER  TLS              SUITE                   SERVER-NAME       ALPN  "
                       "PEER\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("1  TLSv1.3 resumed  TLS_AES_128_GCM_SHA256  cart.example.org  h2?   "
                       "spiffe://example.org/ns/shop/sa/web\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("0  -                -                       -                 -     -\n"),
            std::string::npos)
      << table;
  const std::string json = out({"connections", "-o", "json"});
  for (const char* part : {"\"tls_state\": \"established\"", "\"tls_resumed\": true",
                           "\"tls_state\": \"none\"", "\"peer_identity\": \"\""})
    EXPECT_NE(json.find(part), std::string::npos) << part << json;
}

TEST_F(ConnectionsCli, TlsCounters) {
  EXPECT_EQ(out({"tls"}),
            "COUNTER     VALUE  MEANS\n"
            "handshakes      7  that were done\n");
  EXPECT_NE(out({"tls", "--all"}).find("bad_tag"), std::string::npos);
  node_.empty = true;
  EXPECT_EQ(out({"tls"}), "nothing counted so far\n");
}

TEST_F(ConnectionsCli, SecretsOfNoPolicy) { EXPECT_EQ(out({"secrets"}), "no secrets\n"); }

TEST_F(ConnectionsCli, LimitSaysWhatIsLeftOut) {
  node_.copies = 600;
  EXPECT_TRUE(out({"connections"}).ends_with("\nand 1,100 more (--limit)\n"));
  EXPECT_EQ(out({"connections", "--limit", "1200"}).find("more"), std::string::npos);
}

TEST_F(ConnectionsCli, FiltersAreSent) {
  out({"connections", "--source", "10.0.0.0/8", "--destination", "2001:db8::/32", "--port", "80",
       "--state", "TIME-WAIT", "--worker", "0"});
  const ConnectionFilter& filter = node_.connection_filter;
  EXPECT_EQ(filter.source->text(), "10.0.0.0/8");
  EXPECT_EQ(filter.destination->text(), "2001:db8::/32");
  EXPECT_EQ(filter.port, 80u);
  EXPECT_EQ(filter.state, ConnectionState::kTimeWait);
  EXPECT_EQ(filter.worker, 0u);
  out({"connections"});
  EXPECT_FALSE(filter.source);
  EXPECT_FALSE(filter.state);
  EXPECT_FALSE(filter.worker);
}

TEST_F(ConnectionsCli, Sums) {
  EXPECT_EQ(out({"connections", "--sum"}), R"(STATE        CONNECTIONS
ESTABLISHED        1,200
TIME-WAIT             34

WHAT                                   NOW       LIMIT
connections                          1,234      16,384
half open                                5           -
TIME-WAIT                               34           -
pieces of queues                        60      70,000
memory of queues, bytes            123,456  67,108,864
received and not taken, bytes        1,001           -
received behind a gap, bytes         3,003           -
to be sent or acknowledged, bytes    2,002           -
segments sent again since start      4,004           -
)");
  node_.empty = true;
  EXPECT_EQ(out({"connections", "--sum"}), "heddled terminates no TCP\n");
}

TEST_F(ConnectionsCli, Listeners) {
  EXPECT_EQ(out({"listeners"}),
            "SERVICE  ADDRESS          PORT  HALF-OPEN  AT-MOST   ACCEPTED  COOKIES  REFUSED\n"
            "-        10.96.0.20         80          5    1,024  1,234,567        7        8\n"
            "-        2001:db8:96::20   443          0        0          0        0        0\n");
  node_.empty = true;
  EXPECT_EQ(out({"listeners"}), "no listeners\n");
}

TEST_F(ConnectionsCli, Counters) {
  EXPECT_EQ(out({"tcp"}),
            "COUNTER             VALUE  MEANS\n"
            "segments_received  12,345  segments that belong to a connection\n");
  EXPECT_EQ(out({"tcp", "--all"}),
            "COUNTER             VALUE  MEANS\n"
            "segments_received  12,345  segments that belong to a connection\n"
            "bad_checksum            0  a broken sender or wire\n");
  EXPECT_EQ(out({"tcp", "-o", "json"}).find("bad_checksum"), std::string::npos);
  EXPECT_NE(out({"tcp", "-o", "json", "--all"}).find("bad_checksum"), std::string::npos);
  node_.empty = true;
  EXPECT_EQ(out({"tcp"}), "nothing counted so far\n");
}

TEST_F(ConnectionsCli, WhatIsIncompleteIsAFailure) {
  node_.end = {.complete = false};
  Finished finished = run({"connections", "--limit", "1"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_TRUE(finished.out.ends_with("not all connections were looked at in the time\n"));
  EXPECT_EQ(finished.err, "heddlectl: the answer is incomplete\n");
  node_.end = {.complete = true, .silent = {1}};
  finished = run({"connections", "--sum"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_TRUE(finished.out.ends_with("worker 1 does not answer: its connections are left out\n"));
}

TEST_F(ConnectionsCli, Refuses) {
  const struct {
    std::vector<std::string> words;
    int exit_code;
    const char* error;  // its beginning, after "heddlectl: "
  } kRows[] = {
      {{"connections", "--sum", "--port", "80"}, 2, "show connections: --sum is of all"},
      {{"connections", "--sum", "--limit", "1"}, 2, "show connections: --sum is of all"},
      {{"connections", "--sum", "--worker", "0"}, 2, "show connections: --sum is of all"},
      {{"connections", "-n", "shop"}, 2, "show connections: -n is of a --service\n"},
      {{"connections", "--service", "shop/web", "-n", "bank"},
       2,
       "show connections: --service shop/web is in another namespace than -n bank\n"},
      {{"connections", "--state", "OPEN"}, 2, "--state: expected one of CLOSED, LISTEN, "},
      {{"connections", "--limit", "10001"}, 2, "--limit: expected a number from 1 to 10000"},
      {{"connections", "--protocol", "tcp"}, 2, "show connections: unknown option '--protocol'"},
      {{"listeners", "--all"}, 2, "show listeners: unknown option '--all'"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.error);
    const Finished finished = run(row.words);
    EXPECT_EQ(finished.exit_code, row.exit_code);
    EXPECT_TRUE(finished.err.starts_with(std::string("heddlectl: ") + row.error)) << finished.err;
  }
  // This server has no policy: what it was asked for is in the answer.
  for (const auto& [words, name] :
       {std::pair(std::vector<std::string>{"connections", "--service", "web", "-n", "shop"},
                  "\"shop/web\""),
        {{"connections", "--service", "shop/web", "-n", "shop"}, "\"shop/web\""},
        {{"connections", "--service", "web"}, "\"default/web\""}}) {
    const Finished finished = run(words);
    EXPECT_EQ(finished.exit_code, 1);
    EXPECT_NE(finished.err.find(std::string("there is no Service ") + name), std::string::npos)
        << finished.err;
  }
}

TEST_F(ConnectionsCli, JsonHasEveryField) {
  const std::string json = out({"connections", "-o", "json", "--limit", "1"});
  for (const char* part :
       {"\"state\": \"ESTABLISHED\"", "\"accepted\": true", "\"ssthresh\": 4294967295",
        "\"rttvar_us\": 250", "\"out_of_order\": 0", "\"matched\": 2", "\"incomplete\": false"})
    EXPECT_NE(json.find(part), std::string::npos) << part << json;
  EXPECT_EQ(json.find("\"sums\""), std::string::npos);
  EXPECT_NE(out({"connections", "--sum", "-o", "yaml"}).find("pinned_limit: 67108864"),
            std::string::npos);
  EXPECT_NE(out({"listeners", "-o", "json"}).find("\"cookies_sent\": 7"), std::string::npos);
}

}  // namespace
}  // namespace heddle::server
