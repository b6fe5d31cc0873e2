// Methods (RFC 9110 9). Their names are case-sensitive: "get" is another method than GET.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace heddle::http {

enum class Method : uint8_t {
  kOther,  // any token; its text is kept in the message
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
};

inline constexpr std::array<std::string_view, 10> kMethodNames = {
    "", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

constexpr std::string_view name_of(Method method) {
  return kMethodNames[static_cast<size_t>(method)];
}

constexpr Method method_of(std::string_view name) {
  for (size_t i = 1; i < kMethodNames.size(); ++i)
    if (kMethodNames[i] == name) return static_cast<Method>(i);
  return Method::kOther;
}

// Whether a request that has no body must say so in HTTP/1.1 (RFC 9110 8.6).
constexpr bool expects_body(Method method) {
  return method == Method::kPost || method == Method::kPut || method == Method::kPatch;
}

}  // namespace heddle::http
