// ServerNames: which backends get the connections of which server name, where TLS passes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/choice.h"

namespace heddle::policy {

// A name is exact, or "*.example.org": any name that ends in ".example.org" with one label or more
// before it, as Gateway API has it. The exact name is before a wildcard, the longest wildcard
// before others. Names are compared in small letters.
class ServerNames {
 public:
  struct Target {
    std::vector<Choice> choices;
    uint32_t total_weight = 0;  // 0: every backend has weight 0
    // For explain, as those of Frontend.
    uint32_t route = kNoSlot;
    uint16_t rule = 0;
    friend bool operator==(const Target&, const Target&) = default;
  };
  using Name = std::pair<std::string, uint32_t>;  // with the position of its target

  // Each name once.
  ServerNames(std::vector<Target> targets, std::vector<Name> names);

  // Null: nobody's. Looks up as many names as the given one has labels; no memory is taken.
  const Target* find(std::string_view name) const;
  const std::vector<Target>& targets() const { return targets_; }
  size_t bytes() const;
  friend bool operator==(const ServerNames&, const ServerNames&) = default;

 private:
  std::vector<Target> targets_;
  std::vector<Name> exact_, wildcards_;  // sorted; wildcards as ".example.org"
};

}  // namespace heddle::policy
