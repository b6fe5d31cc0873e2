// Packets written as rows of layers, outermost first:
//
//   eth(gateway, peer) / ip4("192.0.2.1"_v4, "198.51.100.7"_v4).ttl(1) / udp(4000, 53) / data(20)
//
// Lengths, protocol numbers and checksums are right unless a row says otherwise. Checksums are
// computed here by the slow definition of RFC 1071, independent of lib/wire's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "wire/address.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/ip_protocol.h"

namespace heddle::rig {

using Bytes = std::vector<uint8_t>;
using wire::IpProtocol;
using wire::Ipv4Address;
using wire::Ipv6Address;
using wire::MacAddress;

inline Ipv4Address operator""_v4(const char* text, size_t size) {
  return Ipv4Address::parse({text, size}).value();
}
inline Ipv6Address operator""_v6(const char* text, size_t size) {
  return Ipv6Address::parse({text, size}).value();
}
inline MacAddress operator""_mac(const char* text, size_t size) {
  return MacAddress::parse({text, size}).value();
}

// RFC 1071, one 16-bit word at a time. 0 over bytes that hold a right checksum.
uint16_t slow_checksum(const Bytes& bytes);

// What a layer must know of the ones around it.
struct Inner {
  Bytes bytes;
  uint16_t ether_type = 0;                          // by which Ethernet would name it
  IpProtocol protocol = IpProtocol::kNoNextHeader;  // by which IP would name it
};
// The pseudo header's addresses, of the nearest IP layer outside.
struct Ends {
  Bytes source, destination;
  // Checksum of an upper-layer packet; without addresses that of the bytes alone.
  uint16_t checksum(IpProtocol protocol, const Bytes& packet) const;
};

// A row of layers.
class Stack {
 public:
  struct Layer {
    std::function<Inner(Inner, const Ends&)> wrap;
    std::optional<Ends> ends;  // of an IP layer
  };

  Stack() = default;
  explicit Stack(Layer layer) : layers_{std::move(layer)} {}

  Bytes bytes() const;
  friend Stack operator/(Stack outer, Stack inner);

 private:
  std::vector<Layer> layers_;
};

Stack operator/(Stack outer, Stack inner);

// Makes the layer classes below usable as a Stack.
template <class Self>
class LayerBase {
 public:
  operator Stack() const { return Stack(static_cast<const Self&>(*this).layer()); }
};

class Eth : public LayerBase<Eth> {
 public:
  Eth(MacAddress destination, MacAddress source) : destination_(destination), source_(source) {}
  Eth type(uint16_t type) { return type_ = type, *this; }
  // Pads to the 60 bytes that Ethernet sends at least.
  Eth padded() { return padded_ = true, *this; }
  Stack::Layer layer() const;

 private:
  MacAddress destination_, source_;
  std::optional<uint16_t> type_;
  bool padded_ = false;
};

// An 802.1Q tag: what follows a type of 0x8100, or 0x88a8 for a service tag.
class Vlan : public LayerBase<Vlan> {
 public:
  explicit Vlan(uint16_t id, uint16_t tag_type = 0x8100) : id_(id), tag_type_(tag_type) {}
  Vlan priority(uint8_t value) { return priority_ = value, *this; }
  Stack::Layer layer() const;

 private:
  uint16_t id_, tag_type_;
  uint8_t priority_ = 0;
};

class Ip4 : public LayerBase<Ip4> {
 public:
  Ip4(Ipv4Address source, Ipv4Address destination) : source_(source), destination_(destination) {}
  Ip4 ttl(uint8_t value) { return ttl_ = value, *this; }
  Ip4 dscp(uint8_t value) { return tos_ = static_cast<uint8_t>(value << 2), *this; }
  Ip4 id(uint16_t value) { return id_ = value, *this; }
  Ip4 df() { return flags_ |= 0x4000, *this; }
  Ip4 mf() { return flags_ |= 0x2000, *this; }
  Ip4 offset(uint16_t bytes) { return offset_ = bytes, *this; }
  Ip4 options(Bytes bytes) { return options_ = std::move(bytes), *this; }
  Ip4 protocol(uint8_t value) { return protocol_ = value, *this; }
  Ip4 version(uint8_t value) { return version_ = value, *this; }
  Ip4 header_words(uint8_t value) { return header_words_ = value, *this; }
  Ip4 total_length(uint16_t value) { return total_length_ = value, *this; }
  Ip4 bad_checksum() { return bad_checksum_ = true, *this; }
  Stack::Layer layer() const;

 private:
  Ipv4Address source_, destination_;
  uint8_t ttl_ = 64, tos_ = 0, version_ = 4;
  uint16_t id_ = 0, flags_ = 0, offset_ = 0;
  Bytes options_;
  std::optional<uint8_t> protocol_, header_words_;
  std::optional<uint16_t> total_length_;
  bool bad_checksum_ = false;
};

class Ip6 : public LayerBase<Ip6> {
 public:
  Ip6(Ipv6Address source, Ipv6Address destination) : source_(source), destination_(destination) {}
  Ip6 hops(uint8_t value) { return hops_ = value, *this; }
  Ip6 next(uint8_t value) { return next_ = value, *this; }
  Ip6 version(uint8_t value) { return version_ = value, *this; }
  Ip6 payload_length(uint16_t value) { return payload_length_ = value, *this; }
  Stack::Layer layer() const;

