#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace heddle::test {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

Descriptor unix_socket() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(fd >= 0, "socket");
  const timeval wait{.tv_sec = 2, .tv_usec = 0};
  require(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0, "SO_RCVTIMEO");
  return Descriptor(fd);
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// Reads both pipes to their ends, whichever has something first.
void collect(int out, int err, Finished& finished) {
  std::array<pollfd, 2> waits{pollfd{.fd = out, .events = POLLIN, .revents = 0},
                              pollfd{.fd = err, .events = POLLIN, .revents = 0}};
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    require(::poll(waits.data(), waits.size(), -1) > 0, "poll");
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t n = ::read(waits[i].fd, buffer.data(), buffer.size());
      if (n <= 0) {
        waits[i].fd = -1;
      } else {
        (i == 0 ? finished.out : finished.err).append(buffer.data(), static_cast<size_t>(n));
      }
    }
  }
}

}  // namespace

TempDirectory::TempDirectory() : directory_("/tmp/heddle-control-XXXXXX") {
  require(::mkdtemp(directory_.data()) != nullptr, "mkdtemp");
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Finished run(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  std::array<int, 2> out, err;
  require(::pipe2(out.data(), O_CLOEXEC) == 0 && ::pipe2(err.data(), O_CLOEXEC) == 0, "pipe2");
  const Descriptor out_read(out[0]), err_read(err[0]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);

  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("HEDDLE_SERVER="))
      variables.emplace_back(*variable);
  pid_t child = -1;
  const int failed = ::posix_spawnp(&child, command.front().c_str(), &actions, nullptr,
                                    pointers(command).data(), pointers(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(out[1]);
  ::close(err[1]);
  require(failed == 0, "posix_spawnp");

  Finished finished;
  collect(out_read.fd(), err_read.fd(), finished);
  int status = 0;
  require(::waitpid(child, &status, 0) == child, "waitpid");
  if (WIFEXITED(status)) finished.exit_code = WEXITSTATUS(status);
  return finished;
}

Finished heddlectl(std::vector<std::string> arguments,
                   const std::vector<std::string>& environment) {
  const char* program = std::getenv("HEDDLECTL");
  require(program != nullptr, "set HEDDLECTL to the path of heddlectl");
  arguments.insert(arguments.begin(), program);
  return run(arguments, environment);
}

Descriptor listen_on(const std::string& path) {
  Descriptor socket = unix_socket();
  const sockaddr_un address = unix_address(path);
  require(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
              ::listen(socket.fd(), 8) == 0,
          "bind and listen");
  return socket;
}

Descriptor connect_to(const std::string& path) {
  Descriptor socket = unix_socket();
  const sockaddr_un address = unix_address(path);
  require(::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
          "connect");
  return socket;
}

}  // namespace heddle::test
