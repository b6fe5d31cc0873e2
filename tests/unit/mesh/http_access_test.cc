// Requests that policy does not let in, or not any more.
#include "http_net.h"

namespace heddle::mesh {
namespace {

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

std::string request(const std::string& path, const std::string& more = {},
                    const std::string& method = "GET") {
  return method + " " + path + " HTTP/1.1\r\nHost: shop.example\r\n" + more + "\r\n";
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct AccessNet : HttpNet {
  explicit AccessNet(const HttpLimits& limits = small_limits()) : HttpNet(limits) {}
  // A policy has come that denies these.
  void deny(std::function<bool(const policy::RequestHead&)> which) {
    rules.denies = std::move(which);
    ++generation;
    sweep();
  }
  void sweep() {
    while (app.proxy.sweep(generation, 64, network.now())) app.proxy.on_turn(network.now());
    node.wake(network.now());
    run(milliseconds(300));
  }
  uint32_t generation = 1;
};

auto path_is(std::string path) {
  return [path](const policy::RequestHead& request) { return request.path == path; };
}

TEST(HttpAccess, WhatIsDeniedGetsA403AndLearnsNothing) {
  AccessNet net;
  net.serve(kOk);
  net.rules.denies = path_is("/secret");
  net.rules.found = false;  // nor that there is no rule
  TextStream& client = net.ask(request("/secret?x=1") + request("/./secret"));
  net.run();
  EXPECT_EQ(client.heard.find("HTTP/1.1 403 "), 0u) << client.heard;
  EXPECT_TRUE(client.heard.ends_with("denied\n"));
  EXPECT_NE(client.heard.find("HTTP/1.1 403 ", 1), std::string::npos) << "and goes on";
  EXPECT_TRUE(net.rules.asked.empty());
  EXPECT_EQ(net.rules.judged, (std::vector<std::string>{"/secret", "/secret"}));
  EXPECT_EQ(net.count(HttpFault::kDenied), 2u);
  ASSERT_EQ(net.rules.records.size(), 2u);
  EXPECT_EQ(net.rules.records[0].status, 403);
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kDenied);
  net.rules.found = true;
  net.clients.say(client, request("/open"), net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello")) << client.heard;
}

TEST(HttpAccess, OfGrpcItIsPermissionDenied) {
  AccessNet net;
  net.serve(kOk);
  net.rules.denies = [](const policy::RequestHead&) { return true; };
  TextStream& client = net.ask(
      request("/shop.Cart/Get", "Content-Type: application/grpc\r\nContent-Length: 0\r\n", "POST"));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200 ")) << client.heard;
  EXPECT_TRUE(has(client.heard, "grpc-status: 7\r\n"));
  EXPECT_TRUE(has(client.heard, "grpc-message: denied\r\n"));
}

TEST(HttpAccess, TheServiceJudgesWhatCameTheEndpointWhatIsSent) {
  AccessNet net;
  net.serve([](TextStream& stream) { stream.heard.clear(); });
  policy::HttpTarget target;
  target.rewrite = policy::HttpRewrite{
      .host = "cart.internal", .path_kind = policy::HttpRewrite::Path::kFull, .path = "/v2"};
  target.request.set = {{"x-role", "changed"}};
  target.request.remove = {"x-token"};
  net.rules.target = target;
  TextStream& client = net.ask(request("/a", "X-Role: first\r\nX-Token: t\r\n"));
  net.run(milliseconds(300));
  ASSERT_EQ(net.rules.active, 1);
  std::string came, sent;
  net.rules.denies_sent = [&](const http::Message& message) {
    sent = std::string(message.authority()) + std::string(message.path()) + " " +
           std::string(message.fields.value(*message.fields.find("x-role")));
    return false;
  };
  net.deny([&](const policy::RequestHead& head) {
    came =
        std::string(head.method_text) + " " + std::string(head.authority) + std::string(head.path);
    for (const char* name : {"x-role", "x-token"})
      if (const http::Field* field = head.fields->find(name))
        came += " " + std::string(head.fields->value(*field));
    return false;
  });
  EXPECT_EQ(came, "GET shop.example/a first t");
  EXPECT_EQ(sent, "cart.internal/v2 changed");
  EXPECT_EQ(net.rules.active, 1);
  EXPECT_FALSE(client.reset);
  EXPECT_EQ(net.count(HttpStat::kRequestsCut), 0u);
  net.rules.denies_sent = [](const http::Message&) { return true; };
  ++net.generation;
  net.sweep();
  EXPECT_EQ(net.rules.active, 0);
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 403 ")) << client.heard;
}

TEST(HttpAccess, ADownloadThatIsDeniedNowIsCut) {
  AccessNet net;
  net.serve([](TextStream& stream) {
    if (!stream.heard.ends_with("\r\n\r\n")) return;
    stream.heard.clear();
    stream.to_say += "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst";
  });
  TextStream& cut = net.ask(request("/secret"));
  TextStream& stays = net.ask(request("/open"));
  net.run();
  EXPECT_TRUE(cut.heard.ends_with("first"));
  net.deny(path_is("/secret"));
  EXPECT_TRUE(cut.reset) << "it must not look whole";
  EXPECT_FALSE(stays.reset);
  EXPECT_EQ(net.rules.active, 1);
  EXPECT_EQ(net.count(HttpStat::kRequestsCut), 1u);
  EXPECT_EQ(net.count(HttpFault::kDenied), 1u);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].path, "/secret");
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kDenied);
}

