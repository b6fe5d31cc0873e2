// Scripts: one event a line, read into plain values. README.md tells the language.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "tcp/segment.h"

namespace heddle::packetdrill {

// "+.2" after the event before, ".2" after the start, "*" whenever it comes.
struct When {
  enum class Kind : uint8_t { kRelative, kAbsolute, kAny };
  Kind kind = Kind::kRelative;
  Duration from;
  Duration to;  // of a range "+.2~+.3"; else as from
};

struct SackRange {
  uint32_t left = 0;
  uint32_t right = 0;
  friend bool operator==(const SackRange&, const SackRange&) = default;
};

struct Stamps {
  std::optional<uint32_t> value;  // none: any
  std::optional<uint32_t> echo;
};

struct SegmentText {
  tcp::TcpFlags flags;
  uint32_t seq = 0;  // counted from its sender's SYN
  uint32_t length = 0;
  std::optional<uint32_t> ack;
  std::optional<uint32_t> window;
  uint16_t urgent = 0;
  std::optional<tcp::Ecn> ecn;
  // Options in the order of the script; `raw` are their bytes but for timestamps and SACK.
  bool any_options = false;  // <...>
  bool has_options = false;  // a list was given, perhaps an empty one
  std::optional<uint16_t> mss;
  std::optional<uint8_t> window_scale;
  bool sack_permitted = false;
  std::optional<Stamps> stamps;
  std::vector<SackRange> sack;
  std::vector<uint8_t> raw;  // put before all others
};

struct IcmpText {
  enum class Kind : uint8_t { kTooBig, kPort, kHost, kTimeExceeded, kSourceQuench };
  Kind kind = Kind::kHost;
  uint32_t mtu = 0;
  uint32_t seq = 0;  // that it quotes
  uint32_t length = 0;
  bool bad_checksum = false;
};

struct CallText {
  std::string name;
  std::vector<std::string> arguments;
  std::string expected;      // "0", "-1", "POLLIN|POLLOUT"
  std::string error;         // "EAGAIN", or empty
  std::optional<When> ends;  // a blocking call on a thread of its own
};

struct Event {
  enum class Kind : uint8_t { kInject, kInjectIcmp, kExpect, kCall, kFlow, kQuiet };
  int line = 0;
  When when;
  Kind kind = Kind::kCall;
  SegmentText segment;
  IcmpText icmp;
  CallText call;
  int flow = 1;
  bool flow_anew = false;
};

struct Script {
  std::string flags;
  Duration tolerance = milliseconds(1);
  bool ipv4 = true;  // the families that it is for
  bool ipv6 = true;
  std::vector<Event> events;
};

// An error begins with "line N: ".
Result<Script> parse_script(std::string_view text);

}  // namespace heddle::packetdrill
