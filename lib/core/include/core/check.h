// CHECK: an assertion that stays on in every build. A failed CHECK is a bug in Heddle, never
// an answer to input: hostile packets and wrong configuration have their own, softer ends.
#pragma once

namespace heddle {

// Prints "file:line: CHECK failed: expression (why)" to stderr and aborts.
[[noreturn, gnu::cold]] void check_failed(const char* file, int line, const char* expression,
                                          const char* why);

}  // namespace heddle

#define HEDDLE_CHECK(condition, why)                                 \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::heddle::check_failed(__FILE__, __LINE__, #condition, (why)); \
  } while (false)