TEST(HttpAccess, AnUploadThatIsDeniedNowGetsA403) {
  AccessNet net;
  size_t got = 0;
  net.serve([&](TextStream& stream) {
    got += stream.heard.size();
    stream.heard.clear();
  });
  TextStream& client =
      net.ask(request("/secret", "Content-Length: 1000000\r\n", "PUT") + std::string(1000, 'a'));
  net.run(milliseconds(300));
  EXPECT_GT(got, 1000u);
  net.deny(path_is("/secret"));
  const size_t then = got;
  net.clients.say(client, std::string(1000, 'b'), net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 403 ")) << client.heard;
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(got, then) << "nothing more of it";
  EXPECT_EQ(net.count(HttpStat::kRequestsCut), 1u);
  EXPECT_EQ(net.rules.active, 0);
}

TEST(HttpAccess, ATunnelThatIsDeniedNowIsCut) {
  AccessNet net;
  net.serve("HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n");
  TextStream& client = net.ask(request("/chat", "Upgrade: chat\r\nConnection: Upgrade\r\n"));
  net.run();
  EXPECT_EQ(net.rules.active, 1);
  net.deny(path_is("/chat"));
  EXPECT_TRUE(client.reset);
  EXPECT_EQ(net.rules.active, 0);
}

TEST(HttpAccess, AWholeAnswerAndOurOwnAreNotTakenBack) {
  AccessNet net;
  policy::HttpTarget target;
  target.direct = policy::HttpDirect{.status = 200, .body = std::string(2'000'000, 'd')};
  net.rules.target = target;
  TextStream& client = net.ask(request("/a"));
  client.deaf = true;
  net.run(milliseconds(300));
  EXPECT_EQ(net.app.proxy.requests(), 1u);
  net.deny(path_is("/a"));
  EXPECT_EQ(net.count(HttpStat::kRequestsCut), 0u);
  net.clients.listen_again(client, net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("ddd")) << client.heard.size();
}

// Heads with all the fields that there may be leave room for the copy that is judged later.
TEST(HttpAccess, TheLargestHeadIsKept) {
  AccessNet net;
  net.serve([](TextStream& stream) { stream.heard.clear(); });
  std::string fields;
  for (int i = 0; i < 98; ++i)
    fields += "x-" + std::to_string(i) + ": " + std::string(150, 'v') + "\r\n";
  net.ask(request("/a", fields));
  net.run(milliseconds(300));
  ASSERT_EQ(net.rules.active, 1);
  int seen = 0;
  net.deny([&](const policy::RequestHead& head) {
    seen = head.fields->size();
    return head.fields->find("x-97") != nullptr;
  });
  EXPECT_EQ(seen, 98);
  EXPECT_EQ(net.rules.active, 0);
}

TEST(HttpAccess, JudgingTakesNoMemory) {
  AccessNet net;
  net.rules.remembers = false;
  net.serve(kOk);
  TextStream& client = net.ask(request("/a"));
  net.run();
  net.rules.denies = path_is("/secret");
  const std::string three = request("/a") + request("/secret") + request("/a");
  net.clients.say(client, three, net.network.now());
  net.run();
  const uint64_t before = net.app.allocations;
  net.clients.say(client, three, net.network.now());
  net.run();
  EXPECT_EQ(net.app.allocations, before);
  EXPECT_EQ(net.count(HttpFault::kDenied), 2u);
}

}  // namespace
}  // namespace heddle::mesh
