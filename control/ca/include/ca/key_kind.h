// The kinds of keys that authorities have.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace heddle::ca {

enum class KeyKind : uint8_t { kP256, kP384, kRsa3072 };

inline constexpr std::array<std::string_view, 3> kKeyKinds = {"ecdsa-p256", "ecdsa-p384",
                                                              "rsa-3072"};

constexpr std::string_view name_of(KeyKind kind) { return kKeyKinds[static_cast<size_t>(kind)]; }

constexpr std::optional<KeyKind> key_kind_of(std::string_view name) {
  for (size_t i = 0; i < kKeyKinds.size(); ++i)
    if (kKeyKinds[i] == name) return static_cast<KeyKind>(i);
  return std::nullopt;
}

}  // namespace heddle::ca
