#include "http_regex.h"

#include <fmt/format.h>

#include "policy/limits.h"

namespace heddle::policy {
namespace {

// What RE2 may keep of a regex' states, enough for the largest that is taken; beyond it it starts
// them anew. Of a set, besides for each instruction in it.
constexpr int64_t kMemory = 256 * 1024;
constexpr int64_t kSetMemory = 512 * 1024;
constexpr int64_t kSetMemoryEach = 512;

re2::RE2::Options options(int64_t memory) {
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_dot_nl(true);
  options.set_max_mem(memory);
  return options;
}

}  // namespace

std::unique_ptr<const re2::RE2> make_regex(std::string_view text, std::string* error) {
  auto regex = std::make_unique<const re2::RE2>(re2::StringPiece(text.data(), text.size()),
                                                options(kMemory));
  if (!regex->ok()) {
    if (error != nullptr) *error = "is no regex: " + regex->error();
    return nullptr;
  }
  if (const int size = regex->ProgramSize(); size > kMaxRegexProgram) {
    if (error != nullptr)
      *error = fmt::format("is too large: {} instructions of RE2, and at most {} are allowed", size,
                           kMaxRegexProgram);
    return nullptr;
  }
  return regex;
}

RegexSet::RegexSet(std::vector<const re2::RE2*> regexes) : regexes_(std::move(regexes)) {
  if (regexes_.size() < 2) return;
  int64_t memory = kSetMemory;
  for (const re2::RE2* regex : regexes_) memory += kSetMemoryEach * regex->ProgramSize();
  auto set = std::make_unique<re2::RE2::Set>(options(memory), re2::RE2::ANCHOR_BOTH);
  for (const re2::RE2* regex : regexes_)
    if (set->Add(regex->pattern(), nullptr) < 0) return;
  if (set->Compile()) set_ = std::move(set);
}

// Each thread's own, so that it has its memory from the first time on.
std::vector<int>& RegexSet::found() {
  thread_local std::vector<int> found;
  return found;
}

bool RegexSet::look_up(std::string_view text) const {
  re2::RE2::Set::ErrorInfo error{};
  if (set_->Match(re2::StringPiece(text.data(), text.size()), &found(), &error)) return true;
  found().clear();
  return error.kind == re2::RE2::Set::kNoError;
}

size_t RegexSet::bytes() const {
  size_t bytes = sizeof(RegexSet) + regexes_.capacity() * sizeof(void*);
  if (set_ != nullptr)
    for (const re2::RE2* regex : regexes_) bytes += 16u * static_cast<size_t>(regex->ProgramSize());
  return bytes;
}

}  // namespace heddle::policy
