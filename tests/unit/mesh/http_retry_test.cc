// Tries beside the first, bounds of a service, and what is seen of endpoints.
#include "ends.h"
#include "http_net.h"
#include "resilience/breaker.h"
#include "resilience/endpoint_state.h"

namespace heddle::mesh {
namespace {

using policy::RetryOn;
using resilience::Bound;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
constexpr const char* kBusy = "HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nbusy";
constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

size_t times(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

std::string post(const std::string& body) {
  return "POST /buy HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

policy::Retry retry_on(std::initializer_list<RetryOn> conditions, uint8_t attempts = 2) {
  policy::Retry retry{.attempts = attempts};
  for (const RetryOn each : conditions) retry.add(each);
  return retry;
}

// One service's bounds and one endpoint's state, as policy has them.
struct Guarded {
  explicit Guarded(HttpNet& net, const resilience::BreakerTerms& terms = {})
      : breaker(std::make_shared<resilience::Breaker>(terms, 1)) {
    net.rules.bounds.service = {breaker, &breaker->end(0)};
    net.rules.bounds.endpoint = state;
    net.rules.bounds.endpoint_requests = terms.endpoint_requests;
  }
  std::shared_ptr<resilience::Attention> attention = std::make_shared<resilience::Attention>();
  std::shared_ptr<resilience::EndpointState> state =
      std::make_shared<resilience::EndpointState>(attention);
  std::shared_ptr<resilience::Breaker> breaker;
};

// Answers requests with these, one after the other, and then with the last of them. What a request
// had for a body is kept.
struct Script {
  Script(HttpNet& net, std::vector<std::string> given) : answers(std::move(given)) {
    net.serve([this](TextStream& stream) { serve(stream); });
  }
  void serve(TextStream& stream) {
    while (true) {
      const size_t head = stream.heard.find("\r\n\r\n");
      if (head == std::string::npos) return;
      size_t length = 0;
      if (const size_t at = stream.heard.find("content-length: "); at < head)
        length = std::stoul(stream.heard.substr(at + 16));
      if (stream.heard.size() < head + 4 + length) return;
      bodies.push_back(stream.heard.substr(head + 4, length));
      stream.heard.erase(0, head + 4 + length);
      stream.to_say += answers[std::min(bodies.size(), answers.size()) - 1];
    }
  }
  std::vector<std::string> answers, bodies;
};

TEST(HttpRetry, AnotherTryForA503) {
  HttpNet net;
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::kGatewayError}));
  Script server(net, {kBusy, kBusy, kOk});
  TextStream& client = net.ask(kGet);
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200")) << client.heard;
  EXPECT_FALSE(client.heard.contains("busy"));
  EXPECT_EQ(server.bodies.size(), 3u);
  EXPECT_EQ(net.count(HttpStat::kRetried), 2u);
  // The connection was read to the answer's end, and used again.
  EXPECT_EQ(net.count(HttpStat::kUpstreams), 1u);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].tries, 3);
  EXPECT_EQ(net.rules.records[0].status, 200);
  // The endpoint is left out where there are others.
  EXPECT_EQ(net.rules.tried, (std::vector<uint32_t>{kEndpoint, kEndpoint}));
}

TEST(HttpRetry, NoMoreThanAttempts) {
  HttpNet net;
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::k5xx}, 3));
  Script server(net, {kBusy});
  TextStream& client = net.ask(kGet);
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503")) << client.heard;
  EXPECT_TRUE(client.heard.ends_with("busy"));
  EXPECT_EQ(server.bodies.size(), 4u);
}

TEST(HttpRetry, OnlyForWhatPolicySays) {
  HttpNet net;
  policy::Retry retry =
      retry_on({RetryOn::kConnectFailure, RetryOn::kStatusCodes, RetryOn::kHeaders});
  retry.status_codes = {409};
  retry.headers = {"x-again"};
  net.rules.retry = std::make_shared<policy::Retry>(retry);
  Script server(net, {kBusy, "HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nX-Again: 1\r\ncontent-length: 0\r\n\r\n", kOk});
  TextStream& client = net.ask(kGet);
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503"));
  EXPECT_EQ(server.bodies.size(), 1u);
  net.clients.say(client, kGet, net.network.now());
  net.run();
  EXPECT_EQ(server.bodies.size(), 4u);
  EXPECT_EQ(times(client.heard, "HTTP/1.1 "), 2u);
  EXPECT_TRUE(client.heard.ends_with("hello"));
}

