// Unix stream sockets by path: what the server and its clients must agree on.
#pragma once

#include <sys/un.h>

#include <string>
#include <string_view>

#include "core/result.h"

namespace heddle::server {

// The kernel's limit: sockaddr_un holds the path and its end (unix(7)).
inline constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

// Refuses an empty path, one that is too long, and one with a zero byte inside.
[[nodiscard]] Result<> check_socket_path(std::string_view path);

// Asks by connecting whether a process listens on a path that check_socket_path() accepts.
// Returns 0 when one does, else the errno: ENOENT without a file, ECONNREFUSED when the file
// was left behind. Never waits.
int probe_unix_socket(const std::string& path);

// The path as gRPC names it: "unix:" and the path with what a URI cannot hold escaped.
std::string grpc_target(std::string_view path);

}  // namespace heddle::server
