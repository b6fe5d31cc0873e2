// ca.json: which certificates have which part, and at which step a rotation is. It is replaced in
// one piece, so it is what decides: files are brought to the names that it asks for.
#pragma once

#include <cstdint>
#include <string>

#include "ca/key_kind.h"
#include "ca/step.h"
#include "directory.h"

namespace heddle::ca {

struct State {
  std::string trust_domain;
  KeyKind key = KeyKind::kP256;
  uint32_t days = 0, intermediate_days = 0;  // of the next ones
  Step step = Step::kSteady;
  std::string root;          // the serial of that which signs
  std::string other_root{};  // prepared: the next; switched: the one before
  std::string intermediate{};
  uint64_t crl_number = 0;  // of the last list that was made
  uint32_t crl_days = 30;
};

inline constexpr std::string_view kStateName = "ca.json";

Result<State> read_state(const Directory& directory);
Result<> write_state(const Directory& directory, const State& state);

}  // namespace heddle::ca
