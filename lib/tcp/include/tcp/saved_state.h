// A connection written out as bytes, and read back: by another transport of the same build, on the
// same clock. Payload goes along.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace heddle::tcp {

class StateWriter {
 public:
  explicit StateWriter(std::span<uint8_t> to) : to_(to) {}

  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>, "state is plain data");
    if (uint8_t* at = take(sizeof(T))) std::memcpy(at, &value, sizeof(T));
  }
  // Room for `n` bytes; null, and complete() is false, when they do not fit.
  uint8_t* take(size_t n) {
    if (!complete_ || n > to_.size() - size_) {
      complete_ = false;
      return nullptr;
    }
    uint8_t* at = to_.data() + size_;
    size_ += n;
    return at;
  }
  bool complete() const { return complete_; }
  std::span<const uint8_t> written() const { return to_.first(size_); }

 private:
  std::span<uint8_t> to_;
  size_t size_ = 0;
  bool complete_ = true;
};

class StateReader {
 public:
  explicit StateReader(std::span<const uint8_t> from) : from_(from) {}

  template <class T>
  bool get(T& value) {
    static_assert(std::is_trivially_copyable_v<T>, "state is plain data");
    const uint8_t* at = take(sizeof(T));
    if (at != nullptr) std::memcpy(static_cast<void*>(&value), at, sizeof(T));
    return at != nullptr;
  }
  const uint8_t* take(size_t n) {
    if (!complete_ || n > from_.size() - at_) {
      complete_ = false;
      return nullptr;
    }
    const uint8_t* at = from_.data() + at_;
    at_ += n;
    return at;
  }
  bool complete() const { return complete_; }

 private:
  std::span<const uint8_t> from_;
  size_t at_ = 0;
  bool complete_ = true;
};

}  // namespace heddle::tcp
