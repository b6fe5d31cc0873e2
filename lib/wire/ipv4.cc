#include "wire/ipv4.h"

namespace heddle::wire {
namespace {

constexpr uint8_t kEndOfList = 0;
constexpr uint8_t kNop = 1;
constexpr uint8_t kLooseSourceRoute = 131;
constexpr uint8_t kStrictSourceRoute = 137;

}  // namespace

Ipv4OptionsFault check_ipv4_options(std::span<const uint8_t> options) {
  while (!options.empty() && options[0] != kEndOfList) {
    const uint8_t kind = options[0];
    if (kind == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
      return Ipv4OptionsFault::kMalformed;
    }
    if (kind == kLooseSourceRoute || kind == kStrictSourceRoute) {
      return Ipv4OptionsFault::kSourceRoute;
    }
    options = options.subspan(options[1]);
  }
  return Ipv4OptionsFault::kNone;
}

}  // namespace heddle::wire
