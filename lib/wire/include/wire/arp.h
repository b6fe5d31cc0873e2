// ARP for IPv4 over Ethernet (RFC 826). Other pairs are refused by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/address.h"
#include "wire/view.h"

namespace heddle::wire {

inline constexpr size_t kArpSize = 28;

enum class ArpOperation : uint16_t { kRequest = 1, kReply = 2 };

enum class ArpFault : uint8_t {
  kNone,
  kTruncated,      // fewer than 28 bytes
  kHardwareType,   // not Ethernet (1)
  kProtocolType,   // not IPv4 (0x0800)
  kAddressLength,  // not 6 and 4
  kOperation,      // neither request nor reply
};

template <class Byte>
class BasicArpView : public HeaderView<Byte> {
 public:
  using HeaderView<Byte>::HeaderView;
  template <class Other>
    requires ReadOnlyOf<Byte, Other>
  constexpr BasicArpView(BasicArpView<Other> other) : HeaderView<Byte>(other.data()) {}

  constexpr ArpOperation operation() const { return static_cast<ArpOperation>(this->get16(6)); }
  constexpr MacAddress sender_mac() const { return this->template get<MacAddress>(8); }
  constexpr Ipv4Address sender_ip() const { return this->template get<Ipv4Address>(14); }
  constexpr MacAddress target_mac() const { return this->template get<MacAddress>(18); }
  constexpr Ipv4Address target_ip() const { return this->template get<Ipv4Address>(24); }

  constexpr void set_operation(ArpOperation operation) const {
    this->put16(6, static_cast<uint16_t>(operation));
  }
  constexpr void set_sender_mac(const MacAddress& mac) const { this->put(8, mac); }
  constexpr void set_sender_ip(const Ipv4Address& ip) const { this->put(14, ip); }
  constexpr void set_target_mac(const MacAddress& mac) const { this->put(18, mac); }
  constexpr void set_target_ip(const Ipv4Address& ip) const { this->put(24, ip); }
};

using ArpView = BasicArpView<const uint8_t>;
using ArpMutView = BasicArpView<uint8_t>;

// `packet` is what follows the Ethernet header; padding behind the 28 bytes is allowed.
constexpr ArpFault check_arp(std::span<const uint8_t> packet) {
  if (packet.size() < kArpSize) return ArpFault::kTruncated;
  if (load_be<uint16_t>(packet.data()) != 1) return ArpFault::kHardwareType;
  if (load_be<uint16_t>(packet.data() + 2) != 0x0800) return ArpFault::kProtocolType;
  if (packet[4] != MacAddress::kSize || packet[5] != Ipv4Address::kSize) {
    return ArpFault::kAddressLength;
  }
  const ArpOperation operation = ArpView(packet.data()).operation();
  if (operation != ArpOperation::kRequest && operation != ArpOperation::kReply) {
    return ArpFault::kOperation;
  }
  return ArpFault::kNone;
}

struct Arp {
  ArpOperation operation = ArpOperation::kRequest;
  MacAddress sender_mac;
  Ipv4Address sender_ip;
  MacAddress target_mac;  // zero in a request
  Ipv4Address target_ip;

  static constexpr std::optional<Arp> parse(std::span<const uint8_t> packet) {
    if (check_arp(packet) != ArpFault::kNone) return std::nullopt;
    const ArpView view(packet.data());
    return Arp{view.operation(), view.sender_mac(), view.sender_ip(), view.target_mac(),
               view.target_ip()};
  }

  // Writes 28 bytes.
  constexpr void emit(uint8_t* to) const {
    store_be<uint16_t>(to, 1);
    store_be<uint16_t>(to + 2, 0x0800);
    to[4] = MacAddress::kSize;
    to[5] = Ipv4Address::kSize;
    const ArpMutView view(to);
    view.set_operation(operation);
    view.set_sender_mac(sender_mac);
    view.set_sender_ip(sender_ip);
    view.set_target_mac(target_mac);
    view.set_target_ip(target_ip);
  }

  friend constexpr bool operator==(const Arp&, const Arp&) = default;
};

}  // namespace heddle::wire
