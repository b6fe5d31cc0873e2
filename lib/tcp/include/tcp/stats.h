// What a worker's transport counts. One writer (the worker), any reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"
#include "tcp/drops.h"

namespace heddle::tcp {

enum class Stat : uint8_t {
  kSegmentsIn,
  kSegmentsOut,
  kBytesIn,
  kBytesOut,
  kActiveOpens,
  kPassiveOpens,
  kAccepted,
  kFailedOpens,
  kResetsIn,
  kResetsOut,
  kRetransmits,
  kFastRecoveries,
  kTimeouts,
  kProbes,
  kProbeLosses,
  kZeroWindowProbes,
  kKeepalives,
  kUndos,
  kDsacksIn,
  kDsacksOut,
  kReneges,
  kChallengeAcks,
  kCookiesSent,
  kCookiesTaken,
  kEcnCuts,
  kEcnFallbacks,
  kBlackHoles,
  kPathMtuCuts,
  kWindowShrunk,
  kUserTimeouts,
  kTimeWaitReused,
  kFinWait2Timeouts,
  kSendMemory,
  kPressureReneges,
  kPressureResets,
  kPersistTimeouts,
  kSillyWindows,
  kTinyMss,
  kTinySegments,
  kDividedAcks,
  kCount,
};

struct StatText {
  Stat stat;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<StatText, static_cast<size_t>(Stat::kCount)> kStats{{
    {Stat::kSegmentsIn, "segments_in", "Segments received."},
    {Stat::kSegmentsOut, "segments_out", "Segments handed to the output."},
    {Stat::kBytesIn, "bytes_in", "Payload received in order."},
    {Stat::kBytesOut, "bytes_out", "Payload sent for the first time."},
    {Stat::kActiveOpens, "active_opens", "Connections that we began."},
    {Stat::kPassiveOpens, "passive_opens", "SYNs that listeners took."},
    {Stat::kAccepted, "accepted", "Connections that listeners completed."},
    {Stat::kFailedOpens, "failed_opens", "Connections that ended before they were established."},
    {Stat::kResetsIn, "resets_in", "Connections that the peer reset."},
    {Stat::kResetsOut, "resets_out", "Resets sent."},
    {Stat::kRetransmits, "retransmits", "Segments sent again."},
    {Stat::kFastRecoveries, "fast_recoveries", "Losses found by acknowledgments."},
    {Stat::kTimeouts, "timeouts", "Losses found by the retransmission timer; many mean bad paths."},
    {Stat::kProbes, "probes", "Tail loss probes sent."},
    {Stat::kProbeLosses, "probe_losses", "Losses that a tail loss probe repaired."},
    {Stat::kZeroWindowProbes, "zero_window_probes", "Probes of a closed window: slow receivers."},
    {Stat::kKeepalives, "keepalives", "Keepalive probes."},
    {Stat::kUndos, "undos", "Congestion responses taken back: the path reorders or stalls."},
    {Stat::kDsacksIn, "dsacks_in", "Segments that the peer says it had already."},
    {Stat::kDsacksOut, "dsacks_out", "Duplicates that we reported."},
    {Stat::kReneges, "reneges", "Peers that dropped data which they had SACKed."},
    {Stat::kChallengeAcks, "challenge_acks", "Challenge ACKs sent (RFC 5961)."},
    {Stat::kCookiesSent, "cookies_sent", "SYN cookies sent: a flood, or half-open limits too low."},
    {Stat::kCookiesTaken, "cookies_taken", "Connections made from SYN cookies."},
    {Stat::kEcnCuts, "ecn_cuts", "Window reductions for congestion marks."},
    {Stat::kEcnFallbacks, "ecn_fallbacks", "SYNs repeated without ECN: something drops them."},
    {Stat::kBlackHoles, "black_holes", "Paths that lose large segments silently."},
    {Stat::kPathMtuCuts, "path_mtu_cuts", "Path MTUs lowered by ICMP."},
    {Stat::kWindowShrunk, "window_shrunk", "Windows that a peer moved back, which it should not."},
    {Stat::kUserTimeouts, "user_timeouts", "Connections given up for want of acknowledgments."},
    {Stat::kTimeWaitReused, "time_wait_reused", "TIME-WAIT entries that a new SYN replaced."},
    {Stat::kFinWait2Timeouts, "fin_wait2_timeouts", "Closed connections whose peer never closed."},
    {Stat::kSendMemory, "send_memory", "Times that sending waited for record memory."},
    {Stat::kPressureReneges, "pressure_reneges",
     "Connections that gave up data behind holes as memory was out."},
    {Stat::kPressureResets, "pressure_resets",
     "Connections reset as memory was out: limits.tcp_memory is too low, or peers are hostile."},
    {Stat::kPersistTimeouts, "persist_timeouts",
     "Connections given up because the peer kept its window closed, though it answered."},
    {Stat::kSillyWindows, "silly_windows",
     "Times that sending waited as the peer's window had no room for a segment."},
    {Stat::kTinyMss, "tiny_mss", "Peers whose MSS was below the floor, which was taken for it."},
    {Stat::kTinySegments, "tiny_segments",
     "Segments of a few bytes: typing, or a peer that wants to cost memory."},
    {Stat::kDividedAcks, "divided_acks",
     "Acknowledgments of a part of a segment: something cuts them anew, or ACK division."},
}};

static_assert([] {
  for (size_t i = 0; i < kStats.size(); ++i)
    if (kStats[i].stat != static_cast<Stat>(i)) return false;
  return true;
}());

class Counters {
 public:
  void add(Stat stat, uint64_t n = 1) { stats_[static_cast<size_t>(stat)].add(n); }
  void add(Drop drop) { drops_[static_cast<size_t>(drop)].add(); }
  uint64_t value(Stat stat) const { return stats_[static_cast<size_t>(stat)].value(); }
  uint64_t value(Drop drop) const { return drops_[static_cast<size_t>(drop)].value(); }

 private:
  std::array<Counter, static_cast<size_t>(Stat::kCount)> stats_;
  std::array<Counter, static_cast<size_t>(Drop::kCount)> drops_;
};

}  // namespace heddle::tcp
