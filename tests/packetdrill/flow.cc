#include "flow.h"

#include <utility>

#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::packetdrill {

namespace {

using tcp::TcpFlag;

constexpr uint16_t kLocalPort = 8080;
constexpr uint16_t kPeerPort = 40000;
constexpr uint32_t kPeerIsn = 0xffff'f000;  // wraps soon
constexpr uint16_t kPeerWindow = 65535;
constexpr size_t kQuotedTcp = 8;

std::string flags_of(tcp::TcpFlags flags) {
  constexpr std::string_view kLetters = "FSRP.UEW";
  std::string text;
  for (size_t i = 0; i < kLetters.size(); ++i)
    if ((flags.bits() >> i & 1) != 0) text += kLetters[i];
  return text.empty() ? "-" : text;
}

std::string_view name_of(tcp::Ecn ecn) {
  constexpr std::string_view kNames[] = {"noecn", "ect1", "ect0", "ce"};
  return kNames[static_cast<size_t>(ecn)];
}

}  // namespace

Result<SeenSegment> read_packet(std::span<const uint8_t> bytes) {
  SeenSegment seen;
  const tcp::Drop drop = tcp::parse_packet(bytes, seen.packet, seen.segment);
  if (drop != tcp::Drop::kNone) return fail("a packet left that is no good: {}", name_of(drop));
  if (seen.segment.malformed_options) return fail("a packet left whose options are no good");
  const auto payload = bytes.subspan(seen.packet.payload_offset, seen.packet.payload_size);
  seen.payload.assign(payload.begin(), payload.end());
  // What left has our address as its source.
  std::swap(seen.packet.tuple.local, seen.packet.tuple.remote);
  return seen;
}

Flow::Flow(bool ipv4, int number) {
  peer_.address = ipv4 ? tcp::from_ipv4(wire::Ipv4Address(192, 0, 2, 1))
                       : wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 1);
  local_.address = ipv4 ? tcp::from_ipv4(wire::Ipv4Address(192, 168, 0, 1))
                        : wire::Ipv6Address::from_host(0xfd3d'fa7b'd17d'0000, 1);
  peer_.port = Be16(static_cast<uint16_t>(kPeerPort + number));
  local_.port = Be16(kLocalPort);
  peer_isn_ = kPeerIsn + static_cast<uint32_t>(number) * 1000;
}

bool Flow::is_ours(const tcp::FourTuple& tuple) const { return tuple.remote == peer_; }

// The next connection of the same ports: the peer's numbers go on behind those of the last.
void Flow::forget() {
  peer_isn_ += 1'000'000;
  our_isn_.reset();
}

wire::Tcp Flow::header_of(const SegmentText& text) const {
  wire::Tcp tcp;
  tcp.source_port = peer_.port;
  tcp.destination_port = local_.port;
  tcp.sequence = Be32(peer_isn_ + text.seq);
  if (text.ack) tcp.acknowledgment = Be32(our_isn_.value_or(0) + *text.ack);
  tcp.flags = text.flags;
  tcp.window = static_cast<uint16_t>(text.window.value_or(kPeerWindow));
  tcp.urgent_pointer = text.urgent;
  tcp.options.mss = text.mss;
  tcp.options.window_scale = text.window_scale;
  tcp.options.sack_permitted = text.sack_permitted;
  if (text.stamps) {
    const uint32_t echo = text.stamps->echo.value_or(0);
    tcp.options.timestamps =
        wire::TcpTimestamps{Be32(text.stamps->value.value_or(0)),
                            Be32(echo == 0 ? 0 : echo + stamp_offset_.value_or(0))};
  }
  for (const SackRange& range : text.sack) {
    if (tcp.options.sack_count == wire::kMaxSackBlocks) break;
    tcp.options.sack[tcp.options.sack_count++] = {Be32(our_isn_.value_or(0) + range.left),
                                                  Be32(our_isn_.value_or(0) + range.right)};
  }
  return tcp;
}

std::vector<uint8_t> Flow::in_ip(std::span<const uint8_t> l4, wire::IpProtocol protocol,
                                 tcp::Ecn ecn) const {
  const size_t header = ipv4() ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize;
  std::vector<uint8_t> packet(header + l4.size());
  if (ipv4()) {
    wire::Ipv4{.ecn = static_cast<uint8_t>(ecn),
               .payload_length = static_cast<uint16_t>(l4.size()),
               .protocol = protocol,
               .source = tcp::to_ipv4(peer_.address),
               .destination = tcp::to_ipv4(local_.address)}
        .emit(packet.data());
  } else {
    wire::Ipv6{.traffic_class = static_cast<uint8_t>(ecn),
               .payload_length = static_cast<uint16_t>(l4.size()),
               .next_header = protocol,
               .source = peer_.address,
               .destination = local_.address}
        .emit(packet.data());
  }
  std::copy(l4.begin(), l4.end(), packet.begin() + static_cast<ptrdiff_t>(header));
  return packet;
}

