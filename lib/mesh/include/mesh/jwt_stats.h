// What becomes of requests that are asked for a token, counted for each provider.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/counter.h"
#include "jwt/refusal.h"

namespace heddle::mesh {

// Besides the refusals of tokens.
enum class JwtEvent : uint8_t { kVerified, kAnonymous, kMissing, kAmbiguous, kBusy, kCount };

struct JwtEventText {
  JwtEvent event;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<JwtEventText, static_cast<size_t>(JwtEvent::kCount)> kJwtEvents{{
    {JwtEvent::kVerified, "verified", "Requests with a token that is good."},
    {JwtEvent::kAnonymous, "anonymous", "Requests without a token where none is required."},
    {JwtEvent::kMissing, "missing",
     "Requests without a token; counted at the first of several providers."},
    {JwtEvent::kAmbiguous, "ambiguous",
     "Requests with two fields, parameters or cookies where one token is looked for."},
    {JwtEvent::kBusy, "busy",
     "Tokens that were not looked at, as there were too many new or forged ones in a second."},
}};

static_assert([] {
  for (size_t i = 0; i < kJwtEvents.size(); ++i)
    if (kJwtEvents[i].event != static_cast<JwtEvent>(i)) return false;
  return true;
}());

// By number: the events, then jwt::kRefusals.
inline constexpr size_t kJwtOutcomes = kJwtEvents.size() + jwt::kRefusals.size();
constexpr std::string_view jwt_outcome_name(size_t outcome) {
  return outcome < kJwtEvents.size() ? kJwtEvents[outcome].name
                                     : jwt::kRefusals[outcome - kJwtEvents.size()].name;
}
constexpr std::string_view jwt_outcome_sentence(size_t outcome) {
  return outcome < kJwtEvents.size() ? kJwtEvents[outcome].sentence
                                     : jwt::kRefusals[outcome - kJwtEvents.size()].sentence;
}

// Of one provider. One writer (the worker), any reader.
class JwtCounters {
 public:
  void add(JwtEvent event) { outcomes_[static_cast<size_t>(event)].add(); }
  void add(jwt::Refusal refusal) {
    outcomes_[kJwtEvents.size() + static_cast<size_t>(refusal)].add();
  }
  uint64_t value(JwtEvent event) const { return value(static_cast<size_t>(event)); }
  uint64_t value(jwt::Refusal refusal) const {
    return value(kJwtEvents.size() + static_cast<size_t>(refusal));
  }
  uint64_t value(size_t outcome) const { return outcomes_[outcome].value(); }

 private:
  std::array<Counter, kJwtOutcomes> outcomes_;
};

}  // namespace heddle::mesh