 private:
  Ipv6Address source_, destination_;
  uint8_t hops_ = 64, version_ = 6;
  std::optional<uint8_t> next_;
  std::optional<uint16_t> payload_length_;
};

// An IPv6 extension header: everything behind its first byte, which names what follows.
class Extension : public LayerBase<Extension> {
 public:
  Extension(IpProtocol protocol, Bytes rest) : protocol_(protocol), rest_(std::move(rest)) {}
  Stack::Layer layer() const;

 private:
  IpProtocol protocol_;
  Bytes rest_;
};

class Udp : public LayerBase<Udp> {
 public:
  Udp(uint16_t source, uint16_t destination) : source_(source), destination_(destination) {}
  // The sender has not computed a checksum: 0 stands for it (RFC 768).
  Udp no_checksum() { return no_checksum_ = true, *this; }
  Stack::Layer layer() const;

 private:
  uint16_t source_, destination_;
  bool no_checksum_ = false;
};

// A SYN unless a row says otherwise.
class Tcp : public LayerBase<Tcp> {
 public:
  enum Flags : uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16 };

  Tcp(uint16_t source, uint16_t destination) : source_(source), destination_(destination) {}
  Tcp sequence(uint32_t value) { return sequence_ = value, *this; }
  Tcp acknowledges(uint32_t value) { return acknowledgment_ = value, *this; }
  Tcp flags(int value) { return flags_ = static_cast<uint8_t>(value), *this; }
  Tcp window(uint16_t value) { return window_ = value, *this; }
  Tcp options(Bytes bytes) { return options_ = std::move(bytes), *this; }
  Stack::Layer layer() const;

 private:
  uint16_t source_, destination_;
  uint32_t sequence_ = 1, acknowledgment_ = 0;
  uint8_t flags_ = kSyn;
  uint16_t window_ = 0xffff;
  Bytes options_;
};

// ICMP of either kind; which one says the protocol.
class Icmp : public LayerBase<Icmp> {
 public:
  Icmp(IpProtocol protocol, uint8_t type, uint8_t code, uint32_t rest)
      : protocol_(protocol), type_(type), code_(code), rest_(rest) {}
  Icmp bad_checksum() { return bad_checksum_ = true, *this; }
  Stack::Layer layer() const;

 private:
  IpProtocol protocol_;
  uint8_t type_, code_;
  uint32_t rest_;
  bool bad_checksum_ = false;
};

class Raw : public LayerBase<Raw> {
 public:
  explicit Raw(Bytes bytes, uint16_t ether_type = 0)
      : bytes_(std::move(bytes)), type_(ether_type) {}
  // How IP names it: these are a transport header's bytes, or a piece of what it carries.
  Raw as(IpProtocol protocol) { return protocol_ = protocol, *this; }
  Stack::Layer layer() const;

 private:
  Bytes bytes_;
  uint16_t type_;
  IpProtocol protocol_ = IpProtocol::kNoNextHeader;
};

inline Eth eth(MacAddress destination, MacAddress source) { return {destination, source}; }
inline Vlan vlan(uint16_t id) { return Vlan(id); }
inline Vlan service_tag(uint16_t id) { return Vlan(id, 0x88a8); }
inline Ip4 ip4(Ipv4Address source, Ipv4Address destination) { return {source, destination}; }
inline Ip6 ip6(Ipv6Address source, Ipv6Address destination) { return {source, destination}; }
inline Udp udp(uint16_t source, uint16_t destination) { return {source, destination}; }
inline Tcp tcp(uint16_t source, uint16_t destination) { return {source, destination}; }
inline Raw raw(Bytes bytes) { return Raw(std::move(bytes)); }
// `size` bytes that differ from their neighbours, so that a shift or a swap shows.
Raw data(size_t size);

template <class Type>
Icmp icmp4(Type type, uint8_t code = 0, uint32_t rest = 0) {
  return {IpProtocol::kIcmp, static_cast<uint8_t>(type), code, rest};
}
template <class Type>
Icmp icmp6(Type type, uint8_t code = 0, uint32_t rest = 0) {
  return {IpProtocol::kIcmpv6, static_cast<uint8_t>(type), code, rest};
}
Icmp ping4(uint32_t id_and_sequence = 0x0001'0001);
Icmp pong4(uint32_t id_and_sequence = 0x0001'0001);
Icmp ping6(uint32_t id_and_sequence = 0x0001'0001);
Icmp pong6(uint32_t id_and_sequence = 0x0001'0001);

// What an ICMP error quotes: the packet as it came, without its link layer, at most `limit`.
Raw quote(const Stack& ip_packet, size_t limit = SIZE_MAX);

Raw arp(const wire::Arp& message);
inline wire::Arp arp_request(MacAddress from, Ipv4Address sender, Ipv4Address target) {
  return {wire::ArpOperation::kRequest, from, sender, MacAddress(), target};
}
inline wire::Arp arp_reply(MacAddress from, Ipv4Address sender, MacAddress to, Ipv4Address target) {
  return {wire::ArpOperation::kReply, from, sender, to, target};
}

// Neighbor discovery bodies, behind IPv6 with a hop limit of 255.
enum NaFlags : uint32_t { kRouter = 1u << 31, kSolicited = 1u << 30, kOverride = 1u << 29 };
Stack ns(Ipv6Address target, std::optional<MacAddress> source_link = std::nullopt);
Stack na(Ipv6Address target, uint32_t flags, std::optional<MacAddress> target_link = std::nullopt);

Extension hop_by_hop(Bytes options);
Extension destination_options(Bytes options);
Extension routing(uint8_t type, uint8_t segments_left);
Extension fragment(uint16_t offset, bool more, uint32_t id = 7);

// The bytes as hex with the layers that they seem to be, for failures.
std::string describe(const Bytes& frame);

}  // namespace heddle::rig
