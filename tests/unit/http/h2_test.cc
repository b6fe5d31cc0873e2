// Requests and responses over two HTTP/2 sessions: bodies, back-pressure, limits, drain.
#include <gtest/gtest.h>

#include "h2_rig.h"
#include "http/grpc.h"

namespace heddle::test {
namespace {

void make_request(http::Message& message, std::string_view path, http::Method method) {
  message.method = method;
  message.set_scheme("https");
  message.set_authority("a.example");
  message.set_path(path);
}

StreamId open(Pair& pair, std::string_view path, bool end) {
  OwnMessage request;
  make_request(request, path, end ? http::Method::kGet : http::Method::kPost);
  return pair.client.session.request(request, end);
}

// The one stream with news on this side.
EventNote only(Host& host) {
  const std::vector<EventNote> events = host.events();
  EXPECT_EQ(events.size(), 1u);
  return events.empty() ? EventNote{} : events.front();
}

TEST(Http2, CarriesARequestAndItsResponse) {
  Pair pair;
  OwnMessage request;
  make_request(request, "/path?q=1", http::Method::kPost);
  request.fields.add("user-agent", "test");
  request.fields.add("x-own", "1");
  request.te_trailers = true;
  const StreamId up = pair.client.session.request(request, false);
  ASSERT_NE(up, http2::kNoStream);
  pair.client.send(up, "hello ");
  pair.client.send(up, "world");
  pair.client.session.end(up, nullptr);
  pair.pump();

  const EventNote note = only(pair.server);
  ASSERT_TRUE(note.has(Event::kHead) && note.has(Event::kData) && note.has(Event::kEnd));
  const http::Message& got = pair.server.session.message(note.stream);
  EXPECT_EQ(got.method, http::Method::kPost);
  EXPECT_EQ(got.scheme(), "https");
  EXPECT_EQ(got.authority(), "a.example");
  EXPECT_EQ(got.path(), "/path?q=1");
  EXPECT_EQ(got.fields.value(http::FieldId::kUserAgent), "test");
  EXPECT_EQ(got.fields.size(), 2u);
  EXPECT_TRUE(got.te_trailers);
  EXPECT_EQ(got.body.kind, http::BodyKind::kStreamed);
  EXPECT_EQ(pair.server.data(note.stream), "hello world");

  OwnMessage response;
  response.status = 200;
  response.body = http::Body::streamed();
  response.fields.add("content-type", "application/grpc");
  response.trailers.add("grpc-status", "0");
  ASSERT_TRUE(pair.server.session.respond(note.stream, response, false));
  pair.server.send(note.stream, "answer");
  pair.server.session.end(note.stream, &response.trailers);
  pair.pump();

  const EventNote back = only(pair.client);
  ASSERT_EQ(back.stream, up);
  ASSERT_TRUE(back.has(Event::kHead) && back.has(Event::kEnd) && back.has(Event::kClosed));
  const http::Message& answer = pair.client.session.message(up);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(http::is_grpc(answer));
  EXPECT_EQ(pair.client.data(up), "answer");
  EXPECT_EQ(http::grpc_status_in(answer.trailers), http::GrpcStatus::kOk);
  EXPECT_EQ(pair.client.session.error(up), http2::ErrorCode::kNoError);

  pair.client.session.release(up);
  for (const EventNote& last : pair.server.events()) pair.server.session.release(last.stream);
  EXPECT_EQ(pair.client.session.streams() + pair.server.session.streams(), 0u);
  EXPECT_EQ(pair.client.buffers.in_use() + pair.server.buffers.in_use(), 0u);
}

TEST(Http2, AnInterimAnswerIsToldApart) {
  Pair pair;
  const StreamId up = open(pair, "/", false);
  pair.pump();
  const StreamId down = only(pair.server).stream;
  OwnMessage interim;
  interim.status = 100;
  ASSERT_TRUE(pair.server.session.respond(down, interim, false));
  interim.status = 103;
  ASSERT_TRUE(pair.server.session.respond(down, interim, false));
  pair.pump();
  EventNote note = only(pair.client);
  EXPECT_TRUE(note.has(Event::kContinue) && !note.has(Event::kHead));
  EXPECT_EQ(pair.client.count(http2::Stat::kInterimDropped), 1u);
  OwnMessage last;
  last.status = 404;
  ASSERT_TRUE(pair.server.session.respond(down, last, true));
  pair.pump();
  note = only(pair.client);
  EXPECT_TRUE(note.has(Event::kHead) && note.has(Event::kEnd));
  EXPECT_EQ(pair.client.session.message(up).status, 404);
}

// What is new in each request would only drive the rest out of the tables.
TEST(Http2, ValuesThatNeverComeAgainAreNotRemembered) {
  Pair pair;
  const auto ask = [&](char digit) {
    OwnMessage request;
    make_request(request, "/", http::Method::kGet);
    request.fields.add("user-agent", "a program with a long name");
    request.fields.add("traceparent", "00-" + std::string(32, digit) + "-0123456789abcdef-01");
    request.fields.add("x-request-id", std::string(32, digit));
    EXPECT_NE(pair.client.session.request(request, true), http2::kNoStream);
    pair.pump();
    return only(pair.server).stream;
  };
  for (const char digit : {'1', '2'}) {
    const http::Fields& got = pair.server.session.message(ask(digit)).fields;
    ASSERT_EQ(got.size(), 3u);
    EXPECT_FALSE(got.find(http::FieldId::kUserAgent)->secret);
    EXPECT_TRUE(got.find(http::FieldId::kTraceparent)->secret);
    EXPECT_TRUE(got.find(http::FieldId::kXRequestId)->secret);
    EXPECT_EQ(got.value(http::FieldId::kXRequestId), std::string(32, digit));
  }
}

TEST(Http2, InterimAnswersHaveAnEnd) {
  Pair pair;
  const StreamId up = open(pair, "/", false);
  pair.pump();
  const StreamId down = only(pair.server).stream;
  OwnMessage interim;
  interim.status = 103;
  for (int i = 0; i < pair.client.limits.message.interims; ++i)
    ASSERT_TRUE(pair.server.session.respond(down, interim, false));
  pair.pump();
  EXPECT_TRUE(pair.client.events().empty());
  ASSERT_TRUE(pair.server.session.respond(down, interim, false));
  pair.pump();
  EXPECT_TRUE(only(pair.client).has(Event::kHead));
  EXPECT_EQ(pair.client.session.refusal(up), http::Refusal::kTooManyInterims);
}

TEST(Http2, ASlowTakerStopsItsStreamAndNoOther) {
  Pair pair;
  const StreamId slow = open(pair, "/slow", false);
  const StreamId quick = open(pair, "/quick", false);
  pair.pump();
  const std::vector<EventNote> heads = pair.server.events();
  ASSERT_EQ(heads.size(), 2u);
  const StreamId slow_down = heads[0].stream;
  const StreamId quick_down = heads[1].stream;
  const std::string block(10'000, 'x');
  uint64_t sent = 0;
  for (int i = 0; i < 200; ++i, sent += block.size()) {
    if (pair.client.session.room(slow) < block.size()) break;
    pair.client.send(slow, block);
    pair.pump();
  }
  // One window has arrived, and what is worth keeping ready waits on the other side.
  EXPECT_EQ(pair.server.session.data_bytes(slow_down), pair.server.limits.stream_window);
  EXPECT_EQ(pair.client.session.room(slow), 65'536 - (sent - pair.server.limits.stream_window));

  // Far more than the connection's window goes through the other.
  uint64_t passed = 0;
  while (passed < 3 * uint64_t{pair.server.limits.connection_window}) {
    pair.client.send(quick, block);
    pair.pump();
    const size_t got = pair.server.data(quick_down).size();
    ASSERT_EQ(got, block.size());
    passed += got;
  }
  EXPECT_EQ(pair.server.session.data_bytes(slow_down), pair.server.limits.stream_window);

  uint64_t drained = 0;
  pair.client.session.end(slow, nullptr);
  for (int i = 0; i < 100; ++i) {
    drained += pair.server.data(slow_down, 30'000).size();
    pair.pump();
  }
  EXPECT_EQ(drained, sent);
}

TEST(Http2, StreamsAreLimitedOnBothSides) {
  http2::Limits limits;
  limits.streams = 4;
  Pair pair(limits);
  for (int i = 0; i < 4; ++i) EXPECT_NE(open(pair, "/", true), http2::kNoStream);
  EXPECT_FALSE(pair.client.session.can_open());
  EXPECT_EQ(open(pair, "/", true), http2::kNoStream);
  pair.pump();
  EXPECT_EQ(pair.server.events().size(), 4u);
}

TEST(Http2, AResetReachesTheOtherSideAndFreesWhatWasQueued) {
  Pair pair;
  const StreamId up = open(pair, "/", false);
  pair.client.send(up, std::string(50'000, 'x'));
  pair.pump();
  const StreamId down = only(pair.server).stream;
  pair.client.session.release(up);
  pair.pump();
  const EventNote note = only(pair.server);
  EXPECT_TRUE(note.has(Event::kClosed));
  EXPECT_EQ(pair.server.session.error(down), http2::ErrorCode::kCancel);
  pair.server.session.release(down);
  EXPECT_EQ(pair.server.buffers.in_use() + pair.client.buffers.in_use(), 0u);
}

TEST(Http2, DrainLetsOpenStreamsEnd) {
  Pair pair;
  const StreamId up = open(pair, "/", true);
  pair.pump();
  const StreamId down = only(pair.server).stream;
  pair.server.session.drain(pair.server.now);
  pair.pump();
  EXPECT_FALSE(pair.client.session.can_open());
  EXPECT_FALSE(pair.server.session.finished());
  pair.server.now = pair.server.session.next_deadline();
  pair.server.session.on_timer(pair.server.now);
  pair.pump();
  EXPECT_EQ(pair.client.count(http2::Stat::kGoawaysIn), 2u);
  EXPECT_FALSE(pair.server.session.finished());
  OwnMessage response;
  response.status = 204;
  ASSERT_TRUE(pair.server.session.respond(down, response, true));
  pair.pump();
  EXPECT_EQ(pair.client.session.message(up).status, 204);
  pair.server.session.release(down);
  pair.client.session.release(up);
  EXPECT_TRUE(pair.server.session.finished());
  EXPECT_TRUE(pair.client.session.finished());
  EXPECT_EQ(pair.server.session.offence(), http2::Offence::kNone);
}

TEST(Http2, RunsOutOfOutputMemoryAndGoesOn) {
  Pair pair;
  const StreamId up = open(pair, "/", false);
  pair.pump();
  const StreamId down = only(pair.server).stream;
  pair.client.send(up, std::string(60'000, 'y'));
  pair.client.session.end(up, nullptr);
  pair.client.buffers.set_limit(pair.client.buffers.in_use());
  pair.client.turn();
  EXPECT_GT(pair.client.count(http2::Stat::kOutputBlocked), 0u);
  pair.client.buffers.set_limit(UINT32_MAX);
  pair.pump();
  EXPECT_EQ(pair.server.data(down), std::string(60'000, 'y'));
}

TEST(Http2, EndsWhenItsMemoryIsUsedUp) {
  for (size_t memory = 1'000; memory < 60'000; memory += 1'000) {
    Host server(http2::Side::kServer, {}, memory);
    if (!server.started) {
      EXPECT_EQ(server.count(http2::Offence::kNoMemory), 1u);
      EXPECT_TRUE(server.session.finished());
      continue;
    }
    server.give(std::string(kMagic) + frame(kSettings, 0, 0, ""));
    for (uint32_t i = 1; i < 100; i += 2)
      server.give(frame(kHeaders, kEndHeaders | kEndStream, i, get_head()));
    server.turn();
    server.taken();
    const http2::Offence offence = server.session.offence();
    EXPECT_TRUE(offence == http2::Offence::kNoMemory || offence == http2::Offence::kNone);
  }
}

TEST(Http2, KnowsItsPreface) {
  EXPECT_EQ(http2::preface_of(kMagic), http2::Preface::kYes);
  EXPECT_EQ(http2::preface_of("PRI * HTTP/2.0\r\n"), http2::Preface::kMaybe);
  EXPECT_EQ(http2::preface_of(""), http2::Preface::kMaybe);
  EXPECT_EQ(http2::preface_of("PRI / "), http2::Preface::kNo);
  EXPECT_EQ(http2::preface_of("POST "), http2::Preface::kNo);
}

}  // namespace
}  // namespace heddle::test
