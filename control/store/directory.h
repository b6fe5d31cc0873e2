// The directory of a store, held by this process, and the files in it.
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/result.h"

namespace heddle::store {

inline constexpr const char* kFileName = "policy.db";

class Directory {
 public:
  // Makes the directory (0700) if it is missing and takes it: a second holder is refused, also
  // one in this process. The hold ends with the object or the process, however that dies.
  static Result<Directory> take(const std::string& path);
  // The same for one that may be missing; nothing is made.
  static Result<Directory> take_existing(const std::string& path);

  Directory(Directory&& other) noexcept;
  Directory& operator=(Directory&&) = delete;
  ~Directory();

  [[nodiscard]] std::string file(const std::string& suffix = "") const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string place() const { return "in " + path_; }

  // Whether there is a policy.db. Refuses what is no file or cannot be read and written; takes
  // the rights of others away.
  Result<bool> look();
  // Refuses when policy.db is no longer the file that look() saw.
  [[nodiscard]] Result<> still_there() const;

  // Gives a finished policy.db.new its name.
  Result<> put_in_place();
  // Removes what a process that died while it made policy.db.new left.
  Result<> remove_unfinished();

  // Renames policy.db and its logs. Returns the new path; an empty one when there is none.
  Result<std::string> set_aside(const std::string& suffix);

 private:
  Directory(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  [[nodiscard]] Result<> sync() const;

  std::string path_;
  int fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace heddle::store
