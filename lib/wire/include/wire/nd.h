// Neighbor discovery (RFC 4861): solicitations and advertisements, with all checks of 7.1.1
// and 7.1.2. Router discovery and redirects are not read here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/icmp.h"
#include "wire/ipv6.h"

namespace heddle::wire {

inline constexpr size_t kNdHeaderSize = 24;          // both messages, without options
inline constexpr size_t kNdLinkLayerOptionSize = 8;  // for Ethernet
inline constexpr size_t kNdMaxSize = kNdHeaderSize + kNdLinkLayerOptionSize;  // that we emit
inline constexpr uint8_t kNdHopLimit = 255;

enum class NdFault : uint8_t {
  kNone,
  kTruncated,  // fewer than 24 bytes
  kType,       // neither solicitation nor advertisement
  kHopLimit,   // not 255: it has crossed a router
  kCode,       // not 0
  kChecksum,
  kTarget,              // a multicast target
  kOptions,             // an option of length 0 or past the end
  kUnspecifiedSource,   // from ::, but not to a solicited-node group or with a source link option
  kSolicitedMulticast,  // an advertisement to a group that claims to answer
};

enum class NdOptionKind : uint8_t {
  kSourceLinkLayer = 1,
  kTargetLinkLayer = 2,
  kPrefix = 3,
  kRedirected = 4,
  kMtu = 5,
};

struct NdOption {
  NdOptionKind kind{};
  std::span<const uint8_t> data;  // behind kind and length
};

// Walks options: while (auto option = options.next()) ...; then faulty() says whether the walk
// ended at an option of length 0 or past the end instead of at the end.
class NdOptions {
 public:
  constexpr explicit NdOptions(std::span<const uint8_t> bytes) : rest_(bytes) {}

  constexpr std::optional<NdOption> next() {
    if (rest_.empty() || faulty_) return std::nullopt;
    // The length counts units of 8 bytes, kind and length included (RFC 4861 4.6).
    if (rest_.size() < 8 || rest_[1] == 0 || rest_[1] * 8u > rest_.size()) {
      faulty_ = true;
      return std::nullopt;
    }
    const size_t size = rest_[1] * 8u;
    const NdOption option{static_cast<NdOptionKind>(rest_[0]), rest_.subspan(2, size - 2)};
    rest_ = rest_.subspan(size);
    return option;
  }
  constexpr bool faulty() const { return faulty_; }

 private:
  std::span<const uint8_t> rest_;
  bool faulty_ = false;
};

// The first option of `kind` that holds an Ethernet address.
constexpr std::optional<MacAddress> nd_link_layer(std::span<const uint8_t> options,
                                                  NdOptionKind kind) {
  NdOptions walk(options);
  while (const auto option = walk.next()) {
    if (option->kind == kind && option->data.size() == MacAddress::kSize) {
      return MacAddress::from(option->data.data());
    }
  }
  return std::nullopt;
}

// The views hold the message's whole span, since its options go on to its end.
class NsView {
 public:
  explicit constexpr NsView(std::span<const uint8_t> message) : message_(message) {}
  constexpr const uint8_t* data() const { return message_.data(); }

  constexpr Ipv6Address target() const { return Ipv6Address::from(message_.data() + 8); }
  constexpr std::span<const uint8_t> options() const { return message_.subspan(kNdHeaderSize); }
  constexpr std::optional<MacAddress> source_link_layer() const {
    return nd_link_layer(options(), NdOptionKind::kSourceLinkLayer);
  }

 private:
  std::span<const uint8_t> message_;
};

class NaView {
 public:
  explicit constexpr NaView(std::span<const uint8_t> message) : message_(message) {}
  constexpr const uint8_t* data() const { return message_.data(); }

  constexpr bool router() const { return (message_[4] & 0x80) != 0; }
  constexpr bool solicited() const { return (message_[4] & 0x40) != 0; }
  constexpr bool override_flag() const { return (message_[4] & 0x20) != 0; }
  constexpr Ipv6Address target() const { return Ipv6Address::from(message_.data() + 8); }
  constexpr std::span<const uint8_t> options() const { return message_.subspan(kNdHeaderSize); }
  constexpr std::optional<MacAddress> target_link_layer() const {
    return nd_link_layer(options(), NdOptionKind::kTargetLinkLayer);
  }

 private:
  std::span<const uint8_t> message_;
};

// `icmp` is the whole ICMPv6 message, as long as the IPv6 header says. kNone: NsView or NaView
// may be made of it, by its type.
NdFault check_nd(Ipv6View ip, std::span<const uint8_t> icmp);

struct NeighborSolicitation {
  Ipv6Address target;
  std::optional<MacAddress> source_link_layer;  // never with a source of ::

  // After check_nd.
  static NeighborSolicitation parse(std::span<const uint8_t> icmp);

  constexpr size_t size() const {
    return kNdHeaderSize + (source_link_layer ? kNdLinkLayerOptionSize : 0);
  }
  // Writes size() bytes and returns their number; requires that `to` has them. The addresses
  // are those of the IPv6 packet, for the checksum.
  size_t emit(const Ipv6Address& source, const Ipv6Address& destination,
              std::span<uint8_t> to) const;

  friend constexpr bool operator==(const NeighborSolicitation&,
                                   const NeighborSolicitation&) = default;
};

struct NeighborAdvertisement {
  Ipv6Address target;
  bool router = false;
  bool solicited = false;
  bool override_flag = false;
  std::optional<MacAddress> target_link_layer;

  // After check_nd.
  static NeighborAdvertisement parse(std::span<const uint8_t> icmp);

  constexpr size_t size() const {
    return kNdHeaderSize + (target_link_layer ? kNdLinkLayerOptionSize : 0);
  }
  size_t emit(const Ipv6Address& source, const Ipv6Address& destination,
              std::span<uint8_t> to) const;

  friend constexpr bool operator==(const NeighborAdvertisement&,
                                   const NeighborAdvertisement&) = default;
};

}  // namespace heddle::wire
