// heddlectl: asks heddled, and prints for people or for programs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "app.h"

namespace heddle::cli {
namespace {

// The reader of a pipe may have seen enough and gone: that is no failure.
bool print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EPIPE;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

int complain(const Failure& failure) {
  if (failure.exit_code != 0) fmt::print(stderr, "heddlectl: {}\n", failure.text);
  return failure.exit_code;
}

int run(int argc, char** argv) {
  Request request;
  const auto app = make_app(request);
  Outcome outcome;
  try {
    app->parse(argc, argv);
    outcome = request.command(request.options);
  } catch (const CLI::CallForHelp&) {
    outcome.out = app->help();
  } catch (const CLI::ParseError& error) {
    outcome.failure = {kUsage, explain(*app, error)};
  }
  if (!print(outcome.out))
    return complain({kUsage, fmt::format("cannot write the answer: {}", std::strerror(errno))});
  return complain(outcome.failure);
}

}  // namespace
}  // namespace heddle::cli

int main(int argc, char** argv) {
  // A closed standard descriptor would become a socket, and the answer be written into it.
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDONLY) < 0) return heddle::cli::kUsage;
  std::signal(SIGPIPE, SIG_IGN);
  // gRPC's own log lines say less than heddlectl's one sentence; whoever wants them sets this.
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  return heddle::cli::run(argc, argv);
}
