#include "print.h"

#include <unistd.h>

#include <cerrno>

namespace heddle::cli {

Printed print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EPIPE ? Printed::kGone : Printed::kFailed;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return Printed::kAll;
}

}  // namespace heddle::cli
