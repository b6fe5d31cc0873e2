// Text: of a bounded length, built from parts without taking memory.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::mesh {

// Of a Set-Cookie of our own.
inline constexpr size_t kMostCookie = 416;

inline std::string_view without_query(std::string_view path) {
  return path.substr(0, path.find('?'));
}

template <size_t kMost>
class Text {
 public:
  void put(std::string_view part) {
    full_ |= part.size() > kMost - size_;
    if (full_) return;
    std::copy(part.begin(), part.end(), text_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += part.size();
  }
  void put(uint32_t number) {
    std::array<char, 10> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    put({digits.data(), static_cast<size_t>(end - digits.data())});
  }
  bool full() const { return full_; }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, kMost> text_;
  size_t size_ = 0;
  bool full_ = false;
};

}  // namespace heddle::mesh
