#include "l3/topology.h"

#include <algorithm>

#include "core/endian.h"
#include "wire/ethernet.h"

namespace heddle::l3 {

namespace {

std::array<uint8_t, 12> tail(const wire::MacAddress& mac, VlanId vlan, wire::EtherType type) {
  std::array<uint8_t, 12> out{};
  std::copy_n(mac.bytes().data(), 6, out.data());
  uint8_t* at = out.data() + 6;
  if (vlan != kUntagged) {
    store_be<uint16_t>(at, static_cast<uint16_t>(wire::EtherType::kVlan));
    store_be<uint16_t>(at + 2, vlan.value());
    at += 4;
  }
  store_be<uint16_t>(at, static_cast<uint16_t>(type));
  return out;
}

}  // namespace

void Interface::prepare() {
  tail4 = tail(mac, vlan, wire::EtherType::kIpv4);
  tail6 = tail(mac, vlan, wire::EtherType::kIpv6);
  header_length = is_tagged() ? 18 : 14;
}

void Topology::prepare_filters() {
  own_filter4 = own_filter6 = 0;
  for (const auto& address : own4) own_filter4 |= 1ull << filter_bit(address);
  for (const auto& address : own6) own_filter6 |= 1ull << filter_bit(address);
}

bool Topology::is_own_exact(const wire::Ipv4Address& address) const {
  return std::ranges::find(own4, address) != own4.end();
}
bool Topology::is_own_exact(const wire::Ipv6Address& address) const {
  return std::ranges::find(own6, address) != own6.end();
}

wire::Ipv4Address Topology::source4(const Interface& in) const {
  if (!in.own4.empty()) return in.own4.front().address;
  for (const Interface& other : interfaces)
    if (!other.own4.empty()) return other.own4.front().address;
  return kGateway4;
}

wire::Ipv6Address Topology::source6(const Interface& in) const {
  if (!in.own6.empty()) return in.own6.front().address;
  for (const Interface& other : interfaces)
    if (!other.own6.empty()) return other.own6.front().address;
  return in.link_local;
}

}  // namespace heddle::l3
