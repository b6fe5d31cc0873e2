// Frames that hurt: each flood ends its connection under a name of its own, each malformed message
// its stream.
#include <gtest/gtest.h>

#include <functional>

#include "h2_rig.h"

namespace heddle::test {
namespace {

using http::Refusal;
using http2::Offence;
using http2::Stat;

struct Flood {
  const char* name;
  Offence offence;
  std::function<std::string(uint32_t round)> frames;
  uint32_t allowed;  // rounds that must still be in order
};

std::string get(uint32_t stream) {
  return frame(kHeaders, kEndHeaders | kEndStream, stream, get_head());
}

const std::vector<Flood>& floods() {
  static const std::vector<Flood> all = {
      {"rapid reset", Offence::kRapidReset,
       [](uint32_t i) { return get(2 * i + 1) + frame(kRst, 0, 2 * i + 1, be32(8)); }, 100},
      {"ping", Offence::kPingFlood, [](uint32_t) { return frame(kPing, 0, 0, "12345678"); }, 40},
      {"settings", Offence::kSettingsFlood, [](uint32_t) { return frame(kSettings, 0, 0, ""); },
       15},
      {"priority", Offence::kPriorityFlood,
       [](uint32_t i) { return frame(kPriority, 0, 2 * i + 1, be32(0) + "\x10"); }, 400},
      {"priority update", Offence::kPriorityFlood,
       [](uint32_t) { return frame(16, 0, 0, be32(1) + "u=1"); }, 400},
      {"window update", Offence::kWindowUpdateFlood,
       [](uint32_t) { return frame(kWindow, 0, 0, be32(1)); }, 900},
      {"empty data", Offence::kEmptyFrameFlood,
       [](uint32_t i) {
         return (i == 0 ? frame(kHeaders, kEndHeaders, 1, get_head()) : "") +
                frame(kData, 0, 1, "");
       },
       150},
      {"data of padding alone", Offence::kEmptyFrameFlood,
       [](uint32_t i) {
         return (i == 0 ? frame(kHeaders, kEndHeaders, 1, get_head()) : "") +
                frame(kData, 8, 1, i % 2 == 0 ? std::string(1, '\0') : std::string("\1\0", 2));
       },
       150},
      {"unknown frames", Offence::kUnknownFrameFlood,
       [](uint32_t) { return frame(99, 0, 0, "abc"); }, 150},
      {"unasked pongs", Offence::kUnknownFrameFlood,
       [](uint32_t) { return frame(kPing, 1, 0, "12345678"); }, 150},
      {"made resets", Offence::kMadeReset,
       [](uint32_t i) { return get(2 * i + 1) + frame(kWindow, 0, 2 * i + 1, be32(INT32_MAX)); },
       40},
      {"made resets by malformed heads", Offence::kMadeReset,
       [](uint32_t i) {
         return frame(kHeaders, kEndHeaders | kEndStream, 2 * i + 1,
                      get_head() + field("connection", "x"));
       },
       40},
  };
  return all;
}

TEST(Http2Attack, FloodsEndTheConnectionUnderTheirNames) {
  for (const Flood& flood : floods()) {
    Attacked server;
    uint32_t rounds = 0;
    while (!server.session.finished() && rounds < 5'000) {
      server.attack(flood.frames(rounds++));
      for (const EventNote& note : server.events())
        if (note.has(Event::kClosed)) server.session.release(note.stream);
    }
    EXPECT_EQ(name_of(server.session.offence()), name_of(flood.offence)) << flood.name;
    EXPECT_EQ(server.count(flood.offence), 1u) << flood.name;
    EXPECT_GE(rounds, flood.allowed) << flood.name;
    EXPECT_LT(rounds, 2'000u) << flood.name;
    EXPECT_EQ(server.count(Stat::kGoawaysOut), 1u) << flood.name;
  }
}

// The same frames, slowly, are nobody's offence.
TEST(Http2Attack, WhatComesSlowlyIsNoFlood) {
  for (const Flood& flood : floods()) {
    if (flood.offence == Offence::kWindowUpdateFlood) continue;  // counted by data, not by time
    Attacked server;
    for (uint32_t round = 0; round < 1'000; ++round) {
      server.now = server.now + milliseconds(400);
      server.attack(flood.frames(round));
      for (const EventNote& note : server.events())
        if (note.has(Event::kClosed)) server.session.release(note.stream);
    }
    EXPECT_EQ(name_of(server.session.offence()), "none") << flood.name;
  }
}

TEST(Http2Attack, ResetStreamsCountWhileSomebodyWorksOnThem) {
  http2::Limits limits;
  limits.streams = 10;
  limits.streams_a_turn = 5;
  Attacked server(limits);
  for (uint32_t i = 0; i < 100; ++i)
    server.attack(get(2 * i + 1) + frame(kRst, 0, 2 * i + 1, be32(8)));
  EXPECT_EQ(server.session.streams(), 15u);
  EXPECT_EQ(server.count(Stat::kStreamsRefused), 85u);
}

TEST(Http2Attack, ManyRequestsAtOnceWaitForTheNextTurn) {
  http2::Limits limits;
  limits.streams_a_turn = 8;
  Attacked server(limits);
  std::string all;
  for (uint32_t i = 0; i < 120; ++i) all += get(2 * i + 1);
  server.give(all);
  server.turn();
  EXPECT_LT(server.session.streams(), 60u);  // those of one buffer
  EXPECT_GT(server.count(Stat::kReadingPaused), 0u);
  for (int i = 0; i < 20; ++i) server.turn();
  EXPECT_EQ(server.session.streams(), 120u);
}

TEST(Http2Attack, ContinuationsEndTheConnection) {
  Attacked server;
  std::string all = frame(kHeaders, kEndStream, 1, get_head());
  for (int i = 0; i < 50; ++i) all += frame(kContinuation, 0, 1, field("x", "y"));
  server.attack(all);
  EXPECT_TRUE(server.session.finished());
  EXPECT_EQ(server.count(Offence::kHeaderFlood), 1u);
}

TEST(Http2Attack, AHeadThatUnpacksToMuchEndsTheConnection) {
  Attacked server;
  // Once into the table (RFC 7541 6.2.1), then again and again by its index.
  const std::string once =
      std::string(1, 0x40) + hpack_string("x") + hpack_string(std::string(4000, 'a'));
  server.attack(frame(kHeaders, kEndHeaders | kEndStream, 1,
                      get_head() + once + std::string(1000, static_cast<char>(0x80 | 62))));
  EXPECT_EQ(server.count(Offence::kHeaderFlood), 1u);
  EXPECT_TRUE(server.session.finished());
}

TEST(Http2Attack, AHeadBeyondItsLimitIsToldAsRefused) {
  Attacked server;
  std::string fields = get_head();
  for (int i = 0; i < 3; ++i) fields += field("x", std::string(5'000, 'a'));
  server.attack(frame(kHeaders, kEndStream, 1, fields.substr(0, 10'000)) +
                frame(kContinuation, kEndHeaders, 1,
                      fields.substr(10'000) + field("y", std::string(2'000, 'b'))));
  const std::vector<EventNote> events = server.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].has(Event::kHead));
  EXPECT_EQ(server.session.refusal(events[0].stream), Refusal::kHeadTooLarge);
  EXPECT_EQ(server.session.offence(), Offence::kNone);
  OwnMessage response;
  response.status = http::status_of(server.session.refusal(events[0].stream));
  EXPECT_EQ(response.status, 431);
  EXPECT_TRUE(server.session.respond(events[0].stream, response, true));
}

struct Malformed {
  const char* name;
  std::string fields;
  Refusal refusal;
};

std::string head(std::string_view method, std::string_view authority, std::string_view path) {
  return field(":method", method) + field(":scheme", "http") + field(":authority", authority) +
         field(":path", path);
}

TEST(Http2Attack, MalformedHeadsAreRefusedUnderTheirNames) {
  const std::vector<Malformed> rows = {
      {"upper case", get_head() + field("X-A", "1"), Refusal::kBadHttp2Fields},
      {"empty name", get_head() + field("", "1"), Refusal::kBadFieldName},
      {"blank in a name", get_head() + field("x a", "1"), Refusal::kBadFieldName},
      {"colon in a name", get_head() + field("x:a", "1"), Refusal::kBadFieldName},
      {"CR LF in a name", get_head() + field("x\r\ny", "1"), Refusal::kBadFieldName},
      {"CR LF in a value", get_head() + field("x", "1\r\ny: 2"), Refusal::kBadFieldValue},
      {"NUL in a value", get_head() + field("x", std::string("a\0b", 3)), Refusal::kBadFieldValue},
      {"blank before a value", get_head() + field("x", " 1"), Refusal::kBadFieldValue},
      {"blank behind a value", get_head() + field("x", "1 "), Refusal::kBadFieldValue},
      {"control character", get_head() + field("x", "\x01"), Refusal::kBadFieldValue},
      {"connection", get_head() + field("connection", "close"), Refusal::kBadHttp2Fields},
      {"transfer-encoding", get_head() + field("transfer-encoding", "chunked"),
       Refusal::kBadHttp2Fields},
      {"keep-alive", get_head() + field("keep-alive", "1"), Refusal::kBadHttp2Fields},
      {"upgrade", get_head() + field("upgrade", "websocket"), Refusal::kBadHttp2Fields},
      {"te gzip", get_head() + field("te", "gzip"), Refusal::kBadHttp2Fields},
      {"no path", field(":method", "GET") + field(":scheme", "http") + field(":authority", "a"),
       Refusal::kBadHttp2Fields},
      {"two paths", get_head() + field(":path", "/"), Refusal::kBadHttp2Fields},
      {"late pseudo field", get_head() + field("x", "1") + field(":path", "/"),
       Refusal::kBadHttp2Fields},
      {"unknown pseudo field", get_head() + field(":x", "1"), Refusal::kBadHttp2Fields},
      {"status in a request", field(":status", "200") + get_head(), Refusal::kBadHttp2Fields},
      {"CR LF in the path", head("GET", "a", "/ HTTP/1.1\r\nX: y"), Refusal::kBadHttp2Fields},
      {"blank in the path", head("GET", "a", "/a b"), Refusal::kBadHttp2Fields},
      {"fragment", head("GET", "a", "/a#b"), Refusal::kBadTarget},
      {"backslash", head("GET", "a", "/a\\b"), Refusal::kBadTarget},
      {"high byte in the path", head("GET", "a", "/\xff"), Refusal::kBadTarget},
      {"star for GET", head("GET", "a", "*"), Refusal::kBadHttp2Fields},
      {"user information", head("GET", "a@b", "/"), Refusal::kBadHost},
      {"port that is none", head("GET", "a:x", "/"), Refusal::kBadHost},
      {"path in the host", head("GET", "a/b", "/"), Refusal::kBadHttp2Fields},
      {"another host", get_head() + field("host", "b"), Refusal::kHostDisagrees},
      {"no host at all", field(":method", "GET") + field(":scheme", "http") + field(":path", "/"),
       Refusal::kBadHttp2Fields},
      {"CONNECT without a port", field(":method", "CONNECT") + field(":authority", "a"),
       Refusal::kBadTarget},
      {"signed length", get_head() + field("content-length", "+5"), Refusal::kBadHttp2Fields},
      {"two lengths", get_head() + field("content-length", "0") + field("content-length", "0"),
       Refusal::kBadHttp2Fields},
      {"length without a body", get_head() + field("content-length", "5"),
       Refusal::kBadHttp2Fields},
      {"expectation", get_head() + field("expect", "tea"), Refusal::kUnknownExpectation},
  };
  for (const Malformed& row : rows) {
    Attacked server;
    server.attack(frame(kHeaders, kEndHeaders | kEndStream, 1, row.fields));
    std::string counted;
    for (const auto& text : http::kRefusals)
      if (server.count(text.refusal) > 0) counted += std::string(text.name) + " ";
    EXPECT_EQ(counted, std::string(name_of(row.refusal)) + " ") << row.name;
    EXPECT_EQ(server.session.offence(), Offence::kNone) << row.name;
    // A healthy request on the same connection is not hurt.
    server.attack(get(3));
    bool healthy = false;
    for (const EventNote& note : server.events()) {
      healthy |= note.has(Event::kHead) && server.session.refusal(note.stream) == Refusal::kNone;
    }
    EXPECT_TRUE(healthy) << row.name;
  }
}

TEST(Http2Attack, ABodyThatIsNotAsLongAsItSaysResetsItsStream) {
  for (const std::string_view body : {"1234", "123456"}) {
    Attacked server;
    server.attack(frame(kHeaders, kEndHeaders, 1, get_head() + field("content-length", "5")) +
                  frame(kData, kEndStream, 1, body));
    EXPECT_EQ(server.count(Refusal::kBodyLengthDisagrees), 1u);
    EXPECT_EQ(server.count(Stat::kResetsOut), 1u);
  }
}

TEST(Http2Attack, ForbiddenTrailersResetTheirStream) {
  Attacked server;
  server.attack(frame(kHeaders, kEndHeaders, 1, get_head()) + frame(kData, 0, 1, "x") +
                frame(kHeaders, kEndHeaders | kEndStream, 1, field("authorization", "x")));
  EXPECT_EQ(server.count(Refusal::kForbiddenTrailer), 1u);
  EXPECT_EQ(server.count(Stat::kResetsOut), 1u);
}

TEST(Http2Attack, APeerThatTakesNothingLosesItsStream) {
  // SETTINGS_INITIAL_WINDOW_SIZE (4) of 0.
  Attacked server({}, std::string("\0\4", 2) + be32(0));
  server.attack(get(1));
  const std::vector<EventNote> events = server.events();
  ASSERT_EQ(events.size(), 1u);
  OwnMessage response;
  response.status = 200;
  response.body = http::Body::streamed();
  ASSERT_TRUE(server.session.respond(events[0].stream, response, false));
  server.send(events[0].stream, std::string(10'000, 'x'));
  for (int i = 0; i < 3; ++i) {
    server.now = server.session.next_deadline();
    server.session.on_timer(server.now);
    // A byte now and then does not help.
    server.attack(frame(kWindow, 0, 1, be32(1)));
  }
  EXPECT_EQ(server.count(Stat::kSlowStreams), 1u);
  EXPECT_EQ(server.session.error(events[0].stream), http2::ErrorCode::kCancel);
  EXPECT_EQ(server.session.offence(), Offence::kNone);
}

TEST(Http2Attack, NoHttp2AtAllIsNamed) {
  Host server(http2::Side::kServer);
  server.give("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  server.turn();
  EXPECT_EQ(server.count(Offence::kBadPreface), 1u);
  EXPECT_TRUE(server.session.finished());
}

TEST(Http2Attack, DataOfReleasedStreamsGivesTheConnectionsWindowBack) {
  http2::Limits limits;
  limits.connection_window = 65'535;
  Attacked server(limits);
  server.attack(frame(kHeaders, kEndHeaders, 1, get_head()));
  const std::vector<EventNote> events = server.events();
  ASSERT_EQ(events.size(), 1u);
  server.session.release(events[0].stream);
  // Data that was on its way when the reset was sent: more than the window in all.
  for (int i = 0; i < 20; ++i) {
    server.attack(frame(kData, 0, 1, std::string(16'000, 'x')));
    ASSERT_EQ(name_of(server.session.offence()), "none") << i;
  }
}

}  // namespace
}  // namespace heddle::test
