// The HTTP proxy between kernels' worth of TCP: HTTP/1.1 on both sides.
#include "ends.h"
#include "http/http2/stats.h"
#include "http_net.h"

namespace heddle::mesh {
namespace {

using ::testing::Test;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

std::string get(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\n" + more + "\r\n";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string stream_text(size_t size) {
  std::string text;
  while (text.size() < size) {
    const auto part = sim::stream(text.size(), std::min<size_t>(size - text.size(), 1024));
    text.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  return text;
}

size_t times(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(HttpProxy, PassesRequestAndResponse) {
  HttpNet net;
  net.serve(kOk);
  TextStream& client = net.ask(get("/cart?x=1", "Accept: */*\r\n"));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 200 OK\r\n")) << client.heard;
  EXPECT_TRUE(client.heard.ends_with("\r\n\r\nhello"));
  ASSERT_EQ(net.requests.size(), 1u);
  const std::string& request = net.requests[0];
  EXPECT_TRUE(request.starts_with("GET /cart?x=1 HTTP/1.1\r\nhost: shop.example\r\n")) << request;
  EXPECT_TRUE(has(request, "accept: */*\r\n"));
  EXPECT_TRUE(has(request, "x-forwarded-for: 10.0.0.1\r\n")) << request;
  EXPECT_TRUE(has(request, "x-forwarded-proto: http\r\n"));
  EXPECT_TRUE(has(request, "via: 1.1 heddle\r\n"));
  EXPECT_EQ(times(request, "x-request-id: "), 1u);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].status, 200);
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kNone);
  EXPECT_EQ(net.rules.records[0].bytes_out, 5u);
  EXPECT_FALSE(client.ended);
}

TEST(HttpProxy, KeepsBothConnections) {
  HttpNet net;
  net.serve(kOk);
  TextStream& client = net.ask(get("/1"));
  for (int i = 0; i < 5; ++i) {
    net.run(milliseconds(100));
    net.clients.say(client, get("/again"), net.network.now());
  }
  net.run();
  EXPECT_EQ(times(client.heard, "hello"), 6u);
  EXPECT_EQ(net.servers.streams.size(), 1u);
  EXPECT_EQ(net.count(HttpStat::kUpstreams), 1u);
  EXPECT_EQ(net.count(HttpStat::kReused), 5u);
}

// Policy changes meanwhile: the connection is of the one before, its next request of the new one.
TEST(HttpProxy, TellsUnderWhichPoliciesSlotsWereGiven) {
  HttpNet net;
  net.serve(kOk);
  net.rules.version = 3;
  TextStream& client = net.ask(get("/1"));
  net.run(milliseconds(100));
  net.rules.version = 5;
  net.clients.say(client, get("/2"), net.network.now());
  net.run();
  ASSERT_EQ(net.rules.records.size(), 2u);
  EXPECT_EQ(net.rules.records[0].frontend_version, 3u);
  EXPECT_EQ(net.rules.records[0].rule_version, 3u);
  EXPECT_EQ(net.rules.records[1].frontend_version, 3u);
  EXPECT_EQ(net.rules.records[1].rule_version, 5u);
}

TEST(HttpProxy, KeepsConnectionsToEachPortOfAnEndpoint) {
  HttpNet net;
  net.server.transport().listen({.local = {address(2), Be16(kServerPort + 1)}});
  net.serve(kOk);
  TextStream& client = net.ask(get("/1"));
  for (int i = 0; i < 6; ++i) {
    net.run(milliseconds(100));
    net.rules.port = i % 2 == 0 ? kServerPort : kServerPort + 1;
    net.clients.say(client, get("/again"), net.network.now());
  }
  net.run();
  EXPECT_EQ(times(client.heard, "hello"), 7u);
  EXPECT_EQ(net.count(HttpStat::kUpstreams), 2u);
}

TEST(HttpProxy, TakesNoMemoryForRequestsOnceItStands) {
  HttpNet net;
  net.rules.remembers = false;
  policy::HttpTarget target;
  target.request.set = {{"x-rule", "a value that is longer than what a string keeps in itself"}};
  target.response.add = {{"x-from", "a value that is longer than what a string keeps in itself"}};
  net.rules.target = target;
  net.serve("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + stream_text(100'000));
  TextStream& client = net.ask(get("/"));
  net.run();
  const uint64_t before = net.app.allocations;
  EXPECT_EQ(before, 0u) << "connections of HTTP/1.1 in clear take none either";
  for (int i = 0; i < 20; ++i) {
    net.clients.say(client, get("/again?and=again"), net.network.now());
    net.run(milliseconds(500));
  }
  EXPECT_EQ(times(client.heard, "HTTP/1.1 200 OK"), 21u);
  EXPECT_EQ(net.app.allocations, before);
}

TEST(HttpProxy, AnswersPipelinedRequestsInOrder) {
  HttpNet net;
  net.serve(kOk);
  std::string all;
  for (int i = 0; i < 50; ++i) all += get("/" + std::to_string(i));
  TextStream& client = net.ask(all);
  net.run();
  EXPECT_EQ(times(client.heard, "hello"), 50u);
  ASSERT_EQ(net.rules.asked.size(), 50u);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(net.rules.asked[i], "/" + std::to_string(i));
}

TEST(HttpProxy, StreamsBodiesBothWays) {
  HttpNet net;
  const std::string body = stream_text(3'000'000);
  net.serve([&](TextStream& stream) {
    const size_t head = stream.heard.find("\r\n\r\n");
    if (head == std::string::npos || stream.heard.size() < head + 4 + body.size()) return;
    EXPECT_TRUE(stream.heard.substr(head + 4) == body);
    EXPECT_TRUE(has(stream.heard.substr(0, head), "content-length: 3000000"));
    stream.to_say += "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.to_say += "2dc6c0\r\n" + body + "\r\n0\r\nx-sum: 7\r\n\r\n";
    stream.heard.clear();
  });
  TextStream& client =
      net.ask("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + body);
  net.run(seconds(20));
  EXPECT_TRUE(has(client.heard, "transfer-encoding: chunked"));
  EXPECT_TRUE(client.heard.ends_with("0\r\nx-sum: 7\r\n\r\n"));
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].bytes_in, body.size());
  EXPECT_EQ(net.rules.records[0].bytes_out, body.size());
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kNone);
}

