// Result<T>: the answer of an operation that may fail for operational reasons (configuration,
// start-up, files, gRPC). The packet path does not use it: packets have named drops.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

namespace heddle {

// A sentence for the operator: what failed, on which resource and field, and what to do.
struct Error {
  std::string text;
};

template <class T = void>
using Result = std::expected<T, Error>;

// return fail("port {}: no such device {}", name, device);
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{fmt::format(format, std::forward<Args>(args)...)});
}

// Puts "context: " before an error's text, so that each layer names what it was doing.
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail_in(const Error& cause, fmt::format_string<Args...> format,
                                             Args&&... args) {
  return std::unexpected(
      Error{fmt::format(format, std::forward<Args>(args)...) + ": " + cause.text});
}

}  // namespace heddle

// Evaluates an expression that gives a Result, and returns its error from this function.
#define HEDDLE_TRY(expression)                                      \
  do {                                                              \
    auto heddle_try_result = (expression);                          \
    if (!heddle_try_result) [[unlikely]]                            \
      return std::unexpected(std::move(heddle_try_result).error()); \
  } while (false)
