// The layout of a Claims' block: a BlockHeader, its entries, then their names and texts. An entry
// of a list or object is followed by those within it. Entry 0 is the payload itself.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "jwt/claims.h"

namespace heddle::jwt {

struct BlockHeader {
  int64_t expires = 0;       // INT64_MAX: never
  int64_t refused_from = 0;  // INT64_MAX: never
  uint32_t entries = 0;
  uint32_t text_bytes = 0;
};

struct BlockEntry {
  uint32_t name_at = 0;  // in the text
  uint32_t text_at = 0;
  uint16_t name_bytes = 0;
  uint16_t text_bytes = 0;
  uint16_t end = 0;  // the entry after all that is within this one
  ClaimKind kind = ClaimKind::kNull;
  uint8_t unused = 0;
};

static_assert(sizeof(BlockHeader) == 24 && sizeof(BlockEntry) == 16);

// Reads a block by copies of its parts, so that it may lie anywhere.
class Block {
 public:
  explicit Block(std::span<const uint8_t> bytes) : bytes_(bytes) {
    std::memcpy(&header_, bytes.data(), sizeof header_);
  }
  const BlockHeader& header() const { return header_; }
  BlockEntry entry(uint32_t at) const {
    BlockEntry entry;
    std::memcpy(&entry, &bytes_[sizeof header_ + at * sizeof entry], sizeof entry);
    return entry;
  }
  std::string_view name(const BlockEntry& entry) const {
    return text(entry.name_at, entry.name_bytes);
  }
  std::string_view text(const BlockEntry& entry) const {
    return text(entry.text_at, entry.text_bytes);
  }

 private:
  std::string_view text(uint32_t at, uint32_t size) const {
    const size_t from = sizeof header_ + header_.entries * sizeof(BlockEntry) + at;
    const auto part = bytes_.subspan(from, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::span<const uint8_t> bytes_;
  BlockHeader header_;
};

}  // namespace heddle::jwt