TEST(HttpProxy, ASlowReaderHoldsItsSenderUp) {
  HttpNet net;
  const std::string body = stream_text(8'000'000);
  net.serve("HTTP/1.1 200 OK\r\ncontent-length: 8000000\r\n\r\n" + body);
  TextStream& client = net.ask(get("/"));
  client.deaf = true;
  net.run(seconds(20));
  // What is on its way is bounded by the windows, far below the body.
  EXPECT_GT(net.servers.streams.front().to_say.size(), 2'000'000u);
  EXPECT_LT(net.node.transport().pieces().pinned(), 6'000'000u);
  net.clients.listen_again(client, net.network.now());
  net.run(seconds(30));
  EXPECT_TRUE(client.heard.ends_with(body));
}

struct FaultRow {
  const char* name;
  std::function<void(HttpNet&)> prepare;
  std::string request;
  const char* status_line;
  HttpFault fault;
  bool closes;
};

class HttpFaults : public ::testing::TestWithParam<FaultRow> {};

TEST_P(HttpFaults, IsAnsweredAndCounted) {
  const FaultRow& row = GetParam();
  HttpNet net;
  row.prepare(net);
  TextStream& client = net.ask(row.request);
  net.run(seconds(70));
  EXPECT_TRUE(client.heard.starts_with(row.status_line)) << client.heard;
  EXPECT_TRUE(has(client.heard, std::string(text_of(row.fault).name) + "\n")) << client.heard;
  EXPECT_EQ(net.count(row.fault), 1u);
  EXPECT_EQ(has(client.heard, "connection: close"), row.closes) << client.heard;
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].fault, row.fault);
}

std::string post(size_t bytes, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
         body;
}

