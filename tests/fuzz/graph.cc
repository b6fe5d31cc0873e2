// Any bytes as frames into the whole packet graph: nothing crashes, no packet gets lost, and
// every frame that leaves is well formed and carries our MAC.
//
// An input is a series of steps: a byte that says what to do (Step), one to choose addresses, one
// for the size, then the packet's first bytes; zeros fill what is missing, so that a short input
// makes a long packet. So that inputs get past the first checks, a step may ask for a right
// Ethernet header, right lengths and right checksums around its bytes.
#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "rig.h"

// A property that every output must have; a finding says which did not hold.
#define REQUIRE(condition) HEDDLE_CHECK(condition, "an output of the graph")

namespace {

using namespace heddle;
using rig::Bytes;

enum Step : uint8_t {
  kPort = 0x03,       // wan, lan, cart, host
  kRawFrame = 0x04,   // the bytes are the whole frame; otherwise an IP packet or ARP message
  kSteered = 0x08,    // through the steer node
  kSegmented = 0x10,  // as a chain of small segments
  kSixes = 0x20,      // IPv6 around the bytes' payload; otherwise IPv4
  kTagged = 0x40,     // on VLAN 100
  kPassTime = 0x80,   // time passes before the frame comes in
};

constexpr uint16_t kSmallMtu = 1280;

rig::Rig& the_rig() {
  static rig::Rig all(
      [] {
        rig::Net net = rig::standard_with_host();
        net.set_mtu("lan", kSmallMtu);
        net.dns({"198.51.100.53", "2001:db8:1::53"}, true);
        return net;
      }(),
      {.workers = 2});
  return all;
}

struct Reader {
  std::span<const uint8_t> rest;
  uint8_t byte() {
    if (rest.empty()) return 0;
    const uint8_t first = rest.front();
    rest = rest.subspan(1);
    return first;
  }
  std::span<const uint8_t> take(size_t size) {
    const auto head = rest.first(std::min(size, rest.size()));
    rest = rest.subspan(head.size());
    return head;
  }
};

void put_checksum(Bytes& bytes, size_t at, uint16_t value) { store_be(bytes.data() + at, value); }

uint16_t checksum_of(const Bytes& bytes, size_t from, size_t size) {
  return rig::slow_checksum({bytes.begin() + static_cast<ptrdiff_t>(from),
                             bytes.begin() + static_cast<ptrdiff_t>(from + size)});
}

// The checksum of an ICMPv6 message that ends the packet at `ip`.
uint16_t icmp6_checksum(const Bytes& bytes, size_t ip, size_t icmp) {
  Bytes all(bytes.begin() + static_cast<ptrdiff_t>(ip + 8),
            bytes.begin() + static_cast<ptrdiff_t>(ip + 40));
  const size_t size = bytes.size() - icmp;
  const uint8_t tail[] = {0, 0, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size), 0, 0,
                          0, 58};
  all.insert(all.end(), std::begin(tail), std::end(tail));
  all.insert(all.end(), bytes.begin() + static_cast<ptrdiff_t>(icmp), bytes.end());
  return rig::slow_checksum(all);
}

// Addresses that lead somewhere, by the input's choice.
template <class Address>
void choose(uint8_t choice, Bytes& bytes, size_t at, std::span<const Address> known) {
  if (choice < known.size()) known[choice].store(bytes.data() + at);
}

void mend4(Bytes& bytes, size_t ip, uint8_t choice) {
  using wire::Ipv4Address;
  static const Ipv4Address known[] = {{192, 0, 2, 10},   {192, 0, 2, 1},  {198, 51, 100, 10},
                                      {198, 51, 100, 7}, {10, 8, 0, 11},  {8, 8, 8, 8},
                                      {169, 254, 1, 1},  {203, 0, 113, 7}};
  if (bytes.size() < ip + 20) return;
  choose<Ipv4Address>(choice & 15, bytes, ip + 12, known);
  choose<Ipv4Address>(choice >> 4, bytes, ip + 16, known);
  bytes[ip] = static_cast<uint8_t>(0x40 | std::max(5, bytes[ip] & 15));
  const size_t header = (bytes[ip] & 15u) * 4;
  if (bytes.size() < ip + header) return;
  store_be(bytes.data() + ip + 2, static_cast<uint16_t>(bytes.size() - ip));
  if (bytes[ip + 9] == 1 && bytes.size() >= ip + header + 8) {
    put_checksum(bytes, ip + header + 2, 0);
    put_checksum(bytes, ip + header + 2,
                 checksum_of(bytes, ip + header, bytes.size() - ip - header));
  }
  put_checksum(bytes, ip + 10, 0);
  put_checksum(bytes, ip + 10, checksum_of(bytes, ip, header));
}

