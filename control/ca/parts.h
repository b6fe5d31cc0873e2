// What an open authority consists of, and what its operations share.
#pragma once

#include <string>
#include <vector>

#include "ca/authority.h"
#include "directory.h"
#include "held.h"
#include "index.h"
#include "state.h"

namespace heddle::ca {

struct Authority::Parts {
  Directory directory;
  State state;
  std::vector<Held> held;

  // Those that the state names are always there.
  const Held& root() const { return *find(held, state.root); }
  const Held& intermediate() const { return *find(held, state.intermediate); }
  // The roots of the bundle: the one that signs, then the other where there are two.
  std::vector<const Held*> roots() const;
  // Of an intermediate: the root of the bundle that has signed it, or null.
  const Held* root_of(const Held& intermediate) const;
  // An error where the key is not in the directory; `what_for` ends the sentence.
  Result<KeyPtr> need_key(const Held& held, std::string_view what_for) const;
};

// A new intermediate by `root`, on the disk under the name of others and among the held.
Result<const Held*> make_intermediate(const Directory& directory, const State& state,
                                      const Held& root, EVP_PKEY* root_key, UnixTime now,
                                      std::vector<Held>& held);
Result<const Held*> make_root(const Directory& directory, const State& state, UnixTime now,
                              std::vector<Held>& held);

}  // namespace heddle::ca
