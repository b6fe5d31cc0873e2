// Reading the tree: a Field is a node together with where it stands, so that every reader
// below can say "FILE:LINE: PATH: what is wrong" without being told.
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "core/time.h"
#include "yaml/quote.h"
#include "yaml/tree.h"

namespace heddle::config {

using yaml::did_you_mean;
using yaml::kind_name;
using yaml::list_of;
using yaml::Node;
using yaml::printable;
using yaml::quote;

// The tree and the file name outlive it.
class Field {
 public:
  Field(const Node& node, std::string_view file, std::string path)
      : node_(&node), file_(file), path_(std::move(path)) {}

  const Node& node() const { return *node_; }
  int line() const { return node_->line; }
  const std::string& path() const { return path_; }

  // Of a list: its element. Of a map: the value of its child `i`.
  Field item(size_t i) const {
    return {node_->children[i], file_, fmt::format("{}[{}]", path_, i)};
  }
  Field value(size_t i) const {
    return {node_->children[i], file_, path_of(node_->children[i].key)};
  }

  // The path of a key of this map, which need not be there.
  std::string path_of(std::string_view key) const {
    return (path_.empty() ? "" : path_ + ".") + printable(key);
  }

  template <class... Args>
  [[nodiscard]] std::unexpected<Error> fail(fmt::format_string<Args...> format,
                                            Args&&... args) const {
    return fail_at(line(), path_, fmt::format(format, std::forward<Args>(args)...));
  }
  [[nodiscard]] std::unexpected<Error> fail_at(int line, std::string_view path,
                                               std::string_view what) const;

 private:
  const Node* node_;
  std::string_view file_;
  std::string path_;
};

// A map of which every key is known.
class Fields {
 public:
  // `later` are keys of later versions: refused by their own sentence.
  static Result<Fields> of(const Field& map, std::span<const std::string_view> known,
                           std::span<const std::string_view> later = {});

  std::optional<Field> find(std::string_view key) const;
  // `expected` completes "missing; expected ...".
  Result<Field> need(std::string_view key, std::string_view expected) const;
  [[nodiscard]] std::unexpected<Error> missing(std::string_view key,
                                               std::string_view expected) const;

 private:
  explicit Fields(const Field& map) : map_(map) {}
  Field map_;
};

// A list of min..max elements; `what` is what it lists, in the plural.
Result<> check_list(const Field& field, size_t min, size_t max, std::string_view what);

// The text of a scalar; `expected` completes "expected ...".
Result<std::string> read_text(const Field& field, std::string_view expected);

// An unsigned decimal number; "_" may stand between digits.
Result<uint64_t> read_integer(const Field& field, uint64_t min, uint64_t max);

template <std::unsigned_integral T>
Result<> read_number(const Field& field, T min, T max, T& out) {
  const auto number = read_integer(field, min, max);
  if (!number) return std::unexpected(number.error());
  out = static_cast<T>(*number);
  return {};
}

// The index of the word among `choices`.
Result<size_t> read_choice(const Field& field, std::span<const std::string_view> choices);

struct SizeBounds {
  uint64_t least, most;
  std::string_view text;  // completes "expected ..."
};
inline constexpr SizeBounds kMemorySize = {64ull << 20, 1ull << 40,
                                           "a size from 64M to 1024G, as 512M or 1G"};

// In bytes: an integer with K, M or G, powers of 1024.
Result<> read_size(const Field& field, uint64_t& out, const SizeBounds& bounds = kMemorySize);

struct DurationBounds {
  Duration least, most;  // most: at most some years
  std::string_view text;
};

// An integer with ms, s, m or h.
Result<> read_duration(const Field& field, const DurationBounds& bounds, Duration& out);

}  // namespace heddle::config
