#include "tcp/state.h"

#include <array>

namespace heddle::tcp {

namespace {

struct Row {
  State from;
  Event event;
  State to;
};

using enum State;
// Whatever is not listed is invalid. A reset in TIME-WAIT is not listed on purpose (RFC 1337).
constexpr Row kRows[] = {
    {kClosed, Event::kListen, kListen},
    {kClosed, Event::kConnect, kSynSent},
    {kListen, Event::kSyn, kSynReceived},
    {kListen, Event::kReset, kClosed},      // the user closes the listener
    {kSynSent, Event::kSyn, kSynReceived},  // simultaneous open
    {kSynSent, Event::kSynAck, kEstablished},
    {kSynSent, Event::kReset, kClosed},
    {kSynSent, Event::kTimeout, kClosed},
    {kSynReceived, Event::kAckOfSyn, kEstablished},
    {kSynReceived, Event::kReset, kClosed},
    {kSynReceived, Event::kTimeout, kClosed},
    {kEstablished, Event::kShutdown, kFinWait1},
    {kEstablished, Event::kFin, kCloseWait},
    {kEstablished, Event::kReset, kClosed},
    {kEstablished, Event::kTimeout, kClosed},
    {kFinWait1, Event::kFin, kClosing},  // simultaneous close
    {kFinWait1, Event::kAckOfFin, kFinWait2},
    {kFinWait1, Event::kReset, kClosed},
    {kFinWait1, Event::kTimeout, kClosed},
    {kFinWait2, Event::kFin, kTimeWait},
    {kFinWait2, Event::kReset, kClosed},
    {kFinWait2, Event::kTimeout, kClosed},
    {kCloseWait, Event::kShutdown, kLastAck},
    {kCloseWait, Event::kReset, kClosed},
    {kCloseWait, Event::kTimeout, kClosed},
    {kClosing, Event::kAckOfFin, kTimeWait},
    {kClosing, Event::kReset, kClosed},
    {kClosing, Event::kTimeout, kClosed},
    {kLastAck, Event::kAckOfFin, kClosed},
    {kLastAck, Event::kReset, kClosed},
    {kLastAck, Event::kTimeout, kClosed},
    {kTimeWait, Event::kSyn, kSynReceived},  // RFC 6191
    {kTimeWait, Event::kTimeout, kClosed},
};

constexpr auto kTable = [] {
  std::array<std::array<Step, kEvents>, kStates> table{};
  for (size_t state = 0; state < table.size(); ++state)
    for (Step& cell : table[state]) cell = {static_cast<State>(state), false};
  for (const Row& row : kRows)
    table[static_cast<size_t>(row.from)][static_cast<size_t>(row.event)] = {row.to, true};
  return table;
}();

constexpr std::array<std::string_view, kStates> kStateNames{
    "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
    "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
constexpr std::array<std::string_view, kEvents> kEventNames{
    "listen",   "connect", "syn",        "syn-ack", "ack of syn",
    "shutdown", "fin",     "ack of fin", "reset",   "timeout"};

}  // namespace

std::string_view name_of(State state) { return kStateNames[static_cast<size_t>(state)]; }
std::string_view name_of(Event event) { return kEventNames[static_cast<size_t>(event)]; }

Step step(State state, Event event) {
  return kTable[static_cast<size_t>(state)][static_cast<size_t>(event)];
}

}  // namespace heddle::tcp
