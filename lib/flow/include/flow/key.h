// Key: how a packet of a flow looks on the wire, in its own direction. Both directions of an
// untranslated flow have the same hash and match the same tuple, forward or reversed.
//
// What stands for ports: those of TCP and UDP; the identifier, on both sides, of ICMP queries;
// 0 for everything else. The words inside are as the packet has them in memory, so that keys are
// built and compared by whole loads.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/endian.h"
#include "wire/address.h"
#include "wire/ip_protocol.h"

namespace heddle::flow {

namespace internal {

template <class T>
T load(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Source and destination port, or both exchanged.
inline uint32_t reversed_ports(uint32_t ports) { return std::rotl(ports, 16); }

inline uint32_t join_ports(Be16 source, Be16 destination) {
  return load<uint16_t>(&source) | uint32_t{load<uint16_t>(&destination)} << 16;
}

inline Be16 port_from(uint32_t half) { return std::bit_cast<Be16>(static_cast<uint16_t>(half)); }

}  // namespace internal

template <class Address>
class Key;

template <>
class Key<wire::Ipv4Address> {
 public:
  using Address = wire::Ipv4Address;

  Key() = default;
  // `addresses`: source and destination as in the header; `ports`: as in the header.
  Key(uint64_t addresses, uint32_t ports, wire::IpProtocol protocol)
      : addresses_(addresses), ports_(ports), protocol_(protocol) {}
  Key(const Address& source, const Address& destination, Be16 source_port, Be16 destination_port,
      wire::IpProtocol protocol)
      : addresses_(internal::load<uint32_t>(&source) |
                   uint64_t{internal::load<uint32_t>(&destination)} << 32),
        ports_(internal::join_ports(source_port, destination_port)),
        protocol_(protocol) {}

  Address source() const { return address(static_cast<uint32_t>(addresses_)); }
  Address destination() const { return address(static_cast<uint32_t>(addresses_ >> 32)); }
  Be16 source_port() const { return internal::port_from(ports_); }
  Be16 destination_port() const { return internal::port_from(ports_ >> 16); }
  wire::IpProtocol protocol() const { return protocol_; }

  uint64_t addresses() const { return addresses_; }
  uint32_t ports() const { return ports_; }

  Key reversed() const {
    return {std::rotl(addresses_, 32), internal::reversed_ports(ports_), protocol_};
  }
  friend bool operator==(const Key&, const Key&) = default;

 private:
  static Address address(uint32_t word) { return std::bit_cast<Address>(word); }

  uint64_t addresses_ = 0;
  uint32_t ports_ = 0;
  wire::IpProtocol protocol_{};
};

// An IPv6 address as two words in memory order.
struct Words6 {
  uint64_t first = 0;
  uint64_t second = 0;

  Words6() = default;
  Words6(uint64_t a, uint64_t b) : first(a), second(b) {}
  explicit Words6(const uint8_t* at)
      : first(internal::load<uint64_t>(at)), second(internal::load<uint64_t>(at + 8)) {}
  explicit Words6(const wire::Ipv6Address& address) : Words6(address.bytes().data()) {}

  wire::Ipv6Address address() const { return std::bit_cast<wire::Ipv6Address>(*this); }
  friend bool operator==(const Words6& a, const Words6& b) {
    return ((a.first ^ b.first) | (a.second ^ b.second)) == 0;
  }
};
static_assert(sizeof(Words6) == 16);

template <>
class Key<wire::Ipv6Address> {
 public:
  using Address = wire::Ipv6Address;

  Key() = default;
  Key(const Words6& source, const Words6& destination, uint32_t ports, wire::IpProtocol protocol)
      : source_(source), destination_(destination), ports_(ports), protocol_(protocol) {}
  Key(const Address& source, const Address& destination, Be16 source_port, Be16 destination_port,
      wire::IpProtocol protocol)
      : source_(source),
        destination_(destination),
        ports_(internal::join_ports(source_port, destination_port)),
        protocol_(protocol) {}

  Address source() const { return source_.address(); }
  Address destination() const { return destination_.address(); }
  Be16 source_port() const { return internal::port_from(ports_); }
  Be16 destination_port() const { return internal::port_from(ports_ >> 16); }
  wire::IpProtocol protocol() const { return protocol_; }

  const Words6& source_words() const { return source_; }
  const Words6& destination_words() const { return destination_; }
  uint32_t ports() const { return ports_; }

  Key reversed() const {
    return {destination_, source_, internal::reversed_ports(ports_), protocol_};
  }
  friend bool operator==(const Key&, const Key&) = default;

 private:
  Words6 source_;
  Words6 destination_;
  uint32_t ports_ = 0;
  wire::IpProtocol protocol_{};
};

using Key4 = Key<wire::Ipv4Address>;
using Key6 = Key<wire::Ipv6Address>;

// The same with other ports, as in a header.
inline Key4 with_ports(const Key4& key, uint32_t ports) {
  return {key.addresses(), ports, key.protocol()};
}
inline Key6 with_ports(const Key6& key, uint32_t ports) {
  return {key.source_words(), key.destination_words(), ports, key.protocol()};
}

}  // namespace heddle::flow
