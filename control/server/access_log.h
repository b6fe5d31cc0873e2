// AccessLog: a file that lines are appended to. One thread's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/counter.h"
#include "core/result.h"

namespace heddle::server {

class AccessLog {
 public:
  // Made where it is missing, mode 0640; a regular file.
  static Result<AccessLog> open(std::string path);
  AccessLog(AccessLog&& other) noexcept;
  AccessLog& operator=(AccessLog&&) = delete;
  ~AccessLog();

  // All lines by one write(). What cannot be written is lost, never a part of a line; told on
  // stderr once, until it goes well again. False: lost.
  bool append(std::string_view lines);
  // Whether the path still leads to the file: one that was moved away is made anew. Where that
  // cannot be, lines go on to the old one; told once, until it goes well again.
  void follow_path();

 private:
  AccessLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  void tell(std::string_view what, int error);
  void tell_unfollowed(std::string_view why);

  std::string path_;
  int fd_ = -1;
  bool failing_ = false;     // to write
  bool unfollowed_ = false;  // the path leads elsewhere
};

}  // namespace heddle::server
