// Whole conversations against the state machine and the window checks.
#include <gtest/gtest.h>

#include "core/random.h"
#include "seed.h"
#include "tracking.h"

namespace heddle::flow {
namespace {

template <class Address>
class Tcp : public testing::Test {};
TYPED_TEST_SUITE(Tcp, Families);

TYPED_TEST(Tcp, AConnectionFromItsFirstSegmentToItsLast) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.initiator({.flags = "PA", .seq = 1, .ack = 1, .data = 100}), State::kEstablished);
  c.pass(c.responder({.flags = "PA", .seq = 1, .ack = 101, .data = 50}), State::kEstablished);
  c.pass(c.initiator({.flags = "FA", .seq = 101, .ack = 51}), State::kFinInitiator);
  c.pass(c.responder({.seq = 51, .ack = 102}), State::kFinInitiator);
  c.pass(c.responder({.seq = 51, .ack = 102, .data = 10}), State::kFinInitiator);
  c.pass(c.initiator({.seq = 102, .ack = 61}), State::kFinInitiator);
  c.pass(c.responder({.flags = "FA", .seq = 61, .ack = 102}), State::kFinBoth);
  c.pass(c.initiator({.seq = 102, .ack = 62}), State::kTimeWait);
  c.pass(c.responder({.flags = "FA", .seq = 61, .ack = 102}), State::kTimeWait);
}

TYPED_TEST(Tcp, TheResponderMayCloseFirst) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.responder({.flags = "FA", .seq = 1, .ack = 1}), State::kFinResponder);
  c.pass(c.initiator({.flags = "FA", .seq = 1, .ack = 2}), State::kFinBoth);
  c.pass(c.responder({.seq = 2, .ack = 1}), State::kFinBoth);  // does not acknowledge the FIN
  c.pass(c.responder({.seq = 2, .ack = 2}), State::kTimeWait);
}

TYPED_TEST(Tcp, BothMayCloseAtOnce) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.responder({.flags = "FA", .seq = 1, .ack = 1}), State::kFinResponder);
  c.pass(c.initiator({.flags = "FA", .seq = 1, .ack = 1}), State::kFinBoth);
  c.pass(c.initiator({.seq = 2, .ack = 2}), State::kFinBoth);
  c.pass(c.responder({.seq = 2, .ack = 2}), State::kTimeWait);
}

TYPED_TEST(Tcp, BothMayOpenAtOnce) {  // RFC 9293 figure 8
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S"}), State::kSynSent);
  c.pass(c.responder({.flags = "S"}), State::kSimultaneous);
  c.drop(c.initiator({.flags = "SA", .ack = 2}), Drop::kTcpBadSynAck);
  c.pass(c.initiator({.flags = "SA", .ack = 1}), State::kSimultaneous);
  c.pass(c.responder({.flags = "SA", .ack = 1}), State::kSimultaneous);
  c.pass(c.initiator({.seq = 1, .ack = 1, .data = 10}), State::kEstablished);
  c.pass(c.responder({.seq = 1, .ack = 11}), State::kEstablished);
}

TYPED_TEST(Tcp, ASynThatIsSentAgain) {
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S", .scale = 7}), State::kSynSent);
  c.pass(c.initiator({.flags = "S", .scale = 7}), State::kSynSent);
  c.pass(c.responder({.flags = "SA", .ack = 1, .scale = 7}), State::kSynReceived);
  c.pass(c.responder({.flags = "SA", .ack = 1, .scale = 7}), State::kSynReceived);
  c.pass(c.initiator({.flags = "S", .scale = 7}), State::kSynReceived);
  c.pass(c.initiator({.seq = 1, .ack = 1}), State::kEstablished);
}

TYPED_TEST(Tcp, FastOpenBringsDataWithTheSyn) {  // RFC 7413
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S", .data = 50}), State::kSynSent);
  c.pass(c.responder({.flags = "SA", .ack = 51}), State::kSynReceived);
  c.pass(c.responder({.seq = 1, .ack = 51, .data = 100}), State::kSynReceived);
  c.pass(c.initiator({.seq = 51, .ack = 101}), State::kEstablished);
  // A server that does not take the data acknowledges the SYN alone.
  Connection<TypeParam> d;
  d.pass(d.initiator({.flags = "S", .data = 50}), State::kSynSent);
  d.pass(d.responder({.flags = "SA", .ack = 1}), State::kSynReceived);
  d.pass(d.initiator({.seq = 1, .ack = 1, .data = 50}), State::kEstablished);
}

