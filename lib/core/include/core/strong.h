// Strong<Tag, T>: a scalar with a name of its own, so that a port cannot be passed as a worker.
//
//   using WorkerId = Strong<struct WorkerIdTag, uint16_t>;
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace heddle {

template <class Tag, class T>
class Strong {
 public:
  using Value = T;

  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(value) {}

  constexpr T value() const { return value_; }
  // For indexing: all ids here are dense slot numbers.
  constexpr size_t index() const { return static_cast<size_t>(value_); }

  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  T value_{};
};

}  // namespace heddle

template <class Tag, class T>
struct std::hash<heddle::Strong<Tag, T>> {
  size_t operator()(heddle::Strong<Tag, T> id) const { return std::hash<T>{}(id.value()); }
};
