// Peers that cost: floods, tiny segments, windows that stay closed. What each is held to, and
// which counter tells of it; README.md here has the whole list.
#include <gtest/gtest.h>

#include "script.h"

namespace heddle::tcp {
namespace {

FourTuple from(const Script& t, uint32_t stranger) {
  FourTuple tuple = t.tuple;
  tuple.remote.address = from_ipv4(wire::Ipv4Address::from_host(0x0b00'0000 + stranger / 60'000));
  tuple.remote.port = Be16(static_cast<uint16_t>(1024 + stranger % 60'000));
  return tuple;
}

Segment plain(TcpFlags flags) {
  Segment segment;
  segment.seq = Seq(77);
  segment.flags = flags;
  segment.window = 1000;
  return segment;
}

TEST(Flood, OfSynsKeepsNoMoreThanTheLimitAndLetsOthersIn) {
  constexpr uint32_t kStrangers = 200'000;
  Script t;
  t.listening({.max_half_open = 50});
  for (uint32_t i = 0; i < kStrangers; ++i) {
    Segment syn = plain(TcpFlag::kSyn);
    t.transport.on_segment(from(t, i), syn, t.now);
    if (i % 500 == 0) t.emit();
    if (i % 500 == 0) t.take_sent();
  }
  EXPECT_EQ(t.transport.half_open_count(), 50u);
  EXPECT_EQ(t.transport.connection_count(), 0u);
  EXPECT_EQ(t.buffers.in_use(), 0u);
  EXPECT_EQ(t.count(Stat::kCookiesSent), kStrangers - 50);
  t.emit();
  t.take_sent();
  t.in({.flags = kSyn}).in({});
  EXPECT_EQ(t.count(Stat::kCookiesTaken), 1u);
  t.expect_state(State::kEstablished);
  t.after(seconds(200));
  EXPECT_EQ(t.transport.half_open_count(), 0u) << "nobody came back for them";
}

TEST(Flood, WithoutCookiesIsDroppedByName) {
  Script t;
  t.listening({.max_half_open = 50, .cookies = CookieMode::kNever});
  for (uint32_t i = 0; i < 1000; ++i) {
    Segment syn = plain(TcpFlag::kSyn);
    t.transport.on_segment(from(t, i), syn, t.now);
  }
  EXPECT_EQ(t.transport.half_open_count(), 50u);
  EXPECT_EQ(t.count(Drop::kHalfOpenFull), 950u);
}

TEST(Flood, OfFinsToNobodyIsAnsweredABoundedNumberOfTimes) {
  Script t;
  for (uint32_t i = 0; i < 10'000; ++i) {
    Segment fin = plain(TcpFlag::kFin | TcpFlag::kAck);
    t.transport.on_segment(from(t, i), fin, t.now);
  }
  EXPECT_EQ(t.count(Drop::kNoConnection), 10'000u);
  EXPECT_EQ(t.count(Drop::kReplyQueueFull), 10'000u - Script::small_limits().replies);
  t.emit();
  EXPECT_EQ(t.take_sent().size(), Script::small_limits().replies);
}

TEST(Flood, OfFinsOnAConnectionMovesNothing) {
  Script t;
  t.accepted();
  for (uint32_t i = 0; i < 1000; ++i) {
    t.in({.seq = 1001 + i, .flags = kFin | kAck});        // behind a hole
    t.in({.seq = 90'000'000 + i, .flags = kFin | kAck});  // outside of the window
  }
  t.expect_state(State::kEstablished);
  EXPECT_EQ(t.count(Drop::kOutOfWindow), 1000u);
  EXPECT_EQ(t.count(Drop::kChallengeLimited), 990u);
  EXPECT_LE(t.take_sent().size(), 1010u) << "an answer for each in the window, ten for the rest";
  EXPECT_EQ(t.transport.range_pool().size(), 0u);
  t.data(1, 1000);
  t.expect_state(State::kCloseWait);
  EXPECT_EQ(t.read(), Script::bytes(1, 1000)) << "the first of them counts";
}

TEST(Tiny, OneByteSegmentsPinLittleMoreThanTheirBytes) {
  Script t;
  t.accepted();
  for (int i = 0; i < 20'000; ++i) t.in({.len = 1});
  EXPECT_EQ(t.count(Stat::kTinySegments), 20'000u);
  EXPECT_EQ(t.connection().readable(), 20'000u);
  EXPECT_LE(t.connection().reassembly().pinned(), 3 * 20'000u);
  EXPECT_EQ(t.read(), Script::bytes(1, 20'000));
}

TEST(Tiny, DividedAcksAreCounted) {
  Script t;
  t.connected().write(1000);
  t.take_sent();
  const uint32_t before = t.connection().cwnd();
  for (uint32_t n = 1; n <= 1000; n += 10) t.ack(n + 1);
  EXPECT_EQ(t.count(Stat::kDividedAcks), 100u);
  EXPECT_LE(t.connection().cwnd(), before + 1000);
}

Profile patient() {
  Profile p = plain_profile();
  p.persist_timeout = seconds(300);
  return p;
}

// A peer that answers each probe of its closed window, for `t` long. Returns when a reset came.
std::optional<Duration> answer_probes(Script& t, Duration time) {
  const Instant begin = t.now;
  while (t.now - begin < time && t.transport.connection_count() > 0) {
    t.after(milliseconds(500));
    for (const Seen& s : t.take_sent()) {
      if ((s.flags & kRst) != 0) return t.now - begin;
      t.in({.window = 0});
    }
  }
  return std::nullopt;
}

TEST(ClosedWindow, IsWaitedForWithoutEndByDefault) {
  Script t;
  t.connected().write(1000);
  t.in({.ack = 1001, .window = 0}).write(5000);
  EXPECT_FALSE(answer_probes(t, seconds(3000)));
  t.expect_state(State::kEstablished);
}

TEST(ClosedWindow, EndsWhenTheProfileSaysSo) {
  Script t(patient());
  t.connected().write(1000);
  t.in({.ack = 1001, .window = 0}).write(5000);
  const auto reset = answer_probes(t, seconds(3000));
  ASSERT_TRUE(reset);
  EXPECT_GE(*reset, seconds(300));
  EXPECT_LE(*reset, seconds(300) + patient().max_persist + seconds(1));
  EXPECT_EQ(t.count(Stat::kPersistTimeouts), 1u);
  EXPECT_EQ(t.count(Stat::kUserTimeouts), 0u);
  EXPECT_EQ(t.connection().ended_by(), EndReason::kTimedOut);
  EXPECT_EQ(t.buffers.in_use(), 0u) << "what was to be sent is free";
}

TEST(ClosedWindow, ThatOpensNowAndThenIsWaitedFor) {
  Script t(patient());
  t.connected().write(1000);
  t.in({.ack = 1001, .window = 0}).write(60'000);
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(answer_probes(t, seconds(200)));
    t.in({.window = 8});  // a segment, and closed again
    t.take_sent();
    t.in({.window = 0});
  }
  t.expect_state(State::kEstablished);
}

// After close() nobody is left to set an end, so there is one whatever the profile says.
TEST(ClosedWindow, OfAClosedConnectionEnds) {
  Script t;
  t.connected().write(1000);
  t.in({.ack = 1001, .window = 0}).write(5000);
  t.close();
  const auto reset = answer_probes(t, seconds(3000));
  ASSERT_TRUE(reset);
  EXPECT_LE(*reset, plain_profile().user_timeout + plain_profile().max_persist + seconds(1));
  EXPECT_EQ(t.count(Stat::kPersistTimeouts), 1u);
  EXPECT_TRUE(t.is_gone());
  EXPECT_EQ(t.buffers.in_use(), 0u);
}

}  // namespace
}  // namespace heddle::tcp
