// Ports at which clients speak what they like: told by their first bytes, and never by a clock.
#include "http_net.h"

namespace heddle::mesh {
namespace {

using namespace std::string_literals;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n";

struct SniffNet : HttpNet {
  SniffNet() {
    rules.relay = &relay;
    rules.remembers = false;
    bytes.idle = seconds(60);
    rules.silence = seconds(60);
  }
  ~SniffNet() {
    for (TextStream& each : clients.streams)
      if (!each.closed) clients.close(each, network.now());
    servers.answer_no_more();
    run(seconds(200));
    EXPECT_EQ(relay.pairs(), 0u);
    EXPECT_EQ(bytes.active, 0);
  }
  // Says everything back, but for requests, which get an answer.
  void serve_both() {
    serve([](TextStream& stream) {
      if (stream.heard.find("HTTP/1.1\r\n") != std::string::npos) {
        if (stream.heard.find("\r\n\r\n") == std::string::npos) return;
        stream.to_say += kOk;
      } else {
        stream.to_say += stream.heard;
      }
      stream.heard.clear();
    });
  }
  uint64_t handed() const { return count(HttpStat::kClientsOther); }

  Policy bytes;
  TcpRelay relay{node.transport(), bytes, 8, Instant(1'000'000'000), work.get()};
};

TEST(Sniff, RequestsAreRequestsAndBytesAreBytes) {
  SniffNet net;
  net.serve_both();
  TextStream& request = net.ask(kGet);
  TextStream& binary = net.ask("\x01\x02\x00\x03 anything"s);
  TextStream& hello = net.ask("\x16\x03\x01\x00\x05hello"s);
  net.run();
  EXPECT_TRUE(request.heard.ends_with("hello")) << request.heard;
  EXPECT_EQ(binary.heard, "\x01\x02\x00\x03 anything"s);
  EXPECT_EQ(hello.heard, "\x16\x03\x01\x00\x05hello"s);
  EXPECT_EQ(net.handed(), 2u);
  EXPECT_EQ(net.relay.pairs(), 2u);
  EXPECT_EQ(net.count(HttpStat::kHttp1Requests), 1u);
  net.clients.say(binary, "more", net.network.now());
  net.run();
  EXPECT_TRUE(binary.heard.ends_with("anythingmore")) << "it goes on as any relayed stream";
}

// The answer comes with the byte that tells, not later, and not before.
TEST(Sniff, EveryByteMayComeAlone) {
  SniffNet net;
  net.serve_both();
  TextStream& request = net.ask("");
  TextStream& other = net.ask("");
  const std::string almost = "GET httq://";
  net.run(milliseconds(100));
  for (const char* at = kGet; *at != 0; ++at) {
    EXPECT_TRUE(request.heard.empty());
    net.clients.say(request, std::string(1, *at), net.network.now());
    const auto n = static_cast<size_t>(at - kGet);
    if (n < almost.size()) {
      EXPECT_EQ(net.handed(), n < 8 ? 0u : 1u) << n;
      net.clients.say(other, almost.substr(n, 1), net.network.now());
    }
    net.run(milliseconds(20));
  }
  net.run();
  EXPECT_TRUE(request.heard.ends_with("hello"));
  EXPECT_EQ(other.heard, almost);
}

TEST(Sniff, TheSilentHoldUpNobodyAndEndByTheirOwnTime) {
  SniffNet net;
  net.serve_both();
  TextStream& silent = net.ask("");
  TextStream& half = net.ask("GE");
  TextStream& request = net.ask(kGet);
  net.run();
  EXPECT_TRUE(request.heard.ends_with("hello"));
  net.run(seconds(50));
  EXPECT_FALSE(silent.ended || half.ended);
  net.clients.say(half, "T key\n", net.network.now());
  net.run();
  EXPECT_EQ(half.heard, "GET key\n") << "it may think for as long as it likes";
  net.run(seconds(20));
  EXPECT_TRUE(silent.ended || silent.reset);
  EXPECT_EQ(net.handed(), 1u);
}

TEST(Sniff, WithoutATimeTheSilentStay) {
  SniffNet net;
  net.rules.silence = Duration();
  net.serve_both();
  TextStream& silent = net.ask("");
  net.run(seconds(3'000));
  EXPECT_FALSE(silent.ended || silent.reset);
  net.clients.say(silent, kGet, net.network.now());
  net.run();
  EXPECT_TRUE(silent.heard.ends_with("hello"));
}

// Nothing more will tell what a begin was of: it is bytes, and its end goes on with it.
TEST(Sniff, AnEndTells) {
  SniffNet net;
  net.serve_both();
  TextStream& begun = net.clients.open({{address(1), Be16(0)}, {address(9), Be16(kPort)}},
                                       "PRI * H", net.network.now());
  begun.shut_when_said = true;
  TextStream& nothing =
      net.clients.open({{address(1), Be16(0)}, {address(9), Be16(kPort)}}, "", net.network.now());
  nothing.shut_when_said = true;
  net.run();
  EXPECT_EQ(begun.heard, "PRI * H");
  ASSERT_FALSE(net.servers.streams.empty());
  EXPECT_TRUE(net.servers.streams.front().ended);
  EXPECT_TRUE(nothing.ended || nothing.reset);
  EXPECT_EQ(net.handed(), 1u);
}

TEST(Sniff, WhomPolicyRefusesIsReset) {
  SniffNet net;
  net.serve_both();
  net.bytes.refuse = true;
  TextStream& other = net.ask("\x01");
  TextStream& request = net.ask(kGet);
  net.run();
  EXPECT_TRUE(other.reset);
  EXPECT_TRUE(request.heard.ends_with("hello"));
  EXPECT_EQ(net.relay.pairs(), 0u);
  EXPECT_EQ(net.relay.counters().value(RelayStat::kRefused), 1u);
}

TEST(Sniff, WithoutRoomForAPairTheClientIsReset) {
  SniffNet net;
  net.serve_both();
  std::vector<TextStream*> all;
  for (int i = 0; i < 10; ++i) all.push_back(&net.ask("\x01"));
  net.run();
  EXPECT_EQ(std::ranges::count_if(all, [](const TextStream* each) { return each->reset; }), 2);
  EXPECT_EQ(net.relay.counters().value(RelayStat::kPairsFull), 2u);
}

}  // namespace
}  // namespace heddle::mesh
