// What a command comes to.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace heddle::cli {

inline constexpr int kRefused = 1;      // heddled answered no
inline constexpr int kUnreachable = 2;  // there was no answer
inline constexpr int kUsage = 2;        // the command line cannot be followed

struct Failure {
  int exit_code = kUsage;
  std::string text;  // one sentence for stderr, without the program's name
};

template <class T>
using Reply = std::expected<T, Failure>;

// `out` goes to stdout also when there is a failure: what could be said is said. Where a failure
// is more than a sentence, `problems` goes to stderr instead of its text, line by line.
struct Outcome {
  std::string out;
  Failure failure{.exit_code = 0, .text = {}};
  std::string problems{};

  static Outcome fail(Failure failure) { return {.out = {}, .failure = std::move(failure)}; }
};

}  // namespace heddle::cli
