// Topology: what a worker must know of interfaces and routes to move a packet, as one immutable
// object. It is built aside, published by pointer (core/rcu.h) and never changed; a link that
// goes down gives a new one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "l3/lpm.h"
#include "wire/address.h"

namespace heddle::l3 {

enum class InterfaceRole : uint8_t { kUplink, kWorkload, kHost };

// The gateway that every workload and the host see (proxy ARP and ND answer for it).
inline constexpr wire::Ipv4Address kGateway4{169, 254, 1, 1};
inline constexpr wire::Ipv6Address kGateway6 =
    wire::Ipv6Address({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

template <class Address>
struct OwnAddress {
  Address address;
  uint8_t prefix_length;
};

struct Interface {
  std::string name;
  InterfaceId id;
  PortId port;
  VlanId vlan;
  InterfaceRole role = InterfaceRole::kUplink;
  bool up = true;
  uint16_t mtu = 1500;
  wire::MacAddress mac;
  wire::Ipv6Address link_local;
  std::vector<OwnAddress<wire::Ipv4Address>> own4;
  std::vector<OwnAddress<wire::Ipv6Address>> own6;
  // Workload: the only sources that may come from it.
  std::vector<wire::Ipv4Address> workload4;
  std::vector<wire::Ipv6Address> workload6;
  // Workload: service addresses that it may answer with as well.
  std::vector<wire::Ipv4Address> also_from4;
  std::vector<wire::Ipv6Address> also_from6;
  // Everything of an Ethernet header behind the destination: source, VLAN tag if any, type.
  std::array<uint8_t, 12> tail4{};
  std::array<uint8_t, 12> tail6{};
  uint8_t header_length = 14;

  bool is_tagged() const { return vlan != kUntagged; }
  // Fills tail4, tail6 and header_length from mac and vlan.
  void prepare();
};

enum class HopKind : uint8_t {
  kConnected,    // the destination itself is the neighbour
  kVia,          // a gateway is the neighbour
  kLocal,        // one of our own addresses
  kGroup,        // equal-cost paths: hops[group_first + hash % group_size]
  kDrop,         // a configured dead end
  kBroadcast,    // a connected subnet's broadcast or network address (RFC 2644)
  kUnreachable,  // every path there is down
  kService,      // a service's address: policy chooses who gets it
  kNat,          // an own address that sources are translated to: flows alone lead on
};

struct Hop {
  HopKind kind = HopKind::kDrop;
  InterfaceId interface = kNoInterface;
  uint16_t group_size = 0;
  uint32_t group_first = 0;
  wire::Ipv4Address via4;
  wire::Ipv6Address via6;
};

// One line of `show routes`.
struct RouteLine {
  std::string prefix, action, source;
  std::vector<std::string> via;
  bool active = true;
};

struct Topology {
  uint64_t generation = 0;
  std::vector<Interface> interfaces;
  // By port: the interface of untagged frames or kNoInterface, and the VLANs' interfaces.
  std::vector<InterfaceId> untagged;
  std::vector<std::array<InterfaceId, 4096>> vlan_tables;
  std::vector<uint16_t> vlan_table_of_port;  // index into vlan_tables, or kNoVlans
  static constexpr uint16_t kNoVlans = 0xffff;

  std::vector<Hop> hops;  // the first interfaces.size() of them: kConnected on that interface
  Lpm<wire::Ipv4Address> fib4;
  Lpm<wire::Ipv6Address> fib6;
  uint32_t host_hop = kNoHop;  // to the host port, if there is one
  static constexpr uint32_t kNoHop = UINT32_MAX;

  // Own addresses: a small filter first, then the exact list.
  uint64_t own_filter4 = 0;
  uint64_t own_filter6 = 0;
  std::vector<wire::Ipv4Address> own4;
  std::vector<wire::Ipv6Address> own6;

  std::vector<RouteLine> lines;

  InterfaceId interface_of(PortId port, VlanId vlan) const {
    if (vlan == kUntagged) return untagged[port.index()];
    const uint16_t table = vlan_table_of_port[port.index()];
    return table == kNoVlans ? kNoInterface : vlan_tables[table][vlan.index()];
  }
  const Interface& interface(InterfaceId id) const { return interfaces[id.index()]; }
  uint32_t connected_hop(InterfaceId id) const { return id.value(); }

  bool is_own(const wire::Ipv4Address& address) const {
    if ((own_filter4 >> filter_bit(address) & 1) == 0) [[likely]]
      return false;
    return is_own_exact(address);
  }
  bool is_own(const wire::Ipv6Address& address) const {
    if ((own_filter6 >> filter_bit(address) & 1) == 0) [[likely]]
      return false;
    return is_own_exact(address);
  }

  static uint32_t filter_bit(const wire::Ipv4Address& address);
  static uint32_t filter_bit(const wire::Ipv6Address& address);

  // Fills the filters from own4 and own6.
  void prepare_filters();

  // The source for an error or answer to what came by `in`: an own address of that interface,
  // else of any, else the one that workloads know.
  wire::Ipv4Address source4(const Interface& in) const;
  wire::Ipv6Address source6(const Interface& in) const;

 private:
  bool is_own_exact(const wire::Ipv4Address& address) const;
  bool is_own_exact(const wire::Ipv6Address& address) const;
};

inline uint32_t Topology::filter_bit(const wire::Ipv4Address& address) {
  return (load_be<uint32_t>(address.bytes().data()) * 0x9e3779b1u) >> 26;
}
inline uint32_t Topology::filter_bit(const wire::Ipv6Address& address) {
  const uint64_t low = load_be<uint64_t>(address.bytes().data() + 8);
  return static_cast<uint32_t>((low * 0x9e3779b97f4a7c15) >> 58);
}

}  // namespace heddle::l3
