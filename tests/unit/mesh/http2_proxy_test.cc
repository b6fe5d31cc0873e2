// The HTTP proxy with HTTP/2 on one side or on both.
#include "http2_net.h"

namespace heddle::mesh {
namespace {

constexpr const char* kOk = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

TEST(Http2Proxy, RequestsOfOneConnectionGoAtOnce) {
  Http2Client net;
  net.serve(kOk);
  std::vector<http2::StreamId> streams;
  for (int i = 0; i < 10; ++i) streams.push_back(net.get("/" + std::to_string(i)));
  net.talk();
  for (const http2::StreamId id : streams) {
    EXPECT_EQ(net.status(id), 200);
    EXPECT_EQ(net.body(id), "hello");
    EXPECT_TRUE(net.ended(id));
  }
  EXPECT_EQ(net.requests.size(), 10u);
  EXPECT_NE(net.requests[0].find("host: shop.example\r\n"), std::string::npos);
  EXPECT_NE(net.requests[0].find("via: 2 heddle\r\n"), std::string::npos);
  EXPECT_GT(net.servers.streams.size(), 1u);  // HTTP/1.1 there: one each
  EXPECT_EQ(net.rules.records.size(), 10u);
  for (const http2::StreamId id : streams) net.session.peer.session.release(id);
}

TEST(Http2Proxy, BodiesAndTrailersCrossTheVersions) {
  Http2Client net;
  std::string got;
  net.serve([&](TextStream& stream) {
    got = stream.heard;
    if (!got.ends_with("0\r\nx-up: 1\r\n\r\n")) return;
    stream.heard.clear();
    stream.to_say +=
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndown\r\n0\r\nx-down: 2\r\n\r\n";
  });
  OwnMessage message, trailers;
  request(message, "/up", "POST");
  message.body = http::Body::streamed();
  const http2::StreamId id = net.session.peer.session.request(message, false);
  net.session.peer.send(id, std::string(100'000, 'u'));
  trailers.trailers.add("x-up", "1");
  net.session.peer.session.end(id, &trailers.trailers);
  net.talk(seconds(2));
  EXPECT_EQ(net.status(id), 200);
  EXPECT_EQ(net.body(id), "down");
  EXPECT_EQ(net.session.peer.session.message(id).trailers.size(), 1u);
  EXPECT_TRUE(net.ended(id));
  EXPECT_NE(got.find("transfer-encoding: chunked"), std::string::npos);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].bytes_in, 100'000u);
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kNone);
  net.session.peer.session.release(id);
}

TEST(Http2Proxy, TrailersThatComeWithTheHeadLeaveRoomForFields) {
  Http2Client net;
  std::string got;
  net.serve([&](TextStream& stream) {
    got = stream.heard;
    if (!got.ends_with("0\r\nx-up: 1\r\n\r\n")) return;
    stream.heard.clear();
    stream.to_say += kOk;
  });
  OwnMessage message, trailers;
  request(message, "/up", "POST");
  message.body = http::Body::streamed();
  const http2::StreamId id = net.session.peer.session.request(message, false);
  net.session.peer.send(id, "u");
  trailers.trailers.add("x-up", "1");
  net.session.peer.session.end(id, &trailers.trailers);
  net.talk();
  EXPECT_EQ(net.status(id), 200);
  EXPECT_NE(got.find("via: 2 heddle\r\n"), std::string::npos) << got;
  net.session.peer.session.release(id);
}

TEST(Http2Proxy, ARequestThatIsNeverWholeDoesNotStay) {
  Http2Client net;
  net.rules.target.emplace();
  net.rules.target->direct = policy::HttpDirect{200, "so\n", {}};
  OwnMessage message;
  request(message, "/", "POST");
  message.body = http::Body::streamed();
  const http2::StreamId id = net.session.peer.session.request(message, false);
  net.talk();
  EXPECT_EQ(net.body(id), "so\n");
  EXPECT_EQ(net.app.proxy.requests(), 1u);
  net.talk(seconds(31));
  EXPECT_EQ(net.app.proxy.requests(), 0u);
  EXPECT_EQ(net.session.peer.session.error(id), http2::ErrorCode::kNoError);
  ASSERT_EQ(net.rules.records.size(), 1u);
  EXPECT_EQ(net.rules.records[0].fault, HttpFault::kNone);
  net.session.peer.session.release(id);
}

TEST(Http2Proxy, AResetStreamTakesItsRequestAlongAndNoOther) {
  Http2Client net;
  net.serve([](TextStream& stream) {
    if (stream.heard.find("/stay") == std::string::npos) return;
    stream.heard.clear();
    stream.to_say += kOk;
  });
  const http2::StreamId goes = net.get("/go");
  net.talk();
  EXPECT_EQ(net.rules.active, 1);
  net.session.peer.session.reset(goes, http2::ErrorCode::kCancel);
  const http2::StreamId stays = net.get("/stay");
  net.talk();
  EXPECT_EQ(net.count(HttpFault::kClientGone), 1u);
  EXPECT_EQ(net.rules.active, 0);
  EXPECT_EQ(net.status(stays), 200);
  EXPECT_EQ(net.body(stays), "hello");
  net.session.peer.session.release(goes);
  net.session.peer.session.release(stays);
}

TEST(Http2Proxy, MoreThanMayBeInWorkAreRefused) {
  HttpLimits limits = small_limits();
  limits.requests = 4;
  Http2Client net(limits);
  net.serve([](TextStream&) {});
  std::vector<http2::StreamId> streams;
  for (int i = 0; i < 6; ++i) streams.push_back(net.get("/"));
  net.talk();
  int refused = 0;
  for (const http2::StreamId id : streams)
    refused += net.session.peer.session.error(id) == http2::ErrorCode::kRefusedStream;
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(net.count(HttpFault::kOverload), 2u);
  for (const http2::StreamId id : streams) net.session.peer.session.release(id);
}

TEST(Http2Proxy, AFaultIsAnsweredAndGrpcGetsAStatus) {
  Http2Client net;
  net.rules.fault = HttpFault::kNoEndpoint;
  const http2::StreamId plain = net.get("/");
  OwnMessage message;
  request(message, "/a.B/C", "POST");
  message.fields.add(http::FieldId::kContentType, "application/grpc");
  const http2::StreamId grpc = net.session.peer.session.request(message, true);
  net.talk();
  EXPECT_EQ(net.status(plain), 503);
  EXPECT_EQ(net.body(plain), "no_endpoint\n");
  EXPECT_EQ(net.status(grpc), 200);
  const http::Fields& fields = net.session.peer.session.message(grpc).fields;
  EXPECT_EQ(fields.value(http::FieldId::kGrpcStatus), "14");
  EXPECT_EQ(fields.value(http::FieldId::kGrpcMessage), "no_endpoint");
  net.session.peer.session.release(plain);
  net.session.peer.session.release(grpc);
}

TEST(Http2Proxy, ADeadlineOfGrpcThatPassesIsToldAsOne) {
  Http2Client net;
  net.serve([](TextStream&) {});  // never answers
  OwnMessage message;
  request(message, "/echo.Echo/Say", "POST");
  message.fields.add(http::FieldId::kContentType, "application/grpc");
  message.fields.add(http::FieldId::kGrpcTimeout, "50m");
  const http2::StreamId grpc = net.session.peer.session.request(message, true);
  net.talk();
  EXPECT_EQ(net.status(grpc), 200);
  const http::Fields& fields = net.session.peer.session.message(grpc).fields;
  EXPECT_EQ(fields.value(http::FieldId::kGrpcStatus), "4");  // DEADLINE_EXCEEDED
  EXPECT_EQ(net.count(HttpFault::kRequestTimeout), 1u);
  net.session.peer.session.release(grpc);
}

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\n\r\n";
}

TEST(Http2Proxy, ClientsOfHttp1ShareAConnectionToTheEndpoint) {
  Http2Server net(Http2Server::ok);
  std::vector<TextStream*> all;
  for (int i = 0; i < 12; ++i) all.push_back(&net.ask(get("/" + std::to_string(i))));
  net.run();
  for (const TextStream* each : all)
    EXPECT_TRUE(each->heard.ends_with("3\r\ntwo\r\n0\r\n\r\n")) << each->heard;
  EXPECT_EQ(net.servers.streams.size(), 1u);
  EXPECT_EQ(net.count(HttpStat::kUpstreams), 1u);
  EXPECT_EQ(net.rules.records.size(), 12u);
}

TEST(Http2Proxy, AContinueAndTheAnswerMayComeAtOnce) {
  Http2Server net([](test::Host& peer, http2::StreamId id) {
    OwnMessage interim;
    interim.status = 100;
    peer.session.respond(id, interim, false);
    Http2Server::ok(peer, id);
  });
  TextStream& client =
      net.ask("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "))
      << client.heard;
}

