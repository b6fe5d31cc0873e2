// The differences that there may be, each with the reason why. A rule is as narrow as the reason.
#pragma once

#include <span>

#include "compare.h"

namespace heddle::differential {

// What of an observation differs. kNone: nothing that can be seen, though it may be known that the
// two have learned different things.
enum class Difference : uint8_t { kNone, kAnswer, kVerdict, kBytes, kState };
const char* name(Difference difference);

struct Rule {
  const char* name;
  Difference difference;
  bool (*applies)(const Observation&);
  bool goes_on;  // the flow is still the same for both; otherwise it is not used any more
  const char* because;
};

std::span<const Rule> tcp_verdict_rules();
std::span<const Rule> tcp_state_rules();
std::span<const Rule> other_rules();
std::vector<const Rule*> rules();

// In the order of the enumeration: the first that there is.
Difference difference_of(const Observation& observation);
// nullptr: nothing explains it.
const Rule* explain(const Observation& observation, Difference difference);

}  // namespace heddle::differential
