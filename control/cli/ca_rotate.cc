// ca rotate.
#include <fmt/format.h>

#include "ca_parts.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string problem_of(const CaOptions& asked) {
  const int steps = asked.prepare + asked.change + asked.finish;
  if (asked.what != "root" && (steps > 0 || asked.force))
    return "--prepare, --switch, --finish and --force are of 'rotate DIR root'";
  if (asked.what == "root" && steps != 1)
    return "rotate DIR root: one of --prepare, --switch and --finish must be given";
  if (asked.force && !asked.finish) return "--force is of --finish";
  return {};
}

// Peers with a revocation list need that of the new intermediate before they meet it.
std::string next_of(const CaOptions& asked) {
  const std::string directory = printable(asked.directory);
  if (asked.prepare)
    return fmt::format(
        "The bundle has the old root and the next one. When every node has it, go on:\n"
        "  heddlectl ca bundle {0}\n"
        "  heddlectl ca rotate {0} root --switch\n",
        directory);
  if (asked.change)
    return fmt::format(
        "The new root signs, with a new intermediate. Where there are revocation lists, apply the "
        "bundle\nonce more before the next certificate is issued. When all are issued anew, go "
        "on:\n"
        "  heddlectl ca rotate {} root --finish\n",
        directory);
  if (asked.finish)
    return fmt::format(
        "The old root has left the bundle. To be applied everywhere:\n"
        "  heddlectl ca bundle {}\n",
        directory);
  return fmt::format(
      "A new intermediate signs. Where there are revocation lists, apply the bundle before the "
      "next\ncertificate is issued:\n"
      "  heddlectl ca bundle {}\n",
      directory);
}

Result<> rotate(ca::Authority& authority, const CaOptions& asked, ca::UnixTime now) {
  using Unfinished = ca::Authority::Unfinished;
  if (asked.prepare) return authority.prepare_root(now);
  if (asked.change) return authority.switch_root(now);
  if (asked.finish)
    return authority.finish_root(asked.force ? Unfinished::kLeave : Unfinished::kRefuse, now);
  return authority.rotate_intermediate(now);
}

}  // namespace

Outcome ca_rotate(const Options& options) {
  if (std::string problem = problem_of(options.ca); !problem.empty())
    return wrong_usage(std::move(problem));
  auto authority = open_authority(options, ca::Access::kWrite);
  if (!authority) return Outcome::fail(authority.error());
  const auto done = rotate(*authority, options.ca, wall_now());
  if (!done) return refused(done.error());
  return {.out = next_of(options.ca)};
}

}  // namespace heddle::cli
