// NameView: a name as messages have it (RFC 1035 3.1), without compression: labels behind their
// lengths, and a zero. Bytes of labels may be any (RFC 2181 11); letters differ not by case.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "dns/format.h"

namespace heddle::dns {

constexpr uint8_t lower(uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte + ('a' - 'A')) : byte;
}

// Lengths of labels are below all letters, so names may be compared byte by byte.
constexpr bool same_but_case(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

class NameView {
 public:
  constexpr NameView() = default;
  // Requires labels of at most 63 bytes, then one zero, kMaxName bytes in all.
  explicit constexpr NameView(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  constexpr std::span<const uint8_t> bytes() const { return bytes_; }
  constexpr bool is_root() const { return bytes_.size() <= 1; }

  // Of a name that is not the root.
  constexpr std::span<const uint8_t> first_label() const { return bytes_.subspan(1, bytes_[0]); }
  constexpr NameView parent() const { return NameView(bytes_.subspan(1u + bytes_[0])); }

  // The first labels, at most so many as there is place for, and what is behind them. Returns how
  // many labels the name has before `end`, but no more than one above the place there is.
  template <size_t N>
  size_t labels_before(NameView end, std::array<std::span<const uint8_t>, N>& labels) const {
    NameView at = *this;
    size_t count = 0;
    for (; at.bytes_.size() > end.bytes_.size() && count <= N; at = at.parent(), ++count)
      if (count < N) labels[count] = at.first_label();
    return count;
  }

  // The end of this name that is `suffix`; one without bytes: it does not end so.
  constexpr NameView ending(NameView suffix) const {
    NameView at = *this;
    while (at.bytes_.size() > suffix.bytes_.size()) at = at.parent();
    return same_but_case(at.bytes_, suffix.bytes_) ? at : NameView();
  }
  explicit constexpr operator bool() const { return !bytes_.empty(); }

 private:
  std::span<const uint8_t> bytes_;
};

inline std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace heddle::dns
