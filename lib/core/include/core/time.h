// Clock values. No function in lib/ reads a clock: the worker reads it once a turn and hands
// the Instant down, so the same code runs on virtual time in tests and simulations.
#pragma once

#include <compare>
#include <cstdint>

namespace heddle {

// A span of time in nanoseconds; may be negative.
class Duration {
 public:
  constexpr Duration() = default;
  constexpr explicit Duration(int64_t nanoseconds) : ns_(nanoseconds) {}

  constexpr int64_t ns() const { return ns_; }
  constexpr int64_t us() const { return ns_ / 1'000; }
  constexpr int64_t ms() const { return ns_ / 1'000'000; }

  friend constexpr auto operator<=>(const Duration&, const Duration&) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return Duration(a.ns_ + b.ns_); }
  friend constexpr Duration operator-(Duration a, Duration b) { return Duration(a.ns_ - b.ns_); }
  friend constexpr Duration operator*(Duration a, int64_t n) { return Duration(a.ns_ * n); }
  friend constexpr Duration operator/(Duration a, int64_t n) { return Duration(a.ns_ / n); }

 private:
  int64_t ns_ = 0;
};

constexpr Duration nanoseconds(int64_t n) { return Duration(n); }
constexpr Duration microseconds(int64_t n) { return Duration(n * 1'000); }
constexpr Duration milliseconds(int64_t n) { return Duration(n * 1'000'000); }
constexpr Duration seconds(int64_t n) { return Duration(n * 1'000'000'000); }

// A moment on one monotonic clock, in nanoseconds since that clock's own start.
class Instant {
 public:
  constexpr Instant() = default;
  constexpr explicit Instant(int64_t nanoseconds) : ns_(nanoseconds) {}

  constexpr int64_t ns() const { return ns_; }

  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
  friend constexpr Instant operator+(Instant a, Duration d) { return Instant(a.ns_ + d.ns()); }
  friend constexpr Instant operator-(Instant a, Duration d) { return Instant(a.ns_ - d.ns()); }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration(a.ns_ - b.ns_); }

 private:
  int64_t ns_ = 0;
};

inline constexpr Instant kNever{INT64_MAX};

}  // namespace heddle