void mend6(Bytes& bytes, size_t ip, uint8_t choice) {
  using wire::Ipv6Address;
  static const Ipv6Address known[] = {Ipv6Address::from_host(0x20010db800000000, 0x10),
                                      Ipv6Address::from_host(0x20010db800000000, 1),
                                      Ipv6Address::from_host(0x20010db800010000, 0x10),
                                      Ipv6Address::from_host(0x20010db800010000, 7),
                                      Ipv6Address::from_host(0x20010db800080000, 0x11),
                                      Ipv6Address::from_host(0x2001486000000000, 8),
                                      l3::kGateway6,
                                      wire::kAllNodes,
                                      Ipv6Address::from_host(0xfe80000000000000, 7)};
  if (bytes.size() < ip + 40) return;
  choose<Ipv6Address>(choice & 15, bytes, ip + 8, known);
  choose<Ipv6Address>(choice >> 4, bytes, ip + 24, known);
  bytes[ip] = static_cast<uint8_t>(0x60 | (bytes[ip] & 15));
  store_be(bytes.data() + ip + 4, static_cast<uint16_t>(bytes.size() - ip - 40));
  if (bytes[ip + 6] != 58 || bytes.size() < ip + 48) return;
  const bool neighbor_discovery = bytes[ip + 40] == 135 || bytes[ip + 40] == 136;
  if (neighbor_discovery && bytes[ip + 7] != 0) bytes[ip + 7] = 255;
  put_checksum(bytes, ip + 42, 0);
  put_checksum(bytes, ip + 42, icmp6_checksum(bytes, ip, ip + 40));
}

// Messages about the addresses that mean something on `port`, or what the bytes say.
void mend_arp(Bytes& bytes, size_t arp, uint16_t port) {
  using wire::Ipv4Address;
  static const Ipv4Address known[] = {{192, 0, 2, 10},   {192, 0, 2, 1}, {198, 51, 100, 10},
                                      {198, 51, 100, 7}, {10, 8, 0, 11}, {169, 254, 1, 1}};
  if (bytes.size() < arp + 28) return;
  const uint8_t choice = bytes[arp];
  const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, static_cast<uint8_t>(1 + (bytes[arp + 7] & 1))};
  std::copy(std::begin(head), std::end(head), bytes.begin() + static_cast<ptrdiff_t>(arp));
  if (bytes[arp + 8] == 0) rig::peer_mac(port).store(bytes.data() + arp + 8);
  choose<Ipv4Address>(choice & 7, bytes, arp + 14, known);
  choose<Ipv4Address>(choice >> 3 & 7, bytes, arp + 24, known);
}

// An Ethernet header for us before the bytes, which become a packet as good as they can.
Bytes dress(uint8_t step, uint8_t choice, std::span<const uint8_t> body) {
  const auto port = static_cast<uint16_t>(step & kPort);
  Bytes frame(14 + body.size());
  const bool group = (choice & 0xf0) == 0x70 && (step & kSixes) != 0;
  (group ? wire::multicast_mac(wire::kAllNodes) : rig::own_mac(port)).store(frame.data());
  rig::peer_mac(port).store(frame.data() + 6);
  store_be<uint16_t>(frame.data() + 12, (step & kSixes) != 0 ? 0x86dd : 0x0800);
  std::copy(body.begin(), body.end(), frame.begin() + 14);
  if ((step & kSixes) != 0)
    mend6(frame, 14, choice);
  else if (choice == 0xff)
    mend_arp(frame, 14, port);
  else
    mend4(frame, 14, choice);
  if ((step & kSixes) == 0 && choice == 0xff) store_be<uint16_t>(frame.data() + 12, 0x0806);
  if ((step & kTagged) != 0) {
    const uint8_t tag[] = {0x81, 0x00, 0, static_cast<uint8_t>(choice == 0 ? 0 : 100)};
    frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
  }
  return frame;
}

