// Packets as both sides of the comparison are told of them: not bytes, but what they mean. Where a
// flow's source is translated, the two sides choose different ports, so the bytes of an answer are
// made for each side from the port that it chose.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "wire/address.h"
#include "wire/ip_protocol.h"
#include "wire/tcp.h"

namespace heddle::differential {

using Bytes = std::vector<uint8_t>;
using wire::IpProtocol;

// Which of the two interfaces of the router.
enum class Side : uint8_t { kClients, kServers };
constexpr Side opposite(Side side) {
  return side == Side::kClients ? Side::kServers : Side::kClients;
}

// The networks: 10.NET.0.0/16 and fd00:NET::/64.
inline constexpr uint8_t kClientNet = 1;
inline constexpr uint8_t kServerNet = 2;
inline constexpr uint8_t kPoolNet = 3;
inline constexpr uint8_t kServiceNet = 96;
inline constexpr uint16_t kRouterHost = 0xfffe;  // the router's own address in either network
inline constexpr uint16_t kMarkerHost = 0xff01;
inline constexpr uint16_t kFarRouterHost = 0xfa01;  // sends ICMP errors about others' packets

struct End {
  uint8_t net = 0;
  uint16_t host = 0;
  uint16_t port = 0;
  friend bool operator==(const End&, const End&) = default;
};

wire::Ipv4Address address4(const End& end);
wire::Ipv6Address address6(const End& end);

// A packet's ends; of queries the identifier is in both ports.
struct Ends {
  bool v6 = false;
  IpProtocol protocol{};
  End source;
  End destination;

  Ends reversed() const { return {v6, protocol, destination, source}; }
};

struct TcpContent {
  uint32_t seq = 0;
  uint32_t ack = 0;
  wire::TcpFlags flags;
  uint16_t window = 0;
  uint16_t data = 0;  // bytes
  wire::TcpOptionValues options;
  std::optional<uint8_t> data_offset;     // instead of the right one, in words
  std::optional<uint16_t> broken_option;  // kind and length instead of the options
};

struct UdpContent {
  uint16_t data = 0;
  bool no_checksum = false;
  std::optional<uint16_t> length;  // instead of the right one
};

struct EchoContent {
  bool request = true;
  uint16_t sequence = 0;
  uint16_t data = 0;
};

using Content = std::variant<TcpContent, UdpContent, EchoContent>;

// What is around the content.
struct Around {
  uint8_t ttl = 64;
  uint16_t identification = 0;  // of the fragments of IPv6 too
  bool bad_transport_checksum = false;
  bool bad_header_checksum = false;  // IPv4
};

// The whole packet, with right checksums where `around` does not say otherwise.
Bytes make_packet(const Ends& ends, const Content& content, const Around& around);

// An ICMP error that quotes `quoted`.
struct ErrorContent {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest = 0;
  Bytes quoted;
};
// `source` and `destination` without ports.
Bytes make_error(bool v6, const End& source, const End& destination, const ErrorContent& content,
                 const Around& around);

// Cut into fragments of at most `piece` bytes of payload, a multiple of 8.
std::vector<Bytes> make_fragments(const Bytes& packet, size_t piece, uint16_t identification);

}  // namespace heddle::differential
