// Outcome: what one worker has measured. The worker writes; others read once it has ended, and the
// flags at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/time.h"
#include "histogram.h"

namespace heddle::load {

enum class Failure : uint8_t {
  kRefused,
  kTimedOut,
  kUnreachable,
  kReset,
  kClosedByPeer,
  kNoRoom,
  kWrongAnswer,
  kStatus,
  kTls,
  kProtocol,
  kBadRequest,
  kLate,
  kCount,
};

inline constexpr std::array<std::string_view, static_cast<size_t>(Failure::kCount)> kFailureNames{
    "refused",         // a reset answered our SYN
    "timed_out",       // no answer
    "unreachable",     // ICMP errors in place of an answer
    "reset",           // after the connection stood; of HTTP/2: or a stream of it
    "closed_by_peer",  // before we were done
    "no_room",         // no own port, or more connections than tcp.connections allows
    "wrong_answer",    // longer than the request; of HTTP: none, or not as long as it is to be
    "status",          // a response of HTTP that is not 200
    "tls",             // a handshake that failed, or a record that was wrong
    "protocol",        // not the HTTP that was asked for, or a connection of HTTP/2 that broke it
    "bad_request",     // the server's: what is no request, or one whose body has no length
    "late",            // of an open loop: due, and not asked for before the end
};

// What a server that does as it is asked never gives: a run with such has measured something else.
inline constexpr std::array kSelfCheck{Failure::kWrongAnswer, Failure::kStatus, Failure::kTls,
                                       Failure::kProtocol, Failure::kBadRequest};

struct Tally {
  uint64_t bytes_sent = 0;  // the client's: acknowledged; the server's: handed to TCP
  uint64_t bytes_received = 0;
  uint64_t requests = 0;  // answered
  uint64_t opened = 0;    // or accepted
  std::array<uint64_t, static_cast<size_t>(Failure::kCount)> failures{};

  void fail(Failure why) { ++failures[static_cast<size_t>(why)]; }
};

struct Outcome {
  // Within the measured time. Failures count from the start: a run in which none connects has no
  // measured time.
  Tally client, server;
  Histogram latency;
  Duration measured;
  uint64_t busy_cycles = 0, all_cycles = 0;
  uint32_t open_at_end = 0;  // the client's connections

  std::atomic<bool> begun{false};     // a connection stood
  std::atomic<bool> finished{false};  // and the time is over
};

}  // namespace heddle::load
