#include "flow/own_addresses.h"

#include "core/check.h"

namespace heddle::flow {

OwnAddresses::OwnAddresses(uint32_t capacity, uint64_t seed)
    : hash_(seed), free_(capacity == 0 ? kNoAddress : 0), entries_(capacity), index_(capacity) {
  for (uint32_t i = 0; i < capacity; ++i) {
    entries_[i].next_free = i + 1 < capacity ? i + 1 : kNoAddress;
  }
}

uint32_t OwnAddresses::acquire(const Words6& address) {
  const uint64_t hashed = hash(address);
  const uint32_t found =
      index_.find(hashed, [&](uint32_t at) { return entries_[at].address == address; });
  if (found != BucketIndex::kNone) {
    ++entries_[found].users;
    return found;
  }
  if (free_ == kNoAddress) return kNoAddress;
  const uint32_t at = free_;
  if (!index_.insert(hashed, at)) return kNoAddress;
  Entry& entry = entries_[at];
  free_ = entry.next_free;
  entry.address = address;
  entry.users = 1;
  ++size_;
  return at;
}

void OwnAddresses::release(uint32_t number) {
  Entry& entry = entries_[number];
  HEDDLE_CHECK(entry.users > 0, "released an address that nobody uses");
  if (--entry.users != 0) return;
  index_.erase(hash(entry.address), number);
  entry.next_free = free_;
  free_ = number;
  --size_;
}

}  // namespace heddle::flow