void check4(const Bytes& frame, size_t ip, bool to_host, bool from_host) {
  REQUIRE(frame.size() >= ip + 20 && frame[ip] >> 4 == 4);
  const size_t header = (frame[ip] & 15u) * 4;
  REQUIRE(header >= 20 && frame.size() >= ip + header);
  REQUIRE(load_be<uint16_t>(frame.data() + ip + 2) == frame.size() - ip);
  REQUIRE(checksum_of(frame, ip, header) == 0);
  if (!to_host) REQUIRE(frame[ip + 8] > 0);
  const auto source = wire::Ipv4Address::from(frame.data() + ip + 12);
  const bool whole = (load_be<uint16_t>(frame.data() + ip + 6) & 0x3fff) == 0;
  const bool ours = the_rig().topology().is_own(source) || source == l3::kGateway4;
  if (ours && whole && !from_host) {
    REQUIRE(frame[ip + 9] == 1);  // we say nothing but ICMP
    REQUIRE(checksum_of(frame, ip + header, frame.size() - ip - header) == 0);
  }
}

void check6(const Bytes& frame, size_t ip, bool to_host, bool from_host) {
  REQUIRE(frame.size() >= ip + 40 && frame[ip] >> 4 == 6);
  REQUIRE(load_be<uint16_t>(frame.data() + ip + 4) == frame.size() - ip - 40);
  if (!to_host) REQUIRE(frame[ip + 7] > 0);
  const auto source = wire::Ipv6Address::from(frame.data() + ip + 8);
  REQUIRE(!source.is_multicast() && !source.is_unspecified());
  const bool ours = the_rig().topology().is_own(source) || source.is_link_local();
  if (ours && !from_host && frame[ip + 6] == 58) REQUIRE(icmp6_checksum(frame, ip, ip + 40) == 0);
}

void check(const rig::Sent& sent, bool from_host) {
  static const std::array<std::string_view, 4> ports = {"wan", "lan", "cart", "host"};
  const auto port = static_cast<uint16_t>(std::ranges::find(ports, sent.port) - ports.begin());
  REQUIRE(port < 4);
  const Bytes& frame = sent.frame;
  REQUIRE(frame.size() >= 14 + 20);
  REQUIRE(wire::MacAddress::from(frame.data() + 6) == rig::own_mac(port));
  REQUIRE(wire::MacAddress::from(frame.data()) != rig::own_mac(port));
  uint16_t type = load_be<uint16_t>(frame.data() + 12);
  size_t at = 14;
  if (type == 0x8100) {
    REQUIRE(port == 0 && load_be<uint16_t>(frame.data() + 14) == 100);
    type = load_be<uint16_t>(frame.data() + 16);
    at = 18;
  }
  REQUIRE(frame.size() - at <= (port == 1 ? kSmallMtu : 1500));
  switch (type) {
    case 0x0800:
      return check4(frame, at, port == 3, from_host);
    case 0x86dd:
      return check6(frame, at, port == 3, from_host);
    case 0x0806:
      REQUIRE(frame.size() == at + 28);
      REQUIRE(wire::MacAddress::from(frame.data() + at + 8) == rig::own_mac(port));
      return;
    default:
      REQUIRE(false);
  }
}

void run_step(Reader& input, bool& from_host) {
  static const std::array<Duration, 4> times = {milliseconds(10), milliseconds(1010), seconds(31),
                                                seconds(700)};
  const uint8_t step = input.byte();
  const uint8_t choice = input.byte();
  size_t size = input.byte();
  if (size >= 250) size = 200 + (size - 249) * 230;  // up to 1,580 bytes
  const auto given = input.take(size);
  Bytes body(given.begin(), given.end());
  body.resize(size);
  rig::Rig& node = the_rig();
  if ((step & kPassTime) != 0) {
    node.pass(times[choice % times.size()]);
    node.walk();
  }
  const auto port = static_cast<uint16_t>(step & kPort);
  from_host = from_host || port == 3;
  rig::Arrival arrival{.steer = (step & kSteered) != 0};
  if ((step & kSegmented) != 0)
    arrival.segments = {static_cast<uint16_t>(1 + choice), 40,
                        static_cast<uint16_t>(1 + choice / 2)};
  const Bytes frame = (step & kRawFrame) != 0 ? body : dress(step, choice, body);
  node.put(port, frame, arrival);
  node.walk();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kSteps = 24;
  rig::Rig& node = the_rig();
  Reader input{{data, size}};
  bool from_host = false;
  for (int i = 0; i < kSteps && !input.rest.empty(); ++i) run_step(input, from_host);
  for (const rig::Sent& sent : node.take_sent()) check(sent, from_host);
  REQUIRE(node.lost() == 0);
  node.clear();
  REQUIRE(node.lost() == 0);
  return 0;
}