std::vector<uint8_t> Flow::build(const SegmentText& text) const {
  const wire::Tcp tcp = header_of(text);
  const size_t raw = (text.raw.size() + 3) / 4 * 4;
  const size_t header = tcp.header_size() + raw;
  std::vector<uint8_t> l4(header + text.length);
  tcp.options.emit(l4.data() + wire::kTcpHeaderSize + raw);
  for (uint32_t i = 0; i < text.length; ++i) l4[header + i] = stream_byte(text.seq + i);
  const auto emit = [&](const auto& source, const auto& destination) {
    tcp.emit(source, destination, std::span(l4));
    if (raw == 0) return;
    // Bytes of the script's own in front of the options that we know.
    std::vector<uint8_t> known(tcp.options.size());
    tcp.options.emit(known.data());
    std::fill_n(l4.begin() + wire::kTcpHeaderSize, raw, uint8_t{1});
    std::copy(text.raw.begin(), text.raw.end(), l4.begin() + wire::kTcpHeaderSize);
    std::copy(known.begin(), known.end(),
              l4.begin() + static_cast<ptrdiff_t>(wire::kTcpHeaderSize + raw));
    l4[12] = static_cast<uint8_t>(header / 4 << 4);
    const wire::TcpMutView view(l4.data());
    view.set_checksum(0);
    view.set_checksum(wire::transport_checksum(source, destination, wire::IpProtocol::kTcp,
                                               std::span<const uint8_t>(l4)));
  };
  if (ipv4()) {
    emit(tcp::to_ipv4(peer_.address), tcp::to_ipv4(local_.address));
  } else {
    emit(peer_.address, local_.address);
  }
  return in_ip(l4, wire::IpProtocol::kTcp, text.ecn.value_or(tcp::Ecn::kNotEct));
}

// An error about a packet of ours: its IP header and the first eight bytes behind it.
std::vector<uint8_t> Flow::build(const IcmpText& text) const {
  Flow ours = *this;
  std::swap(ours.peer_, ours.local_);
  std::vector<uint8_t> l4(wire::kTcpHeaderSize + text.length);
  const wire::TcpMutView tcp(l4.data());
  tcp.set_source_port(local_.port);
  tcp.set_destination_port(peer_.port);
  tcp.set_sequence(Be32(our_isn_.value_or(0) + text.seq));
  std::vector<uint8_t> quote = ours.in_ip(l4, wire::IpProtocol::kTcp, tcp::Ecn::kNotEct);
  quote.resize((ipv4() ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize) + kQuotedTcp);
  std::vector<uint8_t> message(wire::kIcmpHeaderSize);
  using Kind = IcmpText::Kind;
  struct Numbers {
    uint8_t type4, code4, type6, code6;
  };
  constexpr Numbers kNumbers[] = {
      {3, 4, 2, 0}, {3, 3, 1, 4}, {3, 1, 1, 3}, {11, 0, 3, 0}, {4, 0, 1, 0}};
  const Numbers& numbers = kNumbers[static_cast<size_t>(text.kind)];
  message[0] = ipv4() ? numbers.type4 : numbers.type6;
  message[1] = ipv4() ? numbers.code4 : numbers.code6;
  if (text.kind == Kind::kTooBig) store_be<uint32_t>(message.data() + 4, text.mtu);
  message.insert(message.end(), quote.begin(), quote.end());
  const uint16_t sum = ipv4() ? wire::internet_checksum(message)
                              : wire::transport_checksum(peer_.address, local_.address,
                                                         wire::IpProtocol::kIcmpv6, message);
  store_be<uint16_t>(message.data() + 2, static_cast<uint16_t>(text.bad_checksum ? ~sum : sum));
  return in_ip(message, ipv4() ? wire::IpProtocol::kIcmp : wire::IpProtocol::kIcmpv6,
               tcp::Ecn::kNotEct);
}

// What a SYN of ours tells: where our numbers begin.
void Flow::learn(const SegmentText& text, const SeenSegment& seen) {
  local_.port = seen.packet.tuple.local.port;
  const auto& stamps = seen.segment.options.timestamps;
  const bool syn = seen.segment.has(TcpFlag::kSyn);
  if (syn && !our_isn_) our_isn_ = seen.segment.seq.value() - text.seq;
  if (!our_isn_ && seen.segment.has(TcpFlag::kRst)) our_isn_ = seen.segment.seq.value() - text.seq;
  if (stamps && text.stamps && text.stamps->value && !stamp_offset_) {
    stamp_offset_ = stamps->value.host() - *text.stamps->value;
  }
}

