// Authority::init.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "parts.h"
#include "tls/spiffe.h"

namespace heddle::ca {
namespace {

constexpr std::string_view kMark = kUnfinishedMark;

bool is_own(const std::string& name) {
  return name == kMark || name.starts_with('.') || name.starts_with("root") ||
         name.starts_with("intermediate");
}

Result<> clear_unfinished(const Directory& directory) {
  const auto names = directory.list();
  if (!names) return std::unexpected(names.error());
  if (directory.has(kStateName))
    return fail("{} has an authority already; nothing was changed", directory.path());
  const bool killed = directory.has(kMark);
  for (const std::string& name : *names) {
    const bool mark = name.starts_with(fmt::format(".{}.", kMark));
    if (!mark && !(killed && is_own(name)))
      return fail("{} is not empty: {} is in it", directory.path(), name);
  }
  // The mark last, so that who is killed here finds it again.
  for (const std::string& name : *names)
    if (name != kMark) HEDDLE_TRY(directory.remove(name));
  return directory.remove(kMark);
}

}  // namespace

Result<> Authority::init(const std::string& path, const InitWanted& wanted, UnixTime now) {
  if (!tls::is_trust_domain(wanted.trust_domain))
    return fail("no trust domain; expected a name as example.org");
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST)
    return fail("cannot make the directory {}: {}", path, std::strerror(errno));
  // Whatever the umask.
  if (made && ::chmod(path.c_str(), 0700) != 0)
    return fail("cannot set the mode of {}: {}", path, std::strerror(errno));
  const auto directory = Directory::open(path, Access::kWrite);
  if (!directory) return std::unexpected(directory.error());
  HEDDLE_TRY(clear_unfinished(*directory));
  if (::chmod(path.c_str(), 0700) != 0)
    return fail("cannot set the mode of {}: {}", path, std::strerror(errno));
  HEDDLE_TRY(directory->write_new(kMark, "", kPrivate));

  State state{.trust_domain = wanted.trust_domain,
              .key = wanted.key,
              .days = wanted.days,
              .intermediate_days = wanted.intermediate_days};
  std::vector<Held> held;
  const auto root = make_root(*directory, state, now, held);
  if (!root) return std::unexpected(root.error());
  state.root = (*root)->serial;
  const auto root_key = find_key(*directory, **root);
  if (!root_key) return std::unexpected(root_key.error());
  std::vector<Held> below;
  const auto middle = make_intermediate(*directory, state, **root, root_key->get(), now, below);
  if (!middle) return std::unexpected(middle.error());
  state.intermediate = (*middle)->serial;
  held.push_back(std::move(below.front()));
  HEDDLE_TRY(write_state(*directory, state));
  HEDDLE_TRY(settle(*directory, state, held));
  return directory->remove(kMark);
}

}  // namespace heddle::ca