TEST(Http2Proxy, AnswersBeforeTheAnswerHaveAnEnd) {
  for (const int interims : {16, 17}) {
    Http2Server net([&](test::Host& peer, http2::StreamId id) {
      OwnMessage interim;
      for (int i = 0; i < interims; ++i) {
        interim.status = i % 2 == 0 ? 103 : 100;
        peer.session.respond(id, interim, false);
      }
      Http2Server::ok(peer, id);
    });
    TextStream& client = net.ask(get("/"));
    net.run();
    EXPECT_TRUE(client.heard.starts_with(interims == 16 ? "HTTP/1.1 200 " : "HTTP/1.1 502 "))
        << client.heard;
    EXPECT_EQ(net.rules.records.size(), 1u);
    EXPECT_EQ(net.count(HttpFault::kBadResponse), interims == 16 ? 0u : 1u);
  }
}

// An endpoint of HTTP/1.1 would take it for whole.
TEST(Http2Proxy, AnEmptyBodyThatGoesOnIsNotSentOn) {
  enum class Then : uint8_t { kEnd, kData, kNothing };
  for (const Then then : {Then::kEnd, Then::kData, Then::kNothing}) {
    Http2Client net;
    net.serve(kOk);
    OwnMessage message;
    request(message, "/", "POST");
    message.body = http::Body::of_length(0);
    const http2::StreamId id = net.session.peer.session.request(message, false);
    net.talk();
    EXPECT_TRUE(net.requests.empty());
    EXPECT_EQ(net.app.proxy.requests(), 1u);
    if (then == Then::kData) net.session.peer.send(id, "POISON");
    if (then == Then::kEnd) net.session.peer.session.end(id, nullptr);
    net.talk(then == Then::kNothing ? seconds(35) : seconds(1));
    EXPECT_EQ(net.requests.size(), then == Then::kEnd ? 1u : 0u);
    EXPECT_EQ(net.app.proxy.requests(), 0u);
    ASSERT_EQ(net.rules.records.size(), 1u);
    const http2::ErrorCode error = net.session.peer.session.error(id);
    if (then == Then::kData) {
      EXPECT_EQ(error, http2::ErrorCode::kProtocolError);
    } else {
      EXPECT_EQ(net.status(id), then == Then::kEnd ? 200 : 408);
    }
    net.session.peer.session.release(id);
  }
}

