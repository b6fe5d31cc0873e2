// The directory of an authority: locked as a whole, its files read with bounds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ca/access.h"
#include "ca/new_file.h"
#include "ca/secret_text.h"
#include "core/result.h"

namespace heddle::ca {

// There from before an init's first file until after its last: with it and without a state, all
// that is in the directory is of an init that was killed, and nothing was ever issued by it.
inline constexpr std::string_view kUnfinishedMark = "init.unfinished";

class Directory {
 public:
  // An existing directory that nobody else may write to. Waits up to `patience_ms` for others:
  // readers for who writes, who writes for all.
  static Result<Directory> open(const std::string& path, Access access,
                                uint32_t patience_ms = 10'000);
  Directory(Directory&& other) noexcept;
  Directory& operator=(Directory&&) = delete;
  ~Directory();

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + '/' + std::string(name); }
  bool has(std::string_view name) const;

  // Names without "." and "..", sorted; an error above 100,000.
  Result<std::vector<std::string>> list() const;
  // None where there is no such file. An error for what is no regular file or above `most` bytes.
  Result<std::optional<std::string>> read(std::string_view name, size_t most) const;
  // A private key, which nobody else may read.
  Result<std::optional<SecretText>> read_secret(std::string_view name) const;

  Result<> write_new(std::string_view name, std::string_view text, mode_t mode) const;
  Result<> replace(std::string_view name, std::string_view text, mode_t mode) const;
  // Without an error when there is no `from`; nothing may be at `to`.
  Result<> rename(std::string_view from, std::string_view to) const;
  Result<> remove(std::string_view name) const;
  // Files that were never put in their place, as who wrote them was killed, and an init's mark.
  // For a writer, where there is a state.
  Result<> remove_unfinished() const;

 private:
  Directory(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Result<> check() const;
  Result<> lock(Access access, uint32_t patience_ms) const;

  std::string path_;
  int fd_ = -1;
};

}  // namespace heddle::ca
