// A file that is whole or not there: written beside its place, then put in it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "core/result.h"

namespace heddle::ca {

inline constexpr mode_t kPrivate = 0600;  // also from its first moment, whatever the umask
inline constexpr mode_t kPublic = 0644;

class NewFile {
 public:
  enum class Place { kFree, kReplace };

  // Makes the file beside `path`; with kReplace what is at `path` already must be a regular file,
  // with kFree nothing may be there.
  static Result<NewFile> make(const std::string& path, mode_t mode, Place place);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();  // removes what was not put in place

  // Writes all, onto the disk, and puts it in its place, of which the directory is written too.
  Result<> put(std::string_view text);

 private:
  NewFile(std::string path, Place place) : path_(std::move(path)), place_(place) {}

  std::string path_, beside_;
  Place place_;
  int fd_ = -1;
};

// The same in one step.
Result<> write_file(const std::string& path, std::string_view text, mode_t mode,
                    NewFile::Place place);

// Onto the disk: which names a directory has.
Result<> sync_directory(const std::string& path);

}  // namespace heddle::ca
