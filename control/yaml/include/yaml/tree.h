// YAML text as a small tree that remembers where each node stood. It is built from yaml-cpp's
// event stream, not from its own tree, which keeps the first of two equal keys in silence and
// knows no bounds. JSON is read too, being YAML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace heddle::yaml {

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 1;                // from 1
  int key_line = 0;            // of a kMap's child
  std::string text;            // kScalar
  std::string key;             // of a kMap's child; unique in it
  std::vector<Node> children;  // kList, kMap
};

// "empty", "a single value", "a list", "a map".
std::string_view kind_name(Node::Kind kind);

// What one text may have, all its documents together.
struct Limits {
  size_t bytes;
  size_t nodes;
  size_t depth;
};

// Exactly one document. Errors are ready for the operator and start with `file`; that there is
// nothing is answered with what was `expected`.
Result<Node> parse_document(std::string_view text, std::string_view file, const Limits& limits,
                            std::string_view expected);

// Any number of documents; `visit` gets each as soon as its end is read, so that only one of
// them is in memory. An error is that of the document after the last one visited.
Result<> parse_documents(std::string_view text, std::string_view file, const Limits& limits,
                         const std::function<void(Node)>& visit);

// Digits with single "_" between them; nothing when it is no such number or above 2^64 - 1.
std::optional<uint64_t> parse_number(std::string_view text);

}  // namespace heddle::yaml
