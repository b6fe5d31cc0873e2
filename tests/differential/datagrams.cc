#include "datagrams.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace heddle::differential {

namespace {

bool is_v6(const Bytes& packet) { return packet[0] >> 4 == 6; }

struct Piece {
  size_t offset;
  bool more;
  Bytes bytes;
};

// All pieces of a datagram, by offset. The header is that of the first that is there.
Datagram join(Side side, Bytes header, std::vector<Piece> pieces) {
  std::ranges::stable_sort(pieces, {}, &Piece::offset);
  Datagram whole{side, std::move(header), true};
  const size_t size = whole.bytes.size();
  size_t end = 0;
  for (const Piece& piece : pieces) {
    if (piece.offset > end) whole.complete = false;
    if (piece.offset < end) continue;
    whole.bytes.insert(whole.bytes.end(), piece.bytes.begin(), piece.bytes.end());
    end = piece.offset + piece.bytes.size();
  }
  if (pieces.back().more) whole.complete = false;
  const size_t payload = whole.bytes.size() - size;
  if (is_v6(whole.bytes)) {
    wire::Ipv6MutView(whole.bytes.data()).set_payload_length(static_cast<uint16_t>(payload));
  } else {
    const wire::Ipv4MutView ip(whole.bytes.data());
    ip.set_total_length(static_cast<uint16_t>(payload + size));
    store_be<uint16_t>(whole.bytes.data() + 6, load_be<uint16_t>(whole.bytes.data() + 6) & 0x4000);
    ip.update_checksum();
  }
  return whole;
}

struct Fragment {
  uint32_t id;
  Piece piece;
  Bytes header;
};

std::optional<Fragment> fragment_of(const Bytes& packet) {
  const auto from = [&](size_t at) {
    return Bytes(packet.begin() + static_cast<long>(at), packet.end());
  };
  if (is_v6(packet)) {
    if (packet[6] != static_cast<uint8_t>(IpProtocol::kFragment)) return std::nullopt;
    const uint16_t word = load_be<uint16_t>(packet.data() + 42);
    Bytes header(packet.begin(), packet.begin() + 40);
    header[6] = packet[40];
    return Fragment{load_be<uint32_t>(packet.data() + 44),
                    {static_cast<size_t>(word & 0xfff8), (word & 1) != 0, from(48)},
                    header};
  }
  const wire::Ipv4View ip(packet.data());
  if (!ip.is_fragment()) return std::nullopt;
  return Fragment{ip.identification(),
                  {ip.fragment_offset(), ip.more_fragments(), from(20)},
                  Bytes(packet.begin(), packet.begin() + 20)};
}

std::string address_text(const Bytes& packet, bool source) {
  if (is_v6(packet)) {
    return wire::to_string(wire::Ipv6Address::from(packet.data() + (source ? 8 : 24)));
  }
  return wire::to_string(wire::Ipv4Address::from(packet.data() + (source ? 12 : 16)));
}

std::string transport_text(IpProtocol protocol, std::span<const uint8_t> l4) {
  if (protocol == IpProtocol::kTcp && l4.size() >= 20) {
    const wire::TcpView tcp(l4.data());
    std::string flags;
    constexpr char kLetters[] = "FSRPAUEC";
    for (int i = 0; i < 8; ++i) {
      if ((tcp.flags().bits() >> i & 1) != 0) flags += kLetters[i];
    }
    return fmt::format("tcp {}>{} {} seq {} ack {} win {} data {}", tcp.source_port().host(),
                       tcp.destination_port().host(), flags, tcp.sequence().host(),
                       tcp.acknowledgment().host(), tcp.window(),
                       static_cast<int>(l4.size()) - static_cast<int>(tcp.header_length()));
  }
  if (protocol == IpProtocol::kUdp && l4.size() >= 8) {
    return fmt::format("udp {}>{} length {}", load_be<uint16_t>(l4.data()),
                       load_be<uint16_t>(l4.data() + 2), load_be<uint16_t>(l4.data() + 4));
  }
  if (l4.size() >= 8) {
    return fmt::format("icmp type {} code {} id {}", l4[0], l4[1],
                       load_be<uint16_t>(l4.data() + 4));
  }
  return fmt::format("protocol {}", static_cast<int>(protocol));
}

}  // namespace