TEST(Http2Proxy, AStreamThatTheEndpointRefusesIsSentAgain) {
  int asked = 0;
  Http2Server net([&](test::Host& peer, http2::StreamId id) {
    if (++asked == 1) return peer.session.reset(id, http2::ErrorCode::kRefusedStream);
    Http2Server::ok(peer, id);
  });
  TextStream& client = net.ask(get("/"));
  net.run();
  EXPECT_TRUE(client.heard.ends_with("3\r\ntwo\r\n0\r\n\r\n")) << client.heard;
  EXPECT_EQ(asked, 2);
}

TEST(Http2Proxy, AnEndpointThatResetsAStreamFailsThatRequest) {
  Http2Server net([](test::Host& peer, http2::StreamId id) {
    peer.session.reset(id, http2::ErrorCode::kInternalError);
  });
  TextStream& client = net.ask(get("/"));
  net.run();
  EXPECT_TRUE(client.heard.starts_with("HTTP/1.1 502 ")) << client.heard;
  EXPECT_EQ(net.count(HttpFault::kUpstreamReset), 1u);
  EXPECT_EQ(net.app.proxy.requests(), 0u);
}

TEST(Http2Proxy, AnEndpointThatGoesAwayTakesItsStreamsAlong) {
  Http2Server net([](test::Host&, http2::StreamId) {});
  std::vector<TextStream*> all;
  // What may have been done already is not asked for again.
  for (int i = 0; i < 5; ++i)
    all.push_back(&net.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
  net.run();
  ASSERT_EQ(net.servers.streams.size(), 1u);
  net.servers.hang_up(net.servers.streams.front(), net.network.now());
  net.run();
  for (const TextStream* each : all) EXPECT_TRUE(each->heard.starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(net.rules.active, 0);
}

TEST(Http2Proxy, OneOfTwoStreamsIsDeniedNow) {
  Http2Client net;
  net.serve([](TextStream& stream) {
    if (!stream.heard.ends_with("\r\n\r\n")) return;
    stream.heard.clear();
    stream.to_say += "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nfirst";
  });
  const http2::StreamId cut = net.get("/secret"), stays = net.get("/open");
  net.talk();
  EXPECT_EQ(net.status(cut), 200);
  net.rules.denies = [](const policy::RequestHead& head) { return head.path == "/secret"; };
  while (net.app.proxy.sweep(2, 64, net.network.now())) net.app.proxy.on_turn(net.network.now());
  net.node.wake(net.network.now());
  net.talk();
  EXPECT_TRUE(net.session.has(cut, http2::Event::kClosed));
  EXPECT_FALSE(net.ended(cut));
  EXPECT_FALSE(net.session.has(stays, http2::Event::kClosed));
  EXPECT_EQ(net.count(HttpStat::kRequestsCut), 1u);
  const http2::StreamId denied = net.get("/secret");
  net.talk();
  EXPECT_EQ(net.status(denied), 403);
  for (const http2::StreamId id : {cut, stays, denied}) net.session.peer.session.release(id);
}

}  // namespace
}  // namespace heddle::mesh
