// Ethernet II and 802.1Q tags. Lengths in the EtherType field (802.3, below 0x0600) are not
// told apart here: no EtherType of ours is that small.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>

#include "core/ids.h"
#include "wire/address.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kEthernetHeaderSize = 14;
inline constexpr size_t kVlanTagSize = 4;

enum class EtherType : uint16_t {
  kIpv4 = 0x0800,
  kArp = 0x0806,
  kVlan = 0x8100,
  kIpv6 = 0x86dd,
  kQinQ = 0x88a8,
};

enum class EthernetFault : uint8_t {
  kNone,
  kTruncated,     // fewer than 14 bytes
  kTruncatedTag,  // the EtherType announces a tag that is not there
};

template <class Byte>
class BasicEthernetView : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicEthernetView(BasicEthernetView<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr MacAddress destination() const { return this->template get<MacAddress>(0); }
  constexpr MacAddress source() const { return this->template get<MacAddress>(6); }
  constexpr EtherType ether_type() const { return static_cast<EtherType>(this->get16(12)); }

  constexpr void set_destination(const MacAddress& mac) const { this->put(0, mac); }
  constexpr void set_source(const MacAddress& mac) const { this->put(6, mac); }
  constexpr void set_ether_type(EtherType type) const {
    this->put16(12, static_cast<uint16_t>(type));
  }
};

using EthernetView = BasicEthernetView<const uint8_t>;
using EthernetMutView = BasicEthernetView<uint8_t>;

// The four bytes that follow an EtherType of 0x8100 or 0x88a8: the tag control information
// and the EtherType of what the tag carries.
template <class Byte>
class BasicVlanTagView : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicVlanTagView(BasicVlanTagView<Other> other) : HeaderView<Byte>(other.data()) {}

  // 0..4095; 0 is a tag that gives a priority only, 4095 is reserved (802.1Q 9.6).
  constexpr VlanId vlan_id() const {
    return VlanId(static_cast<uint16_t>(this->get16(0) & 0x0fff));
  }
  constexpr uint8_t priority() const { return this->get8(0) >> 5; }  // 0..7
  constexpr bool drop_eligible() const { return (this->get8(0) & 0x10) != 0; }
  constexpr EtherType ether_type() const { return static_cast<EtherType>(this->get16(2)); }

  constexpr void set_vlan_id(VlanId id) const {
    this->put16(0, static_cast<uint16_t>((this->get16(0) & 0xf000) | (id.value() & 0x0fff)));
  }
  constexpr void set_ether_type(EtherType type) const {
    this->put16(2, static_cast<uint16_t>(type));
  }
};

using VlanTagView = BasicVlanTagView<const uint8_t>;
using VlanTagMutView = BasicVlanTagView<uint8_t>;

// Ports that have taken the tag off use only the first 14 bytes.
constexpr EthernetFault check_ethernet(std::span<const uint8_t> frame) {
  if (frame.size() < kEthernetHeaderSize) [[unlikely]]
    return EthernetFault::kTruncated;
  const EtherType type = EthernetView(frame.data()).ether_type();
  if ((type == EtherType::kVlan || type == EtherType::kQinQ) &&
      frame.size() < kEthernetHeaderSize + kVlanTagSize) [[unlikely]] {
    return EthernetFault::kTruncatedTag;
  }
  return EthernetFault::kNone;
}

struct Ethernet {
  MacAddress destination;
  MacAddress source;
  EtherType type{};

  static constexpr std::optional<Ethernet> parse(std::span<const uint8_t> frame) {
    if (check_ethernet(frame) != EthernetFault::kNone) return std::nullopt;
    const EthernetView view(frame.data());
    return Ethernet{view.destination(), view.source(), view.ether_type()};
  }

  // Writes 14 bytes.
  constexpr void emit(uint8_t* to) const {
    const EthernetMutView view(to);
    view.set_destination(destination);
    view.set_source(source);
    view.set_ether_type(type);
  }

  friend constexpr bool operator==(const Ethernet&, const Ethernet&) = default;
};

struct VlanTag {
  VlanId vlan;
  uint8_t priority = 0;  // 0..7
  bool drop_eligible = false;
  EtherType type{};  // of what the tag carries

  // `tag` begins after the EtherType that announced it.
  static constexpr std::optional<VlanTag> parse(std::span<const uint8_t> tag) {
    if (tag.size() < kVlanTagSize) return std::nullopt;
    const VlanTagView view(tag.data());
    return VlanTag{view.vlan_id(), view.priority(), view.drop_eligible(), view.ether_type()};
  }

  // Writes 4 bytes.
  constexpr void emit(uint8_t* to) const {
    store_be<uint16_t>(to,
                       static_cast<uint16_t>(((priority & 7) << 13) | (drop_eligible ? 0x1000 : 0) |
                                             (vlan.value() & 0x0fff)));
    store_be<uint16_t>(to + 2, static_cast<uint16_t>(type));
  }

  friend constexpr bool operator==(const VlanTag&, const VlanTag&) = default;
};

}  // namespace heddle::wire
