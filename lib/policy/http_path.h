// How paths are looked up: by hashes of their begins, one for each element.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "policy/limits.h"

namespace heddle::policy {

inline uint64_t fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a ^ 0x9e3779b97f4a7c15} * (b ^ 0xd1b54a32d192ed03);
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

// Up to seven bytes as a number; of one size, no two texts give the same.
inline uint64_t word_of(std::string_view text) {
  const size_t size = text.size();
  if (size >= 4) {
    uint32_t first, last;
    std::memcpy(&first, text.data(), 4);
    std::memcpy(&last, text.data() + size - 4, 4);
    return uint64_t{first} << 32 | last;
  }
  const auto at = [&](size_t i) { return uint64_t{static_cast<uint8_t>(text[i])}; };
  return size == 0 ? 0 : at(0) << 16 | at(size / 2) << 8 | at(size - 1);
}

inline uint64_t hash_of_text(uint64_t seed, std::string_view text) {
  uint64_t hash = seed + text.size();
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = fold(hash, word);
  }
  return fold(hash, word_of(text));
}

// "/v2/" -> "/v2", "/" -> "": how prefixes are compared.
inline std::string_view without_last_slash(std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

// The begins of a path that prefixes may be for: "/v2/items" has "/v2" and "/v2/items". Those of
// more than kMaxPathElements elements are left out.
class PathWalk {
 public:
  struct Begin {
    uint64_t hash;
    uint32_t size;
  };

  // `longest`: of the paths that are looked for exactly; the hash of longer ones is not known.
  explicit PathWalk(std::string_view path, size_t longest = kMaxPath) {
    const bool is_path = path.starts_with('/');
    knows_whole_ = is_path && path.size() <= longest;
    for (size_t at = 0; is_path && at < path.size();) {
      const void* slash = std::memchr(path.data() + at + 1, '/', path.size() - at - 1);
      const size_t end = slash == nullptr
                             ? path.size()
                             : static_cast<size_t>(static_cast<const char*>(slash) - path.data());
      whole_ = hash_of_text(whole_, path.substr(at + 1, end - at - 1));
      if (count_ < begins_.size())
        begins_[count_++] = {whole_, static_cast<uint32_t>(end)};
      else if (!knows_whole_)
        return;
      at = end;
    }
  }

  bool knows_whole() const { return knows_whole_; }
  uint64_t whole() const { return whole_; }
  size_t count() const { return count_; }
  const Begin& operator[](size_t i) const { return begins_[i]; }

 private:
  std::array<Begin, kMaxPathElements> begins_;  // of which count_ are set
  size_t count_ = 0;
  uint64_t whole_ = 0x70617468;
  bool knows_whole_ = false;
};

}  // namespace heddle::policy
