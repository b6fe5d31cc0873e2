#include "claims_pack.h"

#include <charconv>
#include <string>

#include "core/check.h"

namespace heddle::jwt {

namespace {

// Of an element whose type was asked for.
template <class Value>
Value value_of(json::element element) {
  Value value{};
  HEDDLE_CHECK(element.get(value) == simdjson::SUCCESS, "a value of another type than it says");
  return value;
}

class Packer {
 public:
  void add(std::string_view name, json::element element);
  void add_object(std::string_view name, json::object object);
  std::vector<uint8_t> finish() const;

 private:
  size_t open(std::string_view name, ClaimKind kind);
  void add_text(std::string_view name, ClaimKind kind, std::string_view text);
  template <class Number>
  void add_number(std::string_view name, Number number);
  void close(size_t at) { entries_[at].end = static_cast<uint16_t>(entries_.size()); }
  uint32_t append(std::string_view text);

  std::vector<BlockEntry> entries_;
  std::string text_;
};

uint32_t Packer::append(std::string_view text) {
  // Texts come from one token, so 16 bits hold their lengths.
  HEDDLE_CHECK(text.size() <= UINT16_MAX, "a claim longer than any token");
  const size_t at = text_.size();
  text_ += text;
  return static_cast<uint32_t>(at);
}

size_t Packer::open(std::string_view name, ClaimKind kind) {
  BlockEntry entry;
  entry.kind = kind;
  entry.name_at = append(name);
  entry.name_bytes = static_cast<uint16_t>(name.size());
  entries_.push_back(entry);
  return entries_.size() - 1;
}

void Packer::add_text(std::string_view name, ClaimKind kind, std::string_view text) {
  const size_t at = open(name, kind);
  entries_[at].text_at = append(text);
  entries_[at].text_bytes = static_cast<uint16_t>(text.size());
  close(at);
}

template <class Number>
void Packer::add_number(std::string_view name, Number number) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number);
  add_text(name, ClaimKind::kNumber, {digits, static_cast<size_t>(end.ptr - digits)});
}

void Packer::add_object(std::string_view name, json::object object) {
  const size_t at = open(name, ClaimKind::kObject);
  for (const json::key_value_pair member : object) add(member.key, member.value);
  close(at);
}

void Packer::add(std::string_view name, json::element element) {
  switch (element.type()) {
    case json::element_type::STRING:
      return add_text(name, ClaimKind::kString, value_of<std::string_view>(element));
    case json::element_type::INT64:
      return add_number(name, value_of<int64_t>(element));
    case json::element_type::UINT64:
      return add_number(name, value_of<uint64_t>(element));
    case json::element_type::DOUBLE:
      return add_number(name, value_of<double>(element));
    case json::element_type::BOOL:
      return add_text(name, ClaimKind::kBool, value_of<bool>(element) ? "true" : "false");
    case json::element_type::OBJECT:
      return add_object(name, value_of<json::object>(element));
    case json::element_type::ARRAY: {
      const size_t at = open(name, ClaimKind::kList);
      for (const json::element each : value_of<json::array>(element)) add({}, each);
      return close(at);
    }
    case json::element_type::NULL_VALUE:
      return add_text(name, ClaimKind::kNull, {});
  }
}

std::vector<uint8_t> Packer::finish() const {
  const BlockHeader header{INT64_MAX, INT64_MAX, static_cast<uint32_t>(entries_.size()),
                           static_cast<uint32_t>(text_.size())};
  const size_t table = entries_.size() * sizeof(BlockEntry);
  std::vector<uint8_t> block(sizeof header + table + text_.size());
  std::memcpy(block.data(), &header, sizeof header);
  std::memcpy(block.data() + sizeof header, entries_.data(), table);
  if (!text_.empty()) std::memcpy(block.data() + sizeof header + table, text_.data(), text_.size());
  return block;
}

}  // namespace

std::vector<uint8_t> pack_claims(json::object payload) {
  Packer packer;
  packer.add_object({}, payload);
  return packer.finish();
}

void set_expiry(std::vector<uint8_t>& block, int64_t expires, int64_t refused_from) {
  BlockHeader header = Block(block).header();
  header.expires = expires;
  header.refused_from = refused_from;
  std::memcpy(block.data(), &header, sizeof header);
}

}  // namespace heddle::jwt
