// Opening: RFC 9293 3.5, 3.10.7; RFC 7323; RFC 3168 6.1.1; RFC 4987.
#include <gtest/gtest.h>

#include <set>

#include "script.h"

namespace heddle::tcp {
namespace {

constexpr uint8_t kConnectedBit = static_cast<uint8_t>(Notice::kConnected);
constexpr uint8_t kResetBit = static_cast<uint8_t>(Notice::kReset);

TEST(Handshake, PassiveOpenAnswersWithWhatBothWant) {
  Profile p = plain_profile();
  p.timestamps = true;
  Script t(p, {.timestamps = true});
  t.listening().in({.flags = kSyn});
  const auto sent = t.take_sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].flags, kSyn | kAck);
  EXPECT_EQ(sent[0].ack, 1u);
  EXPECT_EQ(sent[0].header.options.mss, 1460);
  EXPECT_TRUE(sent[0].header.options.sack_permitted);
  EXPECT_TRUE(sent[0].header.options.window_scale.has_value());
  EXPECT_EQ(sent[0].header.options.timestamps->echo_reply.host(), 1000u);
  EXPECT_EQ(sent[0].window, 65535u) << "the window of a SYN is never scaled (RFC 7323 2.2)";
  t.in({});
  EXPECT_EQ(t.notices() & kConnectedBit, kConnectedBit);
  t.expect_state(State::kEstablished);
  EXPECT_EQ(t.connection().send_window(), 511u << 7);
  EXPECT_EQ(t.connection().mss(), 988u) << "the effective MSS leaves place for timestamps";
}

TEST(Handshake, WithoutOptionsTheDefaultMssHolds) {
  for (const bool ipv6 : {false, true}) {
    Script t(plain_profile(), {.ipv6 = ipv6});
    t.listening();
    Segment syn;
    syn.seq = Seq(t.peer_isn);
    syn.flags = TcpFlag::kSyn;
    syn.window = 1000;
    t.transport.on_segment(t.tuple, syn, t.now);
    t.emit();
    t.peer.window_scale = false;
    t.in({});
    EXPECT_EQ(t.connection().mss(), ipv6 ? 1220u : 536u);
    EXPECT_FALSE(t.connection().uses_sack());
  }
}

TEST(Handshake, ATinyMssIsTakenForTheFloor) {
  Script t(plain_profile(), {.mss = 1});
  t.accepted();
  EXPECT_EQ(t.connection().mss(), 64u);
  EXPECT_EQ(t.count(Stat::kTinyMss), 1u);
}

TEST(Handshake, AShiftAboveFourteenIsFourteen) {
  Script t(plain_profile(), {.scale = 200, .window = 1});
  t.accepted();
  EXPECT_EQ(t.connection().peer_scale(), 14);
  EXPECT_EQ(t.connection().send_window(), 1u << 14);
}

TEST(Handshake, DataWithTheLastAckIsTaken) {
  Script t;
  t.listening().in({.flags = kSyn}).in({.len = 100});
  EXPECT_EQ(t.read(), Script::bytes(1, 100));
}

TEST(Handshake, DataInASynIsNotLost) {
  Script t;
  t.listening().in({.len = 10, .flags = kSyn});
  t.expect_sent({{.ack = 1, .flags = kSyn | kAck}});  // not acknowledged, so it comes again
  t.in({.seq = 1, .len = 10});
  EXPECT_EQ(t.read(), Script::bytes(1, 10));
}

TEST(Handshake, SynAckIsRepeatedAndGivenUp) {
  Script t;
  t.listening().in({.flags = kSyn});
  t.expect_sent({{.flags = kSyn | kAck}});
  t.after(seconds(1)).expect_sent({{.seq = 0, .flags = kSyn | kAck}});
  t.after(seconds(2)).expect_sent({{.seq = 0, .flags = kSyn | kAck}});
  t.after(seconds(300));
  EXPECT_EQ(t.transport.half_open_count(), 0u);
  EXPECT_EQ(t.count(Stat::kFailedOpens), 1u);
}

