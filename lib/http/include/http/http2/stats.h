// What a worker's HTTP/2 sessions count. One writer (the worker), any reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"
#include "http/http2/offences.h"
#include "http/refusals.h"

namespace heddle::http2 {

enum class Stat : uint8_t {
  kStreamsOpened,
  kStreamsRefused,
  kStreamsClosed,
  kResetsIn,
  kResetsOut,
  kSlowStreams,
  kGoawaysIn,
  kGoawaysOut,
  kInterimDropped,
  kReadingPaused,
  kOutputBlocked,
  kCount,
};

struct StatText {
  Stat stat;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<StatText, static_cast<size_t>(Stat::kCount)> kStats{{
    {Stat::kStreamsOpened, "streams_opened", "Streams opened, by either side."},
    {Stat::kStreamsRefused, "streams_refused",
     "Streams that were refused because too many are in work, or memory is out."},
    {Stat::kStreamsClosed, "streams_closed", "Streams that ended, in whatever way."},
    {Stat::kResetsIn, "resets_in", "RST_STREAM frames received."},
    {Stat::kResetsOut, "resets_out", "RST_STREAM frames sent."},
    {Stat::kSlowStreams, "slow_streams",
     "Streams reset because their peer took next to nothing for too long (CVE-2019-9511)."},
    {Stat::kGoawaysIn, "goaways_in", "GOAWAY frames received."},
    {Stat::kGoawaysOut, "goaways_out", "GOAWAY frames sent."},
    {Stat::kInterimDropped, "interim_dropped",
     "Interim answers other than 100 that went no further."},
    {Stat::kReadingPaused, "reading_paused",
     "Turns that left input unread: much data not taken, or many new streams."},
    {Stat::kOutputBlocked, "output_blocked", "Turns in which no memory was left for output."},
}};

static_assert([] {
  for (size_t i = 0; i < kStats.size(); ++i)
    if (kStats[i].stat != static_cast<Stat>(i)) return false;
  return true;
}());

struct Counters {
  std::array<Counter, static_cast<size_t>(Stat::kCount)> stats;
  std::array<Counter, static_cast<size_t>(Offence::kCount)> offences;
  std::array<Counter, static_cast<size_t>(http::Refusal::kCount)> refusals;

  void add(Stat stat) { stats[static_cast<size_t>(stat)].add(); }
  void add(Offence offence) { offences[static_cast<size_t>(offence)].add(); }
  void add(http::Refusal refusal) { refusals[static_cast<size_t>(refusal)].add(); }
  uint64_t operator[](Stat stat) const { return stats[static_cast<size_t>(stat)].value(); }
  uint64_t operator[](Offence offence) const {
    return offences[static_cast<size_t>(offence)].value();
  }
  uint64_t operator[](http::Refusal refusal) const {
    return refusals[static_cast<size_t>(refusal)].value();
  }
};

}  // namespace heddle::http2
