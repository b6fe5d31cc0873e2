// Files with certificates and keys: read whole, and only what can be one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/result.h"

namespace heddle::server {

enum class FileKind : uint8_t {
  kPublic,
  kPrivateKey,  // refused when everybody may read or write it
};

// Errors begin with the path. Never waits for a pipe or a terminal.
Result<std::string> read_pem_file(const std::string& path, FileKind kind, size_t most_bytes);

}  // namespace heddle::server