std::vector<Datagram> reassemble(const std::vector<Output>& outputs) {
  struct Group {
    Side side;
    Bytes header;
    std::vector<Piece> pieces;
  };
  std::vector<Datagram> whole;
  std::map<std::pair<Side, uint32_t>, Group> groups;
  for (const Output& output : outputs) {
    auto fragment = fragment_of(output.bytes);
    if (!fragment) {
      whole.push_back({output.side, output.bytes, true});
      continue;
    }
    Group& group = groups[{output.side, fragment->id}];
    group.side = output.side;
    group.header = fragment->header;
    group.pieces.push_back(std::move(fragment->piece));
  }
  for (auto& [key, group] : groups) {
    whole.push_back(join(group.side, std::move(group.header), std::move(group.pieces)));
  }
  return whole;
}

size_t transport_offset(const Bytes& packet) { return is_v6(packet) ? 40 : 20; }
IpProtocol protocol_of(const Bytes& packet) {
  return static_cast<IpProtocol>(packet[is_v6(packet) ? 6 : 9]);
}

bool is_error(const Bytes& packet) {
  const size_t at = transport_offset(packet);
  if (packet.size() <= at) return false;
  if (protocol_of(packet) == IpProtocol::kIcmpv6) return packet[at] < 128;
  return protocol_of(packet) == IpProtocol::kIcmp &&
         wire::is_error(static_cast<wire::Icmp4Type>(packet[at]));
}

bool header_checksum_ok(const Bytes& packet) {
  return is_v6(packet) || wire::check_ipv4(packet) == wire::Ipv4Fault::kNone;
}

bool transport_checksum_ok(const Bytes& packet) {
  const IpProtocol protocol = protocol_of(packet);
  const auto l4 = std::span<const uint8_t>(packet).subspan(transport_offset(packet));
  if (protocol == IpProtocol::kIcmp) return wire::icmp4_checksum_ok(l4);
  if (protocol == IpProtocol::kUdp && l4.size() >= 8 && l4[6] == 0 && l4[7] == 0) return true;
  if (is_v6(packet)) {
    return wire::transport_checksum(wire::Ipv6Address::from(packet.data() + 8),
                                    wire::Ipv6Address::from(packet.data() + 24), protocol, l4) == 0;
  }
  return wire::transport_checksum(wire::Ipv4Address::from(packet.data() + 12),
                                  wire::Ipv4Address::from(packet.data() + 16), protocol, l4) == 0;
}

std::string describe(const Bytes& packet) {
  if (packet.size() < transport_offset(packet)) return fmt::format("{} bytes", packet.size());
  std::string text = fmt::format("{} > {} ttl {} ", address_text(packet, true),
                                 address_text(packet, false), packet[is_v6(packet) ? 7 : 8]);
  const auto l4 = std::span<const uint8_t>(packet).subspan(transport_offset(packet));
  text += transport_text(protocol_of(packet), l4);
  if (is_error(packet) && l4.size() >= 28) {
    const Bytes quoted(l4.begin() + 8, l4.end());
    if (quoted.size() >= transport_offset(quoted)) text += " [" + describe(quoted) + "]";
    return text;
  }
  text += "\n      ";
  for (size_t i = 0; i < std::min<size_t>(packet.size(), 100); ++i) {
    text += fmt::format("{:02x}", packet[i]);
  }
  if (packet.size() > 100) text += fmt::format(" and {} more", packet.size() - 100);
  return text;
}

}  // namespace heddle::differential
