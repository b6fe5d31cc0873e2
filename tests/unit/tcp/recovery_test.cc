// Loss, found and repaired: RFC 8985, 6675, 6582, 6937, 3042, 6298, 5682, 3522, 2883, 2018.
#include <gtest/gtest.h>

#include "script.h"

namespace heddle::tcp {
namespace {

using Blocks = std::vector<std::pair<uint32_t, uint32_t>>;

// Ten segments of 1,000 bytes are on the way, and a round trip is 100 ms.
class Loss : public testing::Test {
 protected:
  explicit Loss(Profile profile = plain_profile(), PeerOptions peer = {}) : t(profile, peer) {
    t.connecting().after(milliseconds(100)).in({.flags = static_cast<uint8_t>(kSyn | kAck)});
    t.write(10'000);
    EXPECT_EQ(t.take_sent().size(), 12u);  // the SYN and the handshake's ACK among them
  }
  Script t;
};

TEST_F(Loss, ThreeSackedBehindAHoleRepairItAtOnce) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 2001}});
  t.ack_sack(1, {{1001, 3001}});
  t.expect_nothing();  // it may only be late
  t.ack_sack(1, {{1001, 4001}});
  t.expect_sent({{.seq = 1, .len = 1000}});
  EXPECT_EQ(t.connection().recovery().phase, Phase::kRecovery);
  EXPECT_EQ(t.connection().ssthresh(), 7000u) << "CUBIC gives way by three tenths";
}

TEST_F(Loss, OneSackedWaitsForTheReorderingWindow) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 2001}});
  EXPECT_EQ(t.connection().timers().loss_kind, LossTimer::kReorder);
  t.after(milliseconds(20)).expect_nothing();
  t.after(milliseconds(10)).expect_sent({{.seq = 1, .len = 1000}});  // a quarter of the round trip
}

TEST_F(Loss, RecoveryEndsAtSsthresh) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 10'001}});
  t.expect_sent({{.seq = 1}});
  t.after(milliseconds(100)).ack(10'001);
  EXPECT_EQ(t.connection().recovery().phase, Phase::kOpen);
  EXPECT_EQ(t.connection().cwnd(), 7000u);
}

TEST_F(Loss, PrrSendsAboutSevenTenths) {
  t.after(milliseconds(100));
  t.transport.send_copy(t.id, std::vector<uint8_t>(50'000), t.now);
  t.take_sent();
  for (uint32_t n = 2; n <= 10; ++n) t.ack_sack(1, {{1001, n * 1000 + 1}});
  const auto sent = t.take_sent();
  ASSERT_GE(sent.size(), 5u);
  EXPECT_LE(sent.size(), 8u);
  EXPECT_EQ(sent[2].seq, 1u) << "new data for the first two, then the repair";
}

TEST_F(Loss, ALostRetransmissionIsFoundByWhatWasSentAfterIt) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 5001}});
  t.expect_sent({{.seq = 1}});
  t.write(2000);
  t.take_sent();
  t.after(milliseconds(1)).ack_sack(1, {{1001, 10'001}});
  t.write(3000);
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  const uint32_t last = sent.back().seq + sent.back().len;
  t.after(milliseconds(100)).ack_sack(1, {{1001, last}});
  const auto again = t.take_sent();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0].seq, 1u) << "for the third time, without a time-out";
  EXPECT_EQ(t.count(Stat::kTimeouts), 0u);
}

TEST_F(Loss, TheTailIsProbed) {
  t.after(milliseconds(100)).ack(9001);
  t.after(milliseconds(450)).expect_sent({{.seq = 9001, .len = 1000}});
  EXPECT_EQ(t.count(Stat::kProbes), 1u);
  EXPECT_EQ(t.count(Stat::kTimeouts), 0u);
}

TEST_F(Loss, AProbeSendsNewDataWhenThereIsSome) {
  t.transport.send_copy(t.id, std::vector<uint8_t>(3000), t.now);  // the window is full
  t.emit();
  t.expect_nothing();
  t.after(milliseconds(250));
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].seq, 10'001u);
}

