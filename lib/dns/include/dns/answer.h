// What is said to a query: names of the mesh are answered here, with authority (RFC 1035, RFC 2308,
// RFC 3596, RFC 8482); all others are to be forwarded.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dns/names.h"
#include "dns/query.h"
#include "dns/refusal.h"

namespace heddle::dns {

inline constexpr uint32_t kAnswerTtl = 30;   // seconds
inline constexpr uint32_t kNegativeTtl = 5;  // seconds, of "there is no such name" and "no data"

enum class Outcome : uint8_t {
  kSilence,    // nothing is sent: see the refusal
  kForward,    // whom it is for is the caller's
  kRefused,    // the answer is an error: see the refusal
  kAnswered,   // with records
  kTruncated,  // with some of the addresses, as not all fit (TC)
  kNoData,     // the name is there, and has nothing of that type
  kNoName,     // NXDOMAIN
};
inline constexpr std::array kOutcomeTexts{
    WordText{"silent", "Messages that were not answered: shorter than a header, or responses."},
    WordText{"forward", "Queries for other names than the mesh's."},
    WordText{"refused", "Queries that were answered with an error, one of refused_*."},
    WordText{"answered", "Queries that were answered with records."},
    WordText{"truncated", "Queries whose answer has some of the addresses, as not all fit."},
    WordText{"no_data", "Queries for what a name of the mesh does not have."},
    WordText{"no_name", "Queries for a name that nothing in the mesh has."},
};
static_assert(static_cast<size_t>(Outcome::kNoName) + 1 == kOutcomeTexts.size());

struct Answer {
  Outcome outcome = Outcome::kSilence;
  Refusal refusal = Refusal::kNone;
  uint16_t size = 0;  // bytes of the answer; 0: there is none
};

// `out` has place for at least kPlainLimit bytes, and does not overlap with the query; more than
// kEdnsLimit are never used. `ns`: the namespace of who asks; empty: not known. `random` says which
// address comes first. Forwarding: `query` is what was parsed, for Forwarder.
Answer answer(std::span<const uint8_t> message, const Names& names, std::string_view ns,
              uint32_t random, std::span<uint8_t> out, Query& query);

// The error of `refusal` in answer to what was read of a query. Size 0: it is not answered.
Answer refuse(const Query& query, Refusal refusal, std::span<uint8_t> out);

}  // namespace heddle::dns
