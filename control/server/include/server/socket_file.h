// SocketFile: the right to listen on a path, from before the bind until after the close.
//
// A file alone cannot say whether its owner lives, and between looking and binding another
// process may do the same. So the claim is a socket in the abstract namespace, named after the
// directory's identity and the file's name: the kernel lets one process have it, and takes it
// back when that process dies. Abstract names are per network namespace; for a process in
// another one, connecting to the file tells.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/result.h"

namespace heddle::server {

class SocketFile {
 public:
  // Makes the parent directory (0755) if it is missing, takes the claim and removes the socket
  // of a dead process. Refuses while a living process listens, and when the path is something
  // other than a socket.
  static Result<SocketFile> claim(const std::string& path);

  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();  // removes the file if it is still the one that listen() made; drops the claim

  // Makes the socket, with mode 0600 from its first moment, and listens. Returns the
  // descriptor, non-blocking, which is the caller's.
  [[nodiscard]] Result<int> listen();

 private:
  struct Identity {
    dev_t device;
    ino_t inode;
  };

  SocketFile(std::string path, int claim_fd) : path_(std::move(path)), claim_fd_(claim_fd) {}

  std::string path_;
  int claim_fd_;
  std::optional<Identity> file_;
};

}  // namespace heddle::server
