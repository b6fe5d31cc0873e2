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
#include "print.h"

namespace heddle::cli {
namespace {

int complain(const Outcome& outcome) {
  const Failure& failure = outcome.failure;
  if (!outcome.problems.empty()) {
    fmt::print(stderr, "{}", outcome.problems);
  } else if (failure.exit_code != 0) {
    fmt::print(stderr, "heddlectl: {}\n", failure.text);
  }
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
  if (print(outcome.out) == Printed::kFailed)
    return complain(
        Outcome::fail({kUsage, fmt::format("cannot write the answer: {}", std::strerror(errno))}));
  return complain(outcome);
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