TEST_F(Loss, ALossThatAProbeRepairedCutsTheWindow) {
  t.after(milliseconds(100)).ack(9001);
  t.after(milliseconds(450));
  t.take_sent();
  const uint32_t before = t.connection().cwnd();
  t.ack(10'001);  // of the original or of the probe: the next one tells
  EXPECT_EQ(t.connection().cwnd(), before);
  t.write(1000).ack(11'001);
  EXPECT_EQ(t.count(Stat::kProbeLosses), 1u);
  EXPECT_LT(t.connection().cwnd(), before);
}

TEST_F(Loss, AProbeThatWasNotNeededCutsNothing) {
  t.after(milliseconds(100)).ack(9001);
  t.after(milliseconds(450));
  t.ack_sack(10'001, {{9001, 10'001}});  // D-SACK: both came
  t.write(1000).ack(11'001);
  EXPECT_EQ(t.count(Stat::kProbeLosses), 0u);
}

TEST_F(Loss, TheTimerBacksOffAndTheFirstIsSentAgain) {
  t.after(milliseconds(100));
  t.after(seconds(20));
  const auto sent = t.take_sent();
  ASSERT_GE(sent.size(), 5u);
  EXPECT_EQ(sent[0].seq, 9001u) << "the probe";
  Instant before = sent[1].at;
  Duration gap;
  for (size_t i = 2; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].seq, 1u);
    const Duration next = sent[i].at - before;
    if (i > 2) {
      EXPECT_NEAR(static_cast<double>(next.ms()), 2.0 * static_cast<double>(gap.ms()), 5.0);
    }
    gap = next;
    before = sent[i].at;
  }
  EXPECT_EQ(t.connection().cwnd(), 1000u);
}

TEST_F(Loss, AfterATimeOutTheRestFollowsInSlowStart) {
  t.after(milliseconds(700));
  t.take_sent();
  EXPECT_EQ(t.count(Stat::kTimeouts), 1u);
  t.ack(1001);
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].seq, 1001u);
  EXPECT_EQ(sent[1].seq, 2001u);
}

TEST_F(Loss, FRtoTakesASpuriousTimeOutBack) {
  t.after(milliseconds(700));
  EXPECT_EQ(t.count(Stat::kTimeouts), 1u);
  EXPECT_EQ(t.connection().cwnd(), 1000u);
  t.ack_sack(1, {{1001, 2001}});  // sent before the time-out, never again: it was only late
  EXPECT_EQ(t.count(Stat::kUndos), 1u);
  EXPECT_GE(t.connection().cwnd(), 10'000u);
  EXPECT_EQ(t.connection().scoreboard().lost(), 0u);
}

TEST_F(Loss, DsackOfAllRetransmissionsTakesTheCutBack) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 10'001}});
  t.expect_sent({{.seq = 1}});
  t.after(milliseconds(10)).ack(10'001);  // the original came after all
  t.ack_sack(10'001, {{1, 1001}});        // and then the repair
  EXPECT_EQ(t.count(Stat::kUndos), 1u);
  EXPECT_GE(t.connection().cwnd(), 10'000u);
}

TEST_F(Loss, AfterReorderingTheWindowIsWider) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 2001}});
  t.after(milliseconds(5)).ack(2001);  // the first was only late
  t.take_sent();
  t.ack_sack(2001, {{3001, 6001}});
  t.expect_nothing();  // three are SACKed, and yet it waits
  t.after(milliseconds(200));
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].seq, 2001u);
}