const FaultRow kFaultRows[] = {
    {"BadRequest", [](HttpNet&) {}, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 ",
     HttpFault::kBadRequest, true},
    {"DotsAboveRoot", [](HttpNet&) {}, get("/a/../../b"), "HTTP/1.1 400 ", HttpFault::kBadRequest,
     true},
    {"Version", [](HttpNet&) {}, "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 ",
     HttpFault::kBadRequest, true},
    {"TooLarge", [](HttpNet&) {}, get("/", "X: " + std::string(9'000, 'x') + "\r\n"),
     "HTTP/1.1 431 ", HttpFault::kBadRequest, true},
    {"SlowHead", [](HttpNet&) {}, "GET / HTTP/1.1\r\nHost:", "HTTP/1.1 408 ",
     HttpFault::kHeadTimeout, true},
    {"Connect", [](HttpNet&) {}, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "HTTP/1.1 405 ",
     HttpFault::kMethod, true},
    {"NoRoute", [](HttpNet& net) { net.rules.found = false; }, get("/"), "HTTP/1.1 404 ",
     HttpFault::kNoRoute, false},
    {"NoEndpoint", [](HttpNet& net) { net.rules.fault = HttpFault::kNoEndpoint; }, get("/"),
     "HTTP/1.1 503 ", HttpFault::kNoEndpoint, false},
    {"ConnectRefused", [](HttpNet&) {}, get("/"), "HTTP/1.1 503 ", HttpFault::kConnectRefused,
     false},
    {"UpstreamCloses",
     [](HttpNet& net) { net.serve([](TextStream& stream) { stream.shut_when_said = true; }); },
     get("/"), "HTTP/1.1 502 ", HttpFault::kUpstreamReset, false},
    {"BadResponse", [](HttpNet& net) { net.serve("HTTP/1.1 2000 OK\r\n\r\n"); }, get("/"),
     "HTTP/1.1 502 ", HttpFault::kBadResponse, false},
    {"RequestTimeout",
     [](HttpNet& net) {
       net.rules.target.emplace();
       net.rules.target->request_timeout = seconds(2);
       net.serve([](TextStream&) {});
     },
     get("/"), "HTTP/1.1 504 ", HttpFault::kRequestTimeout, false},
    {"IdleTimeout",
     [](HttpNet& net) {
       net.rules.idle = seconds(3);
       net.serve([](TextStream&) {});
     },
     get("/"), "HTTP/1.1 504 ", HttpFault::kIdleTimeout, false},
    {"BadBody", [](HttpNet& net) { net.serve([](TextStream&) {}); },
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 ",
     HttpFault::kBadBody, true},
    {"LargeTrailers", [](HttpNet& net) { net.serve([](TextStream&) {}); },
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " +
         std::string(5'000, 'x') + "\r\n\r\n",
     "HTTP/1.1 431 ", HttpFault::kBadBody, true},
    {"UnreadBody", [](HttpNet& net) { net.rules.found = false; }, post(100'000, "x"),
     "HTTP/1.1 404 ", HttpFault::kNoRoute, true},
};

INSTANTIATE_TEST_SUITE_P(Rows, HttpFaults, ::testing::ValuesIn(kFaultRows),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(HttpProxy, ReadsThePathAsItsEndpointWill) {
  HttpNet net;
  net.serve(kOk);
  net.ask(get("/a/%2e%2E/b/./%63%2f?q=/../%41"));
  net.run();
  EXPECT_EQ(net.rules.asked.at(0), "/b/c%2F?q=/../%41");
  EXPECT_TRUE(net.requests.at(0).starts_with("GET /b/c%2F?q=/../%41 HTTP/1.1\r\n"));
}

TEST(HttpProxy, ARuleAnswersAndRedirects) {
  HttpNet net;
  net.rules.target.emplace();
  net.rules.target->direct = policy::HttpDirect{418, "short and stout\n", "text/tea"};
  net.rules.target->response.set.push_back({"x-by", "rule"});
  TextStream& client = net.ask(get("/pot"));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 418 ")) << client.heard;
  EXPECT_TRUE(has(client.heard, "content-type: text/tea\r\n"));
  EXPECT_TRUE(has(client.heard, "x-by: rule\r\n"));
  EXPECT_TRUE(client.heard.ends_with("short and stout\n"));
  net.rules.target->direct.reset();
  net.rules.target->redirect =
      policy::HttpRedirect{.scheme = "https",
                           .path_kind = policy::HttpRedirect::Path::kPrefix,
                           .path = "/new",
                           .status = 308};
  net.rules.prefix = 4;
  client.heard.clear();
  net.clients.say(client, get("/old/x?y=1"), net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 308 "));
  EXPECT_TRUE(has(client.heard, "location: https://shop.example/new/x?y=1\r\n")) << client.heard;
  EXPECT_EQ(net.rules.active, 0);
}

TEST(HttpProxy, ARuleChangesHeads) {
  HttpNet net;
  net.serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nserver: nginx\r\n\r\n");
  policy::HttpTarget& target = net.rules.target.emplace();
  target.request.set.push_back({"x-tenant", "shop"});
  target.request.remove.push_back("cookie");
  target.response.remove.push_back("server");
  target.response.add.push_back({"x-served", "yes"});
  target.rewrite = policy::HttpRewrite{
      .host = "cart.internal", .path_kind = policy::HttpRewrite::Path::kPrefix, .path = "/"};
  net.rules.prefix = 3;
  TextStream& client = net.ask(get("/v2/items?a", "X-Tenant: evil\r\nCookie: a=b\r\n"));
  net.run();
  const std::string& request = net.requests.at(0);
  EXPECT_TRUE(request.starts_with("GET /items?a HTTP/1.1\r\nhost: cart.internal\r\n")) << request;
  EXPECT_TRUE(has(request, "x-tenant: shop\r\n"));
  EXPECT_FALSE(has(request, "evil"));
  EXPECT_FALSE(has(request, "cookie"));
  EXPECT_FALSE(has(client.heard, "nginx"));
  EXPECT_TRUE(has(client.heard, "x-served: yes\r\n"));
  ASSERT_EQ(net.rules.ended_of.size(), 1u);
  EXPECT_EQ(net.rules.ended_of[0], "shop.example/v2/items?a") << "as the client asked";
}

TEST(HttpProxy, ARequestFindsItsConnectionClosedAndIsSentAgain) {
  HttpNet net;
  int served = 0;
  net.serve([&](TextStream& stream) {
    if (!has(stream.heard, "\r\n\r\n")) return;
    stream.heard.clear();
    // The second request of the first connection meets its end.
    if (++served == 2) {
      stream.shut_when_said = true;
      return;
    }
    stream.to_say += kOk;
  });
  TextStream& client = net.ask(get("/1"));
  net.run();
  net.clients.say(client, get("/2"), net.network.now());
  net.run();
  EXPECT_EQ(times(client.heard, "hello"), 2u) << client.heard;
  EXPECT_EQ(net.count(HttpStat::kRetriedReused), 1u);
  EXPECT_EQ(net.servers.streams.size(), 2u);
}

// What has begun to answer has the request: it is not sent again.
TEST(HttpProxy, HalfAnAnswerIsNoConnectionThatHadEnded) {
  for (const char* half : {"HTTP/1.1 20", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    HttpNet net;
    int served = 0;
    net.serve([&](TextStream& stream) {
      if (!has(stream.heard, "\r\n\r\n")) return;
      stream.heard.clear();
      stream.to_say += ++served == 2 ? half : kOk;
      stream.shut_when_said = served == 2;
    });
    TextStream& client = net.ask(get("/1"));
    net.run();
    net.clients.say(client, get("/2"), net.network.now());
    net.run();
    EXPECT_TRUE(has(client.heard, "HTTP/1.1 502 ")) << client.heard;
    EXPECT_EQ(served, 2);
    EXPECT_EQ(net.count(HttpStat::kRetriedReused), 0u);
  }
}

TEST(HttpProxy, AnInterimAnswerWithALengthIsFollowedByTheLast) {
  HttpNet net;
  net.serve([](TextStream& stream) {
    if (!has(stream.heard, "\r\n\r\n")) return;
    stream.heard.clear();
    stream.to_say += "HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n";
    stream.to_say += kOk;
  });
  TextStream& client = net.ask(get("/1"));
  net.run();
  net.clients.say(client, get("/2"), net.network.now());
  net.run();
  EXPECT_EQ(times(client.heard, "hello"), 2u) << client.heard;
  EXPECT_EQ(net.servers.streams.size(), 2u);
}

// Each of the kept connections fails only when it is asked.
TEST(HttpProxy, AnEndpointThatForgotAllItsConnectionsIsReachedByANewOne) {
  HttpNet net;
  net.serve(kOk);
  std::vector<TextStream*> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(&net.ask(get("/")));
  net.run();
  ASSERT_EQ(net.servers.streams.size(), 8u);
  for (TextStream& each : net.servers.streams) {
    net.server.transport().forget(each.id, net.network.now());
    each.closed = true;
  }
  net.clients.say(*clients[0], get("/again"), net.network.now());
  net.run();
  EXPECT_EQ(times(clients[0]->heard, "HTTP/1.1 200 OK"), 2u);
  EXPECT_EQ(net.count(HttpStat::kRetriedReused), 1u);
  EXPECT_EQ(net.servers.streams.size(), 9u);
}

TEST(HttpProxy, PassesInterimAnswersAndExpectations) {
  HttpNet net;
  net.serve([](TextStream& stream) {
    if (stream.heard.ends_with("\r\n\r\n") && has(stream.heard, "expect: 100-continue"))
      stream.to_say += "HTTP/1.1 100 Continue\r\n\r\n";
    if (stream.heard.ends_with("body")) stream.to_say += kOk;
  });
  TextStream& client =
      net.ask("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  net.run();
  EXPECT_EQ(client.heard, "HTTP/1.1 100 Continue\r\n\r\n");
  net.clients.say(client, "body", net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello"));
}

TEST(HttpProxy, AnswersBeforeTheAnswerHaveAnEnd) {
  HttpNet net;
  net.serve([](TextStream& stream) {
    for (int i = 0; i < 100; ++i) stream.to_say += "HTTP/1.1 103 Early Hints\r\n\r\n";
  });
  TextStream& client = net.ask(get("/"));
  net.run();
  EXPECT_EQ(times(client.heard, "HTTP/1.1 103 "), 16u);
  EXPECT_TRUE(has(client.heard, "HTTP/1.1 502 Bad Gateway")) << client.heard;
  EXPECT_EQ(net.app.proxy.http2_counters()[http::Refusal::kTooManyInterims], 1u);
}

TEST(HttpProxy, OneThatReadsNoAnswersIsAskedForNoMoreRequests) {
  HttpNet net;
  net.rules.target.emplace();
  net.rules.target->redirect = policy::HttpRedirect{.path = "/", .status = 301};
  std::string all;
  for (int i = 0; i < 40'000; ++i) all += get("/");
  TextStream& client = net.ask(all);
  client.deaf = true;
  net.run(seconds(10));
  // What the two queues of TCP hold, about a megabyte each, and no more.
  EXPECT_LT(net.rules.records.size(), 20'000u);
  EXPECT_LT(net.node.transport().pieces().pinned(), 4'000'000u);
  net.clients.listen_again(client, net.network.now());
  net.run(seconds(10));
  EXPECT_EQ(times(client.heard, "HTTP/1.1 301 "), 40'000u);
}

TEST(HttpProxy, ATunnelThatTheEndpointsPolicyDoesNotLetInEnds) {
  HttpNet net;
  net.serve("HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n");
  TextStream& client = net.ask(get("/chat", "Upgrade: chat\r\nConnection: Upgrade\r\n"));
  net.run();
  EXPECT_EQ(net.rules.active, 1);
  net.rules.stays = false;
  while (net.app.proxy.sweep(2, 64, net.network.now())) net.app.proxy.on_turn(net.network.now());
  net.node.wake(net.network.now());
  net.run();
  EXPECT_EQ(net.rules.active, 0);
  EXPECT_TRUE(client.reset);
  EXPECT_EQ(net.count(HttpFault::kDenied), 1u);
}

TEST(HttpProxy, OneRequestTooManyIsToldSo) {
  HttpLimits limits = small_limits();
  limits.requests = 2;
  HttpNet net(limits);
  net.serve([](TextStream&) {});
  net.ask(get("/1"));
  net.ask(get("/2"));
  net.run();
  TextStream& third = net.ask(get("/3"));
  net.run();
  EXPECT_TRUE(third.heard.starts_with("HTTP/1.1 503 ")) << third.heard;
  EXPECT_TRUE(third.ended);
  EXPECT_EQ(net.count(HttpFault::kOverload), 1u);
}

TEST(HttpProxy, AnUpgradeBecomesATunnel) {
  HttpNet net;
  net.serve([](TextStream& stream) {
    if (has(stream.heard, "upgrade: websocket")) {
      stream.to_say +=
          "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
      stream.heard.clear();
    } else if (!stream.heard.empty()) {
      stream.to_say += "<" + stream.heard + ">";
      stream.heard.clear();
    }
  });
  TextStream& client = net.ask(
      get("/chat", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\n"));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 101 ")) << client.heard;
  client.heard.clear();
  for (const char* word : {"one", "GET / HTTP/1.1\r\n\r\n"}) {
    net.clients.say(client, word, net.network.now());
    net.run();
  }
  EXPECT_EQ(client.heard, "<one><GET / HTTP/1.1\r\n\r\n>");
  EXPECT_EQ(net.count(HttpStat::kUpgrades), 1u);
}

TEST(HttpProxy, AResponseThatIsCutOffDoesNotLookWhole) {
  HttpNet net;
  net.serve([](TextStream& stream) {
    stream.to_say += "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    stream.shut_when_said = true;
  });
  TextStream& client = net.ask(get("/"));
  net.run();
  EXPECT_TRUE(client.reset);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(text_of(net.rules.records[0].fault).name, "upstream_reset");
  EXPECT_EQ(net.count(HttpFault::kUpstreamReset), 1u);
}

TEST(HttpProxy, OneThatLeavesTakesItsRequestAlong) {
  HttpNet net;
  net.serve([](TextStream&) {});
  TextStream& client = net.ask(get("/"));
  net.run();
  EXPECT_EQ(net.rules.active, 1);
  net.clients.hang_up(client, net.network.now());
  net.run();
  EXPECT_EQ(net.rules.active, 0);
  EXPECT_EQ(net.count(HttpFault::kClientGone), 1u);
  EXPECT_TRUE(net.servers.streams.front().reset);
}

TEST(HttpProxy, ABodyThatTheEndEndsIsPassedOn) {
  HttpNet net;
  net.serve([](TextStream& stream) {
    stream.to_say += "HTTP/1.0 200 OK\r\n\r\nall of it";
    stream.shut_when_said = true;
  });
  TextStream& client = net.ask(get("/"));
  net.run();
  EXPECT_TRUE(client.heard.ends_with("9\r\nall of it\r\n0\r\n\r\n")) << client.heard;
}

TEST(HttpProxy, APolicyThatDeniesEndsConnections) {
  HttpNet net;
  net.serve(kOk);
  TextStream& client = net.ask(get("/"));
  net.run();
  net.rules.standing = Standing::kReset;
  while (net.app.proxy.sweep(2, 64, net.network.now())) {
  }
  net.node.wake(net.network.now());
  net.run();
  EXPECT_TRUE(client.reset);
}

// Policy must not take a client for one without TLS whose handshake is under way.
TEST(HttpProxy, WhoShakesHandsIsJudgedAsSuch) {
  HttpNet net;
  net.rules.side = ClientSide::kTls;
  net.rules.client_tls =
      tls::make_context({.certificates = {tls::config_of(tls::workload("node"))}});
  TextStream& client = net.ask("\x16\x03\x01\x02");  // a ClientHello begins so
  net.run();
  ASSERT_FALSE(client.reset);
  while (net.app.proxy.sweep(2, 64, net.network.now())) net.app.proxy.on_turn(net.network.now());
  EXPECT_TRUE(net.rules.last_shaking);
}

TEST(HttpProxy, WhoHasBegunIsNot) {
  HttpNet net;
  net.serve(kOk);
  net.ask(get("/"));
  net.run();
  net.rules.last_shaking = true;
  while (net.app.proxy.sweep(3, 64, net.network.now())) net.app.proxy.on_turn(net.network.now());
  EXPECT_FALSE(net.rules.last_shaking);
}

}  // namespace
}  // namespace heddle::mesh
