// Packets of both families through parse, track, open and translate: what was a sound packet
// stays one, tables keep to their bounds, and at the end every port has come back.
#include <algorithm>

#include "flow/translator.h"
#include "support.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

using namespace heddle;
using namespace heddle::flow;
using heddle::fuzz::require;

namespace {

constexpr Instant kStart{seconds(1000).ns()};

TrackerConfig tracker_config(uint8_t options) {
  TrackerConfig config;
  config.limits.flows = 8;
  config.limits.flows_v6 = 4;
  config.limits.own_addresses = 4;
  config.limits.half_open = 6;
  config.limits.tenants = 1;
  config.limits.evict_idle = seconds(0);
  config.limits.source_rate = (options & 1) != 0 ? 100 : 0;
  config.window = static_cast<WindowCheck>(options % 3);
  config.pick_up = (options & 4) != 0 ? PickUp::kAllow : PickUp::kRefuse;
  return config;
}

TranslatorConfig translator_config() {
  TranslatorConfig config;
  config.pool4.groups = {{wire::Ipv4Address(192, 0, 2, 1)}};
  config.pool6.groups = {{wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 1)}};
  config.pool4.last_port = config.pool6.last_port = 1100;  // quickly made, soon exhausted
  config.mappings4 = config.mappings6 = 4;
  return config;
}

template <class Address>
bool transport_ok(const Parsed<Address>& packet) {
  const std::span<const uint8_t> l4(packet.l4(), packet.l4_length);
  const Address source = packet.key.source(), destination = packet.key.destination();
  switch (packet.key.protocol()) {
    case wire::IpProtocol::kTcp:
      return wire::tcp_checksum_ok(source, destination, l4);
    case wire::IpProtocol::kUdp:
      return wire::udp_checksum_ok(source, destination, l4);
    case wire::IpProtocol::kIcmp:
      return wire::icmp4_checksum_ok(l4);
    case wire::IpProtocol::kIcmpv6:
      return wire::transport_checksum(source, destination, packet.key.protocol(), l4) == 0;
    default:
      return true;
  }
}

template <class Address>
Plan<Address> plan_for(uint8_t options, Generation generation) {
  Plan<Address> plan{.source = static_cast<SourceNat>(options % 3), .generation = generation};
  if ((options & 8) != 0) plan.destination = End<Address>{Address(), Be16(options)};
  return plan;
}

template <class Address>
void forward(Tracker& tracker, Translator& translator, std::span<uint8_t> bytes, uint8_t options,
             Instant now) {
  const Generation generation(options >> 6);
  Parsed<Address> packet;
  parse(bytes, packet);
  Tracked tracked;
  tracker.track(std::span<const Parsed<Address>>(&packet, 1), generation, now, {&tracked, 1});
  require(packet.tracked() || tracked.outcome == Outcome::kDrop ||
          tracked.outcome == Outcome::kNotTracked);
  if (tracked.outcome == Outcome::kNew) {
    tracked = translator.open(packet, plan_for<Address>(options, generation), now);
  }
  if (tracked.outcome == Outcome::kStale) {
    tracker.confirm(tracked.slot, generation);
    tracked = tracker.resume(packet, tracked, now);
  }
  require(tracked.outcome != Outcome::kDrop || tracked.drop != Drop::kNone);
  if (tracked.outcome != Outcome::kPass) return;
  require(tracker.table().live(tracked.slot));
  const bool sound = packet.kind == PacketKind::kFlow && transport_ok(packet);
  tracker.translate(packet, tracked);
  Parsed<Address> after;
  parse(bytes, after);
  require(after.kind == packet.kind || after.drop == Drop::kLandAttack);
  if (sound && after.kind == PacketKind::kFlow) require(transport_ok(after));
}

// Makes a packet of raw bytes that comes further: a sound IP header, few addresses and ports, so
// that packets meet each other's flows. Bit 5 of the options says which family.
void shape(std::span<uint8_t> bytes, uint8_t options) {
  const bool v6 = (options & 32) != 0;
  const size_t header = v6 ? wire::kIpv6HeaderSize : wire::kIpv4HeaderSize;
  if (bytes.size() < header + 20) return;
  constexpr uint8_t kProtocols4[] = {6, 6, 17, 1};
  constexpr uint8_t kProtocols6[] = {6, 6, 17, 58};
  const size_t size = v6 ? bytes.size() - header : bytes.size();
  const uint8_t pick = bytes[1];
  bytes[0] = v6 ? 0x60 : 0x45;
  store_be<uint16_t>(bytes.data() + (v6 ? 4 : 2), static_cast<uint16_t>(size));
  if (v6) {
    bytes[6] = kProtocols6[pick & 3];
    std::fill_n(bytes.begin() + 8, 32, uint8_t{0});
  } else {
    bytes[6] = bytes[7] = 0;
    bytes[9] = kProtocols4[pick & 3];
    std::fill_n(bytes.begin() + 12, 8, uint8_t{0});
  }
  const bool back = (pick & 4) != 0;
  const size_t width = v6 ? 16 : 4;
  bytes[header - width - 1] = back ? 2 : 1;
  bytes[header - 1] = back ? 1 : 2;
  uint8_t* const l4 = bytes.data() + header;
  if ((pick & 3) == 3) {
    l4[0] = v6 ? (back ? 129 : 128) : (back ? 0 : 8);
    store_be<uint16_t>(l4 + 4, pick >> 6);
    return;
  }
  store_be<uint16_t>(l4, back ? 80 : pick >> 6);
  store_be<uint16_t>(l4 + 2, back ? pick >> 6 : 80);
  if ((pick & 3) == 2) {
    store_be<uint16_t>(l4 + 4, static_cast<uint16_t>(bytes.size() - header));
    return;
  }
  // Sequence numbers near each other; options as they come.
  for (const size_t at : {size_t{4}, size_t{8}}) l4[at] = l4[at + 1] = 0;
  if (l4[12] < 0x50) l4[12] = 0x50;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  Tracker tracker(tracker_config(data[0]), data[1], kStart);
  Translator translator(translator_config(), tracker, data[1]);
  Instant now = kStart;
  size_t at = 2;
  while (at + 3 <= size) {
    const uint8_t options = data[at];
    const size_t length = std::min<size_t>(load_be<uint16_t>(data + at + 1) % 200, size - at - 3);
    auto bytes = heddle::fuzz::copy({data + at + 3, length});
    at += 3 + length;
    if ((options & 16) != 0) shape(bytes, options);
    if (wire::check_ipv4_without_checksum(bytes) == wire::Ipv4Fault::kNone) {
      forward<wire::Ipv4Address>(tracker, translator, bytes, options, now);
    } else if (wire::check_ipv6(bytes) == wire::Ipv6Fault::kNone) {
      forward<wire::Ipv6Address>(tracker, translator, bytes, options, now);
    } else {  // time goes on
      now = now + milliseconds(int64_t{options} * options * 10);
      tracker.table().advance(now, 100);
    }
    require(tracker.table().size() <= 8);
  }
  require(tracker.table().flush(0, 100) == flow::kNoFlow && tracker.table().size() == 0);
  require(translator.pool<wire::Ipv4Address>().used() == 0);
  require(translator.pool<wire::Ipv6Address>().used() == 0);
  require(translator.mappings<wire::Ipv4Address>().size() == 0);
  return 0;
}
