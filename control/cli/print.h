#pragma once

#include <cstdint>
#include <string_view>

namespace heddle::cli {

// kGone: the reader of a pipe has seen enough, which is no failure; kFailed leaves errno.
enum class Printed : uint8_t { kAll, kGone, kFailed };

// Writes to stdout at once.
Printed print(std::string_view text);

}  // namespace heddle::cli
