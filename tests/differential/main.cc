// flow_differential: the same packets through lib/flow and through the kernel's connection
// tracking, and an explanation for every difference. README.md says more.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "run.h"
#include "seed.h"

namespace {

using heddle::differential::Options;

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  bool seeded = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--all") {
      options.all = true;
    } else if (i + 1 < argc && word == "--seed") {
      options.seed = std::strtoull(argv[++i], nullptr, 0);
      seeded = true;
    } else if (i + 1 < argc && word == "--packets") {
      options.packets = std::strtoull(argv[++i], nullptr, 0);
    } else {
      return std::nullopt;
    }
  }
  if (!seeded) options.seed = heddle::test_seed();
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--rules") {
    heddle::differential::print_rules();
    return 0;
  }
  const auto options = parse_options(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: %s [--seed N] [--packets N] [--all] | --rules\n", argv[0]);
    return 2;
  }
  // A program of the set-up that ends early is told by its status.
  std::signal(SIGPIPE, SIG_IGN);
  heddle::differential::Run run(*options);
  const auto fine = run.run();
  if (!fine) {
    std::fprintf(stderr, "flow_differential: %s\n", fine.error().text.c_str());
    return 2;
  }
  return *fine ? 0 : 1;
}
