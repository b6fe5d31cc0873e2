#include "json.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace heddle::jwt {

namespace {

struct Budget {
  uint32_t depth;
  uint32_t members;
  uint32_t values;
};

std::optional<Refusal> look(json::element element, Budget& budget);

std::optional<Refusal> look_at(json::object object, Budget& budget) {
  std::array<std::string_view, kMaxJsonMembers> names;
  uint32_t count = 0;
  if (budget.depth == 0) return Refusal::kTooLarge;
  --budget.depth;
  for (const json::key_value_pair member : object) {
    if (count == budget.members || budget.values == 0) return Refusal::kTooLarge;
    --budget.values;
    names[count++] = member.key;
    if (const auto refusal = look(member.value, budget)) return refusal;
  }
  ++budget.depth;
  const auto end = names.begin() + count;
  std::sort(names.begin(), end);
  if (std::adjacent_find(names.begin(), end) != end) return Refusal::kDuplicateMember;
  return {};
}

std::optional<Refusal> look(json::element element, Budget& budget) {
  json::object object;
  if (element.get(object) == simdjson::SUCCESS) return look_at(object, budget);
  json::array array;
  if (element.get(array) != simdjson::SUCCESS) return {};
  if (budget.depth == 0) return Refusal::kTooLarge;
  --budget.depth;
  for (const json::element each : array) {
    if (budget.values == 0) return Refusal::kTooLarge;
    --budget.values;
    if (const auto refusal = look(each, budget)) return refusal;
  }
  ++budget.depth;
  return {};
}

Refusal refusal_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::CAPACITY:
    case simdjson::DEPTH_ERROR:
      return Refusal::kTooLarge;
    case simdjson::MEMALLOC:
      return Refusal::kLibrary;
    default:
      return Refusal::kBadJson;
  }
}

}  // namespace

Result<JsonReader> JsonReader::create(const JsonLimits& limits) {
  HEDDLE_CHECK(limits.members <= kMaxJsonMembers, "more members than are looked at");
  JsonReader reader;
  reader.limits_ = limits;
  reader.buffer_ = std::make_unique<uint8_t[]>(limits.bytes + simdjson::SIMDJSON_PADDING);
  // The parser counts the document as a level, and lets empty lists and objects through at any.
  if (reader.parser_.allocate(limits.bytes, limits.depth + 1) != simdjson::SUCCESS)
    return fail("JWT: no memory for the JSON reader");
  return reader;
}

std::expected<json::object, Refusal> JsonReader::read(size_t bytes) {
  return read(bytes, limits_.members, limits_.values);
}

std::expected<json::object, Refusal> JsonReader::read(size_t bytes, uint32_t members,
                                                      uint32_t values) {
  HEDDLE_CHECK(bytes <= limits_.bytes && members <= kMaxJsonMembers, "beyond the reader's bounds");
  json::element root;
  const bool copy = false;
  const simdjson::error_code error = parser_.parse(buffer_.get(), bytes, copy).get(root);
  if (error != simdjson::SUCCESS) return std::unexpected(refusal_of(error));
  json::object object;
  if (root.get(object) != simdjson::SUCCESS) return std::unexpected(Refusal::kBadJson);
  Budget budget{limits_.depth, members, values};
  if (const auto refusal = look_at(object, budget)) return std::unexpected(*refusal);
  return object;
}

std::optional<json::element> member(json::object object, std::string_view name) {
  json::element found;
  if (object.at_key(name).get(found) != simdjson::SUCCESS) return {};
  return found;
}

std::optional<std::string_view> string_of(json::element element) {
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return {};
  return text;
}

}  // namespace heddle::jwt