std::string Flow::compare(const SegmentText& text, const SeenSegment& seen) {
  learn(text, seen);
  const tcp::Segment& s = seen.segment;
  const uint32_t isn = our_isn_.value_or(0);
  std::string wrong;
  const auto check = [&](std::string_view what, uint32_t expected, uint32_t is) {
    if (expected != is) wrong += fmt::format(" {}: {} instead of {};", what, is, expected);
  };
  // PSH is advice; only where the script asks for it is it looked at.
  const uint8_t mask = text.flags.has(TcpFlag::kPsh) ? 0xff : 0xff & ~8;
  if ((s.flags.bits() & mask) != (text.flags.bits() & mask)) {
    wrong += fmt::format(" flags: {} instead of {};", flags_of(s.flags), flags_of(text.flags));
  }
  check("seq", text.seq, s.seq.value() - isn);
  check("length", text.length, static_cast<uint32_t>(seen.payload.size()));
  if (text.ack && s.has(TcpFlag::kAck)) check("ack", *text.ack, s.ack.value() - peer_isn_);
  if (text.window) check("win", *text.window, s.window);
  check("urg", text.urgent, s.urgent_pointer);
  if (text.ecn && *text.ecn != s.ecn) {
    wrong += fmt::format(" {} instead of {};", name_of(s.ecn), name_of(*text.ecn));
  }
  wrong += compare_options(text, seen);
  for (uint32_t i = 0; i < seen.payload.size(); ++i) {
    if (seen.payload[i] == stream_byte(s.seq.value() - isn + i)) continue;
    wrong += fmt::format(" byte {} of the stream is wrong;", s.seq.value() - isn + i);
    break;
  }
  return wrong;
}

std::string Flow::compare_options(const SegmentText& text, const SeenSegment& seen) const {
  if (text.any_options) return {};
  const wire::TcpOptionValues& o = seen.segment.options;
  std::string wrong;
  if (o.mss != text.mss) {
    wrong += fmt::format(" mss: {} instead of {};", o.mss.value_or(0), text.mss.value_or(0));
  }
  if (o.window_scale != text.window_scale) {
    wrong += fmt::format(" wscale: {} instead of {};", o.window_scale.value_or(255),
                         text.window_scale.value_or(255));
  }
  if (o.sack_permitted != text.sack_permitted) wrong += " sackOK is wrong;";
  std::vector<SackRange> sack;
  for (size_t i = 0; i < o.sack_count; ++i) {
    sack.push_back({o.sack[i].left.host() - peer_isn_, o.sack[i].right.host() - peer_isn_});
  }
  if (sack != text.sack) {
    wrong += " sack:";
    for (const SackRange& range : sack) wrong += fmt::format(" {}:{}", range.left, range.right);
    wrong += sack.empty() ? " none;" : ";";
  }
  // Without a list of options timestamps are not looked at.
  if (text.has_options && o.timestamps.has_value() != text.stamps.has_value()) {
    wrong += o.timestamps ? " TS though none is expected;" : " no TS;";
  }
  if (!o.timestamps || !text.stamps) return wrong;
  const uint32_t value = o.timestamps->value.host() - stamp_offset_.value_or(0);
  if (text.stamps->value && *text.stamps->value != value) {
    wrong += fmt::format(" TS val: {} instead of {};", value, *text.stamps->value);
  }
  if (text.stamps->echo && *text.stamps->echo != o.timestamps->echo_reply.host()) {
    wrong += fmt::format(" TS ecr: {} instead of {};", o.timestamps->echo_reply.host(),
                         *text.stamps->echo);
  }
  return wrong;
}

std::string Flow::describe(const SeenSegment& seen) const {
  const tcp::Segment& s = seen.segment;
  const uint32_t seq = s.seq.value() - our_isn_.value_or(s.seq.value());
  const auto size = static_cast<uint32_t>(seen.payload.size());
  std::string text =
      fmt::format("[{}] {} {}:{}({})", name_of(s.ecn), flags_of(s.flags), seq, seq + size, size);
  if (s.has(TcpFlag::kAck)) text += fmt::format(" ack {}", s.ack.value() - peer_isn_);
  text += fmt::format(" win {}", s.window);
  const wire::TcpOptionValues& o = s.options;
  if (o.mss) text += fmt::format(" mss {}", *o.mss);
  if (o.window_scale) text += fmt::format(" wscale {}", *o.window_scale);
  if (o.sack_permitted) text += " sackOK";
  if (o.timestamps) {
    text += fmt::format(" TS val {} ecr {}", o.timestamps->value.host() - stamp_offset_.value_or(0),
                        o.timestamps->echo_reply.host());
  }
  for (size_t i = 0; i < o.sack_count; ++i) {
    text += fmt::format("{}{}:{}", i == 0 ? " sack " : " ", o.sack[i].left.host() - peer_isn_,
                        o.sack[i].right.host() - peer_isn_);
  }
  return text;
}

}  // namespace heddle::packetdrill
