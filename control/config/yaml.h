// YAML text as a small tree that remembers where each node stood. It is built from yaml-cpp's
// event stream, not from its own tree, which keeps the first of two equal keys in silence and
// knows no bounds.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace heddle::config {

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 1;                // from 1
  std::string text;            // kScalar
  std::vector<Node> children;  // kList, kMap
  std::string key;             // of a kMap's child; unique in it
  int key_line = 0;
};

inline constexpr size_t kMaxYamlBytes = 1 << 20;

// Exactly one document. Errors are ready for the operator and start with `file`.
Result<Node> parse_yaml(std::string_view text, std::string_view file);

}  // namespace heddle::config
