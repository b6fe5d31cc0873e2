#include "policy/networks.h"

#include <algorithm>
#include <utility>

namespace heddle::policy {

Networks::Networks(std::vector<Identity> identities, std::vector<Entry> entries,
                   std::vector<bool> uplinks)
    : identities_(std::move(identities)),
      entries_(std::move(entries)),
      uplinks_(std::move(uplinks)) {
  std::ranges::sort(entries_);
}

// As no two of them meet, the one that begins last before the address is the only one it may be in.
const Networks::Identity* Networks::find(InterfaceId in, const IpAddress& source) const {
  if (in.index() >= uplinks_.size() || !uplinks_[in.index()]) return nullptr;
  const auto behind = std::ranges::upper_bound(
      entries_, source, {},
      [](const Entry& each) -> const IpAddress& { return each.prefix.address; });
  if (behind == entries_.begin()) return nullptr;
  const Entry& entry = *(behind - 1);
  return entry.prefix.contains(source) ? &identities_[entry.identity] : nullptr;
}

size_t Networks::bytes() const {
  return sizeof(Networks) + identities_.capacity() * sizeof(Identity) +
         entries_.capacity() * sizeof(Entry) + uplinks_.capacity() / 8;
}

}  // namespace heddle::policy
