// Seq: a sequence number. Its order is circular (RFC 9293 3.4): a < b when b lies less than 2^31
// ahead of a. Distances are signed, lengths are plain numbers.
#pragma once

#include <cstdint>

#include "core/endian.h"

namespace heddle::tcp {

class Seq {
 public:
  constexpr Seq() = default;
  constexpr explicit Seq(uint32_t value) : value_(value) {}
  constexpr explicit Seq(Be32 wire) : value_(wire.host()) {}

  constexpr uint32_t value() const { return value_; }
  constexpr Be32 wire() const { return Be32(value_); }

  friend constexpr Seq operator+(Seq a, uint32_t n) { return Seq(a.value_ + n); }
  friend constexpr Seq operator-(Seq a, uint32_t n) { return Seq(a.value_ - n); }
  friend constexpr int32_t operator-(Seq a, Seq b) {
    return static_cast<int32_t>(a.value_ - b.value_);
  }
  constexpr Seq& operator+=(uint32_t n) {
    value_ += n;
    return *this;
  }

  friend constexpr bool operator==(Seq, Seq) = default;
  friend constexpr bool operator<(Seq a, Seq b) { return a - b < 0; }
  friend constexpr bool operator<=(Seq a, Seq b) { return a - b <= 0; }
  friend constexpr bool operator>(Seq a, Seq b) { return a - b > 0; }
  friend constexpr bool operator>=(Seq a, Seq b) { return a - b >= 0; }

 private:
  uint32_t value_ = 0;
};

constexpr Seq max(Seq a, Seq b) { return a < b ? b : a; }
constexpr Seq min(Seq a, Seq b) { return a < b ? a : b; }

// The distance from a to b, 0 when b is not ahead.
constexpr uint32_t span_of(Seq a, Seq b) { return a < b ? static_cast<uint32_t>(b - a) : 0; }

// The order of 32-bit timestamps is circular too (RFC 7323 5.2).
constexpr bool stamp_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

}  // namespace heddle::tcp
