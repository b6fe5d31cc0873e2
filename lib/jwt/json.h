// JSON by simdjson's DOM: whole documents of UTF-8, bounded in size, depth and members, and without
// duplicate members (RFC 8259 4, RFC 7515 4, RFC 8725 2.4).
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "core/result.h"
#include "jwt/refusal.h"

namespace heddle::jwt {

namespace json = simdjson::dom;

struct JsonLimits {
  uint32_t bytes;
  uint32_t depth;
  uint32_t members;  // of one object; at most kMaxJsonMembers
  uint32_t values;   // members and elements, in all
};
inline constexpr uint32_t kMaxJsonMembers = 128;

class JsonReader {
 public:
  // Takes the memory that documents of so many bytes need.
  static Result<JsonReader> create(const JsonLimits& limits);

  // Where a document's bytes are to be written before they are read.
  std::span<uint8_t> buffer() { return {buffer_.get(), limits_.bytes}; }

  // Of the first `bytes` of the buffer. Valid until the next call. Names are as they are after
  // their escapes are resolved. Refusals: too_large, bad_json, duplicate_member, library.
  std::expected<json::object, Refusal> read(size_t bytes);
  // With other bounds than those given at create(), for this document, of members and values.
  std::expected<json::object, Refusal> read(size_t bytes, uint32_t members, uint32_t values);

 private:
  JsonReader() = default;
  JsonLimits limits_{};
  std::unique_ptr<uint8_t[]> buffer_;
  json::parser parser_;
};

// A member's value, and of a string its text.
std::optional<json::element> member(json::object object, std::string_view name);
std::optional<std::string_view> string_of(json::element element);

}  // namespace heddle::jwt
