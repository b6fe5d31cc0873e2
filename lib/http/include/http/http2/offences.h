// Why a whole HTTP/2 connection is ended with GOAWAY. Every name is a counter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::http2 {

enum class Offence : uint8_t {
  kNone,
  kProtocol,
  kBadPreface,
  kRapidReset,
  kMadeReset,
  kPingFlood,
  kSettingsFlood,
  kPriorityFlood,
  kWindowUpdateFlood,
  kEmptyFrameFlood,
  kUnknownFrameFlood,
  kHeaderFlood,
  kOutputFlood,
  kNoMemory,
  kCount,
};

struct OffenceText {
  Offence offence;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<OffenceText, static_cast<size_t>(Offence::kCount)> kOffences{{
    {Offence::kNone, "none", "The connection is in order."},
    {Offence::kProtocol, "protocol",
     "A connection error of RFC 9113 or RFC 7541: frames, windows, or compressed fields."},
    {Offence::kBadPreface, "bad_preface", "The connection does not begin as HTTP/2 does."},
    {Offence::kRapidReset, "rapid_reset",
     "The peer resets streams faster than work can be given up (CVE-2023-44487)."},
    {Offence::kMadeReset, "made_reset",
     "The peer makes us reset streams by wrong frames (CVE-2025-8671)."},
    {Offence::kPingFlood, "ping_flood", "PING frames over their rate (CVE-2019-9512)."},
    {Offence::kSettingsFlood, "settings_flood", "SETTINGS frames over their rate (CVE-2019-9515)."},
    {Offence::kPriorityFlood, "priority_flood", "PRIORITY frames over their rate (CVE-2019-9513)."},
    {Offence::kWindowUpdateFlood, "window_update_flood",
     "Far more WINDOW_UPDATE frames than data was sent (CVE-2019-9517)."},
    {Offence::kEmptyFrameFlood, "empty_frame_flood",
     "Frames without content or end over their rate (CVE-2019-9518)."},
    {Offence::kUnknownFrameFlood, "unknown_frame_flood",
     "Frames of unknown types over their rate."},
    {Offence::kHeaderFlood, "header_flood",
     "One head of several times the limit, or many CONTINUATIONs (CVE-2024-27316, "
     "CVE-2024-28182)."},
    {Offence::kOutputFlood, "output_flood",
     "More answers to control frames than the peer reads (CVE-2019-9517)."},
    {Offence::kNoMemory, "no_memory", "The memory for this session, or for all, is used up."},
}};

static_assert([] {
  for (size_t i = 0; i < kOffences.size(); ++i)
    if (kOffences[i].offence != static_cast<Offence>(i)) return false;
  return true;
}());

constexpr std::string_view name_of(Offence offence) {
  return kOffences[static_cast<size_t>(offence)].name;
}

}  // namespace heddle::http2