TYPED_TEST(Tcp, ASynAckForAnotherSynIsRefused) {
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S"}), State::kSynSent);
  c.drop(c.responder({.flags = "SA", .ack = 0}), Drop::kTcpBadSynAck);
  c.drop(c.responder({.flags = "SA", .ack = 2}), Drop::kTcpBadSynAck);
  c.pass(c.responder({.flags = "SA", .ack = 1}), State::kSynReceived);
}

// Blind guesses at the acknowledgment must not move the responder's numbers.
TYPED_TEST(Tcp, ASynAckThatIsSentAgainMustAnswerTheSame) {
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S", .data = 50}), State::kSynSent);
  c.pass(c.responder({.flags = "SA", .ack = 1}), State::kSynReceived);
  c.drop(c.responder({.flags = "SA", .seq = 9000, .ack = 0}), Drop::kTcpBadSynAck);
  c.drop(c.responder({.flags = "SA", .seq = 9000, .ack = 52}), Drop::kTcpBadSynAck);
  c.pass(c.initiator({.seq = 1, .ack = 1}), State::kEstablished);
  Connection<TypeParam> d;
  d.pass(d.initiator({.flags = "S", .data = 50}), State::kSynSent);
  d.pass(d.responder({.flags = "SA", .ack = 1}), State::kSynReceived);
  d.pass(d.responder({.flags = "SA", .seq = 9000, .ack = 51}), State::kSynReceived);
  d.pass(d.initiator({.seq = 51, .ack = 9001}), State::kEstablished);
}

