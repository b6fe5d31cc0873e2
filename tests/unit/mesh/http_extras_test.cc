// Mirrors, CORS, cookies of affinity, Date, Server and what is told at the edge.
#include "http_net.h"
#include "policy/http_affinity.h"
#include "policy/http_cors.h"

namespace heddle::mesh {
namespace {

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
constexpr uint16_t kMirrorPort = kServerPort + 1;

std::string get(const std::string& more = {}) {
  return "GET /a HTTP/1.1\r\nHost: shop.example\r\n" + more + "\r\n";
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What the server and the mirror, which is another port of it, have heard.
struct MirrorNet : HttpNet {
  explicit MirrorNet(const HttpLimits& limits = small_limits(),
                     const tcp::Limits& tcp = sim::Host::small_limits())
      : HttpNet(limits, wire(), wire(), tcp) {
    policy::HttpTarget its;
    its.mirror = policy::HttpMirrorTarget{};
    rules.target = its;
    rules.mirrors = true;
  }
  void listen(std::function<void(TextStream&, bool mirror)> answer) {
    server.transport().listen({.local = {address(2), Be16(kMirrorPort)}});
    serve([this, answer](TextStream& stream) { answer(stream, is_mirror(stream)); });
  }
  bool is_mirror(const TextStream& stream) {
    return server.transport().find(stream.id)->tuple().local.port.host() == kMirrorPort;
  }
  std::string heard[2];
};

TEST(HttpMirror, GetsWhatTheServerGets) {
  MirrorNet net;
  net.listen([&](TextStream& stream, bool mirror) {
    net.heard[mirror] += stream.heard;
    const bool whole = stream.heard.ends_with("\r\n\r\n") || stream.heard.ends_with("!");
    stream.heard.clear();
    if (whole) stream.to_say += mirror ? "HTTP/1.1 500 No\r\ncontent-length: 3\r\n\r\nbad" : kOk;
  });
  TextStream& client = net.ask(get());
  net.run();
  net.clients.say(client,
                  "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n" +
                      std::string(100'000, 'b') + "!",
                  net.network.now());
  net.run();
  EXPECT_TRUE(client.heard.ends_with("hello")) << client.heard;
  EXPECT_FALSE(has(client.heard, "bad"));
  EXPECT_EQ(net.heard[0], net.heard[1]);
  EXPECT_TRUE(has(net.heard[1], std::string(100'000, 'b') + "!"));
  EXPECT_EQ(net.count(HttpStat::kMirrored), 2u);
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 0u);
  EXPECT_EQ(net.count(HttpStat::kUpstreams), 2u) << "the mirror's connection is kept as well";
}

TEST(HttpMirror, ThatIsSlowOrAwayHoldsNobodyUp) {
  MirrorNet net;
  const std::string body(2'000'000, 'b');
  size_t got = 0;
  net.listen([&](TextStream& stream, bool mirror) {
    if (mirror) {
      stream.deaf = true;
      return;
    }
    got += stream.heard.size();
    const bool whole = stream.heard.ends_with("!");
    stream.heard.clear();
    if (whole) stream.to_say += kOk;
  });
  TextStream& client =
      net.ask("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2000001\r\n\r\n" + body + "!");
  net.run(seconds(3));
  EXPECT_TRUE(client.heard.ends_with("hello"));
  EXPECT_GT(got, body.size());
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 1u);
  net.rules.mirror_port = kMirrorPort + 1;  // nobody listens
  net.clients.say(client, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n!",
                  net.network.now());
  net.run();
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 2u);
  EXPECT_EQ(net.app.proxy.requests(), 0u);
}

TEST(HttpMirror, AChunkedBodyAndItsTrailersAreCopied) {
  for (const bool http2 : {false, true}) {
    MirrorNet net;
    net.rules.http2 = http2;
    net.listen([&](TextStream& stream, bool mirror) {
      net.heard[mirror] += stream.heard;
      const bool whole = net.heard[mirror].ends_with("0\r\nx-sum: 1\r\n\r\n");
      stream.heard.clear();
      if (whole) stream.to_say += kOk;
    });
    net.ask(
        "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        "0\r\nx-sum: 1\r\n\r\n");
    net.run();
    if (!http2) {
      EXPECT_TRUE(net.heard[1].ends_with("0\r\nx-sum: 1\r\n\r\n")) << net.heard[1];
    }
    EXPECT_EQ(net.heard[0].size(), net.heard[1].size());
    EXPECT_TRUE(has(net.heard[1], "abc"));
  }
}

TEST(HttpMirror, EndsWithARequestThatIsNeverWhole) {
  MirrorNet net;
  net.listen([&](TextStream& stream, bool mirror) { net.heard[mirror] += stream.heard; });
  TextStream& client = net.ask("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  net.run(milliseconds(500));
  EXPECT_TRUE(has(net.heard[1], "abc"));
  net.clients.hang_up(client, net.network.now());
  net.run();
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 1u);
  EXPECT_EQ(net.app.proxy.requests(), 0u);
}

TEST(HttpMirror, ThatSaysNothingGivesItsPlaceBack) {
  MirrorNet net;
  net.rules.idle = seconds(3'600);
  net.listen([&](TextStream& stream, bool mirror) {
    if (!mirror && stream.heard.ends_with("\r\n\r\n")) stream.to_say += kOk;
    stream.heard.clear();
  });
  TextStream& client = net.ask(get());
  for (int i = 0; i < 20; ++i) {
    net.run(milliseconds(100));
    net.clients.say(client, get(), net.network.now());
  }
  net.run();
  EXPECT_EQ(net.count(HttpStat::kMirrored), 8u) << "a quarter of the 32 that may be in work";
  EXPECT_EQ(net.count(HttpStat::kMirrorsLeftOut), 13u);
  EXPECT_EQ(net.app.proxy.requests(), 8u);
  net.run(seconds(31));
  EXPECT_EQ(net.app.proxy.requests(), 0u);
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 8u);
}

TEST(HttpMirror, ThatNeverEndsItsResponseGivesItsPlaceBack) {
  MirrorNet net;
  net.listen([&](TextStream& stream, bool mirror) {
    if (!mirror && stream.heard.ends_with("\r\n\r\n")) stream.to_say += kOk;
    if (mirror) stream.to_say += "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.heard.clear();
  });
  net.ask(get());
  net.run();
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(net.app.proxy.requests(), 1u);
    for (TextStream& each : net.servers.streams)
      if (net.is_mirror(each)) net.servers.say(each, "1\r\n.\r\n", net.network.now());
    net.run(seconds(1));
  }
  net.run(seconds(5));
  EXPECT_EQ(net.app.proxy.requests(), 0u);
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 1u);
}

TEST(HttpMirror, BodiesThatWaitTakeAShareOfMemory) {
  for (const bool scarce : {false, true}) {
    tcp::Limits tcp = sim::Host::small_limits();
    if (scarce) tcp.memory = 4 << 20;
    MirrorNet net(small_limits(), tcp);
    net.listen([&](TextStream& stream, bool mirror) {
      stream.deaf = mirror;
      if (!mirror) stream.heard.clear();
    });
    const uint64_t most = net.node.transport().memory_limit() / 8;
    // More than the mirror's window takes, and less than one copy may have waiting.
    const std::string body(400'000, 'b');
    for (int i = 0; i < 8; ++i)
      net.ask("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + body);
    for (int i = 0; i < 100; ++i) {
      net.run(milliseconds(20));
      EXPECT_LE(net.app.proxy.shadow_bytes(), most + 2048);
    }
    EXPECT_EQ(net.count(HttpStat::kMirrored), 8u);
    EXPECT_EQ(net.count(HttpStat::kMirrorsFailed) > 0, scarce);
  }
}

TEST(HttpMirror, ThatPolicyDeniesIsCutOff) {
  MirrorNet net;
  net.listen([](TextStream&, bool) {});
  net.ask("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  net.run();
  net.rules.mirror_denied = true;
  while (net.app.proxy.sweep(7, 64, net.network.now())) {
  }
  net.run();
  EXPECT_EQ(net.count(HttpStat::kMirrorsFailed), 1u);
  EXPECT_EQ(net.app.proxy.requests(), 1u);
}

TEST(HttpMirror, IsLeftOutWhereTooMuchIsInWork) {
  HttpLimits limits = small_limits();
  limits.requests = 4;
  MirrorNet net(limits);
  net.listen([](TextStream&, bool) {});
  for (int i = 0; i < 4; ++i) net.ask(get());
  net.run(milliseconds(500));
  EXPECT_EQ(net.count(HttpStat::kMirrored), 1u);
  EXPECT_EQ(net.count(HttpStat::kMirrorsLeftOut), 2u);
}

policy::HttpTarget with_cors(policy::HttpCors cors) {
  policy::HttpTarget target;
  target.cors = std::make_shared<const policy::HttpCorsTarget>(cors);
  return target;
}

policy::HttpCors shop_cors() {
  policy::HttpCors cors;
  cors.origins = {{policy::TextMatch::Kind::kExact, "https://shop.example"}};
  cors.methods = {"PUT", "GET"};
  cors.headers = {"x-a"};
  cors.expose = {"x-sum"};
  cors.credentials = true;
  cors.max_age = seconds(600);
  return cors;
}

TEST(HttpCors, PreflightsAreAnswered) {
  HttpNet net;
  net.rules.target = with_cors(shop_cors());
  net.serve(kOk);
  const auto preflight = [&](const std::string& origin) -> TextStream& {
    return net.ask("OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: " + origin +
                   "\r\nAccess-Control-Request-Method: PUT\r\n\r\n");
  };
  TextStream& known = preflight("https://shop.example");
  TextStream& other = preflight("https://evil.example");
  TextStream& plain = net.ask("OPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n");
  net.run();
  EXPECT_TRUE(known.heard.starts_with("HTTP/1.1 204 ")) << known.heard;
  for (const char* field :
       {"access-control-allow-origin: https://shop.example\r\n",
        "access-control-allow-credentials: true\r\n", "access-control-allow-methods: PUT, GET\r\n",
        "access-control-allow-headers: x-a\r\n", "access-control-max-age: 600\r\n",
        "vary: origin\r\n"})
    EXPECT_TRUE(has(known.heard, field)) << field << known.heard;
  EXPECT_TRUE(other.heard.starts_with("HTTP/1.1 204 "));
  EXPECT_FALSE(has(other.heard, "access-control-"));
  EXPECT_TRUE(has(plain.heard, " 200 ")) << "no preflight: " << plain.heard;
  EXPECT_EQ(net.count(HttpStat::kPreflights), 2u);
  EXPECT_EQ(net.requests.size(), 1u);
}

TEST(HttpCors, ResponsesTellWhoMayReadThem) {
  HttpNet net;
  net.rules.target = with_cors(shop_cors());
  net.serve("HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: 0\r\n\r\n");
  TextStream& known = net.ask(get("Origin: https://shop.example\r\n"));
  TextStream& other = net.ask(get("Origin: https://evil.example\r\n"));
  net.run();
  EXPECT_TRUE(has(known.heard, "access-control-allow-origin: https://shop.example\r\n"));
  EXPECT_TRUE(has(known.heard, "access-control-expose-headers: x-sum\r\n"));
  EXPECT_FALSE(has(known.heard, "allow-origin: *"));
  EXPECT_FALSE(has(other.heard, "access-control-")) << other.heard;
  EXPECT_TRUE(has(other.heard, "vary: origin\r\n"));
  net.rules.fault = HttpFault::kNoEndpoint;
  TextStream& failed = net.ask(get("Origin: https://shop.example\r\n"));
  net.run();
  EXPECT_TRUE(has(failed.heard, "HTTP/1.1 503 "));
  EXPECT_TRUE(has(failed.heard, "access-control-allow-origin: https://shop.example\r\n"));
}

TEST(HttpCors, EndpointsDoNotTellMoreThanTheRule) {
  policy::HttpCors cors;
  cors.origins = {{policy::TextMatch::Kind::kExact, "https://shop.example"}};
  HttpNet net;
  net.rules.target = with_cors(cors);
  net.serve(
      "HTTP/1.1 200 OK\r\naccess-control-allow-origin: https://shop.example\r\n"
      "access-control-allow-credentials: true\r\naccess-control-expose-headers: x-all\r\n"
      "content-length: 0\r\n\r\n");
  TextStream& known = net.ask(get("Origin: https://shop.example\r\n"));
  net.run();
  EXPECT_TRUE(has(known.heard, "access-control-allow-origin: https://shop.example\r\n"));
  EXPECT_FALSE(has(known.heard, "allow-credentials")) << known.heard;
  EXPECT_FALSE(has(known.heard, "expose-headers")) << known.heard;
}

TEST(HttpCors, AnybodyIsToldThatAnybodyMayRead) {
  policy::HttpCors cors;
  cors.origins = {{policy::TextMatch::Kind::kExact, "*"}};
  HttpNet net;
  net.rules.target = with_cors(cors);
  net.serve(kOk);
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(has(client.heard, "access-control-allow-origin: *\r\n")) << client.heard;
}

TEST(HttpAffinity, ClientsAreGivenTheirCookie) {
  HttpNet net;
  policy::HttpAffinity affinity{};
  affinity.name = "sid";
  affinity.cookie_attributes = "; Path=/; HttpOnly";
  net.rules.affinity = std::make_shared<const policy::HttpAffinity>(affinity);
  net.serve(kOk);
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(
      has(client.heard, "set-cookie: sid=" + std::string(32, 'c') + "; Path=/; HttpOnly\r\n"))
      << client.heard;
}

HttpLimits dated() {
  HttpLimits limits = small_limits();
  limits.wall = [] { return int64_t{784'111'777}; };
  return limits;
}

TEST(HttpResponses, HaveADateAndOursAServer) {
  HttpNet net(dated());
  net.serve("HTTP/1.1 200 OK\r\nserver: other\r\ncontent-length: 0\r\n\r\n");
  TextStream& passed = net.ask(get());
  net.run();
  EXPECT_TRUE(has(passed.heard, "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")) << passed.heard;
  EXPECT_TRUE(has(passed.heard, "server: other\r\n"));
  EXPECT_FALSE(has(passed.heard, "server: heddle"));
  net.rules.found = false;
  TextStream& ours = net.ask(get());
  net.run();
  EXPECT_TRUE(has(ours.heard, "HTTP/1.1 404 "));
  EXPECT_TRUE(has(ours.heard, "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  EXPECT_TRUE(has(ours.heard, "server: heddle\r\n"));
}

TEST(HttpResponses, WithADateKeepIt) {
  HttpNet net(dated());
  net.serve("HTTP/1.1 200 OK\r\ndate: Mon, 07 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n");
  TextStream& client = net.ask(get());
  net.run();
  EXPECT_TRUE(has(client.heard, "date: Mon, 07 Nov 1994"));
  EXPECT_FALSE(has(client.heard, "Sun, 06 Nov"));
}

TEST(HttpForwarded, ThatGrowsTooLongIsLeftOut) {
  HttpNet net;
  net.serve(kOk);
  net.ask(get("Forwarded: for=1.2.3.4;by=" + std::string(500, 'b') +
              "\r\nX-Forwarded-For: " + std::string(900, '1') + "\r\n"));
  net.ask(get("X-Forwarded-For: " + std::string(1'024, '1') + "\r\n"));
  net.run();
  ASSERT_EQ(net.requests.size(), 1u);
  EXPECT_FALSE(has(net.requests[0], "forwarded: for=")) << net.requests[0];
  EXPECT_TRUE(has(net.requests[0], "1, 10.0.0.1\r\n"));
  EXPECT_TRUE(has(net.clients.streams.back().heard, " 431 "));
}

TEST(HttpForwarded, IsContinuedAndBegunAnewAtTheEdge) {
  HttpNet net;
  net.serve(kOk);
  const std::string said =
      "Forwarded: for=1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-Id: mine\r\n";
  net.ask(get(said));
  net.run();
  ASSERT_EQ(net.requests.size(), 1u);
  EXPECT_TRUE(has(net.requests[0], "forwarded: for=1.2.3.4, for=10.0.0.1;proto=http\r\n"))
      << net.requests[0];
  EXPECT_TRUE(has(net.requests[0], "x-forwarded-proto: https\r\n"));
  EXPECT_TRUE(has(net.requests[0], "x-request-id: mine\r\n"));
  net.rules.edge = true;
  net.ask(get(said));
  net.run();
  ASSERT_EQ(net.requests.size(), 2u);
  EXPECT_TRUE(has(net.requests[1], "forwarded: for=10.0.0.1;proto=http\r\n")) << net.requests[1];
  EXPECT_TRUE(has(net.requests[1], "x-forwarded-proto: http\r\n"));
  EXPECT_FALSE(has(net.requests[1], "mine"));
}

}  // namespace
}  // namespace heddle::mesh
