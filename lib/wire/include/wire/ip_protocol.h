// IP protocol numbers, which are also IPv6 next-header values (IANA).
#pragma once

#include <cstdint>

namespace heddle::wire {

enum class IpProtocol : uint8_t {
  kHopByHop = 0,
  kIcmp = 1,
  kIgmp = 2,
  kIpip = 4,
  kTcp = 6,
  kUdp = 17,
  kIpv6 = 41,
  kRouting = 43,
  kFragment = 44,
  kGre = 47,
  kEsp = 50,
  kAh = 51,
  kIcmpv6 = 58,
  kNoNextHeader = 59,
  kDestinationOptions = 60,
  kSctp = 132,
  kMobility = 135,
  kUdpLite = 136,
  kHip = 139,
  kShim6 = 140,
};

}  // namespace heddle::wire