// One of the SYNs with ACK may have been lost before us: the windows are right without it.
TYPED_TEST(Tcp, BothMayOpenAtOnceWithOneAnswer) {
  for (const uint32_t base : {7u, 0x7000'0000u, 0xffff'ff00u}) {
    Connection<TypeParam> c(WindowCheck::kStrict, PickUp::kRefuse, base);
    c.pass(c.initiator({.flags = "S"}), State::kSynSent);
    c.pass(c.responder({.flags = "S"}), State::kSimultaneous);
    c.pass(c.responder({.flags = "SA", .ack = 1}), State::kSimultaneous);
    c.pass(c.initiator({.seq = 1, .ack = 1, .data = 1000}), State::kEstablished);
    c.pass(c.responder({.seq = 1, .ack = 1001, .data = 1001}), State::kEstablished);
    c.drop(c.responder({.seq = 1, .ack = 1001, .data = 1002}), Drop::kTcpBeyondWindow);
    c.drop(c.responder({.seq = 100'000, .ack = 1001, .data = 1}), Drop::kTcpBeyondWindow);
  }
}

// A segment in fragments: only the first one is seen here, so its end is not known.
TYPED_TEST(Tcp, AllOfASegmentInFragmentsMayBeAcknowledged) {
  Connection<TypeParam> c(WindowCheck::kStrict, PickUp::kRefuse, 1000);
  c.establish();
  Bytes first = tcp_packet(c.key,
                           {.sequence = Be32(1001),
                            .acknowledgment = Be32(2010),
                            .flags = wire::TcpFlag::kAck,
                            .window = 1000},
                           100);
  Parsed<TypeParam> fragment = parsed<TypeParam>(first);
  fragment.kind = PacketKind::kFirstFragment;
  c.pass(c.tracking.track(fragment), State::kEstablished);
  c.drop(c.responder({.seq = 1, .ack = 1003}), Drop::kTcpAckBeyond);
  c.pass(c.responder({.seq = 1, .ack = 901}), State::kEstablished);
  c.pass(c.initiator({.seq = 901, .ack = 1, .data = 10}), State::kEstablished);
}

TYPED_TEST(Tcp, WhatTheStateDoesNotAllowIsRefused) {
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S"}), State::kSynSent);
  c.drop(c.initiator({.seq = 1, .ack = 1}), Drop::kTcpUnexpected);
  c.drop(c.responder({.flags = "FA", .ack = 1}), Drop::kTcpUnexpected);
  c.pass(c.responder({.flags = "SA", .ack = 1}), State::kSynReceived);
  c.drop(c.initiator({.flags = "SA", .ack = 1}), Drop::kTcpUnexpected);
  c.drop(c.initiator({.flags = "SF", .seq = 1}), Drop::kTcpFlags);
  c.drop(c.initiator({.flags = "", .seq = 1}), Drop::kTcpFlags);
  EXPECT_EQ(c.tracking.tracker.drops().value(Drop::kTcpUnexpected), 3u);
}

TYPED_TEST(Tcp, NothingButASynBeginsAFlow) {
  for (const char* flags : {"SA", "A", "FA", "R", "RA"}) {
    Connection<TypeParam> c;
    const Tracked tracked = c.initiator({.flags = flags, .seq = 5, .ack = 6});
    EXPECT_EQ(tracked.outcome, Outcome::kUnknown) << flags;
    EXPECT_EQ(tracked.drop, Drop::kNoTcpFlow);
  }
  Connection<TypeParam> c;
  EXPECT_EQ(c.initiator({.flags = "SR"}).drop, Drop::kTcpFlags);
}

TYPED_TEST(Tcp, AConnectionIsPickedUpInItsMiddleIfPolicyLets) {
  Connection<TypeParam> c(WindowCheck::kStrict, PickUp::kAllow);
  c.pass(c.initiator({.seq = 5000, .ack = 6000, .data = 10}), State::kMidstream);
  c.pass(c.initiator({.seq = 5010, .ack = 6000, .data = 10}), State::kMidstream);
  c.pass(c.responder({.seq = 6000, .ack = 5020, .data = 10}), State::kEstablished);
  c.pass(c.initiator({.seq = 5020, .ack = 6010, .data = 1400}), State::kEstablished);
  // A RST must still be exact.
  c.drop(c.responder({.flags = "R", .seq = 6100}), Drop::kRstInexact);
  c.pass(c.responder({.flags = "R", .seq = 6010}), State::kReset);
}

// The four conditions of the window, each at its last byte and one past it.
TYPED_TEST(Tcp, StrictKeepsDataWithinTheWindow) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.responder({.seq = 1, .ack = 1, .window = 500}), State::kEstablished);
  // The SYN's window of 1000 was wider, and an edge once given is not taken back.
  c.pass(c.initiator({.seq = 1, .ack = 1, .data = 1000}), State::kEstablished);
  c.pass(c.initiator({.seq = 1001, .ack = 1, .data = 1}), State::kEstablished);  // a probe
  c.drop(c.initiator({.seq = 1001, .ack = 1, .data = 2}), Drop::kTcpBeyondWindow);
  c.pass(c.responder({.seq = 1, .ack = 1001, .window = 2000}), State::kEstablished);
  c.pass(c.initiator({.seq = 1001, .ack = 1, .data = 1500}), State::kEstablished);
  // From before: what may still be under way is a window's worth.
  c.pass(c.initiator({.seq = 501, .ack = 1, .data = 1}), State::kEstablished);
  c.drop(c.initiator({.seq = 300, .ack = 1, .data = 1}), Drop::kTcpBeforeWindow);
}

TYPED_TEST(Tcp, StrictKeepsAcknowledgmentsToWhatWasSent) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.initiator({.seq = 1, .ack = 1, .data = 100}), State::kEstablished);
  c.drop(c.responder({.seq = 1, .ack = 102}), Drop::kTcpAckBeyond);
  c.pass(c.responder({.seq = 1, .ack = 101}), State::kEstablished);
  c.drop(c.responder({.seq = 1, .ack = 101 - 66'001u}), Drop::kTcpAckBefore);
  c.pass(c.responder({.seq = 1, .ack = 101 - 66'000u}), State::kEstablished);
}

TYPED_TEST(Tcp, AnAcknowledgmentFromBeforeAWholeWindowAndAProbePasses) {
  Connection<TypeParam> c;
  c.establish(10);
  c.pass(c.responder({.seq = 1, .ack = 1}), State::kEstablished);  // a window of 1,024,000
  c.pass(c.initiator({.seq = 1 + 1'024'000, .ack = 1, .data = 1}), State::kEstablished);
  c.pass(c.responder({.seq = 1, .ack = 1}), State::kEstablished);
  c.drop(c.responder({.seq = 1, .ack = 0}), Drop::kTcpAckBefore);
}

TYPED_TEST(Tcp, AKeepAliveAndAProbeOfAClosedWindowPass) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.initiator({.seq = 1, .ack = 1, .data = 100}), State::kEstablished);
  c.pass(c.responder({.seq = 1, .ack = 101, .window = 0}), State::kEstablished);
  c.pass(c.initiator({.seq = 100, .ack = 1}), State::kEstablished);             // keep-alive
  c.pass(c.initiator({.seq = 101, .ack = 1, .data = 1}), State::kEstablished);  // probe
}

// RFC 7323 2.2: scales hold only if both SYNs have them.
TYPED_TEST(Tcp, WindowScalesAreLearnedFromTheSyns) {
  Connection<TypeParam> both;
  both.establish(4);
  both.pass(both.responder({.seq = 1, .ack = 1, .window = 1000}), State::kEstablished);
  both.pass(both.initiator({.seq = 1, .ack = 1, .data = 16'000}), State::kEstablished);
  both.drop(both.initiator({.seq = 16'001, .ack = 1, .data = 2}), Drop::kTcpBeyondWindow);

  for (const bool initiator_offers : {true, false}) {
    Connection<TypeParam> c;
    c.pass(c.initiator({.flags = "S", .scale = initiator_offers ? 4 : -1}), State::kSynSent);
    c.pass(c.responder({.flags = "SA", .ack = 1, .scale = initiator_offers ? -1 : 4}),
           State::kSynReceived);
    c.pass(c.initiator({.seq = 1, .ack = 1}), State::kEstablished);
    c.pass(c.responder({.seq = 1, .ack = 1}), State::kEstablished);
    c.pass(c.initiator({.seq = 1, .ack = 1, .data = 1000}), State::kEstablished);
    // The SYN's window was kept in units of its scale, rounded up.
    c.drop(c.initiator({.seq = 1001, .ack = 1, .data = 17}), Drop::kTcpBeyondWindow);
    c.pass(c.responder({.seq = 1, .ack = 1, .data = 1000}), State::kEstablished);
    c.drop(c.responder({.seq = 1001, .ack = 1, .data = 17}), Drop::kTcpBeyondWindow);
  }
}

TYPED_TEST(Tcp, TheWindowOfASynIsNotScaled) {
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S", .window = 1024, .scale = 8}), State::kSynSent);
  c.pass(c.responder({.flags = "SA", .ack = 1, .window = 1024, .scale = 8}), State::kSynReceived);
  c.pass(c.responder({.seq = 1, .ack = 1, .data = 1023}), State::kSynReceived);
  c.drop(c.responder({.seq = 1, .ack = 1, .data = 1300}), Drop::kTcpBeyondWindow);
}

TYPED_TEST(Tcp, ScalesAboveFourteenAreFourteen) {
  Connection<TypeParam> c;
  c.establish(200);
  c.pass(c.responder({.seq = 1, .ack = 1, .window = 1}), State::kEstablished);
  c.pass(c.initiator({.seq = 1, .ack = 1, .data = 16'384}), State::kEstablished);
}

// RFC 5961 3.2.
TYPED_TEST(Tcp, StrictBelievesARstAtTheNextByteOnly) {
  const auto conversation = [] {
    Connection<TypeParam> c;
    c.establish();
    c.pass(c.initiator({.seq = 1, .ack = 1, .data = 100}), State::kEstablished);
    c.pass(c.responder({.seq = 1, .ack = 101}), State::kEstablished);
    c.pass(c.initiator({.seq = 101, .ack = 1, .data = 50}), State::kEstablished);
    return c.initiator({.flags = "R", .seq = 0}).drop;
  };
  EXPECT_EQ(conversation(), Drop::kRstOutside);
  for (const uint32_t seq : {100u, 102u, 150u, 152u, 900u, 1102u, 50'000u}) {
    Connection<TypeParam> c;
    c.establish();
    c.pass(c.initiator({.seq = 1, .ack = 1, .data = 100}), State::kEstablished);
    c.pass(c.responder({.seq = 1, .ack = 101}), State::kEstablished);
    c.pass(c.initiator({.seq = 101, .ack = 1, .data = 50}), State::kEstablished);
    const bool inside = seq > 101 && seq < 1101;
    c.drop(c.initiator({.flags = "R", .seq = seq}), inside ? Drop::kRstInexact : Drop::kRstOutside);
  }
  for (const uint32_t seq : {101u, 151u}) {  // acknowledged, or sent
    Connection<TypeParam> c;
    c.establish();
    c.pass(c.initiator({.seq = 1, .ack = 1, .data = 100}), State::kEstablished);
    c.pass(c.responder({.seq = 1, .ack = 101}), State::kEstablished);
    c.pass(c.initiator({.seq = 101, .ack = 1, .data = 50}), State::kEstablished);
    c.pass(c.initiator({.flags = "R", .seq = seq}), State::kReset);
  }
}

TYPED_TEST(Tcp, LiberalBelievesARstWithinTheWindowAndPassesTheRest) {
  Connection<TypeParam> c(WindowCheck::kLiberal);
  c.establish();
  c.pass(c.initiator({.seq = 50'000, .ack = 1, .data = 9}), State::kEstablished);
  c.pass(c.initiator({.flags = "FA", .seq = 50'000, .ack = 1}), State::kEstablished);
  c.drop(c.initiator({.flags = "R", .seq = 50'000}), Drop::kRstOutside);
  c.pass(c.initiator({.flags = "R", .seq = 500}), State::kReset);
}

TYPED_TEST(Tcp, WithoutChecksAnyRstEndsTheFlow) {
  Connection<TypeParam> c(WindowCheck::kOff);
  c.establish();
  c.pass(c.initiator({.seq = 50'000, .ack = 1, .data = 9}), State::kEstablished);
  c.pass(c.initiator({.flags = "R", .seq = 90'000}), State::kReset);
}

TYPED_TEST(Tcp, ARefusedConnection) {
  Connection<TypeParam> c;
  c.pass(c.initiator({.flags = "S"}), State::kSynSent);
  c.drop(c.responder({.flags = "R"}), Drop::kRstOutside);  // does not acknowledge the SYN
  c.drop(c.responder({.flags = "RA", .ack = 2}), Drop::kRstOutside);
  c.pass(c.responder({.flags = "RA", .ack = 1}), State::kReset);
  c.pass(c.initiator({.flags = "S", .seq = 500}), State::kSynSent);  // tries again
}

// RFC 9293 3.5.1: one side has rebooted. The other challenges its SYN, hears a RST, and the next
// SYN begins anew.
TYPED_TEST(Tcp, AHalfOpenConnectionIsRecovered) {
  Connection<TypeParam> c;
  c.establish();
  c.pass(c.initiator({.seq = 1, .ack = 1, .data = 100}), State::kEstablished);
  c.pass(c.responder({.seq = 1, .ack = 101, .data = 20}), State::kEstablished);
  c.pass(c.initiator({.flags = "S", .seq = 70'000}), State::kEstablished);  // not believed
  c.pass(c.responder({.seq = 21, .ack = 101}), State::kEstablished);        // the challenge
  c.pass(c.initiator({.flags = "R", .seq = 101}), State::kReset);
  c.pass(c.initiator({.flags = "S", .seq = 70'000}), State::kSynSent);
  // And when the tracker had forgotten the old connection: the challenge comes to a new flow.
  c.pass(c.responder({.seq = 21, .ack = 101}), State::kSynSent);
  c.pass(c.initiator({.flags = "R", .seq = 101}), State::kSynSent);
  c.pass(c.initiator({.flags = "S", .seq = 70'000}), State::kSynSent);
  c.pass(c.responder({.flags = "SA", .seq = 900, .ack = 70'001}), State::kSynReceived);
}

TYPED_TEST(Tcp, ASynOnAClosingTupleBeginsAnew) {
  const auto closed = [](Connection<TypeParam>& c) {
    c.establish();
    c.pass(c.initiator({.flags = "FA", .seq = 1, .ack = 1}), State::kFinInitiator);
    c.pass(c.responder({.flags = "FA", .seq = 1, .ack = 2}), State::kFinBoth);
    // While it is closing a SYN is not believed.
    c.pass(c.initiator({.flags = "S", .seq = 900}), State::kFinBoth);
    c.pass(c.initiator({.seq = 2, .ack = 2}), State::kTimeWait);
  };
  Connection<TypeParam> c;
  closed(c);
  // RFC 9293 3.10.7.4: an old SYN must not end TIME-WAIT, nor a RST (RFC 1337).
  c.pass(c.initiator({.flags = "S", .seq = 2}), State::kTimeWait);
  c.pass(c.responder({.flags = "R", .seq = 2}), State::kTimeWait);
  const uint64_t cut = c.tracking.tracker.table().counters().cut.value();
  c.pass(c.initiator({.flags = "S", .seq = 3}), State::kSynSent);
  EXPECT_EQ(c.tracking.tracker.table().counters().cut.value(), cut + 1);
  // From the other side, which becomes the initiator.
  Connection<TypeParam> d;
  closed(d);
  const Tracked tracked = d.responder({.flags = "S", .seq = 3});
  d.pass(tracked, State::kSynSent);
  EXPECT_EQ(tracked.direction, Direction::kOriginal);
}

TYPED_TEST(Tcp, ASynWithBrokenOptionsIsRefusedAndLeavesNothing) {
  Tracking<TypeParam> t;
  const auto key = key_of(host<TypeParam>(1, 1), 4000, host<TypeParam>(2, 2), 80, IpProtocol::kTcp);
  wire::Tcp tcp{.sequence = Be32(1), .flags = wire::TcpFlag::kSyn, .window = 9};
  tcp.options.window_scale = 7;
  Bytes packet = tcp_packet(key, tcp);
  packet[kIpHeader<TypeParam> + 22] = 9;  // the length of the window scale
  EXPECT_EQ(t.see(packet).drop, Drop::kTcpOptions);
  EXPECT_EQ(t.tracker.table().size(), 0u);
}

// A sender and a receiver that keep to the rules, with losses, late copies and any scale: not one
// segment may be refused.
TYPED_TEST(Tcp, StrictRefusesNothingOfASoundTransfer) {
  Random random(test_seed());
  for (int run = 0; run < 60; ++run) {
    Connection<TypeParam> c(WindowCheck::kStrict, PickUp::kRefuse,
                            static_cast<uint32_t>(random.next()));
    const int scale = static_cast<int>(random.below(10)) - 1;
    const int shift = std::max(scale, 0);
    c.establish(scale);
    // The handshake's windows were not scaled: the receiver says how much it takes.
    uint32_t next = 1, received = 1, edge = 1001;
    std::vector<std::pair<uint32_t, uint32_t>> under_way;
    for (int step = 0; step < 300; ++step) {
      const uint32_t room = edge - next;
      if (random.below(2) == 0 && room > 0) {
        const uint32_t size = 1 + random.below(std::min<uint32_t>(room, 1400));
        under_way.emplace_back(next, size);
        next += size;
      }
      if (!under_way.empty() && random.below(3) != 0) {
        // Any segment under way reaches the tracker, first or again.
        const auto [seq, size] = under_way[random.below(static_cast<uint32_t>(under_way.size()))];
        if (next - seq <= 1000u << shift) {
          c.pass(c.initiator({.seq = seq, .ack = 1, .data = size}), State::kEstablished);
          if (seq <= received) received = std::max(received, seq + size);
        }
      }
      if (random.below(3) == 0) {
        const auto window = static_cast<uint16_t>(random.below(1001));
        c.pass(c.responder({.seq = 1, .ack = received, .window = window}), State::kEstablished);
        edge = std::max(edge, received + (uint32_t{window} << shift));
        std::erase_if(under_way, [&](const auto& s) { return s.first + s.second <= received; });
      }
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace heddle::flow
