// JwtGate: whether requests show a token of those that policy asks for (RFC 6750, RFC 7519). One a
// worker, with what it has verified a short while ago. No clock; no memory is taken for tokens that
// are known, but for claims too long to be kept.
//
// A token is looked for in one place of each provider, and taken from one field, parameter or
// cookie alone: two are refused, as others would read the other. A word of another scheme is no
// token.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "core/unix_time.h"
#include "http/message.h"
#include "jwt/verified_cache.h"
#include "mesh/http_policy.h"
#include "mesh/jwt_stats.h"
#include "policy/claim_names.h"
#include "policy/jwt_check.h"

namespace heddle::mesh {

struct JwtLimits {
  jwt::CacheLimits cache{.tokens = 4096};
  // Of signatures that this worker looks at; each takes 30 to 120 us, and costs its sender nothing.
  uint32_t signatures_per_second = 2'000;
  uint32_t signatures_at_once = 1'000;
};

class JwtGate {
 public:
  // `counters`: by JwtTarget::slot.
  JwtGate(WorkerId worker, std::span<JwtCounters> counters, const JwtLimits& limits = {});

  // Takes away fields by which endpoints are told claims: nobody else may say them. In trailers
  // tokens are nobody's to send, too.
  static void strip_head(const policy::ClaimNames& names, http::Fields& fields);
  static void strip_trailers(const policy::ClaimNames& names, http::Fields& trailers);

  // Whether the request shows a token that is good, or needs none. `claims` becomes its block.
  // Tokens are gone from the query afterwards, good or bad, but with kBadRequest: there is no room.
  HttpToken authenticate(const policy::JwtCheck& check, http::Message& request, UnixTime wall,
                         Instant now, std::vector<uint8_t>& claims);

  // Takes out the tokens that endpoints are not to get, and tells them what they are to know of the
  // one that was verified. False: there is no room.
  static bool tell(const policy::JwtCheck& check, const HttpToken& token,
                   const jwt::ClaimsView* claims, http::Message& request);

  const jwt::VerifiedCache& cache() const { return cache_; }

 private:
  struct Verdict {
    HttpFault fault = HttpFault::kNone;
    const policy::JwtTarget* provider = nullptr;  // whose token it is; null: there is none
    std::optional<jwt::ClaimsView> claims;        // until the next call
  };
  struct Candidate {
    const policy::JwtTarget* provider = nullptr;
    std::string_view token;
    jwt::TokenDigest digest{};
    std::optional<jwt::Refusal> refusal;  // none: a signature has to be looked at
  };
  bool may_look(Instant now);
  Verdict ask(const policy::JwtCheck& check, const http::Message& request, UnixTime wall,
              Instant now);
  Verdict verify(std::span<Candidate> candidates, UnixTime wall, Instant now);
  Verdict accept(const policy::JwtTarget& provider, jwt::ClaimsView claims);
  JwtCounters& of(const policy::JwtTarget& provider) { return counters_[provider.slot]; }

  WorkerId worker_;
  std::span<JwtCounters> counters_;
  jwt::VerifiedCache cache_;
  // As the moment at which nothing is owed; a token may cost several signatures, so it may be
  // ahead.
  Duration cost_, depth_;
  Instant paid_until_;
};

}  // namespace heddle::mesh
