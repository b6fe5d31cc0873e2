#include "jwt/verified_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace heddle::jwt {

namespace {

constexpr uint32_t kMaxTokens = 1 << 20;
constexpr uint32_t kMaxClaimBytes = 64 * 1024;

}  // namespace

Result<VerifiedCache> VerifiedCache::create(const CacheLimits& limits) {
  if (!std::has_single_bit(limits.tokens) || limits.tokens < kWays || limits.tokens > kMaxTokens)
    return fail("tokens: a power of two from {} to {} is allowed", kWays, kMaxTokens);
  if (limits.claim_bytes == 0 || limits.claim_bytes > kMaxClaimBytes)
    return fail("claim_bytes: 1 to {} are allowed", kMaxClaimBytes);
  if (limits.max_age < seconds(1) || limits.max_age > seconds(86'400))
    return fail("max_age: 1 to 86,400 seconds are allowed");
  return VerifiedCache(limits);
}

VerifiedCache::VerifiedCache(const CacheLimits& limits)
    : limits_(limits),
      entries_(limits.tokens),
      blocks_(size_t{limits.tokens} * limits.claim_bytes),
      unkept_({}) {}

// The digest is as good as random.
uint32_t VerifiedCache::set_of(const TokenDigest& digest) const {
  uint32_t bits;
  std::memcpy(&bits, digest.data(), sizeof bits);
  return (bits & (limits_.tokens - 1)) / kWays * kWays;
}

uint8_t* VerifiedCache::slot(uint32_t entry) {
  return blocks_.data() + size_t{entry} * limits_.claim_bytes;
}

std::optional<ClaimsView> VerifiedCache::find(const TokenDigest& digest, UnixTime now) {
  const uint32_t first = set_of(digest);
  for (uint32_t at = first; at < first + kWays; ++at) {
    Entry& entry = entries_[at];
    if (entry.until == 0 || entry.digest != digest) continue;
    if (now.value() < entry.from || now.value() >= entry.until) {
      entry = {};
      return {};
    }
    entry.used = ++uses_;
    return ClaimsView({slot(at), entry.bytes});
  }
  return {};
}

ClaimsView VerifiedCache::keep(const TokenDigest& digest, Claims claims, UnixTime now) {
  const auto block = claims.view().block();
  if (block.size() > limits_.claim_bytes) {
    ++stats_.too_large;
    unkept_ = std::move(claims);
    return unkept_.view();
  }
  const uint32_t first = set_of(digest);
  const auto places = std::span(entries_).subspan(first, kWays);
  // A free place was used never.
  const auto place = std::ranges::min_element(places, {}, &Entry::used);
  if (place->until > now.value()) ++stats_.displaced;
  const auto at = first + static_cast<uint32_t>(place - places.begin());
  const int64_t age = limits_.max_age.ms() / 1000;
  *place = {.digest = digest,
            .from = now.value(),
            .until = std::min(claims.view().refused_from().value(), now.value() + age),
            .used = ++uses_,
            .bytes = static_cast<uint32_t>(block.size())};
  std::memcpy(slot(at), block.data(), block.size());
  return ClaimsView({slot(at), block.size()});
}

std::optional<std::expected<ClaimsView, Refusal>> VerifiedCache::look_up(const Verifier& verifier,
                                                                         std::string_view token,
                                                                         UnixTime now,
                                                                         TokenDigest& digest) {
  // A long one is not even hashed.
  if (token.size() > verifier.rules().max_token_bytes) return std::unexpected(Refusal::kTooLarge);
  digest = verifier.digest(token);
  if (const auto found = find(digest, now)) {
    ++stats_.hits;
    return *found;
  }
  ++stats_.misses;
  return std::nullopt;
}

std::expected<ClaimsView, Refusal> VerifiedCache::verify_anew(Verifier& verifier,
                                                              std::string_view token, UnixTime now,
                                                              const TokenDigest& digest) {
  auto claims = verifier.verify(token, now);
  if (!claims) return std::unexpected(claims.error());
  return keep(digest, std::move(*claims), now);
}

std::expected<ClaimsView, Refusal> VerifiedCache::verify(Verifier& verifier, std::string_view token,
                                                         UnixTime now) {
  TokenDigest digest;
  if (const auto known = look_up(verifier, token, now, digest)) return *known;
  return verify_anew(verifier, token, now, digest);
}

}  // namespace heddle::jwt
