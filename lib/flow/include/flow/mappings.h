// Mappings: endpoint-independent mapping (RFC 4787 REQ-1): all flows of one own address and port
// look the same from outside, whatever their far end. A mapping lives as long as a flow uses it.
//
// The same table answers who is behind an outside end: for packets that come in unasked, if
// policy lets them (RFC 4787 REQ-8), and for hosts behind us that talk to each other by their
// outside ends (hairpinning, REQ-9).
#pragma once

#include <cstdint>
#include <optional>

#include "core/counter.h"
#include "flow/nat_pool.h"

namespace heddle::flow {

template <class Address>
class Mappings {
 public:
  Mappings(uint32_t capacity, uint64_t seed);

  // The outside end of request.source, taken from the pool for a new mapping, kept for one more
  // flow. request.steer must be kByOwnEnd. nullopt: the pool is exhausted or the table full.
  std::optional<End<Address>> acquire(const typename NatPool<Address>::Request& request,
                                      NatPool<Address>& pool);
  // One more flow of a mapping that find_outside() gave.
  void hold(wire::IpProtocol protocol, const End<Address>& outside);
  // A flow of the mapping has gone; the last one gives the port back.
  void release(wire::IpProtocol protocol, const End<Address>& outside, NatPool<Address>& pool);

  std::optional<End<Address>> find_inside(wire::IpProtocol protocol,
                                          const End<Address>& inside) const;
  std::optional<End<Address>> find_outside(wire::IpProtocol protocol,
                                           const End<Address>& outside) const;

  uint32_t size() const { return size_; }
  uint64_t full() const { return full_.value(); }
  size_t bytes() const { return entries_.bytes() + by_inside_.bytes() + by_outside_.bytes(); }

 private:
  static constexpr uint32_t kNone = BucketIndex::kNone;
  struct Entry {
    End<Address> inside;
    End<Address> outside;
    wire::IpProtocol protocol;
    uint32_t users;
    uint32_t next_free;
  };

  uint64_t hash(wire::IpProtocol protocol, const End<Address>& end) const {
    return hash_(end.address, uint64_t{static_cast<uint8_t>(protocol)} << 16 | end.port.host());
  }
  uint32_t at_inside(wire::IpProtocol protocol, const End<Address>& end) const;
  uint32_t at_outside(wire::IpProtocol protocol, const End<Address>& end) const;

  KeyHash hash_;
  uint32_t size_ = 0;
  uint32_t free_;
  Counter full_;
  HugeArray<Entry> entries_;
  BucketIndex by_inside_;
  BucketIndex by_outside_;
};

}  // namespace heddle::flow