TEST(Handshake, ResetInSynReceivedReturnsToListenSilently) {
  Script t;
  t.listening().in({.flags = kSyn});
  t.take_sent();
  t.in({.seq = 1, .flags = kRst});
  t.expect_nothing();
  EXPECT_EQ(t.transport.half_open_count(), 0u);
  EXPECT_FALSE(t.id) << "nobody is told";
  t.peer_next = 0;
  t.in({.flags = kSyn}).in({});
  EXPECT_TRUE(t.id) << "the listener goes on";
}

TEST(Handshake, ABlindResetDoesNotEndAHalfOpenOne) {
  Script t;
  t.listening()
      .in({.flags = kSyn})
      .in({.seq = 500, .flags = kRst})
      .in({.seq = 70'000'000, .flags = kRst});
  EXPECT_EQ(t.transport.half_open_count(), 1u);
  EXPECT_EQ(t.count(Drop::kResetChallenged), 1u);
  EXPECT_EQ(t.count(Drop::kResetOutOfWindow), 1u);
}

TEST(Handshake, AWrongAckInSynReceivedIsReset) {
  Script t;
  t.listening().in({.flags = kSyn});
  t.take_sent();
  t.in({.ack = 77});
  t.expect_sent({{.seq = 77, .flags = kRst}});
  EXPECT_EQ(t.count(Drop::kBadAckInHandshake), 1u);
}

TEST(Handshake, ActiveOpen) {
  Script t;
  t.connecting();
  t.expect_sent({{.seq = 0, .len = 0, .flags = kSyn}});
  t.in({.flags = kSyn | kAck});
  t.expect_sent({{.seq = 1, .ack = 1, .flags = kAck}});
  t.expect_state(State::kEstablished);
}

TEST(Handshake, DataWithTheSynAckIsTaken) {
  Script t;
  t.connecting().in({.len = 0, .flags = kSyn | kAck});
  t.in({.seq = 1, .len = 5});
  EXPECT_EQ(t.read().size(), 5u);
}

TEST(Handshake, SynIsRepeatedWithBackOffUntilTheRetriesEnd) {
  Script t;
  t.connecting();
  t.expect_sent({{.flags = kSyn}});
  for (const int wait : {1, 2, 4, 8, 16, 32}) {
    t.after(milliseconds(wait * 1000 - 10)).expect_nothing();
    t.after(milliseconds(20)).expect_sent({{.seq = 0, .flags = kSyn}});
    t.after(milliseconds(-10));
  }
  t.after(seconds(200)).expect_nothing();
  EXPECT_EQ(t.connection().ended_by(), EndReason::kTimedOut);
  EXPECT_EQ(t.notices() & kResetBit, kResetBit);
}

TEST(Handshake, ARefusalNeedsTheRightAck) {
  Script t;
  t.connecting().in({.seq = 0, .ack = 500, .flags = kRst | kAck});
  t.expect_state(State::kSynSent);
  t.in({.seq = 0, .flags = kRst});
  t.expect_state(State::kSynSent);
  t.in({.seq = 0, .ack = 1, .flags = kRst | kAck});
  t.expect_state(State::kClosed);
  EXPECT_EQ(t.connection().ended_by(), EndReason::kRefused);
}

TEST(Handshake, AnOldSynAckIsAnsweredByAReset) {
  Script t;
  t.connecting();
  t.take_sent();
  t.in({.ack = 9000, .flags = kSyn | kAck});
  t.expect_sent({{.seq = 9000, .flags = kRst}});
  t.expect_state(State::kSynSent);
}

TEST(Handshake, SimultaneousOpen) {
  Script t;
  t.connecting();
  t.take_sent();
  t.in({.flags = kSyn});
  t.expect_sent({{.seq = 0, .ack = 1, .flags = kSyn | kAck}});
  t.expect_state(State::kSynReceived);
  t.in({.seq = 0, .ack = 1, .flags = kSyn | kAck});  // the other half: answered by an ACK
  t.expect_sent({{.seq = 1, .ack = 1, .flags = kAck}});
  t.in({.seq = 1, .ack = 1});
  t.expect_state(State::kEstablished);
  t.write(10).expect_sent({{.seq = 1, .len = 10}});
}

TEST(Handshake, AfterALostSynTheWindowBeginsWithOneSegment) {
  Script t;
  t.connecting().after(seconds(1)).in({.flags = kSyn | kAck});
  t.take_sent();
  t.write(5000).expect_sent({{.seq = 1, .len = 1000}});
}

