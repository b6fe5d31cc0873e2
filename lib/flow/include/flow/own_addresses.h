// OwnAddresses: IPv6 addresses by number, each kept once and counted: those that services are
// reached under and that pools translate to. They are few, and an IPv6 record has no room for
// four whole addresses.
#pragma once

#include <cstdint>

#include "flow/bucket_index.h"
#include "flow/hash.h"
#include "flow/huge_array.h"

namespace heddle::flow {

inline constexpr uint32_t kNoAddress = UINT32_MAX;

class OwnAddresses {
 public:
  OwnAddresses(uint32_t capacity, uint64_t seed);

  // The address's number, kept for one more user; kNoAddress when there is no room.
  uint32_t acquire(const Words6& address);
  void release(uint32_t number);

  const Words6& operator[](uint32_t number) const { return entries_[number].address; }
  uint32_t size() const { return size_; }
  size_t bytes() const { return index_.bytes() + entries_.bytes(); }

 private:
  struct Entry {
    Words6 address;
    uint32_t users;
    uint32_t next_free;
  };
  uint64_t hash(const Words6& address) const { return hash_(address.address(), 0); }

  KeyHash hash_;
  uint32_t size_ = 0;
  uint32_t free_;
  HugeArray<Entry> entries_;
  BucketIndex index_;
};

}  // namespace heddle::flow
