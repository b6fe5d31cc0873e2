// The whole TCP table, cell by cell, against a second writing of it.
#include "flow/tcp_state.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace heddle::flow {
namespace {

std::string text(TcpCell cell) {
  switch (cell.action) {
    case TcpAction::kUnexpected:
      return "-";
    case TcpAction::kOpen:
      return std::string("open:") + name(cell.next);
    case TcpAction::kPickUp:
      return std::string("pick:") + name(cell.next);
    case TcpAction::kPass:
      return name(cell.next);
    case TcpAction::kIgnore:
      return "ignore";
    case TcpAction::kRestart:
      return "restart";
  }
  return "?";
}

struct Row {
  State state;
  const char* initiator;
  const char* responder;
};

// SYN, SYN with ACK, ACK, last ACK, FIN, RST.
constexpr Row kRows[] = {
    {State::kNone, "open:syn_sent - pick:midstream - - -", "- - - - - -"},
    {State::kSynSent, "syn_sent - - - - reset", "simultaneous syn_received ignore - - reset"},
    {State::kSynReceived, "ignore - established - fin_initiator reset",
     "- syn_received syn_received - fin_responder reset"},
    {State::kSimultaneous, "ignore simultaneous established - fin_initiator reset",
     "ignore simultaneous established - fin_responder reset"},
    {State::kMidstream, "restart - midstream - midstream reset",
     "- - established - fin_responder reset"},
    {State::kEstablished, "ignore - established - fin_initiator reset",
     "ignore ignore established - fin_responder reset"},
    {State::kFinInitiator, "ignore - fin_initiator - fin_initiator reset",
     "ignore ignore fin_initiator - fin_both reset"},
    {State::kFinResponder, "ignore - fin_responder - fin_both reset",
     "ignore ignore fin_responder - fin_responder reset"},
    {State::kFinBoth, "ignore - fin_both time_wait fin_both reset",
     "ignore ignore fin_both time_wait fin_both reset"},
    {State::kTimeWait, "restart - time_wait - time_wait ignore",
     "restart - time_wait - time_wait ignore"},
    {State::kReset, "restart - ignore - ignore ignore", "restart - ignore - ignore ignore"},
};

TEST(TcpState, EveryCell) {
  ASSERT_EQ(std::size(kRows), kTcpStates);
  int cells = 0;
  for (const Row& row : kRows) {
    for (const Direction direction : {Direction::kOriginal, Direction::kReply}) {
      std::istringstream words(direction == Direction::kOriginal ? row.initiator : row.responder);
      for (size_t kind = 0; kind < kTcpKinds; ++kind, ++cells) {
        std::string expected;
        ASSERT_TRUE(words >> expected);
        const TcpCell cell = tcp_transition(row.state, direction, static_cast<TcpKind>(kind));
        EXPECT_EQ(text(cell), expected) << name(row.state) << " kind " << kind;
        // What is ignored must not have moved the state, nor a refusal.
        EXPECT_TRUE(cell.action != TcpAction::kIgnore || cell.next == row.state);
        EXPECT_TRUE(cell.action != TcpAction::kUnexpected || cell.next == State::kNone);
      }
    }
  }
  EXPECT_EQ(cells, 11 * 2 * 6);
}

TEST(TcpState, EveryCombinationOfFlagsHasAKind) {
  using enum wire::TcpFlag;
  int bad = 0;
  for (int bits = 0; bits < 256; ++bits) {
    const wire::TcpFlags flags(static_cast<uint8_t>(bits));
    const int control = flags.has(kSyn) + flags.has(kFin) + flags.has(kRst);
    const TcpKind kind = tcp_kind(flags);
    bad += kind == TcpKind::kBad;
    const bool sound =
        control < 2 && (control == 1 || flags.has(kAck)) && (!flags.has(kFin) || flags.has(kAck));
    EXPECT_EQ(kind != TcpKind::kBad, sound) << bits;
    EXPECT_NE(kind, TcpKind::kLastAck);
  }
  EXPECT_GT(bad, 0);
}

TEST(States, EachHasANameAClassAndATimeoutThatItsRfcAllows) {
  const Timeouts timeouts;
  for (size_t i = 0; i < kStates; ++i) {
    const auto state = static_cast<State>(i);
    EXPECT_NE(std::string(name(state)), "");
    EXPECT_LT(static_cast<uint32_t>(eviction_class(state)), kEvictionClasses);
    EXPECT_GE(timeouts.of(state), seconds(60)) << name(state);
  }
  EXPECT_GE(timeouts.of(State::kEstablished), seconds(7440));  // RFC 5382 REQ-5
  EXPECT_GE(timeouts.of(State::kSynSent), seconds(240));
  EXPECT_GE(timeouts.of(State::kTimeWait), seconds(240));
  EXPECT_GE(timeouts.of(State::kReset), seconds(240));       // RFC 7857 2.2
  EXPECT_GE(timeouts.of(State::kUdpOneWay), seconds(120));   // RFC 4787 REQ-5
  EXPECT_GE(timeouts.of(State::kQueryOneWay), seconds(60));  // RFC 5508 REQ-1
}

}  // namespace
}  // namespace heddle::flow
