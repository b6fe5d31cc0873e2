// What a worker's TLS counts. One writer (the worker), any reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"
#include "tls/refusal.h"

namespace heddle::tls {

enum class Stat : uint8_t {
  kRecordsIn,
  kRecordsOut,
  kBytesIn,
  kBytesOut,
  kEmptyRecordsIn,
  kKeyUpdatesIn,
  kKeyUpdatesOut,
  kAlertsIn,
  kAlertsOut,
  kTicketsIn,
  kNoMemory,
  kHandshakesStarted,
  kHandshakesDone,
  kHandshakesResumed,
  kHandshakesRefused,
  kTicketsOut,
  kTicketsUnknown,
  kCount,
};

struct StatText {
  Stat stat;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<StatText, static_cast<size_t>(Stat::kCount)> kStats{{
    {Stat::kRecordsIn, "records_in", "Records whose tag was right."},
    {Stat::kRecordsOut, "records_out", "Records sealed."},
    {Stat::kBytesIn, "bytes_in", "Application bytes opened."},
    {Stat::kBytesOut, "bytes_out", "Application bytes sealed."},
    {Stat::kEmptyRecordsIn, "empty_records_in",
     "Records without content; many are an odd peer or a flood."},
    {Stat::kKeyUpdatesIn, "key_updates_in", "KeyUpdates of peers."},
    {Stat::kKeyUpdatesOut, "key_updates_out", "KeyUpdates of our own."},
    {Stat::kAlertsIn, "alerts_in", "Alerts of peers, close_notify among them."},
    {Stat::kAlertsOut, "alerts_out", "Alerts sent, close_notify among them."},
    {Stat::kTicketsIn, "tickets_in", "Session tickets that servers sent."},
    {Stat::kNoMemory, "no_memory",
     "Times that a record had to wait for a buffer or a piece: pools are too small."},
    {Stat::kHandshakesStarted, "handshakes_started", "Handshakes begun."},
    {Stat::kHandshakesDone, "handshakes_done", "Handshakes that made a connection."},
    {Stat::kHandshakesResumed, "handshakes_resumed", "Of these, resumed ones."},
    {Stat::kHandshakesRefused, "handshakes_refused",
     "Handshakes that failed; the refusals say why."},
    {Stat::kTicketsOut, "tickets_out", "Session tickets sealed for clients."},
    {Stat::kTicketsUnknown, "tickets_unknown",
     "Session tickets under a key that is no longer, or never was, ours."},
}};

static_assert([] {
  for (size_t i = 0; i < kStats.size(); ++i)
    if (kStats[i].stat != static_cast<Stat>(i)) return false;
  return true;
}());

class Counters {
 public:
  void add(Stat stat, uint64_t n = 1) { stats_[static_cast<size_t>(stat)].add(n); }
  void add(Refusal refusal) { refusals_[static_cast<size_t>(refusal)].add(); }
  uint64_t value(Stat stat) const { return stats_[static_cast<size_t>(stat)].value(); }
  uint64_t value(Refusal refusal) const { return refusals_[static_cast<size_t>(refusal)].value(); }

 private:
  std::array<Counter, static_cast<size_t>(Stat::kCount)> stats_{};
  std::array<Counter, static_cast<size_t>(Refusal::kCount)> refusals_{};
};

}  // namespace heddle::tls
