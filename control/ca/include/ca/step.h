// The steps of a root's rotation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace heddle::ca {

enum class Step : uint8_t {
  kSteady,    // one root
  kPrepared,  // the bundle has the next root too; the old one signs
  kSwitched,  // the new root signs; the bundle has the old one still
};

inline constexpr std::array<std::string_view, 3> kSteps = {"steady", "prepared", "switched"};

constexpr std::string_view name_of(Step step) { return kSteps[static_cast<size_t>(step)]; }

}  // namespace heddle::ca
