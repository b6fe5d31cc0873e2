// Who answers a flow: of a translated one it is in the outside tuple; where packets go on unchanged
// (direct return, IP-in-IP) the record has it in place of TCP's windows, which nobody can follow
// from one side.
#pragma once

#include <bit>
#include <cstdint>

#include "flow/flow_table.h"

namespace heddle::app {

template <class Address>
struct FarEnd {
  Address address;
  uint16_t port = 0;
};

inline void set_far_end(flow::Record& record, const wire::Ipv4Address& address) {
  record.far_end = flow::Words6(wire::Ipv6Address::from_host(0, address.host()));
}
inline void set_far_end(flow::Record& record, const wire::Ipv6Address& address) {
  record.far_end = flow::Words6(address);
}

// Whether a slot that was noted earlier in this turn still has a flow to the destination that goes
// on unchanged: another packet may have needed its room since.
template <class Address>
bool still_leads_to(const flow::FlowTable& table, uint32_t slot, const Address& destination) {
  constexpr bool kV6 = sizeof(Address) == wire::Ipv6Address::kSize;
  if (!table.live(slot) || table.is_v6(slot) != kV6) return false;
  if (!table.record(slot).has(flow::RecordFlags::kOneSided)) return false;
  return table.tuple<Address>(slot, flow::kInside).destination() == destination;
}

template <class Address>
FarEnd<Address> far_end(const flow::FlowTable& table, uint32_t slot) {
  const flow::Record& record = table.record(slot);
  const flow::Key<Address> outside = table.tuple<Address>(slot, flow::kOutside);
  const uint16_t port = outside.destination_port().host();
  if (!record.has(flow::RecordFlags::kOneSided)) return {outside.destination(), port};
  const wire::Ipv6Address kept = record.far_end.address();
  if constexpr (sizeof(Address) == 4)
    return {wire::Ipv4Address::from_host(static_cast<uint32_t>(kept.low())), port};
  else
    return {kept, port};
}

}  // namespace heddle::app