TEST(HttpRetry, TheBodyIsSentAgain) {
  HttpNet net;
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::k5xx}));
  const std::string body(20'000, 'b');
  Script server(net, {kBusy, kBusy, kOk});
  TextStream& client = net.ask(post(body));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200")) << client.heard.substr(0, 40);
  EXPECT_EQ(server.bodies, (std::vector<std::string>{body, body, body}));
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].bytes_in, body.size());
}

TEST(HttpRetry, ABodyThatIsTooLargeHasOneTry) {
  HttpNet net;
  policy::Retry retry = retry_on({RetryOn::k5xx});
  retry.body_bytes = 1'000;
  net.rules.retry = std::make_shared<policy::Retry>(retry);
  Script server(net, {kBusy, kOk});
  TextStream& client = net.ask(post(std::string(2'000, 'b')));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503"));
  EXPECT_EQ(server.bodies.size(), 1u);
  EXPECT_EQ(net.count(HttpStat::kRetriesTooLarge), 1u);
}

TEST(HttpRetry, ATryHasItsTime) {
  HttpNet net;
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::kReset}));
  net.rules.per_try = milliseconds(100);
  Guarded guarded(net);
  Script server(net, {"", kOk});
  TextStream& client = net.ask(kGet);
  net.run(milliseconds(90));
  EXPECT_EQ(client.heard, "");
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200")) << client.heard;
  EXPECT_EQ(guarded.state->counts().take().failures, 1u);
  EXPECT_EQ(guarded.state->requests(), 0u);
}

TEST(HttpRetry, WithoutAnotherTryALateOneIsA504) {
  HttpNet net;
  net.rules.per_try = milliseconds(100);
  Script server(net, {""});
  TextStream& client = net.ask(kGet);
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 504")) << client.heard;
  EXPECT_EQ(net.count(HttpFault::kTryTimeout), 1u);
}

TEST(HttpRetry, WaitsAsLongAsTheEndpointAsks) {
  HttpNet net;
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::k5xx}));
  Script server(net, {"HTTP/1.1 503 No\r\nRetry-After: 2\r\ncontent-length: 0\r\n\r\n", kOk});
  TextStream& client = net.ask(kGet);
  net.run(milliseconds(1'900));
  EXPECT_EQ(client.heard, "");
  EXPECT_EQ(server.bodies.size(), 1u);
  net.run(milliseconds(500));
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200"));
}

TEST(HttpRetry, ButNotBeyondTheRequestsTime) {
  HttpNet net;
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::k5xx}));
  net.rules.target.emplace();
  net.rules.target->request_timeout = seconds(1);
  Script server(net, {"HTTP/1.1 503 No\r\nRetry-After: 2\r\ncontent-length: 0\r\n\r\n", kOk});
  TextStream& client = net.ask(kGet);
  net.run(milliseconds(500));
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503")) << "told at once: " << client.heard;
  EXPECT_EQ(server.bodies.size(), 1u);
}

