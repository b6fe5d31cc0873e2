// Windows, acknowledgments, small segments, probes and keepalive: RFC 9293 3.8, RFC 5681 4.2.
#include <gtest/gtest.h>

#include "script.h"

namespace heddle::tcp {
namespace {

Profile slow_acks() {
  Profile p = plain_profile();
  p.quick_acks = 0;
  return p;
}

TEST(Ack, TheFirstWaitsTheSecondDoesNot) {
  Script t(slow_acks());
  t.accepted().in({.len = 1000});
  t.expect_nothing();
  t.in({.len = 1000}).expect_sent({{.len = 0, .ack = 2001}});
  t.in({.len = 1000}).expect_nothing();
  t.after(milliseconds(39)).expect_nothing();
  t.after(milliseconds(2)).expect_sent({{.ack = 3001}});
}

TEST(Ack, CoalescedSegmentsCountByTheirBytes) {
  Script t(slow_acks());
  t.accepted().in({.len = 1000});
  t.after(milliseconds(50));
  t.take_sent();
  t.in({.len = 8000}).expect_sent({{.ack = 9001}});
}

TEST(Ack, RidesOnData) {
  Script t(slow_acks());
  t.accepted().in({.len = 1000}).write(10);
  t.expect_sent({{.len = 10, .ack = 1001}});
  t.after(seconds(1));
  t.ack(11).after(seconds(1));
}

TEST(Ack, OutOfOrderAtOnceWithTheNewestBlockFirst) {
  Script t(slow_acks());
  t.accepted().data(1001, 1000);
  t.expect_sent({{.ack = 1, .sack = {{{1001, 2001}}}}});
  t.data(5001, 1000).expect_sent({{.ack = 1, .sack = {{{5001, 6001}, {1001, 2001}}}}});
  t.data(3001, 1000)
      .expect_sent({{.ack = 1, .sack = {{{3001, 4001}, {5001, 6001}, {1001, 2001}}}}});
  t.data(2001, 1000).expect_sent({{.ack = 1, .sack = {{{1001, 4001}, {5001, 6001}}}}});
  t.data(1, 1000).expect_sent({{.ack = 4001, .sack = {{{5001, 6001}}}}});
  t.data(4001, 1000).expect_sent({{.ack = 6001}});
  EXPECT_EQ(t.read(), Script::bytes(1, 6000));
}

TEST(Ack, DuplicatesAreReported) {
  Script t;
  t.accepted().in({.len = 2000});
  t.take_sent();
  t.data(1, 1000).expect_sent({{.ack = 2001, .sack = {{{1, 1001}}}}});
  t.in({.seq = 1001, .len = 2000}).expect_sent({{.ack = 3001, .sack = {{{1001, 2001}}}}});
  t.in({.seq = 5001, .len = 1000});
  t.take_sent();
  t.in({.seq = 5001, .len = 1000})
      .expect_sent({{.ack = 3001, .sack = {{{5001, 6001}, {5001, 6001}}}}});
}

TEST(Ack, OverlappingDataKeepsWhatCameFirst) {
  Script t;
  t.accepted().in({.seq = 1001, .len = 1000});
  t.in({.seq = 501, .len = 2000, .fill = 'x'});
  t.in({.seq = 1, .len = 500});
  const std::string all = t.read();
  ASSERT_EQ(all.size(), 2500u);
  EXPECT_EQ(all.substr(0, 500), Script::bytes(1, 500));
  EXPECT_EQ(all.substr(500, 500), std::string(500, 'x'));
  EXPECT_EQ(all.substr(1000, 1000), Script::bytes(1001, 1000))
      << "acknowledged bytes do not change";
}

TEST(Window, ClosesWithWhatIsUnreadAndNeverMovesBack) {
  Profile p = plain_profile();
  p.receive_initial = p.receive_max = 60'000;
  p.window_scale = false;
  Script t(p);
  t.accepted();
  uint32_t right = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    t.in({.len = 700});
    for (const Seen& s : t.take_sent()) {
      EXPECT_GE(s.ack + s.window, right) << "a window that was offered is taken back";
      right = s.ack + s.window;
    }
    if (right - t.peer_next < 700) break;
  }
  EXPECT_LE(t.peer_next, right);
  EXPECT_LE(right, 66'000u);
  t.in({.len = right - t.peer_next});
  const auto last = t.take_sent();
  ASSERT_FALSE(last.empty());
  EXPECT_EQ(last.back().window, 0u);
  const uint32_t had = static_cast<uint32_t>(t.read().size());
  EXPECT_EQ(had, right - 1);
  const auto opened = t.take_sent();
  ASSERT_EQ(opened.size(), 1u) << "reading it all is told at once";
  EXPECT_GE(opened[0].window, 50'000u);
}

TEST(Window, OpensInStepsThatAreWorthIt) {
  Profile p = plain_profile();
  p.receive_initial = p.receive_max = 20'000;
  p.window_scale = false;
  Script t(p);
  t.accepted();
  while (t.connection().receive_window().size(t.connection().rcv_nxt()) >= 1000)
    t.in({.len = 1000});
  t.in({.len = t.connection().receive_window().size(t.connection().rcv_nxt())});
  t.take_sent();
  t.read(100);
  t.expect_nothing();  // 100 bytes are not worth a segment (silly window)
  t.read(5000);
  EXPECT_EQ(t.take_sent().size(), 1u);
}

TEST(Window, AZeroWindowTakesAcksResetsAndNothingElse) {
  Profile p = plain_profile();
  p.receive_initial = p.receive_max = 4000;
  p.window_scale = false;
  Script t(p);
  t.accepted().write(500);
  t.take_sent();
  while (const uint32_t n = t.connection().receive_window().size(t.connection().rcv_nxt()))
    t.in({.len = std::min(n, 1000u), .ack = 1});
  t.take_sent();
  t.in({.len = 100, .ack = 501});
  EXPECT_EQ(t.connection().snd_una() - t.connection().snd_nxt(), 0) << "the ACK counts";
  t.expect_sent({{.len = 0, .window = 0}});
  t.peer_next -= 100;
  t.in({.flags = kRst});
  t.expect_state(State::kClosed);
}

TEST(Window, IsChargedByWhatBuffersPin) {
  Profile p = plain_profile();
  p.receive_initial = p.receive_max = 60'000;
  Script t(p);
  t.accepted();
  for (int i = 0; i < 20'000 && t.connection().receive_window().size(t.connection().rcv_nxt()) > 0;
       ++i)
    t.in({.len = 1});
  EXPECT_LE(t.connection().reassembly().pinned(), 200'000u) << "one-byte segments share buffers";
  EXPECT_LE(t.buffers.in_use(), 100u);
}

TEST(Window, APeerThatShrinksItIsLivedWith) {
  Script t;
  t.connected().write(10'000);
  t.take_sent();
  t.in({.ack = 1, .window = 1});
  EXPECT_EQ(t.count(Stat::kWindowShrunk), 1u);
  t.write(1000).expect_nothing();
  t.in({.ack = 10'001, .window = 512});
  t.expect_sent({{.seq = 10'001, .len = 1000}});
}

TEST(Window, ASillyWindowIsNotFilled) {
  Script t;
  t.peer.window_scale = false;
  t.peer.window = 4000;
  t.connected().write(10'000);
  EXPECT_EQ(t.take_sent().size(), 4u);
  t.in({.ack = 4001, .window = 300}).expect_nothing();
  EXPECT_GE(t.count(Stat::kSillyWindows), 1u);
  t.in({.ack = 4001, .window = 2500});
  t.expect_sent({{.seq = 4001, .len = 1000}, {.seq = 5001, .len = 1000}});
}

TEST(Window, AClosedOneIsProbedWithBackOffAndNeverLost) {
  Script t;
  t.connecting().after(milliseconds(50)).in({.flags = kSyn | kAck});
  t.write(1000);
  t.in({.ack = 1001, .window = 0});
  t.take_sent();
  t.write(5000).expect_nothing();
  std::vector<Instant> probes;
  for (int i = 0; i < 3000; ++i) {
    t.after(milliseconds(100));
    for (const Seen& s : t.take_sent()) {
      EXPECT_EQ(s.len, 0u);
      EXPECT_EQ(s.seq, 1000u) << "a number that was acknowledged before";
      probes.push_back(s.at);
      t.in({});  // the peer still has no room
    }
  }
  ASSERT_GE(probes.size(), 7u);
  for (size_t i = 2; i < probes.size(); ++i)
    EXPECT_GE(probes[i] - probes[i - 1], probes[i - 1] - probes[i - 2]);
  EXPECT_LE(probes.size(), 20u);
  t.expect_state(State::kEstablished);
  EXPECT_EQ(t.connection().cwnd(), 10'000u) << "probes are not losses";
  t.in({.window = 512});
  EXPECT_EQ(t.take_sent().size(), 5u);
}

TEST(Window, AClosedOneOfADeadPeerEnds) {
  Script t;
  t.connected().write(1000);
  t.in({.ack = 1001, .window = 0}).write(5000);
  t.after(seconds(400));
  EXPECT_EQ(t.connection().ended_by(), EndReason::kTimedOut);
  EXPECT_EQ(t.count(Stat::kUserTimeouts), 1u);
}

TEST(Nagle, HoldsASmallSegmentWhileDataIsOut) {
  Profile p = plain_profile();
  p.nagle = true;
  Script t(p);
  t.connected().write(100);
  t.expect_sent({{.seq = 1, .len = 100}});
  t.write(100).write(100).expect_nothing();
  t.ack(101).expect_sent({{.seq = 101, .len = 200}});
  t.write(2500).expect_sent({{.seq = 301, .len = 1000}, {.seq = 1301, .len = 1000}});
  t.nodelay(true).write(1).expect_sent({{.seq = 2301, .len = 501}});
}

TEST(UserTimeout, EndsAConnectionWithoutAnswers) {
  Script t;
  t.connected().write(1000).after(seconds(300));
  EXPECT_EQ(t.connection().ended_by(), EndReason::kTimedOut);
}

TEST(Keepalive, ProbesAnIdlePeerAndGivesItUp) {
  Profile p = plain_profile();
  p.keepalive_idle = seconds(100);
  p.keepalive_interval = seconds(10);
  p.keepalive_probes = 3;
  Script t(p);
  t.accepted();
  t.transport.set_keepalive(t.id, true, t.now);
  t.after(seconds(101)).expect_sent({{.seq = 0, .len = 0, .flags = kAck}});
  t.in({});
  t.after(seconds(99)).expect_nothing();
  t.after(seconds(2));
  EXPECT_EQ(t.take_sent().size(), 1u);
  t.after(seconds(40));
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[2].flags & kRst, kRst);
  EXPECT_EQ(t.connection().ended_by(), EndReason::kTimedOut);
}

TEST(Keepalive, OfThePeerIsAnswered) {
  Script t;
  t.accepted().in({.seq = 0}).expect_sent({{.seq = 1, .len = 0, .ack = 1}});
}

TEST(Urgent, DataStaysInLine) {
  Script t;
  t.accepted().in({.len = 100, .flags = kAck | kUrg});
  EXPECT_EQ(t.read(), Script::bytes(1, 100));
}

TEST(Memory, UnderPressureWindowsDoNotOpenAndNothingBreaks) {
  Limits limits = Script::small_limits();
  limits.memory = 100'000;
  Profile p = plain_profile();
  p.receive_initial = 64 << 10;
  Script t(p, {}, limits);
  t.accepted();
  for (int i = 0; i < 500; ++i) {
    const uint32_t room = t.connection().receive_window().size(t.connection().rcv_nxt());
    if (room == 0) break;
    t.in({.len = std::min(room, 1000u)});
  }
  EXPECT_LE(t.transport.pieces().pinned(), 100'000u + 3 * 65536u);
  const size_t had = t.read().size();
  EXPECT_GT(had, 0u);
}

TEST(Memory, WithoutPiecesDataIsDroppedByName) {
  Limits limits = Script::small_limits();
  limits.pieces = 8;
  Script t(plain_profile(), {}, limits);
  t.accepted();
  for (int i = 0; i < 30; ++i) t.in({.seq = 1 + i * 2000, .len = 1000});
  EXPECT_LE(t.transport.pieces().in_use(), 8u);
}

TEST(Output, WhatTheOutputRefusesLeavesLater) {
  Script t;
  t.connected();
  t.refuse = true;
  t.write(3000);
  t.expect_nothing();
  EXPECT_TRUE(t.transport.wants_output());
  t.refuse = false;
  t.emit();
  t.expect_sent({{.seq = 1}, {.seq = 1001}, {.seq = 2001}});
}

TEST(Output, BurstsAreOneSegmentForTheOffload) {
  Profile p = plain_profile();
  p.max_burst = 64'000;
  Script t(p);
  t.connected().write(9500);
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].len, 9000u);
  EXPECT_EQ(sent[1].len, 500u);
  EXPECT_EQ(t.connection().scoreboard().count(), 10u) << "a record each segment on the wire";
}

}  // namespace
}  // namespace heddle::tcp