TEST_F(Loss, ReneguedDataIsSentAgain) {
  t.after(milliseconds(100)).ack_sack(1, {{1001, 10'001}});
  t.expect_sent({{.seq = 1}});
  t.ack(1001);  // the peer has dropped all it had SACKed, and says so no more
  t.after(seconds(3));
  EXPECT_GE(t.count(Stat::kReneges), 1u);
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back().seq, 1001u);
  for (uint32_t next = 2001; next <= 10'001; next += 1000) t.ack(next);
  EXPECT_TRUE(t.connection().scoreboard().empty());
}

TEST_F(Loss, NothingGrowsThatIsNotUsed) {
  t.after(milliseconds(100)).ack(10'001);
  const uint32_t full = t.connection().cwnd();
  for (uint32_t i = 0; i < 50; ++i) {
    t.write(100);
    t.after(milliseconds(100)).in({});
  }
  EXPECT_EQ(t.connection().cwnd(), full);
}

TEST_F(Loss, AckDivisionGainsNothing) {
  t.after(milliseconds(100));
  for (uint32_t n = 2; n <= 1001; ++n) t.ack(n);
  EXPECT_LE(t.connection().cwnd(), 11'000u) << "one segment's worth for one segment";
}

TEST_F(Loss, AfterALongRestTheWindowBeginsAnew) {
  t.transport.send_copy(t.id, std::vector<uint8_t>(200'000), t.now);
  for (uint32_t n = 11'001; n <= 201'001; n += 10'000)
    t.after(milliseconds(20)).ack(std::min(n, t.our_next));
  t.after(milliseconds(100)).ack(t.our_next);
  t.take_sent();
  const uint32_t before = t.connection().cwnd();
  ASSERT_GT(before, 20'000u);
  t.after(seconds(60)).write(100'000);
  EXPECT_EQ(t.take_sent().size(), 10u);
}

class PlainLoss : public Loss {
 protected:
  PlainLoss() : Loss(plain_profile(), {.sack = false}) {}
};

TEST_F(PlainLoss, LimitedTransmitThenFastRetransmit) {
  t.transport.send_copy(t.id, std::vector<uint8_t>(5000), t.now);
  t.after(milliseconds(100)).ack(1);
  t.expect_sent({{.seq = 10'001}});  // RFC 3042
  t.ack(1);
  t.expect_sent({{.seq = 11'001}});
  t.ack(1);
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].seq, 1u);
}

TEST_F(PlainLoss, APartialAckRepairsTheNext) {
  t.after(milliseconds(100)).ack(1).ack(1).ack(1);
  t.expect_sent({{.seq = 1}});
  t.after(milliseconds(100)).ack(4001);
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].seq, 4001u);
  t.after(milliseconds(100)).ack(10'001);
  EXPECT_EQ(t.connection().recovery().phase, Phase::kOpen);
}

TEST_F(PlainLoss, DuplicateAcksBeyondWhatIsOutstandingCountForNothing) {
  t.transport.send_copy(t.id, std::vector<uint8_t>(500'000), t.now);
  t.after(milliseconds(100));
  for (int i = 0; i < 1000; ++i) t.ack(1);
  uint64_t bytes = 0;
  for (const Seen& s : t.take_sent()) bytes += s.len;
  EXPECT_LE(bytes, 65'408u - 10'000u + 1000u) << "the window bounds it";
}

Profile stamped() {
  Profile p = plain_profile();
  p.timestamps = true;
  return p;
}

class StampedLoss : public testing::Test {
 protected:
  StampedLoss() : t(stamped(), {.timestamps = true, .mss = 1012}) {
    t.connecting().after(milliseconds(100)).in({.flags = static_cast<uint8_t>(kSyn | kAck)});
    t.write(10'000);
    t.take_sent();
  }
  Script t;
};

TEST_F(StampedLoss, EifelTakesASpuriousTimeOutBack) {
  const uint32_t original = t.last_stamp;
  t.after(milliseconds(700));
  ASSERT_EQ(t.count(Stat::kTimeouts), 1u);
  t.in({.ack = 1001, .ecr = original});
  EXPECT_EQ(t.count(Stat::kUndos), 1u);
  EXPECT_EQ(t.connection().cwnd(), 11'000u);
}

TEST_F(StampedLoss, AnAnswerToTheRepairDoesNot) {
  t.after(milliseconds(700));
  t.in({.ack = 1001});
  EXPECT_EQ(t.count(Stat::kUndos), 0u);
}

TEST_F(StampedLoss, RepeatedSegmentsGiveRoundTripsByTheirStamps) {
  t.after(milliseconds(700));
  t.take_sent();
  t.after(milliseconds(300)).in({.ack = 1001});
  EXPECT_GT(t.connection().rtt().srtt(), milliseconds(100));
}

TEST(Ecn, EchoCutsOnceARoundTripAndIsConfirmed) {
  Profile p = plain_profile();
  p.ecn = true;
  Script t(p, {.ecn = true});
  t.connecting().after(milliseconds(100)).in({.flags = kSyn | kAck | kEce});
  EXPECT_EQ(t.take_sent().back().ecn, Ecn::kNotEct);
  t.write(20'000);
  const auto sent = t.take_sent();
  EXPECT_EQ(sent[0].ecn, Ecn::kEct0) << "new data only";
  t.after(milliseconds(100)).in({.ack = 1001, .flags = kAck | kEce});
  EXPECT_EQ(t.connection().cwnd(), 7000u);
  t.in({.ack = 2001, .flags = kAck | kEce}).in({.ack = 3001, .flags = kAck | kEce});
  EXPECT_EQ(t.connection().cwnd(), 7000u);
  t.in({.ack = 6001});
  const auto more = t.take_sent();
  ASSERT_FALSE(more.empty());
  EXPECT_EQ(more[0].flags & kCwr, kCwr);
  EXPECT_EQ(t.count(Stat::kEcnCuts), 1u);
}

TEST(Ecn, MarksAreEchoedUntilConfirmedAndPureAcksAreNotCapable) {
  Profile p = plain_profile();
  p.ecn = true;
  Script t(p, {.ecn = true});
  t.accepted().in({.len = 1000, .ecn = Ecn::kCe});
  t.expect_sent({{.flags = kAck | kEce, .ecn = Ecn::kNotEct}});
  t.in({.len = 1000, .ecn = Ecn::kEct0}).expect_sent({{.flags = kAck | kEce}});
  t.in({.len = 1000, .flags = kAck | kCwr, .ecn = Ecn::kEct0}).expect_sent({{.flags = kAck}});
}

TEST(Ecn, RepairsAreNotCapable) {
  Profile p = plain_profile();
  p.ecn = true;
  Script t(p, {.ecn = true});
  t.connecting().after(milliseconds(100)).in({.flags = kSyn | kAck | kEce}).write(5000);
  t.take_sent();
  t.after(milliseconds(100)).ack_sack(1, {{1001, 5001}});
  t.expect_sent({{.seq = 1, .ecn = Ecn::kNotEct}});
}

}  // namespace
}  // namespace heddle::tcp
