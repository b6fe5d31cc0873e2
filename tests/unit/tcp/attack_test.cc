// Hostile peers and strangers: RFC 5961, RFC 7323 5, CVE-2016-5696, CVE-2018-5390, CVE-2019-11477.
#include <gtest/gtest.h>

#include "core/random.h"
#include "script.h"
#include "seed.h"

namespace heddle::tcp {
namespace {

TEST(Blind, AResetInTheWindowIsChallenged) {
  Script t;
  t.accepted().in({.seq = 100, .flags = kRst});
  t.expect_sent({{.seq = 1, .ack = 1, .flags = kAck}});
  t.expect_state(State::kEstablished);
  EXPECT_EQ(t.count(Drop::kResetChallenged), 1u);
  t.in({.seq = 90'000'000, .flags = kRst}).expect_nothing();
  EXPECT_EQ(t.count(Drop::kResetOutOfWindow), 1u);
  t.in({.seq = 1, .flags = kRst});
  t.expect_state(State::kClosed);
}

TEST(Blind, ASynIsChallengedWhereverItIs) {
  Script t;
  t.accepted();
  for (const int64_t seq : {1, 100, 1'000'000}) {
    t.in({.seq = seq, .flags = kSyn}).expect_sent({{.seq = 1, .ack = 1, .flags = kAck}});
  }
  EXPECT_EQ(t.count(Drop::kSynChallenged), 3u);
  t.expect_state(State::kEstablished);
}

TEST(Blind, AnAckOfTheUnsentIsCorrected) {
  Script t;
  t.accepted().in({.len = 10, .ack = 500});
  t.expect_sent({{.ack = 1}});
  EXPECT_EQ(t.count(Drop::kAckOfUnsent), 1u);
  EXPECT_EQ(t.connection().readable(), 0u) << "its data is not taken either";
}

TEST(Blind, AnAncientAckIsCorrected) {
  Script t;
  t.accepted();
  t.in({.len = 10, .ack = 1 - 100'000'000ll + (1ll << 32)});
  EXPECT_EQ(t.count(Drop::kAckTooOld), 1u);
  EXPECT_EQ(t.connection().readable(), 0u);
}

TEST(Blind, ChallengesAreLimitedPerConnection) {
  Script t;
  t.accepted();
  for (int i = 0; i < 1000; ++i) t.in({.seq = 100, .flags = kRst});
  EXPECT_EQ(t.take_sent().size(), 10u);
  EXPECT_EQ(t.count(Drop::kChallengeLimited), 990u);
  t.after(seconds(1)).in({.seq = 100, .flags = kRst});
  EXPECT_EQ(t.take_sent().size(), 1u);
}

TEST(Blind, ADesynchronisedPairDoesNotAnswerForEver) {
  Script t;
  t.accepted();
  for (int i = 0; i < 1000; ++i) t.in({.seq = 90'000'000});
  EXPECT_LE(t.take_sent().size(), 10u);
}

Profile stamped() {
  Profile p = plain_profile();
  p.timestamps = true;
  return p;
}

TEST(Stamps, AnOldOneIsDroppedAndAnswered) {
  Script t(stamped(), {.timestamps = true});
  t.accepted().after(seconds(5)).in({.len = 100});
  t.take_sent();
  t.in({.len = 100, .ts = 1000});
  EXPECT_EQ(t.count(Drop::kPaws), 1u);
  EXPECT_EQ(t.take_sent().size(), 1u);
  EXPECT_EQ(t.connection().readable(), 100u);
}

TEST(Stamps, AMissingOneIsDropped) {
  Script t(stamped(), {.timestamps = true});
  t.accepted().in({.len = 100, .no_ts = true});
  t.expect_nothing();
  EXPECT_EQ(t.count(Drop::kMissingTimestamp), 1u);
}

TEST(Stamps, AResetNeedsNone) {
  Script t(stamped(), {.timestamps = true});
  t.accepted().in({.seq = 1, .flags = kRst, .no_ts = true});
  t.expect_state(State::kClosed);
}

TEST(Stamps, RecentIsOfTheLeftEdgeOnly) {
  Script t(stamped(), {.timestamps = true});
  t.accepted();
  const uint32_t before = t.connection().ts_recent();
  t.after(milliseconds(100)).in({.seq = 5001, .len = 100});
  EXPECT_EQ(t.connection().ts_recent(), before) << "behind a hole it is not taken";
  t.in({.seq = 1, .len = 100});
  EXPECT_EQ(t.connection().ts_recent(), before + 100);
}

TEST(Stamps, AllSegmentsCarryThemWithTheConnectionsOwnOffset) {
  Script t(stamped(), {.timestamps = true});
  t.accepted().write(10).in({.len = 10, .ack = 1});
  for (const Seen& s : t.take_sent()) EXPECT_TRUE(s.header.options.timestamps.has_value());
  EXPECT_EQ(t.connection().ts_offset(), timestamp_offset(t.secrets, t.tuple));
}

TEST(Stamps, AfterTwentyFourDaysAnyIsTaken) {
  Script t(stamped(), {.timestamps = true});
  t.accepted().after(seconds(25 * 24 * 3600)).in({.len = 10, .ts = 5});
  EXPECT_EQ(t.connection().readable(), 10u);
}

TEST(Hostile, HolesAreBounded) {
  Profile p = plain_profile();
  p.out_of_order_ranges = 16;
  Script t(p);
  t.accepted();
  for (int i = 0; i < 200; ++i) t.in({.seq = 1001 + i * 300, .len = 1});
  EXPECT_EQ(t.count(Drop::kOutOfOrderFull), 184u);
  EXPECT_LE(t.buffers.in_use(), 16u);
  t.in({.seq = 1, .len = 1000});
  EXPECT_EQ(t.connection().readable(), 1001u);
}

TEST(Hostile, OutOfOrderMemoryIsBounded) {
  Profile p = plain_profile();
  p.receive_initial = p.receive_max = 64 << 10;
  Script t(p);
  t.accepted();
  for (int i = 0; i < 1000; ++i) t.in({.seq = 3 + i * 60, .len = 1});
  EXPECT_LE(t.connection().reassembly().pinned(), 2 * (64u << 10));
  EXPECT_GT(t.count(Drop::kOutOfOrderMemory), 0u);
}

TEST(Hostile, SackBlocksOfNothingAreIgnored) {
  Script t;
  t.connected().write(5000);
  t.take_sent();
  t.ack_sack(1, {{5001, 9001}, {3001, 2001}, {90'000'000, 90'000'001}});
  EXPECT_EQ(t.connection().scoreboard().sacked(), 0u);
  EXPECT_EQ(t.count(Drop::kSackOutOfRange), 3u);
}

TEST(Hostile, ASackFloodCostsABoundedNumberOfSteps) {
  Script t(plain_profile(), {.mss = 64, .window = 4000});
  t.connected();
  // A window of thousands of tiny segments.
  for (int i = 0; i < 500; ++i) t.write(400'000).ack(t.our_next);
  t.write(400'000);
  const uint32_t base = t.our_next - 64 * t.connection().scoreboard().count();
  ASSERT_GT(t.connection().scoreboard().count(), 2500u);
  // Blocks as far as can be from each place that is remembered.
  const uint32_t n = t.connection().scoreboard().count();
  const auto block = [&](uint32_t at) { return std::pair(base + 64 * at, base + 64 * at + 64); };
  t.ack_sack(base, {block(n / 2), block(n / 4), block(3 * n / 4)});
  EXPECT_EQ(t.count(Drop::kSackWork), 1u);
  EXPECT_LT(t.connection().scoreboard().sacked_count(), 3u) << "the rest is not looked at";
  for (uint32_t i = 0; i < 200; ++i) {
    const uint32_t at = i % 2 == 0 ? 1 + i : 2400 - i;
    t.ack_sack(base, {block(at), block(1200), block(at + 10)});
  }
  EXPECT_LE(t.connection().scoreboard().sacked_count(), 603u);
  EXPECT_LE(t.connection().pipe(), 400'000u);
}

TEST(Hostile, ATinyMssMakesNoTinierSegments) {
  Profile p = stamped();
  Script t(p, {.timestamps = true, .mss = 8});
  t.connected().write(1000);
  for (const Seen& s : t.take_sent()) EXPECT_GE(s.len, 40u);
}

TEST(Hostile, NumbersWrapWithoutANotice) {
  Script t;
  t.peer_isn = 0xffff'fff0;
  t.accepted();
  for (int i = 0; i < 100; ++i) t.in({.len = 1000});
  EXPECT_EQ(t.read(), Script::bytes(1, 100'000));
}

TEST(Hostile, RubbishInEveryStateBreaksNothing) {
  Random random(test_seed());
  for (int round = 0; round < 300; ++round) {
    Script t(random.below(2) == 0 ? plain_profile() : stamped(),
             {.timestamps = random.below(2) == 0});
    switch (random.below(5)) {
      case 0:
        t.listening().in({.flags = kSyn});
        break;
      case 1:
        t.connecting();
        break;
      case 2:
        t.accepted().write(5000);
        break;
      case 3:
        t.accepted().close();
        break;
      case 4:
        t.accepted().fin();
        break;
    }
    for (int i = 0; i < 60; ++i) {
      const uint32_t near = t.peer_next + random.below(4000) - 2000;
      In row{.seq = near,
             .len = random.below(3) == 0 ? random.below(3000) : 0,
             .ack = t.our_next + random.below(3000) - 2000,
             .flags = static_cast<uint8_t>(random.below(2) == 0 ? kAck : random.below(256)),
             .window = static_cast<int>(random.below(600)),
             .ecn = static_cast<Ecn>(random.below(4))};
      for (uint32_t b = random.below(4); b > 0; --b) {
        const uint32_t left = t.our_next + random.below(6000) - 5000;
        row.sack.emplace_back(left, left + random.below(3000));
      }
      const uint32_t peer_next = t.peer_next;
      t.in(row);
      t.peer_next = peer_next + (random.below(10) == 0 ? row.len : 0);
      if (random.below(5) == 0) t.after(milliseconds(random.below(2000)));
      if (t.id && random.below(6) == 0) t.read(random.below(5000));
      if (t.id && random.below(6) == 0) t.write(random.below(5000));
      if (t.id && random.below(40) == 0) t.close();
      t.take_sent();
    }
  }
}

TEST(Icmp, NeedsASequenceNumberThatIsOutstanding) {
  Script t;
  t.connected().write(3000);
  t.take_sent();
  t.icmp(IcmpError::Kind::kTooBig, 90'000, 600);
  EXPECT_EQ(t.count(Drop::kIcmpSequence), 1u);
  EXPECT_EQ(t.connection().mss(), 1000u);
}

TEST(Icmp, APathMtuCutsSegmentsAndNotTheWindow) {
  Script t;
  t.connected().write(3000);
  t.take_sent();
  const uint32_t cwnd = t.connection().cwnd();
  t.icmp(IcmpError::Kind::kTooBig, 1, 640);
  EXPECT_EQ(t.connection().mss(), 600u);
  EXPECT_EQ(t.connection().cwnd(), cwnd);
  const auto sent = t.take_sent();
  ASSERT_GE(sent.size(), 5u);
  EXPECT_EQ(sent[0].seq, 1u);
  for (const Seen& s : sent) EXPECT_LE(s.len, 600u);
  t.icmp(IcmpError::Kind::kTooBig, 1, 68);
  EXPECT_EQ(t.connection().mss(), 512u) << "not below the floor of 552";
  t.icmp(IcmpError::Kind::kTooBig, 1, 1400);
  EXPECT_EQ(t.count(Drop::kIcmpMtu), 1u) << "never upwards";
}

TEST(Icmp, SoftErrorsEndNoConnection) {
  Script t;
  t.connected().write(100);
  using enum IcmpError::Kind;
  t.icmp(kUnreachable, 1).icmp(kPortUnreachable, 1).icmp(kSourceQuench, 1).icmp(kOther, 1);
  t.expect_state(State::kEstablished);
  EXPECT_EQ(t.count(Drop::kIcmpIgnored), 4u);
  t.after(seconds(300));
  EXPECT_EQ(t.connection().ended_by(), EndReason::kUnreachable) << "but they explain the end";
}

TEST(Icmp, AHardErrorRefusesASyn) {
  Script t;
  t.connecting().icmp(IcmpError::Kind::kUnreachable, 0);
  t.expect_state(State::kSynSent);
  t.icmp(IcmpError::Kind::kPortUnreachable, 0);
  EXPECT_EQ(t.connection().ended_by(), EndReason::kRefused);
}

TEST(Path, ABlackHoleIsFound) {
  Script t(plain_profile(), {.mss = 1460});
  t.connected().write(5000);
  t.take_sent();
  t.after(seconds(2));
  EXPECT_EQ(t.count(Stat::kBlackHoles), 1u);
  const auto sent = t.take_sent();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent.back().len, 1240u);
}

}  // namespace
}  // namespace heddle::tcp
