#include "flow/icmp_related.h"

#include <algorithm>
#include <optional>

#include "flow/tcp_window.h"
#include "wire/icmp.h"

namespace heddle::flow {

namespace {

using wire::IpProtocol;

// The packet in an error, mostly cut short.
template <class Address>
struct Quote {
  Key<Address> key;
  std::span<uint8_t> bytes;  // from its IP header on
  std::span<uint8_t> l4;     // what there is of its transport header and data
};

constexpr size_t kPortsSize = 4;
constexpr size_t kSequenceEnd = 8;
constexpr size_t kIdentifierEnd = 6;

// The ports, or a query's identifier, of what is quoted; nullopt: none can be had.
std::optional<uint32_t> quoted_ports(IpProtocol protocol, std::span<const uint8_t> l4) {
  switch (protocol) {
    case IpProtocol::kTcp:
    case IpProtocol::kUdp:
      if (l4.size() < kPortsSize) return std::nullopt;
      return internal::load<uint32_t>(l4.data());
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6: {
      if (l4.size() < kIdentifierEnd) return std::nullopt;
      // Of queries alone: there are no errors about errors (RFC 1122 3.2.2).
      constexpr uint8_t kQueries4[] = {0, 8, 13, 14};
      constexpr uint8_t kQueries6[] = {128, 129};
      const std::span<const uint8_t> queries =
          protocol == IpProtocol::kIcmp ? std::span<const uint8_t>(kQueries4) : kQueries6;
      if (std::ranges::find(queries, l4[0]) == queries.end()) return std::nullopt;
      const uint32_t identifier = internal::load<uint16_t>(l4.data() + 4);
      return identifier | identifier << 16;
    }
    default:
      return 0;
  }
}

std::optional<Quote<wire::Ipv4Address>> read_quote(std::span<uint8_t> bytes,
                                                   const wire::Ipv4Address&) {
  if (bytes.size() < wire::kIpv4HeaderSize || bytes[0] >> 4 != 4) return std::nullopt;
  const wire::Ipv4View ip(bytes.data());
  if (ip.header_length() < wire::kIpv4HeaderSize || ip.header_length() > bytes.size() ||
      ip.total_length() < ip.header_length() || ip.fragment_offset() != 0) {
    return std::nullopt;
  }
  const size_t end = std::min<size_t>(ip.total_length(), bytes.size());
  const auto l4 = bytes.subspan(ip.header_length(), end - ip.header_length());
  const auto ports = quoted_ports(ip.protocol(), l4);
  if (!ports || ip.protocol() == IpProtocol::kIcmpv6) return std::nullopt;
  return Quote<wire::Ipv4Address>{
      Key4(internal::load<uint64_t>(bytes.data() + 12), *ports, ip.protocol()), bytes, l4};
}

std::optional<Quote<wire::Ipv6Address>> read_quote(std::span<uint8_t> bytes,
                                                   const wire::Ipv6Address&) {
  if (bytes.size() < wire::kIpv6HeaderSize || bytes[0] >> 4 != 6) return std::nullopt;
  wire::Ipv6Payload payload;
  if (wire::walk_quoted_ipv6_chain(bytes, payload) != wire::Ipv6ChainFault::kNone ||
      (payload.is_fragment && !payload.first_fragment)) {
    return std::nullopt;
  }
  const size_t claimed = wire::kIpv6HeaderSize + wire::Ipv6View(bytes.data()).payload_length();
  const size_t end = std::max<size_t>(payload.offset, std::min(claimed, bytes.size()));
  const auto l4 = bytes.subspan(payload.offset, end - payload.offset);
  const auto ports = quoted_ports(payload.protocol, l4);
  if (!ports || payload.protocol == IpProtocol::kIcmp) return std::nullopt;
  return Quote<wire::Ipv6Address>{
      Key6(Words6(bytes.data() + 8), Words6(bytes.data() + 24), *ports, payload.protocol), bytes,
      l4};
}

template <class Address>
bool checksum_ok(const Parsed<Address>& packet) {
  const std::span<const uint8_t> message(packet.l4(), packet.l4_length);
  if constexpr (sizeof(Address) == wire::Ipv4Address::kSize) {
    return wire::icmp4_checksum_ok(message);
  } else {
    return wire::icmp6_checksum_ok(packet.key.source(), packet.key.destination(), message);
  }
}

// RFC 5927 4.1: an error about data must quote data that is under way.
bool sequence_fits(const Record& record, Direction quoted, std::span<const uint8_t> l4) {
  if (l4.size() < kSequenceEnd) return true;  // a quote may end before it
  const Seq seq(load_be<uint32_t>(l4.data() + 4));
  const TcpSide& sender = record.sides[quoted == Direction::kOriginal ? 0 : 1];
  const TcpSide& receiver = record.sides[quoted == Direction::kOriginal ? 1 : 0];
  const uint8_t scale = quoted == Direction::kOriginal ? record.scales >> 4 : record.scales & 0x0f;
  // As far back as an acknowledgment may be late (tcp_window.h), for errors are late too.
  constexpr int32_t kLeast = 66'000;
  const int32_t late =
      std::max(kLeast, int32_t{receiver.max_window} << std::min<uint8_t>(scale, 14));
  const int32_t ahead = seq.after(sender.end);
  return ahead <= 0 && ahead >= -late;
}

// Adds up what changes in the bytes of a quote, as its error's checksum sees it.
class QuoteDelta {
 public:
  explicit QuoteDelta(std::span<const uint8_t> bytes) : bytes_(bytes), before_(sum()) {}
  void add_to(ChecksumDelta& delta) const { delta.replace16(before_, sum()); }

