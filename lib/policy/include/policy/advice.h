// Advice: what a person should look at in policy that was taken. It is right, and does nothing, or
// less than it seems to.
#pragma once

#include <cstdint>
#include <string>

#include "policy/resource.h"

namespace heddle::policy {

struct Advice {
  enum class Level : uint8_t {
    kWarning,  // hardly meant
    kNote,     // may well be meant
  };
  Level level = Level::kWarning;
  Key key;
  std::string field;  // as Problem's
  std::string text;   // a sentence without either: "selects no Workload"
};

}  // namespace heddle::policy