TEST(HttpRetry, AClientThatLeavesBetweenTries) {
  HttpNet net;
  Guarded guarded(net);
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::k5xx}));
  Script server(net, {"HTTP/1.1 503 No\r\nRetry-After: 5\r\ncontent-length: 0\r\n\r\n", kOk});
  TextStream& client = net.ask(post(std::string(1'000, 'b')));
  net.run(seconds(1));
  net.clients.hang_up(client, net.network.now());
  net.run(seconds(10));
  EXPECT_EQ(server.bodies.size(), 1u);
  EXPECT_EQ(net.count(HttpFault::kClientGone), 1u);
  for (const Bound bound : {Bound::kRequests, Bound::kPending, Bound::kRetries})
    EXPECT_EQ(guarded.breaker->in_use(bound), 0u);
}

TEST(HttpRetry, NoMoreThanTheBudget) {
  HttpNet net;
  Guarded guarded(net, {.retries = {.share = 0, .least = 0}});
  net.rules.retry = std::make_shared<policy::Retry>(retry_on({RetryOn::k5xx}));
  Script server(net, {kBusy, kOk});
  TextStream& client = net.ask(kGet);
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 503"));
  EXPECT_EQ(server.bodies.size(), 1u);
  EXPECT_EQ(net.count(HttpStat::kRetriesLeftOut), 1u);
  EXPECT_EQ(guarded.breaker->refused(Bound::kRetries), 1u);
}

TEST(HttpBreaker, OneMoreRequestIsRefusedAtOnce) {
  HttpNet net;
  Guarded guarded(net, {.requests = 1});
  Script server(net, {""});
  TextStream& first = net.ask(kGet);
  net.run(milliseconds(100));
  TextStream& second = net.ask(kGet);
  net.run(milliseconds(100));
  EXPECT_EQ(first.heard, "");
  EXPECT_TRUE(second.heard.starts_with("HTTP/1.1 503")) << second.heard;
  EXPECT_TRUE(second.heard.ends_with("breaker\n"));
  EXPECT_EQ(net.count(HttpFault::kBreaker), 1u);
  EXPECT_EQ(guarded.breaker->in_use(Bound::kRequests), 1u);
  EXPECT_EQ(server.bodies.size(), 1u);
}

TEST(HttpBreaker, RequestsWaitForAConnection) {
  HttpNet net;
  Guarded guarded(net, {.connections = 1, .pending = 1});
  std::vector<TextStream*> asked;
  net.serve([&](TextStream& stream) {
    if (stream.heard.contains("\r\n\r\n")) asked.push_back(&stream);
  });
  TextStream& first = net.ask(kGet);
  net.run(milliseconds(50));
  TextStream& second = net.ask(kGet);
  net.run(milliseconds(50));
  TextStream& third = net.ask(kGet);
  net.run(milliseconds(50));
  EXPECT_TRUE(third.heard.starts_with("HTTP/1.1 503")) << third.heard;
  EXPECT_EQ(second.heard, "");
  EXPECT_EQ(guarded.breaker->in_use(Bound::kPending), 1u);
  ASSERT_EQ(asked.size(), 1u);
  asked[0]->heard.clear();
  net.servers.say(*asked[0], kOk, net.network.now());
  net.run(milliseconds(50));
  EXPECT_TRUE(first.heard.starts_with("HTTP/1.1 200"));
  EXPECT_EQ(guarded.breaker->in_use(Bound::kPending), 0u);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[1], asked[0]) << "the same connection";
  net.servers.say(*asked[1], kOk, net.network.now());
  net.run(milliseconds(50));
  EXPECT_TRUE(second.heard.starts_with("HTTP/1.1 200"));
  EXPECT_EQ(guarded.breaker->in_use(Bound::kConnections), 1u);
}

TEST(HttpBreaker, AKeptConnectionGivesWay) {
  HttpNet net;
  Guarded guarded(net, {.connections = 1});
  net.serve(kOk);
  net.ask(kGet);
  net.run(milliseconds(50));
  EXPECT_EQ(guarded.breaker->in_use(Bound::kConnections), 1u);
  net.rules.proxy_header = ProxyHeaderVersion::kV1;  // one of its own is needed
  TextStream& second = net.ask(kGet);
  net.run(milliseconds(50));
  EXPECT_TRUE(second.heard.starts_with("HTTP/1.1 200")) << second.heard;
  EXPECT_EQ(net.count(HttpStat::kUpstreams), 2u);
  EXPECT_EQ(guarded.breaker->in_use(Bound::kConnections), 0u);
}

TEST(HttpBreaker, WhatIsSeenOfAnEndpoint) {
  HttpNet net;
  Guarded guarded(net);
  guarded.state->set_rows({.server = 2});
  Script server(net, {kOk, kBusy, kBusy, kOk});
  TextStream& client = net.ask(kGet);
  net.run(milliseconds(100));
  EXPECT_FALSE(guarded.attention->take());
  for (int i = 0; i < 2; ++i) {
    net.clients.say(client, kGet, net.network.now());
    net.run(milliseconds(100));
  }
  EXPECT_EQ(guarded.state->counts().rows().server, 2u);
  EXPECT_TRUE(guarded.attention->take());
  const auto window = guarded.state->counts().take();
  EXPECT_EQ(window.successes, 1u);
  EXPECT_EQ(window.failures, 2u);
}

}  // namespace
}  // namespace heddle::mesh
