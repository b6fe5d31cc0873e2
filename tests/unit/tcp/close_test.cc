// Closing: RFC 9293 3.6, RFC 1337, RFC 6191, RFC 2525.
#include <gtest/gtest.h>

#include "script.h"

namespace heddle::tcp {
namespace {

constexpr uint8_t kHalfClosedBit = static_cast<uint8_t>(Notice::kHalfClosed);
constexpr uint8_t kClosedBit = static_cast<uint8_t>(Notice::kClosed);

TEST(Close, WeFirstThenTheyThenTimeWait) {
  Script t;
  t.accepted().close();
  t.expect_sent({{.seq = 1, .len = 0, .flags = kFin | kAck}});
  t.expect_state(State::kFinWait1);
  t.ack(2);
  t.expect_state(State::kFinWait2);
  t.fin();
  t.expect_sent({{.seq = 2, .ack = 2, .flags = kAck}});
  EXPECT_TRUE(t.is_gone());
  EXPECT_EQ(t.transport.time_wait_count(), 1u);
  t.after(seconds(59));
  EXPECT_EQ(t.transport.time_wait_count(), 1u);
  t.after(seconds(2));
  EXPECT_EQ(t.transport.time_wait_count(), 0u);
}

TEST(Close, TheyFirst) {
  Script t;
  t.accepted().fin();
  t.expect_sent({{.ack = 2, .flags = kAck}});
  t.expect_state(State::kCloseWait);
  EXPECT_EQ(t.notices() & kHalfClosedBit, kHalfClosedBit);
  t.write(100).expect_sent({{.seq = 1, .len = 100}});
  t.close();
  t.expect_sent({{.seq = 101, .flags = kFin | kAck}});
  t.expect_state(State::kLastAck);
  t.ack(102);
  EXPECT_TRUE(t.is_gone());
  EXPECT_EQ(t.transport.time_wait_count(), 0u);
}

TEST(Close, BothAtOnce) {
  Script t;
  t.accepted().close();
  t.take_sent();
  t.in({.ack = 1, .flags = kFin | kAck});
  t.expect_sent({{.ack = 2, .flags = kAck}});
  t.expect_state(State::kClosing);
  t.ack(2);
  EXPECT_EQ(t.transport.time_wait_count(), 1u);
}

TEST(Close, AHalfClosedConnectionStillReceives) {
  Script t;
  t.accepted().shutdown();
  t.take_sent();
  t.ack(2);
  for (int i = 0; i < 5; ++i) t.in({.len = 1000});
  t.after(seconds(1000));
  EXPECT_EQ(t.read(), Script::bytes(1, 5000)) << "half-close has no time-out";
  t.expect_state(State::kFinWait2);
}

TEST(Close, TheFinIsRepeated) {
  Script t;
  t.accepted().close();
  t.expect_sent({{.seq = 1, .flags = kFin | kAck}});
  t.after(seconds(3));
  const auto sent = t.take_sent();
  ASSERT_GE(sent.size(), 1u);
  EXPECT_EQ(sent[0].flags & kFin, kFin);
  EXPECT_EQ(sent[0].seq, 1u);
}

TEST(Close, TheFinRidesOnTheLastData) {
  Script t;
  t.accepted().ack(1);
  t.transport.send_copy(t.id, std::vector<uint8_t>(300), t.now);
  t.close();
  t.expect_sent({{.seq = 1, .len = 300, .flags = kFin | kAck}});
}

TEST(Close, UnreadDataMeansReset) {
  Script t;
  t.accepted().in({.len = 10});
  t.take_sent();
  t.close();
  t.expect_sent({{.seq = 1, .flags = kRst | kAck}});
  EXPECT_TRUE(t.is_gone());
}

TEST(Close, DataAfterCloseMeansReset) {
  Script t;
  t.accepted().close();
  t.take_sent();
  t.ack(2);
  t.in({.len = 10});
  t.expect_sent({{.flags = kRst | kAck}});
  EXPECT_EQ(t.count(Drop::kDataAfterClose), 1u);
  EXPECT_TRUE(t.is_gone());
}

TEST(Close, FinWait2IsBoundedForWhoHasClosed) {
  Script t;
  t.accepted().close();
  t.ack(2);
  t.after(seconds(61));
  EXPECT_TRUE(t.is_gone());
  EXPECT_EQ(t.count(Stat::kFinWait2Timeouts), 1u);
}

TEST(Close, AFinBeforeItsDataWaits) {
  Script t;
  t.accepted().in({.seq = 101, .len = 100, .flags = kFin | kAck});
  t.expect_state(State::kEstablished);
  t.in({.seq = 1, .len = 100});
  t.expect_state(State::kCloseWait);
  EXPECT_EQ(t.read(), Script::bytes(1, 200));
}

TEST(Close, BytesBehindAFinAreDropped) {
  Script t;
  t.accepted().in({.seq = 101, .flags = kFin | kAck});
  t.in({.seq = 1, .len = 500});
  EXPECT_EQ(t.read(), Script::bytes(1, 100));
  EXPECT_EQ(t.count(Drop::kDataAfterFin), 1u);
  t.expect_state(State::kCloseWait);
}

TEST(Close, AbortSendsAReset) {
  Script t;
  t.accepted().abort();
  t.expect_sent({{.seq = 1, .ack = 1, .flags = kRst | kAck}});
  EXPECT_TRUE(t.is_gone());
}

class TimeWaitTest : public testing::Test {
 protected:
  explicit TimeWaitTest(bool stamps = false) : t(profile(stamps), {.timestamps = stamps}) {}
  static Profile profile(bool stamps) {
    Profile p = plain_profile();
    p.timestamps = stamps;
    return p;
  }
  void enter() {
    t.accepted().close();
    t.ack(2).fin();
    t.take_sent();
    ASSERT_EQ(t.transport.time_wait_count(), 1u);
  }
  Script t;
};

class StampedTimeWaitTest : public TimeWaitTest {
 protected:
  StampedTimeWaitTest() : TimeWaitTest(true) {}
};

TEST_F(TimeWaitTest, RepeatedFinIsAnsweredAndTheTimeBeginsAnew) {
  enter();
  t.after(seconds(50)).in({.seq = 1, .flags = kFin | kAck});
  t.expect_sent({{.seq = 2, .ack = 2, .flags = kAck}});
  t.after(seconds(50));
  EXPECT_EQ(t.transport.time_wait_count(), 1u);
}

TEST_F(TimeWaitTest, AResetDoesNotEndIt) {
  enter();
  t.in({.seq = 2, .flags = kRst});
  t.expect_nothing();
  EXPECT_EQ(t.transport.time_wait_count(), 1u);
  EXPECT_EQ(t.count(Drop::kTimeWaitReset), 1u);
}

TEST_F(TimeWaitTest, ANewSynBehindTheOldNumbersReopens) {
  enter();
  const uint32_t old_isn = t.our_isn;
  t.id = {};
  t.in({.seq = 0x10'0000, .flags = kSyn});
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].flags, kSyn | kAck);
  EXPECT_GT(static_cast<int32_t>(t.our_isn - old_isn), 65535);
  EXPECT_EQ(t.count(Stat::kTimeWaitReused), 1u);
}

TEST_F(TimeWaitTest, AnOldSynIsAnsweredByAnAck) {
  enter();
  t.in({.seq = 0, .flags = kSyn});
  t.expect_sent({{.seq = 2, .ack = 2, .flags = kAck}});
  EXPECT_EQ(t.transport.time_wait_count(), 1u);
}

TEST_F(StampedTimeWaitTest, ALaterTimestampReopensWhateverTheNumber) {
  enter();
  t.after(milliseconds(10)).in({.seq = 0, .flags = kSyn});
  t.expect_sent({{.flags = kSyn | kAck}});
}

TEST_F(StampedTimeWaitTest, OurOwnNextConnectionMayUseTheTuple) {
  t.connected().close();
  t.ack(2).fin();
  ASSERT_EQ(t.transport.time_wait_count(), 1u);
  t.after(seconds(1));
  EXPECT_TRUE(t.transport.connect({.tuple = t.tuple}, t.now));
  EXPECT_EQ(t.transport.time_wait_count(), 0u);
}

TEST(TimeWaitList, TheOldestMakesPlace) {
  Limits limits = Script::small_limits();
  limits.time_wait = 2;
  Script t(plain_profile(), {}, limits);
  for (uint16_t port = 5000; port < 5003; ++port) {
    t.tuple.local.port = Be16(80);
    t.tuple.remote.port = Be16(port);
    t.id = {};
    t.peer_next = 1;
    t.our_next = 0;
    t.peer_next = 0;
    t.connected().close();
    t.ack(2).fin();
  }
  EXPECT_EQ(t.transport.time_wait_count(), 2u);
  EXPECT_EQ(t.count(Drop::kTimeWaitFull), 1u);
}

TEST(Close, ANoticeWaitsUntilItIsRead) {
  Script t;
  t.accepted().fin();
  t.close();
  t.ack(2);
  EXPECT_TRUE(t.is_gone());
  Script reset;
  reset.accepted().in({.seq = 1, .flags = kRst});
  EXPECT_EQ(reset.notices() & kClosedBit, kClosedBit);
  EXPECT_EQ(reset.connection().ended_by(), EndReason::kPeerReset);
  reset.close();
  EXPECT_TRUE(reset.is_gone());
}

}  // namespace
}  // namespace heddle::tcp
