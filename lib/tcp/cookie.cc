#include "tcp/cookie.h"

#include <algorithm>

namespace heddle::tcp {

namespace {

constexpr uint32_t kMacMask = (1u << 27) - 1;
constexpr uint8_t kNoScale = 15;

uint32_t period_of(Instant now) { return static_cast<uint32_t>(now.ns() / kCookiePeriod.ns()); }

uint32_t mac(const SipKey& key, const FourTuple& tuple, Seq irs, uint32_t period, uint32_t index) {
  const uint64_t extra = uint64_t{irs.value()} << 32 | (period << 3 & 0xffff'fff8u) | index;
  return static_cast<uint32_t>(hash_tuple(key, tuple, extra)) & kMacMask;
}

Seq compose(uint32_t period, uint32_t index, uint32_t mac) {
  return Seq((period & 3) << 30 | index << 27 | mac);
}

}  // namespace

Seq make_cookie(const Secrets& secrets, const FourTuple& tuple, Seq irs, uint16_t mss,
                Instant now) {
  uint32_t index = 0;
  while (index + 1 < kCookieMss.size() && kCookieMss[index + 1] <= mss) ++index;
  const uint32_t period = period_of(now);
  return compose(period, index, mac(secrets.cookie, tuple, irs, period, index));
}

std::optional<uint16_t> check_cookie(const Secrets& secrets, const FourTuple& tuple, Seq irs,
                                     Seq cookie, Instant now) {
  uint32_t period = period_of(now);
  const uint32_t low = cookie.value() >> 30;
  if (low != (period & 3)) --period;
  if (low != (period & 3)) return std::nullopt;
  const uint32_t index = cookie.value() >> 27 & 7;
  for (const SipKey* key : {&secrets.cookie, &secrets.old_cookie}) {
    if (compose(period, index, mac(*key, tuple, irs, period, index)) == cookie) {
      return kCookieMss[index];
    }
  }
  return std::nullopt;
}

uint32_t stamp_options(uint32_t timestamp, const CookieOptions& options) {
  const uint32_t bits =
      (options.window_scale ? std::min<uint32_t>(*options.window_scale, 14) : uint32_t{kNoScale}) |
      (options.sack ? 16u : 0u) | (options.ecn ? 32u : 0u);
  const uint32_t stamped = (timestamp & ~63u) | bits;
  return stamp_before(timestamp, stamped) ? stamped - 64 : stamped;
}

CookieOptions options_of_stamp(uint32_t timestamp) {
  CookieOptions options;
  const auto scale = static_cast<uint8_t>(timestamp & 15);
  if (scale != kNoScale) options.window_scale = scale;
  options.sack = (timestamp & 16) != 0;
  options.ecn = (timestamp & 32) != 0;
  return options;
}

}  // namespace heddle::tcp
