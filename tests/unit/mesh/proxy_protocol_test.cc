// The PROXY protocol in front of the HTTP proxy and the relay, read from clients and told to
// endpoints.
#include <set>
#include <utility>

#include "http2_net.h"

namespace heddle::mesh {
namespace {

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
constexpr const char* kHeader = "PROXY TCP4 192.0.2.1 198.51.100.2 8080 80\r\n";
const tcp::IpAddress kTold = tcp::from_ipv4(wire::Ipv4Address(192, 0, 2, 1));

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ProxyProtocol, RequestsAreOfWhoWasTold) {
  HttpNet net;
  net.rules.proxy_header_in = true;
  net.rules.client_address = kTold;
  net.serve(kOk);
  TextStream& client = net.ask(std::string(kHeader) + kGet);
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello")) << client.heard;
  ASSERT_EQ(net.requests.size(), 1u);
  EXPECT_TRUE(has(net.requests[0], "x-forwarded-for: 192.0.2.1\r\n")) << net.requests[0];
  net.clients.say(client, kGet, net.network.now());
  net.run();
  EXPECT_EQ(net.requests.size(), 2u) << "once a connection, not once a request";
}

TEST(ProxyProtocol, AHeaderMayComeInPieces) {
  HttpNet net;
  net.rules.proxy_header_in = true;
  net.rules.client_address = kTold;
  net.serve(kOk);
  const std::string text = std::string(kHeader) + kGet;
  TextStream& client = net.ask(text.substr(0, 1));
  for (size_t at = 1; at < text.size(); at += 7) {
    net.run(milliseconds(50));
    net.clients.say(client, text.substr(at, 7), net.network.now());
  }
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello")) << client.heard;
}

TEST(ProxyProtocol, WhoDoesNotTellIsRefused) {
  HttpNet net;
  net.rules.proxy_header_in = true;
  net.serve(kOk);
  TextStream& wrong = net.ask(kGet);
  TextStream& silent = net.ask("PROXY");
  TextStream& cut = net.ask("PROXY");
  cut.shut_when_said = true;
  net.run(seconds(6));
  for (const TextStream* each : {&wrong, &silent, &cut}) {
    EXPECT_TRUE(each->reset);
    EXPECT_EQ(each->heard, "");
  }
  EXPECT_EQ(net.count(HttpStat::kProxyHeader), 3u);
  EXPECT_TRUE(net.rules.asked.empty());
}

TEST(ProxyProtocol, EachClientHasItsOwnConnectionToWhoIsTold) {
  HttpNet net;
  net.rules.proxy_header = ProxyHeaderVersion::kV1;
  net.serve([&](TextStream& stream) {
    if (!stream.heard.ends_with("\r\n\r\n") || !has(stream.heard, "GET")) return;
    net.requests.push_back(std::move(stream.heard));
    stream.heard.clear();
    stream.to_say += kOk;
  });
  TextStream& client = net.ask(kGet);
  net.run();
  ASSERT_EQ(net.requests.size(), 1u);
  EXPECT_TRUE(net.requests[0].starts_with("PROXY TCP4 10.0.0.1 10.0.0.9 ")) << net.requests[0];
  EXPECT_TRUE(has(net.requests[0], " 80\r\nGET / HTTP/1.1\r\n")) << net.requests[0];
  net.clients.say(client, kGet, net.network.now());
  net.run();
  EXPECT_EQ(net.servers.streams.size(), 2u);
  EXPECT_EQ(net.count(HttpStat::kReused), 0u);
}

// HTTP/2 would have room for all of them on one connection: while requests are in work, and after.
TEST(ProxyProtocol, NoTwoClientsShareAConnectionOfHttp2ToWhoIsTold) {
  std::vector<std::pair<test::Host*, http2::StreamId>> waiting;
  Http2Server net(
      [&](test::Host& peer, http2::StreamId stream) { waiting.emplace_back(&peer, stream); });
  net.rules.proxy_header = ProxyHeaderVersion::kV1;
  TextStream& one = net.ask(kGet);
  TextStream& two = net.ask(kGet);
  net.run();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_NE(waiting[0].first, waiting[1].first) << "both in work, each on its own";
  ASSERT_EQ(net.told.size(), 2u);
  std::set<std::string> ports;
  for (const std::string& line : net.told) {
    const std::string before = "PROXY TCP4 10.0.0.1 10.0.0.9 ";
    ASSERT_TRUE(line.starts_with(before) && line.ends_with(" 80\r\n")) << line;
    ports.insert(line.substr(before.size()));
  }
  EXPECT_EQ(ports.size(), 2u) << "each of its own client";
  const auto answer = [&] {
    for (const auto& [peer, stream] : std::exchange(waiting, {})) Http2Server::ok(*peer, stream);
    net.speak();
    net.run();
  };
  answer();
  net.clients.say(one, kGet, net.network.now());
  net.run();
  ASSERT_EQ(waiting.size(), 1u);
  answer();
  for (const TextStream* each : {&one, &two})
    EXPECT_TRUE(each->heard.ends_with("3\r\ntwo\r\n0\r\n\r\n")) << each->heard;
  EXPECT_EQ(net.servers.streams.size(), 3u);
  EXPECT_EQ(net.told.size(), 3u);
  EXPECT_EQ(net.count(HttpStat::kReused), 0u);
}

// The relay between text on both sides.
struct TextRelay {
  TextRelay() {
    net.client.set_app(clients);
    net.server.set_app(servers);
  }
  ~TextRelay() {
    for (TextApp* app : {&clients, &servers})
      for (TextStream& each : app->streams)
        if (!each.closed) app->close(each, net.network.now());
    net.network.run_until(net.network.now() + seconds(300));
  }
  TextStream& say(const std::string& text) {
    return clients.open({{address(1), Be16(0)}, {address(9), Be16(kPort)}}, text,
                        net.network.now());
  }
  void run(Duration time = seconds(2)) { net.network.run_until(net.network.now() + time); }

  Net net;
  TextApp clients{net.client}, servers{net.server};
};

TEST(ProxyProtocol, TheRelayReadsAndTells) {
  TextRelay relay;
  relay.net.policy.proxy_header_in = true;
  relay.net.policy.proxy_header = ProxyHeaderVersion::kV1;
  relay.net.policy.client_address = kTold;
  relay.servers.serve({address(2), Be16(kServerPort)}, [](TextStream&) {});
  TextStream& client = relay.say(std::string(kHeader) + "payload");
  relay.run();
  ASSERT_EQ(relay.servers.streams.size(), 1u);
  EXPECT_EQ(relay.servers.streams.front().heard,
            "PROXY TCP4 192.0.2.1 10.0.0.9 8080 80\r\npayload");
  relay.clients.say(client, " and more", relay.net.network.now());
  relay.run();
  EXPECT_TRUE(relay.servers.streams.front().heard.ends_with("payload and more"));
}

TEST(ProxyProtocol, TheRelayRefusesWhoDoesNotTell) {
  TextRelay relay;
  relay.net.policy.proxy_header_in = true;
  relay.servers.serve({address(2), Be16(kServerPort)}, [](TextStream&) {});
  TextStream& wrong = relay.say("payload");
  TextStream& silent = relay.say("");
  relay.run(seconds(6));
  EXPECT_TRUE(wrong.reset);
  EXPECT_TRUE(silent.reset);
  EXPECT_TRUE(relay.servers.streams.empty());
  EXPECT_EQ(relay.net.count(RelayStat::kProxyHeader), 2u);
}

}  // namespace
}  // namespace heddle::mesh
