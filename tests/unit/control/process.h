// What the tests need of the system: a directory of their own, heddlectl as a process, and
// plain sockets.
#pragma once

#include <string>
#include <vector>

namespace heddle::test {

// A new directory below /tmp, removed with all that is in it.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  std::string path(const std::string& name) const { return directory_ + '/' + name; }

 private:
  std::string directory_;
};

struct Finished {
  std::string out, err;
  int exit_code = -1;  // -1: ended by a signal
};

// Runs a program to its end with nothing on stdin. `environment` adds to the present one.
Finished run(const std::vector<std::string>& command,
             const std::vector<std::string>& environment = {});

// Runs the heddlectl that the environment's HEDDLECTL names.
Finished heddlectl(std::vector<std::string> arguments,
                   const std::vector<std::string>& environment = {});

// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();

  int fd() const { return fd_; }

 private:
  int fd_;
};

// A Unix socket that listens on `path` and leaves its file behind.
Descriptor listen_on(const std::string& path);
// A connection to `path`; reads give up after two seconds.
Descriptor connect_to(const std::string& path);

}  // namespace heddle::test
