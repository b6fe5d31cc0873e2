// What RateLimits and Faults make of requests: refused, delayed, answered or reset.
#include "http2_net.h"
#include "http_net.h"

namespace heddle::mesh {
namespace {

using Abort = HttpInjected::Abort;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
constexpr HttpLimited kBeyond{
    .name = "calls", .requests = 3, .per = seconds(60), .retry_after = milliseconds(1'001)};

std::string get(const std::string& path = "/a", const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\n" + more + "\r\n";
}
std::string call() {
  return "POST /shop.Cart/Get HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/grpc\r\n"
         "Content-Length: 0\r\n\r\n";
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Everything is beyond a limit.
struct LimitNet : HttpNet {
  LimitNet() {
    serve(kOk);
    rules.limits = [](const Client&, const http::Message&) { return kBeyond; };
  }
};

TEST(HttpLimit, WhoIsBeyondItIsToldWhenToComeAgain) {
  LimitNet net;
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 429 ")) << client.heard;
  EXPECT_TRUE(has(client.heard, "retry-after: 2\r\n")) << "rounded up";
  EXPECT_TRUE(has(client.heard, "ratelimit-policy: \"calls\";q=3;w=60\r\n")) << client.heard;
  EXPECT_TRUE(has(client.heard, "ratelimit: \"calls\";r=0;t=2\r\n"));
  EXPECT_TRUE(client.heard.ends_with("rate_limited\n"));
  EXPECT_TRUE(net.requests.empty());
  EXPECT_EQ(net.count(HttpFault::kRateLimited), 1u);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].status, 429);
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kRateLimited);
  net.rules.limits = nullptr;
  net.clients.say(client, get(), net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello")) << "the connection goes on";
}

TEST(HttpLimit, OfLessThanASecondHasNoWindow) {
  LimitNet net;
  net.rules.limits = [](const Client&, const http::Message&) {
    return HttpLimited{
        .name = "burst", .requests = 9, .per = milliseconds(100), .retry_after = Duration(1)};
  };
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(has(client.heard, "retry-after: 1\r\n"));
  EXPECT_TRUE(has(client.heard, "ratelimit-policy: \"burst\";q=9\r\n")) << client.heard;
}

TEST(HttpLimit, OfGrpcItIsResourceExhausted) {
  LimitNet net;
  TextStream& client = net.ask(call());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200 ")) << client.heard;
  EXPECT_TRUE(has(client.heard, "grpc-status: 8\r\n"));
  EXPECT_TRUE(has(client.heard, "grpc-message: rate_limited\r\n"));
}

TEST(HttpLimit, IsAskedBehindAccessAndBehindTheRule) {
  LimitNet net;
  int asked = 0;
  net.rules.limits = [&](const Client&, const http::Message&) {
    ++asked;
    return kBeyond;
  };
  net.rules.denies = [](const policy::RequestHead&) { return true; };
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 403 ")) << client.heard;
  net.rules.denies = nullptr;
  net.rules.found = false;
  net.clients.say(client, get(), net.network.now());
  net.run();
  EXPECT_TRUE(has(client.heard, "HTTP/1.1 404 ")) << client.heard;
  EXPECT_EQ(asked, 0) << "neither uses a token";
  net.rules.found = true;
  policy::HttpTarget direct;
  direct.direct = policy::HttpDirect{.status = 200, .body = "own"};
  net.rules.target = direct;
  net.clients.say(client, get(), net.network.now());
  net.run();
  EXPECT_TRUE(has(client.heard, "HTTP/1.1 429 ")) << "what a rule answers itself does";
  EXPECT_EQ(asked, 1);
}

TEST(HttpLimit, IsAskedOnceForARequestThatIsSentTwice) {
  HttpNet net;
  int asked = 0;
  net.rules.limits = [&](const Client&, const http::Message&) -> std::optional<HttpLimited> {
    ++asked;
    return std::nullopt;
  };
  TextStream& client = net.ask(get());  // nobody listens at the endpoint
  net.run(seconds(8));
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503 ")) << client.heard;
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_GT(net.rules.records[0].tries, 1);
  EXPECT_EQ(asked, 1);
}

struct FaultNet : HttpNet {
  explicit FaultNet(HttpInjected injected) {
    serve(kOk);
    rules.injects = [injected](const http::Message&) { return injected; };
  }
};

TEST(HttpFaults, ADelayComesBeforeTheEndpoint) {
  FaultNet net({.delay = milliseconds(700)});
  TextStream& client = net.ask(get());
  net.run(milliseconds(600));
  EXPECT_EQ(client.heard, "");
  EXPECT_TRUE(net.rules.sent.empty()) << "no endpoint is held";
  EXPECT_EQ(net.rules.active, 0);
  net.run(milliseconds(300));
  EXPECT_TRUE(client.heard.ends_with("hello")) << client.heard;
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kFaultDelay) << "it is told";
  EXPECT_EQ(net.rules.records[0].status, 200);
  EXPECT_GE(net.rules.records[0].time, milliseconds(700));
  EXPECT_EQ(net.count(HttpFault::kFaultDelay), 1u);
  // The idle time of a long delay is not that of the endpoint.
  net.rules.idle = milliseconds(300);
  net.clients.say(client, get(), net.network.now());
  net.run(seconds(2));
  EXPECT_TRUE(client.heard.ends_with("hello"));
  EXPECT_EQ(net.count(HttpFault::kIdleTimeout), 0u);
}

TEST(HttpFaults, ABodyWaitsWithItsRequest) {
  FaultNet net({.delay = milliseconds(700)});
  size_t got = 0;
  net.serve([&](TextStream& stream) {
    got += stream.heard.size();
    if (stream.heard.ends_with("!")) stream.to_say += kOk;
    stream.heard.clear();
  });
  TextStream& client = net.ask("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n" +
                               std::string(1'000'000, 'b') + "!");
  net.run(milliseconds(600));
  EXPECT_EQ(got, 0u);
  net.run(seconds(4));
  EXPECT_TRUE(client.heard.ends_with("hello"));
  EXPECT_GT(got, 1'000'000u);
}

TEST(HttpFaults, ADelayCountsForTheTimeOut) {
  FaultNet net({.delay = seconds(5)});
  policy::HttpTarget target;
  target.request_timeout = milliseconds(500);
  net.rules.target = target;
  TextStream& client = net.ask(get());
  net.run(seconds(1));
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 504 ")) << client.heard;
  EXPECT_EQ(net.rules.records.at(0).fault, HttpFault::kRequestTimeout);
  EXPECT_TRUE(net.requests.empty());
}

TEST(HttpFaults, WhoGoesWhileDelayedLeavesNothingBehind) {
  FaultNet net({.delay = seconds(30)});
  TextStream& client = net.ask(get());
  net.run(milliseconds(200));
  EXPECT_EQ(net.app.proxy.requests(), 1u);
  net.clients.hang_up(client, net.network.now());
  net.run(milliseconds(200));
  EXPECT_EQ(net.app.proxy.requests(), 0u) << "long before the delay is over";
  EXPECT_EQ(net.rules.records.at(0).fault, HttpFault::kClientGone);
  EXPECT_TRUE(net.rules.sent.empty());
}

TEST(HttpFaults, AStreamThatIsResetWhileDelayedIsGone) {
  Http2Client net;
  net.serve(kOk);
  net.rules.injects = [](const http::Message&) { return HttpInjected{.delay = seconds(30)}; };
  const http2::StreamId id = net.get("/a");
  net.talk(milliseconds(100));
  EXPECT_EQ(net.app.proxy.requests(), 1u);
  net.session.peer.session.reset(id, http2::ErrorCode::kCancel);
  net.talk(milliseconds(100));
  EXPECT_EQ(net.app.proxy.requests(), 0u);
  EXPECT_EQ(net.rules.records.at(0).fault, HttpFault::kClientGone);
}

TEST(HttpFaults, WhatPolicyDoesNotLetInAnyMoreIsNotDelayedFurther) {
  FaultNet net({.delay = seconds(30)});
  TextStream& client = net.ask(get());
  net.run(milliseconds(200));
  net.rules.denies = [](const policy::RequestHead&) { return true; };
  while (net.app.proxy.sweep(2, 64, net.network.now())) net.app.proxy.on_turn(net.network.now());
  net.node.wake(net.network.now());
  net.run(milliseconds(300));
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 403 ")) << client.heard;
}

TEST(HttpFaults, AnAbortLooksLikeTheEndpoints) {
  FaultNet net({.abort = Abort::kStatus, .code = 418});
  policy::HttpTarget target;
  target.response.set = {{"x-shop", "1"}};
  net.rules.target = target;
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 418 ")) << client.heard;
  EXPECT_TRUE(has(client.heard, "x-shop: 1\r\n")) << "with what the rule does to responses";
  EXPECT_FALSE(has(client.heard, "heddle")) << client.heard;
  EXPECT_TRUE(has(client.heard, "content-length: 0\r\n"));
  EXPECT_TRUE(net.rules.sent.empty());
  EXPECT_EQ(net.rules.records.at(0).fault, HttpFault::kFaultAbort);
  EXPECT_EQ(net.rules.records.at(0).status, 418);
  net.rules.injects = nullptr;
  net.clients.say(client, get(), net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello"));
}

TEST(HttpFaults, AnAbortOfGrpc) {
  FaultNet net({.abort = Abort::kGrpcStatus, .code = 14});
  TextStream& client = net.ask(call() + get());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200 ")) << client.heard;
  EXPECT_TRUE(has(client.heard, "grpc-status: 14\r\n"));
  EXPECT_TRUE(has(client.heard, "HTTP/1.1 503 ")) << "to who does not speak it";
  net.rules.injects = [](const http::Message&) {
    return HttpInjected{.abort = Abort::kStatus, .code = 401};
  };
  net.clients.say(client, call(), net.network.now());
  net.run();
  EXPECT_TRUE(has(client.heard, "grpc-status: 16\r\n")) << client.heard;
}

TEST(HttpFaults, AResetIsOne) {
  FaultNet net({.abort = Abort::kReset});
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_EQ(client.heard, "");
  EXPECT_TRUE(client.reset);
  EXPECT_TRUE(net.rules.sent.empty());
  EXPECT_EQ(net.rules.records.at(0).fault, HttpFault::kFaultReset);
  EXPECT_EQ(net.rules.records.at(0).status, 0);
}

TEST(HttpFaults, AResetOfAStreamLeavesTheOthers) {
  Http2Client net;
  net.serve(kOk);
  net.rules.injects = [](const http::Message& request) {
    return request.path() == "/bad" ? HttpInjected{.abort = Abort::kReset} : HttpInjected();
  };
  const http2::StreamId bad = net.get("/bad"), good = net.get("/good");
  net.talk();
  EXPECT_TRUE(net.session.has(bad, http2::Event::kClosed));
  EXPECT_EQ(net.session.peer.session.error(bad), http2::ErrorCode::kInternalError);
  EXPECT_FALSE(net.ended(bad));
  EXPECT_EQ(net.body(good), "hello");
  for (const http2::StreamId id : {bad, good}) net.session.peer.session.release(id);
}

TEST(HttpFaults, ADelayAndThenAnAbort) {
  FaultNet net({.delay = milliseconds(700), .abort = Abort::kStatus, .code = 503});
  TextStream& client = net.ask(get());
  net.run(milliseconds(600));
  EXPECT_EQ(client.heard, "");
  net.run(milliseconds(300));
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503 ")) << client.heard;
  EXPECT_EQ(net.rules.records.at(0).fault, HttpFault::kFaultAbort);
}

TEST(HttpFaults, WhatARuleAnswersItselfHasNone) {
  FaultNet net({.abort = Abort::kStatus, .code = 503});
  policy::HttpTarget target;
  target.direct = policy::HttpDirect{.status = 200, .body = "own"};
  net.rules.target = target;
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("own")) << client.heard;
}

TEST(HttpFaults, TakeNoMemory) {
  FaultNet net({.delay = milliseconds(5)});
  net.rules.remembers = false;
  TextStream& client = net.ask(get());
  for (int i = 0; i < 10; ++i) {
    net.run(milliseconds(100));
    net.clients.say(client, get(), net.network.now());
  }
  net.run();
  const uint64_t before = net.app.allocations;
  net.clients.say(client, get(), net.network.now());
  net.run();
  EXPECT_EQ(net.app.allocations, before);
}

}  // namespace
}  // namespace heddle::mesh
