// issued.jsonl: what was issued and what was revoked, a line of JSON each, only ever added to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certificate.h"
#include "directory.h"

namespace heddle::ca {

struct Entry {
  std::string serial, issuer;  // that of the intermediate
  LeafNames names;
  Validity validity;
  std::optional<UnixTime> revoked{};
};

// In the order they were issued. A last line without its end is of a command that was killed, and
// counts as not there; any other line that is not understood is an error.
Result<std::vector<Entry>> read_index(const Directory& directory);

// On the disk when they return.
Result<> add_issued(const Directory& directory, const Entry& entry);
Result<> add_revoked(const Directory& directory, const std::string& serial, UnixTime at);

}  // namespace heddle::ca
