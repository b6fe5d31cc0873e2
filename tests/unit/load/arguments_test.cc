// What heddle-load's command line means, and what it refuses.
#include "arguments.h"

#include <gtest/gtest.h>

#include <vector>

namespace heddle::load {
namespace {

Result<Parsed> read(std::vector<const char*> words) {
  words.insert(words.begin(), "heddle-load");
  return parse(static_cast<int>(words.size()), words.data());
}

struct Row {
  std::vector<const char*> words;
  const char* told;
};

template <size_t N>
void expect_errors(const Row (&rows)[N]) {
  for (Row row : rows) {
    if (!row.words.empty() && row.words[0] != std::string_view("-c"))
      row.words.insert(row.words.begin(), {"-c", "a.yaml"});
    const auto parsed = read(row.words);
    ASSERT_FALSE(parsed) << row.told;
    EXPECT_NE(parsed.error().text.find(row.told), std::string::npos) << parsed.error().text;
  }
}

TEST(Arguments, AClientHasDefaults) {
  const auto parsed = read({"--config", "a.yaml", "--connect", "192.0.2.1:80"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  const Plan& plan = parsed->arguments.plan;
  EXPECT_EQ(parsed->arguments.config, "a.yaml");
  ASSERT_TRUE(plan.call);
  EXPECT_EQ(plan.call->to,
            (tcp::Endpoint{tcp::from_ipv4(wire::Ipv4Address(192, 0, 2, 1)), Be16(80)}));
  EXPECT_EQ(plan.call->what, Do::kRr);
  EXPECT_EQ(plan.call->connections, 1u);
  EXPECT_EQ(plan.call->request_bytes, 64u);
  EXPECT_EQ(plan.measure, seconds(10));
  EXPECT_EQ(plan.warm_up, seconds(1));
}

TEST(Arguments, AServerRunsUntilASignal) {
  const auto parsed = read(
      {"-c", "a.yaml", "--serve", "7000=echo", "--serve", "7001=sink", "--serve", "7002=source"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  const Plan& plan = parsed->arguments.plan;
  ASSERT_EQ(plan.serve.size(), 3u);
  EXPECT_EQ(plan.serve[0].port, 7000);
  EXPECT_EQ(plan.serve[0].what, Serve::kEcho);
  EXPECT_EQ(plan.serve[1].what, Serve::kSink);
  EXPECT_EQ(plan.serve[2].what, Serve::kSource);
  EXPECT_FALSE(plan.call);
  EXPECT_EQ(plan.measure, Duration());
}

TEST(Arguments, BothInOneProcess) {
  const auto parsed = read({"-c", "a.yaml", "--serve", "7000=echo", "--connect",
                            "[2001:db8::1]:7000", "--do", "crr", "--connections", "64", "--seconds",
                            "0.5", "--warm-up", "0", "--request-bytes", "1000"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  const Plan& plan = parsed->arguments.plan;
  ASSERT_TRUE(plan.call);
  EXPECT_EQ(plan.call->to, (tcp::Endpoint{*wire::Ipv6Address::parse("2001:db8::1"), Be16(7000)}));
  EXPECT_EQ(plan.call->what, Do::kCrr);
  EXPECT_EQ(plan.call->connections, 64u);
  EXPECT_EQ(plan.call->request_bytes, 1000u);
  EXPECT_EQ(plan.measure, milliseconds(500));
  EXPECT_EQ(plan.warm_up, Duration());
}

TEST(Arguments, Http) {
  const auto parsed = read({"-c", "a.yaml", "--serve", "8080=http", "--response-bytes", "1000",
                            "--connect", "192.0.2.1:80", "--do", "get", "--path", "/a?b", "--host",
                            "shop.example", "--rate", "2500.5"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  const Plan& plan = parsed->arguments.plan;
  EXPECT_EQ(plan.serve[0].what, Serve::kHttp);
  EXPECT_EQ(plan.response_bytes, 1000u);
  ASSERT_TRUE(plan.call);
  EXPECT_EQ(plan.call->what, Do::kGet);
  EXPECT_EQ(plan.call->path, "/a?b");
  EXPECT_EQ(plan.call->host, "shop.example");
  EXPECT_EQ(plan.call->rate, 2500.5);
  EXPECT_EQ(read({"-c", "a.yaml", "--connect", "192.0.2.1:80"})->arguments.plan.call->host,
            "192.0.2.1:80");
}

TEST(Arguments, Http2AndTls) {
  const auto parsed =
      read({"-c",        "a.yaml",       "--serve",         "8443=https", "--certificate",
            "c.pem",     "--key",        "k.pem",           "--connect",  "192.0.2.1:443",
            "--do",      "post",         "--request-bytes", "2000000",    "--http2",
            "--streams", "32",           "--tls",           "--ca",       "ca.pem",
            "--name",    "shop.example", "--expect-bytes",  "0"});
  ASSERT_TRUE(parsed) << parsed.error().text;
  const Plan& plan = parsed->arguments.plan;
  EXPECT_EQ(plan.serve[0].what, Serve::kHttps);
  EXPECT_EQ(plan.certificate, "c.pem");
  EXPECT_EQ(plan.key, "k.pem");
  ASSERT_TRUE(plan.call);
  EXPECT_EQ(plan.call->what, Do::kPost);
  EXPECT_EQ(plan.call->body_bytes(), 2'000'000u);
  EXPECT_TRUE(plan.call->http2);
  EXPECT_EQ(plan.call->streams, 32u);
  EXPECT_TRUE(plan.call->tls);
  EXPECT_EQ(plan.call->authorities, "ca.pem");
  EXPECT_EQ(plan.call->server_name, "shop.example");
  EXPECT_EQ(plan.call->expect_bytes, 0u);
}

TEST(Arguments, HelpAndVersionNeedNoFile) {
  const auto help = read({"--help"});
  ASSERT_TRUE(help);
  EXPECT_EQ(help->asked, Asked::kHelp);
  for (const char* word : {"--serve", "--connect", "bulk|rr|crr|hold", "--http2", "--tls",
                           "closed loop", "Exit codes"})
    EXPECT_NE(help->text.find(word), std::string::npos) << word;
  const auto version = read({"--version"});
  ASSERT_TRUE(version);
  EXPECT_EQ(version->asked, Asked::kVersion);
}

TEST(Arguments, WhatIsWrongIsTold) {
  const Row kRows[] = {
      {{}, "--config FILE is missing"},
      {{"-c", "a.yaml"}, "nothing to do"},
      {{"-c", "a.yaml", "--do", "rr"}, "needs --connect"},
      {{"-c", "a.yaml", "--connect", "192.0.2.1:80", "--do", "flood"}, "not 'flood'"},
      {{"-c", "a.yaml", "--connect", "192.0.2.1"}, "not '192.0.2.1'"},
      {{"-c", "a.yaml", "--connect", "192.0.2.1:0"}, "not '192.0.2.1:0'"},
      {{"-c", "a.yaml", "--connect", "192.0.2.1:65536"}, "not '192.0.2.1:65536'"},
      {{"-c", "a.yaml", "--connect", "2001:db8::1:80"}, "[ADDRESS]:PORT"},
      {{"-c", "a.yaml", "--connect", "[::ffff:192.0.2.1]:80"}, "[ADDRESS]:PORT"},
      {{"-c", "a.yaml", "--connect", ":80"}, "not ':80'"},
      {{"-c", "a.yaml", "--connect", "[]:80"}, "not '[]:80'"},
      {{"-c", "a.yaml", "--serve", "80"}, "not '80'"},
      {{"-c", "a.yaml", "--serve", "=echo"}, "not '=echo'"},
      {{"-c", "a.yaml", "--serve", "80=shout"}, "not '80=shout'"},
      {{"-c", "a.yaml", "--serve", "80=echo", "--serve", "80=sink"}, "given twice"},
      {{"-c", "a.yaml", "--serve", "80=echo", "--seconds", "nan"}, "not 'nan'"},
      {{"-c", "a.yaml", "--serve", "80=echo", "--seconds", "-1"}, "not '-1'"},
      {{"-c", "a.yaml", "--connect", "192.0.2.1:80", "--connections", "0"}, "--connections"},
      {{"-c", "a.yaml", "--connect", "192.0.2.1:80", "--request-bytes", "1073741825"},
       "--request-bytes"},
      {{"-c", "a.yaml", "--turbo"}, "--turbo"},
  };
  expect_errors(kRows);
}

TEST(Arguments, WhatWouldDoNothingIsRefused) {
  const Row kRows[] = {
      {{"--serve", "80=echo", "--connections", "2"}, "--connections needs --connect"},
      {{"--serve", "80=echo", "--response-bytes", "2"}, "--response-bytes needs --serve PORT=http"},
      {{"--serve", "80=http", "--certificate", "c"}, "--certificate needs --serve PORT=https"},
      {{"--serve", "80=http", "--key", "k"}, "--key needs --serve PORT=https"},
      {{"--serve", "80=https", "--key", "k"}, "needs --certificate FILE and --key FILE"},
      {{"--serve", "80=http", "--http2"}, "--http2 needs --do get"},
      {{"--connect", "192.0.2.1:80", "--http2"}, "--http2 needs --do get"},
      {{"--connect", "192.0.2.1:80", "--tls", "--ca", "a", "--name", "b"}, "--tls needs --do get"},
      {{"--connect", "192.0.2.1:80", "--path", "/"}, "--path needs --do get"},
      {{"--connect", "192.0.2.1:80", "--do", "bulk", "--host", "a"}, "--host needs --do get"},
      {{"--connect", "192.0.2.1:80", "--rate", "5"}, "--rate needs --do get or post"},
      {{"--connect", "192.0.2.1:80", "--expect-bytes", "5"}, "--expect-bytes needs --do get"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--request-bytes", "5"},
       "--request-bytes needs --do rr, crr or post"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--streams", "5"}, "--streams needs --http2"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--ca", "a"}, "--ca needs --tls"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--name", "a"}, "--name needs --tls"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--tls", "--name", "a"}, "--tls needs --ca"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--tls", "--ca", "a"}, "and --name NAME"},
      {{"--connect", "192.0.2.1:80", "--do", "get-close", "--rate", "5"}, "connections that stay"},
      {{"--connect", "192.0.2.1:80", "--do", "get-close", "--http2", "--streams", "2"},
       "connections that stay"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--http2", "--connections", "20001"},
       "at most 20000 connections"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--http2", "--connections", "2000", "--streams",
        "1000"},
       "1000000 streams"},
      {{"--connect", "192.0.2.1:80", "--do", "get", "--http2", "--streams", "1001"}, "--streams"},
      {{"--connect", "192.0.2.1:80", "--request-bytes", "1048577"}, "at most 1048576 with --do rr"},
  };
  expect_errors(kRows);
}

}  // namespace
}  // namespace heddle::load
