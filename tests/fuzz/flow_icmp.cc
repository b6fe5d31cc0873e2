// ICMP errors with any quote: those that pass have right checksums, and nothing is written past
// the end. The input is the quote; the flow that most quotes are about is there already.
#include "flow/icmp_related.h"
#include "support.h"
#include "wire/icmp.h"
#include "wire/udp.h"

using namespace heddle;
using namespace heddle::flow;
using heddle::fuzz::require;

namespace {

template <class Address>
constexpr bool kV6 = sizeof(Address) == wire::Ipv6Address::kSize;

template <class Address>
Address host(uint8_t n) {
  if constexpr (kV6<Address>) {
    return wire::Ipv6Address::from_host(0xfd00'0000'0000'0000, n);
  } else {
    return wire::Ipv4Address(10, 0, 0, n);
  }
}

template <class Address>
std::vector<uint8_t> in_ip(wire::IpProtocol protocol, const Address& source,
                           const Address& destination, const std::vector<uint8_t>& upper) {
  constexpr size_t kHeader = kV6<Address> ? wire::kIpv6HeaderSize : wire::kIpv4HeaderSize;
  std::vector<uint8_t> packet(kHeader);
  const auto length = static_cast<uint16_t>(upper.size());
  if constexpr (kV6<Address>) {
    wire::Ipv6{.payload_length = length,
               .next_header = protocol,
               .source = source,
               .destination = destination}
        .emit(packet.data());
  } else {
    wire::Ipv4{.payload_length = length,
               .protocol = protocol,
               .source = source,
               .destination = destination}
        .emit(packet.data());
  }
  packet.insert(packet.end(), upper.begin(), upper.end());
  return packet;
}

template <class Address>
void open(Tracker& tracker, wire::IpProtocol protocol, const Key<Address>& outside) {
  // An echo request, as TCP a SYN without options, as UDP 20 bytes.
  std::vector<uint8_t> upper(20);
  store_be<uint16_t>(upper.data(), 1000);
  store_be<uint16_t>(upper.data() + 2, 80);
  store_be<uint16_t>(upper.data() + 4, 20);
  if (protocol == wire::IpProtocol::kTcp) {
    upper[12] = 0x50;
    upper[13] = 2;
  }
  auto bytes = in_ip(protocol, host<Address>(1), host<Address>(9), upper);
  Parsed<Address> packet;
  parse(std::span<uint8_t>(bytes), packet);
  const Decision<Address> decision{.outside = outside, .generation = Generation(1)};
  require(tracker.open(packet, decision, Instant(0)).outcome == Outcome::kPass);
}

template <class Address>
void run(std::span<const uint8_t> quote, bool from_endpoint) {
  TrackerConfig config;
  config.limits.flows = 4;
  config.limits.flows_v6 = 4;
  config.limits.own_addresses = 4;
  config.limits.tenants = 1;
  Tracker tracker(config, 1, Instant(0));
  for (const auto protocol : {wire::IpProtocol::kTcp, wire::IpProtocol::kUdp}) {
    open<Address>(tracker, protocol,
                  {host<Address>(8), host<Address>(2), Be16(2000), Be16(8080), protocol});
  }
  const Address source = from_endpoint ? host<Address>(2) : host<Address>(5);
  std::vector<uint8_t> upper(wire::kIcmpHeaderSize);
  upper.insert(upper.end(), quote.begin(), quote.end());
  if constexpr (kV6<Address>) {
    wire::Icmp6::packet_too_big(1400).emit(source, host<Address>(8), upper);
  } else {
    wire::Icmp4::fragmentation_needed(1400).emit(upper);
  }
  constexpr auto kProtocol = kV6<Address> ? wire::IpProtocol::kIcmpv6 : wire::IpProtocol::kIcmp;
  auto bytes = in_ip(kProtocol, source, host<Address>(8), upper);
  Parsed<Address> packet;
  parse(std::span<uint8_t>(bytes), packet);
  require(packet.kind == PacketKind::kError);
  const auto before = bytes;
  const Tracked tracked = relate(tracker, packet);
  if (tracked.outcome == Outcome::kDrop) {
    require(tracked.drop >= Drop::kErrorChecksum && bytes == before);
    return;
  }
  Parsed<Address> after;
  parse(std::span<uint8_t>(bytes), after);
  require(after.key.destination() == host<Address>(1));
  const std::span<const uint8_t> message(after.l4(), after.l4_length);
  if constexpr (kV6<Address>) {
    require(wire::icmp6_checksum_ok(after.key.source(), after.key.destination(), message));
  } else {
    require(wire::check_ipv4(bytes) == wire::Ipv4Fault::kNone);
    require(wire::icmp4_checksum_ok(message));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 1200) return 0;
  const std::span<const uint8_t> quote(data + 1, size - 1);
  if ((data[0] & 1) != 0) {
    run<wire::Ipv6Address>(quote, (data[0] & 2) != 0);
  } else {
    run<wire::Ipv4Address>(quote, (data[0] & 2) != 0);
  }
  return 0;
}