 private:
  uint16_t sum() const { return __builtin_bswap16(wire::sum_words(bytes_)); }

  std::span<const uint8_t> bytes_;
  uint16_t before_;
};

void rewrite_quote(const Quote<wire::Ipv4Address>& quote, const Key4& to) {
  uint8_t* const ip = quote.bytes.data();
  const uint64_t from = quote.key.addresses();
  const uint64_t addresses = to.addresses();
  ChecksumDelta delta;
  delta.replace(static_cast<uint32_t>(from), static_cast<uint32_t>(addresses));
  delta.replace(static_cast<uint32_t>(from >> 32), static_cast<uint32_t>(addresses >> 32));
  std::memcpy(ip + 12, &addresses, sizeof(addresses));
  delta.apply(ip + 10);
  internal::rewrite_transport(quote.key.protocol(), quote.l4, to.ports(), delta);
}

void rewrite_quote(const Quote<wire::Ipv6Address>& quote, const Key6& to) {
  ChecksumDelta delta;
  delta.replace(quote.key.source_words(), to.source_words());
  delta.replace(quote.key.destination_words(), to.destination_words());
  std::memcpy(quote.bytes.data() + 8, &to.source_words(), sizeof(Words6));
  std::memcpy(quote.bytes.data() + 24, &to.destination_words(), sizeof(Words6));
  internal::rewrite_transport(quote.key.protocol(), quote.l4, to.ports(), delta);
}

// The outer addresses, and the checksum of the error with all that has changed.
void rewrite_outer(const Parsed4& packet, const wire::Ipv4Address& source,
                   const wire::Ipv4Address& destination, ChecksumDelta inner) {
  const Key4 to(source, destination, Be16(0), Be16(0), packet.key.protocol());
  ChecksumDelta delta;
  delta.replace(static_cast<uint32_t>(packet.key.addresses()),
                static_cast<uint32_t>(to.addresses()));
  delta.replace(static_cast<uint32_t>(packet.key.addresses() >> 32),
                static_cast<uint32_t>(to.addresses() >> 32));
  const uint64_t addresses = to.addresses();
  std::memcpy(packet.packet + 12, &addresses, sizeof(addresses));
  delta.apply(packet.packet + 10);
  inner.apply(packet.l4() + 2);
}

void rewrite_outer(const Parsed6& packet, const wire::Ipv6Address& source,
                   const wire::Ipv6Address& destination, ChecksumDelta inner) {
  inner.replace(packet.key.source_words(), Words6(source));
  inner.replace(packet.key.destination_words(), Words6(destination));
  source.store(packet.packet + 8);
  destination.store(packet.packet + 24);
  inner.apply(packet.l4() + 2);
}

// Who the error seems to come from: the far end under the name by which it was called, and a
// router on the initiator's side, whose addresses are not shown outside, under ours.
template <class Address>
Address outer_source(const Tracker& tracker, uint32_t slot, const Parsed<Address>& packet,
                     const Quote<Address>& quote, const Key<Address>& sent, Direction quoted) {
  if (packet.key.source() == quote.key.destination()) return sent.destination();
  const Key<Address> inside = tracker.table().tuple<Address>(slot, kInside);
  const Key<Address> outside = tracker.table().tuple<Address>(slot, kOutside);
  const bool hides = quoted == Direction::kReply && inside.source() != outside.source();
  return hides ? outside.source() : packet.key.source();
}

}  // namespace

template <class Address>
Tracked relate(Tracker& tracker, const Parsed<Address>& packet) {
  const auto refuse = [&](Drop drop, uint32_t slot = kNoFlow) {
    tracker.drops().add(drop);
    return Tracked{slot, Outcome::kDrop, Direction::kOriginal, drop};
  };
  if (!checksum_ok(packet)) return refuse(Drop::kErrorChecksum);
  const std::span<uint8_t> message(packet.l4(), packet.l4_length);
  const auto quote = read_quote(message.subspan(wire::kIcmpHeaderSize), Address());
  if (!quote) return refuse(Drop::kErrorQuote);
  const Found found = tracker.table().find(quote->key);
  if (found.slot == kNoFlow) return refuse(Drop::kErrorNoFlow);
  const Record& record = tracker.table().record(found.slot);
  const bool translated = record.has(RecordFlags::kTranslated);
  // What is quoted has left us: it has the tuple of the side that it left by, in the direction
  // in which no packet comes in.
  if (translated && !found.wrong_way) return refuse(Drop::kErrorNoFlow, found.slot);
  if (packet.key.destination() != quote->key.source()) {
    return refuse(Drop::kErrorAddress, found.slot);
  }
  const bool has_windows =
      record.protocol == IpProtocol::kTcp && !record.has(RecordFlags::kOneSided);
  if (has_windows && tracker.window_check() == WindowCheck::kStrict &&
      !sequence_fits(record, found.direction, quote->l4)) {
    return refuse(Drop::kErrorSequence, found.slot);
  }
  const Tracked pass{found.slot, Outcome::kPass, opposite(found.direction), Drop::kNone};
  if (!translated) return pass;
  // What the quoted packet was when it came in.
  const bool original = found.direction == Direction::kOriginal;
  const Key<Address> sent = original
                                ? tracker.table().tuple<Address>(found.slot, kInside)
                                : tracker.table().tuple<Address>(found.slot, kOutside).reversed();
  const Address source = outer_source(tracker, found.slot, packet, *quote, sent, found.direction);
  const QuoteDelta change(quote->bytes);
  rewrite_quote(*quote, sent);
  ChecksumDelta delta;
  change.add_to(delta);
  rewrite_outer(packet, source, sent.source(), delta);
  return pass;
}

template <class Address>
std::optional<Key<Address>> quoted_key(const Parsed<Address>& packet) {
  const std::span<uint8_t> message(packet.l4(), packet.l4_length);
  const auto quote = read_quote(message.subspan(wire::kIcmpHeaderSize), Address());
  if (!quote) return std::nullopt;
  return quote->key;
}

template std::optional<Key4> quoted_key(const Parsed4&);
template std::optional<Key6> quoted_key(const Parsed6&);
template Tracked relate(Tracker&, const Parsed4&);
template Tracked relate(Tracker&, const Parsed6&);

}  // namespace heddle::flow
