// VerifiedCache: tokens that were verified a short while ago, so that a request with a token that
// was seen costs a hash and no signature. One a worker, for all of its verifiers: a digest is over
// keys and rules too, so what was found under others is not found. Only tokens that were taken are
// kept, so nobody fills it without an issuer's help. No allocation after its start, but for claims
// too long for a slot.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "jwt/claims.h"
#include "jwt/refusal.h"
#include "jwt/verifier.h"

namespace heddle::jwt {

struct CacheLimits {
  uint32_t tokens = 1024;           // a power of two, 4 at least
  uint32_t claim_bytes = 2048;      // packed claims of one token; longer ones are not kept
  Duration max_age = seconds(300);  // after which a signature is looked at anew; whole seconds
};

struct CacheStats {
  uint64_t hits = 0;
  uint64_t misses = 0;     // not there, or too old
  uint64_t too_large = 0;  // verified, and not kept for their claims' length
  uint64_t displaced = 0;  // valid ones that gave way to another
};

class VerifiedCache {
 public:
  static Result<VerifiedCache> create(const CacheLimits& limits);

  // What the verifier says of the token now, from the cache or by verify(). The view is valid until
  // the next call.
  std::expected<ClaimsView, Refusal> verify(Verifier& verifier, std::string_view token,
                                            UnixTime now);

  // The same in two steps, for who bounds what signatures cost. The first says what is known
  // without looking at one: the claims, or that it is refused; none: nothing, and verify_anew() is
  // next, of the same token with the same `digest`.
  std::optional<std::expected<ClaimsView, Refusal>> look_up(const Verifier& verifier,
                                                            std::string_view token, UnixTime now,
                                                            TokenDigest& digest);
  std::expected<ClaimsView, Refusal> verify_anew(Verifier& verifier, std::string_view token,
                                                 UnixTime now, const TokenDigest& digest);

  const CacheStats& stats() const { return stats_; }

 private:
  // The places for a digest: the one used longest ago goes first.
  static constexpr uint32_t kWays = 4;

  struct Entry {
    TokenDigest digest{};
    int64_t from = 0;   // in seconds; before it the clock has been set back
    int64_t until = 0;  // the first second at which it is too old; 0: the place is free
    uint64_t used = 0;
    uint32_t bytes = 0;
  };

  explicit VerifiedCache(const CacheLimits& limits);
  uint32_t set_of(const TokenDigest& digest) const;
  std::optional<ClaimsView> find(const TokenDigest& digest, UnixTime now);
  ClaimsView keep(const TokenDigest& digest, Claims claims, UnixTime now);
  uint8_t* slot(uint32_t entry);

  CacheLimits limits_;
  std::vector<Entry> entries_;
  std::vector<uint8_t> blocks_;
  Claims unkept_;
  uint64_t uses_ = 0;
  CacheStats stats_;
};

}  // namespace heddle::jwt