TEST(Handshake, TheInitialWindowIsTenSegments) {
  Script t;
  t.connected().write(30'000);
  EXPECT_EQ(t.take_sent().size(), 10u);
}

TEST(Handshake, WritesAndShutdownBeforeItIsOverAreRemembered) {
  Script t;
  t.connecting().write(10).shutdown();
  t.take_sent();
  t.in({.flags = kSyn | kAck});
  t.expect_sent({{.seq = 1, .len = 10, .flags = kFin | kAck}});
  t.expect_state(State::kFinWait1);
}

TEST(Handshake, SynToNobodyIsResetAndAResetIsNot) {
  Script t;
  t.in({.flags = kSyn});
  t.expect_sent({{.seq = 0, .ack = 1, .flags = kRst | kAck}});
  t.in({.ack = 5});
  t.expect_sent({{.seq = 5, .flags = kRst}});
  t.in({.ack = 5, .flags = kRst | kAck});
  t.expect_nothing();
  EXPECT_EQ(t.count(Drop::kResetWithoutConnection), 1u);
}

TEST(Handshake, AddressesThatNobodyHasAreNotAnswered) {
  Script t;
  t.listening();
  for (const wire::Ipv4Address& a : {wire::Ipv4Address(224, 0, 0, 1), wire::Ipv4Address(0, 0, 0, 0),
                                     wire::Ipv4Address(255, 255, 255, 255)}) {
    t.tuple.remote.address = from_ipv4(a);
    t.peer_next = 0;
    t.in({.flags = kSyn}).expect_nothing();
  }
  EXPECT_EQ(t.count(Drop::kBadAddress), 3u);
}

TEST(Ecn, IsAgreedOnInBothDirections) {
  Profile p = plain_profile();
  p.ecn = true;
  Script server(p, {.ecn = true});
  server.accepted();
  EXPECT_TRUE(server.connection().uses_ecn());
  Script client(p, {.ecn = true});
  client.connecting();
  client.expect_sent({{.flags = kSyn | kEce | kCwr}});
  client.in({.flags = kSyn | kAck | kEce});
  EXPECT_TRUE(client.connection().uses_ecn());
}

TEST(Ecn, AMirrorIsNotAnAgreement) {
  Profile p = plain_profile();
  p.ecn = true;
  Script t(p);
  t.connecting().in({.flags = kSyn | kAck | kEce | kCwr});
  EXPECT_FALSE(t.connection().uses_ecn());
}

TEST(Ecn, ALostSynIsRepeatedWithoutIt) {
  Profile p = plain_profile();
  p.ecn = true;
  Script t(p);
  t.connecting().expect_sent({{.flags = kSyn | kEce | kCwr}});
  t.after(seconds(1)).expect_sent({{.flags = kSyn}});
  EXPECT_EQ(t.count(Stat::kEcnFallbacks), 1u);
}

TEST(Cookies, PastTheLimitTheHandshakeKeepsNothing) {
  Profile p = plain_profile();
  p.timestamps = true;
  Script t(p, {.timestamps = true});
  t.listening({.max_half_open = 0});
  t.in({.flags = kSyn});
  EXPECT_EQ(t.transport.half_open_count(), 0u);
  EXPECT_EQ(t.count(Stat::kCookiesSent), 1u);
  t.in({.len = 7});
  ASSERT_TRUE(t.id);
  EXPECT_EQ(t.read(), Script::bytes(1, 7));
  EXPECT_TRUE(t.connection().uses_sack()) << "the options rode in the timestamp";
  EXPECT_EQ(t.connection().peer_scale(), 7);
  EXPECT_EQ(t.connection().mss(), 536u - 12) << "the next lower MSS of the cookie's table";
  EXPECT_EQ(t.count(Stat::kCookiesTaken), 1u);
}

TEST(Cookies, ForgedAndStaleOnesAreReset) {
  Script t;
  t.listening({.max_half_open = 0});
  t.peer_next = 1;
  t.in({.ack = 12345}).expect_sent({{.seq = 12345, .flags = kRst}});
  EXPECT_EQ(t.count(Drop::kStaleCookie), 1u) << "none are out";
  t.peer_next = 0;
  t.in({.flags = kSyn});
  t.take_sent();
  t.in({.ack = 2}).expect_sent({{.flags = kRst}});
  EXPECT_EQ(t.count(Drop::kBadCookie), 1u);
  t.after(seconds(129));
  t.in({.ack = 1}).expect_sent({{.flags = kRst}});
  EXPECT_FALSE(t.id);
}

TEST(Cookies, TheSecretIsRotated) {
  Script t;
  t.listening({.max_half_open = 0});
  t.in({.flags = kSyn});
  t.secrets.old_cookie = t.secrets.cookie;
  t.secrets.cookie = {99, 100};
  t.in({});
  EXPECT_TRUE(t.id) << "the last key still counts";
}

TEST(Cookies, NeverMeansThatSynsAreDropped) {
  Script t;
  t.listening({.max_half_open = 0, .cookies = CookieMode::kNever}).in({.flags = kSyn});
  t.expect_nothing();
  EXPECT_EQ(t.count(Drop::kHalfOpenFull), 1u);
}

TEST(Cookies, EveryMssAndOptionComesBack) {
  const Secrets secrets{{1, 2}, {3, 4}, {5, 6}, {7, 8}};
  const FourTuple tuple{{from_ipv4(wire::Ipv4Address(1, 2, 3, 4)), Be16(80)},
                        {from_ipv4(wire::Ipv4Address(5, 6, 7, 8)), Be16(999)}};
  for (const uint16_t mss :
       std::initializer_list<uint16_t>{64, 536, 1000, 1459, 1460, 9000, 65535}) {
    const Seq cookie = make_cookie(secrets, tuple, Seq(7), mss, Instant() + seconds(1000));
    const auto back = check_cookie(secrets, tuple, Seq(7), cookie, Instant() + seconds(1060));
    ASSERT_TRUE(back.has_value());
    EXPECT_LE(*back, mss);
    EXPECT_FALSE(check_cookie(secrets, tuple, Seq(8), cookie, Instant() + seconds(1000)));
    EXPECT_FALSE(
        check_cookie(secrets, tuple.reversed(), Seq(7), cookie, Instant() + seconds(1000)));
    EXPECT_FALSE(check_cookie(secrets, tuple, Seq(7), cookie, Instant() + seconds(1200)));
  }
  for (uint32_t now : {0u, 63u, 64u, 1000u, UINT32_MAX}) {
    const uint32_t stamp = stamp_options(now, {.window_scale = 9, .sack = true, .ecn = false});
    EXPECT_FALSE(stamp_before(now, stamp)) << "timestamps do not run ahead";
    EXPECT_EQ(options_of_stamp(stamp).window_scale, 9);
    EXPECT_TRUE(options_of_stamp(stamp).sack);
    EXPECT_FALSE(options_of_stamp(stamp_options(now, {})).window_scale.has_value());
  }
}

TEST(Ports, ComeBackToTheirWorkerAndAreFree) {
  struct Owner final : SteeringOwner {
    bool is_ours(const FourTuple& t) const override { return steering_hash(t) % 4 == 2; }
  } owner;
  HeapBuffers buffers;
  const Secrets secrets{{1, 2}, {3, 4}, {5, 6}, {7, 8}};
  Limits limits = Script::small_limits();
  limits.ports = {40000, 40063};
  Transport t(
      limits,
      {.buffers = &buffers, .secrets = &secrets, .owner = &owner, .profiles = {plain_profile()}},
      Instant(1));
  FourTuple tuple{{from_ipv4(wire::Ipv4Address(10, 0, 0, 1)), Be16(0)},
                  {from_ipv4(wire::Ipv4Address(10, 0, 0, 2)), Be16(80)}};
  std::set<uint16_t> ports;
  while (const ConnectionId id = t.connect({.tuple = tuple}, Instant(1))) {
    const FourTuple& made = t.find(id)->tuple();
    EXPECT_TRUE(owner.is_ours(made));
    EXPECT_TRUE(ports.insert(made.local.port.host()).second) << "a port is used twice";
  }
  uint32_t fit = 0;
  for (uint16_t port = 40000; port < 40064; ++port) {
    tuple.local.port = Be16(port);
    if (owner.is_ours(tuple)) ++fit;
  }
  EXPECT_EQ(ports.size(), fit) << "all that fit are used, and no others";
}

}  // namespace
}  // namespace heddle::tcp
