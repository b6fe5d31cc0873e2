// What the runner's --so_flags say: how the stack's connections are run.
#pragma once

#include <string_view>

#include "core/result.h"
#include "tcp/listener.h"
#include "tcp/profile.h"
#include "wire/address.h"

namespace heddle::packetdrill {

enum class Receive : uint8_t {
  kPoll,  // netdev_receive answers with what has left
  kWait,  // with nothing there it moves the clock on to the next packet, as the runner expects
};

struct Options {
  tcp::Profile profile;
  tcp::CookieMode cookies = tcp::CookieMode::kUnderPressure;
  // Where connections come from that are not bound: the runner's own defaults.
  wire::Ipv4Address local4{192, 168, 0, 1};
  wire::Ipv6Address local6 = wire::Ipv6Address::from_host(0xfd3d'fa7b'd17d'0000, 1);
  uint64_t seed = 1;
  Receive receive = Receive::kPoll;
  Duration receive_limit = seconds(600);  // of Receive::kWait
};

// "cc=newreno, mtu=1500 ecn": settings with commas or blanks between. An error names the setting.
Result<Options> parse_options(std::string_view text);

}  // namespace heddle::packetdrill
