#include "heddle_side.h"

#include <array>

#include "flow/icmp_related.h"
#include "services.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::differential {

namespace {

using flow::Outcome;
using flow::PacketKind;

constexpr Instant kStart{seconds(1000).ns()};
constexpr flow::Generation kCurrent{1};

template <class Address>
constexpr bool kV6 = sizeof(Address) == wire::Ipv6Address::kSize;

template <class Address>
Address address(const End& end) {
  if constexpr (kV6<Address>) {
    return address6(end);
  } else {
    return address4(end);
  }
}

// Nothing but the state of flows may refuse a packet here, as in the kernel.
flow::TrackerConfig tracker_config() {
  flow::TrackerConfig config;
  config.limits.flows = 60'000;
  config.limits.flows_v6 = 30'000;
  config.limits.half_open = 60'000;
  config.limits.own_addresses = 64;
  config.limits.tenants = 1;
  config.limits.flows_per_tenant = 60'000;
  return config;
}

flow::TranslatorConfig translator_config() {
  flow::TranslatorConfig config;
  config.pool4.groups = {{address4(kPool)}};
  config.pool6.groups = {{address6(kPool)}};
  return config;
}

template <class Address>
flow::Key<Address> key_of(const Ends& ends) {
  return {address<Address>(ends.source), address<Address>(ends.destination), Be16(ends.source.port),
          Be16(ends.destination.port), ends.protocol};
}

// Into which network an address leads.
template <class Address>
std::optional<Side> side_of(const Address& destination) {
  for (const auto& [net, side] :
       {std::pair{kClientNet, Side::kClients}, std::pair{kServerNet, Side::kServers}}) {
    constexpr uint8_t kLength = kV6<Address> ? 64 : 16;
    if (wire::network_of(destination, kLength) == address<Address>(End{net, 0, 0})) return side;
  }
  return std::nullopt;
}

// nullptr: for no service.
template <class Address>
const Service* service_of(const flow::Key<Address>& key) {
  for (const Service& service : kServices) {
    if (key.destination() != address<Address>(service.own())) continue;
    const bool query = key.protocol() == (kV6<Address> ? IpProtocol::kIcmpv6 : IpProtocol::kIcmp);
    if (query || key.destination_port().host() == service.own().port) return &service;
  }
  return nullptr;
}

}  // namespace

const char* name(Refusal refusal) {
  constexpr std::array<const char*, 8> kNames = {"none",      "header",   "flow", "fragment",
                                                 "untracked", "no_route", "ttl",  "held"};
  return kNames[static_cast<size_t>(refusal)];
}

HeddleSide::HeddleSide(uint64_t seed)
    : tracker_(tracker_config(), seed, kStart),
      translator_(translator_config(), tracker_, seed + 1),
      fragments4_({}, seed + 2),
      fragments6_({}, seed + 3),
      now_(kStart) {}

template <>
flow::Fragments<wire::Ipv4Address>& HeddleSide::fragments() {
  return fragments4_;
}
template <>
flow::Fragments<wire::Ipv6Address>& HeddleSide::fragments() {
  return fragments6_;
}

bool HeddleSide::refuse(Refusal refusal, flow::Drop drop) {
  // Of several fragments the first that was refused says why.
  if (verdict_.refusal == Refusal::kNone || verdict_.refusal == Refusal::kHeld) {
    verdict_ = {refusal, drop, answer_};
  }
  return false;
}

std::vector<Output> HeddleSide::forward(Side, std::span<const Bytes> packets) {
  std::vector<Output> out;
  verdict_ = {};
  // A microsecond a packet: what the limits on learning are filled by.
  for (const Bytes& packet : packets) {
    now_ = now_ + microseconds(1);
    if (!packet.empty() && packet[0] >> 4 == 6) {
      forward_one<wire::Ipv6Address>(packet, out);
    } else {
      forward_one<wire::Ipv4Address>(packet, out);
    }
  }
  return out;
}

template <class Address>
void HeddleSide::forward_one(Bytes bytes, std::vector<Output>& out) {
  bool sound = false;
  if constexpr (kV6<Address>) {
    sound = wire::check_ipv6(bytes) == wire::Ipv6Fault::kNone;
  } else {
    sound = wire::check_ipv4(bytes) == wire::Ipv4Fault::kNone;
  }
  if (!sound) {
    refuse(Refusal::kHeader);
    return;
  }
  flow::Parsed<Address> packet;
  flow::parse(std::span<uint8_t>(bytes), packet);
  if (packet.kind == PacketKind::kFirstFragment || packet.kind == PacketKind::kLaterFragment) {
    forward_fragment(packet, bytes, out);
    return;
  }
  if (packet.kind == PacketKind::kError) {
    const flow::Tracked related = flow::relate(tracker_, packet);
    if (related.outcome != Outcome::kPass) {
      refuse(Refusal::kFlow, related.drop);
      return;
    }
  } else if (packet.kind == PacketKind::kUntracked) {
    refuse(Refusal::kUntracked);
    return;
  } else if (!pass_flow(packet)) {
    return;
  }
  route(packet, bytes, out);
}

template <class Address>
bool HeddleSide::pass_flow(flow::Parsed<Address>& packet) {
  flow::Tracked tracked;
  tracker_.track(std::span<const flow::Parsed<Address>>(&packet, 1), kCurrent, now_, {&tracked, 1});
  if (tracked.outcome == Outcome::kNew) tracked = open(packet);
  if (tracked.outcome == Outcome::kNew) return false;
  if (tracked.outcome != Outcome::kPass) return refuse(Refusal::kFlow, tracked.drop);
  tracker_.translate(packet, tracked);
  return true;
}

// kNew: refused before a flow was made, as `verdict_` says.
template <class Address>
flow::Tracked HeddleSide::open(const flow::Parsed<Address>& packet) {
  flow::Plan<Address> plan{.destination = {}, .tenant = flow::TenantId(0), .generation = kCurrent};
  const Service* const service = service_of(packet.key);
  Address destination = packet.key.destination();
  if (service != nullptr) {
    const End to = service->backend();
    plan.destination = flow::End<Address>{address<Address>(to), Be16(to.port)};
    if (service->translation == Translation::kFull) plan.source = flow::SourceNat::kPerFlow;
    destination = address<Address>(to);
  }
  flow::Tracked refused;
  refused.outcome = Outcome::kNew;
  // As in the kernel, a packet that is not sent on begins no flow.
  const uint8_t ttl = packet.packet[kV6<Address> ? 7 : 8];
  if (!side_of(destination)) {
    refuse(Refusal::kNoRoute);
    return refused;
  }
  if (ttl <= 1) {
    refuse(Refusal::kTtl);
    return refused;
  }
  return translator_.open(packet, plan, now_);
}

template <class Address>
void HeddleSide::route(flow::Parsed<Address>& packet, Bytes& bytes, std::vector<Output>& out) {
  const size_t at = kV6<Address> ? 24 : 16;
  const auto side = side_of(Address::from(packet.packet + at));
  if (!side) {
    refuse(Refusal::kNoRoute);
    return;
  }
  if (packet.packet[kV6<Address> ? 7 : 8] <= 1) {
    refuse(Refusal::kTtl);
    return;
  }
  if constexpr (kV6<Address>) {
    wire::Ipv6MutView(packet.packet).decrement_hop_limit();
  } else {
    wire::Ipv4MutView(packet.packet).decrement_ttl();
  }
  out.push_back({*side, std::move(bytes)});
}

template <class Address>
void HeddleSide::forward_fragment(flow::Parsed<Address>& packet, Bytes& bytes,
                                  std::vector<Output>& out) {
  const flow::Fragment<Address> fragment = flow::fragment_of(packet);
  const flow::FragmentVerdict seen = fragments<Address>().see(fragment, now_, *this);
  answer_ = seen.answer;
  if (seen.answer == flow::FragmentAnswer::kHold) {
    held_[seen.datagram].push_back(std::move(bytes));
    refuse(Refusal::kHeld);
    return;
  }
  if (flow::refused(seen.answer)) {
    refuse(Refusal::kFragment);
    return;
  }
  if (packet.kind == PacketKind::kLaterFragment) return route_later(packet, seen.ports, bytes, out);
  const auto waiting = held_.extract(seen.datagram);
  if (!pass_flow(packet)) {
    fragments<Address>().refuse(fragment);
    return;
  }
  route(packet, bytes, out);
  if (waiting.empty()) return;
  for (Bytes& each : waiting.mapped()) {
    flow::Parsed<Address> later;
    flow::parse(std::span<uint8_t>(each), later);
    route_later(later, fragment.ports, each, out);
  }
}

// The first one was tracked and passed: this one goes where it went.
template <class Address>
void HeddleSide::route_later(flow::Parsed<Address>& packet, uint32_t ports, Bytes& bytes,
                             std::vector<Output>& out) {
  if constexpr (kV6<Address>) {
    packet.key = flow::Key6(packet.key.source_words(), packet.key.destination_words(), ports,
                            packet.key.protocol());
  } else {
    packet.key = flow::Key4(packet.key.addresses(), ports, packet.key.protocol());
  }
  const flow::Found found = tracker_.table().find(packet.key);
  if (found.slot == flow::kNoFlow || found.wrong_way) {
    refuse(Refusal::kFragment);
    return;
  }
  tracker_.translate(packet, {found.slot, Outcome::kPass, found.direction});
  route(packet, bytes, out);
}

HeddleFlow HeddleSide::find(const Flow& flow) const {
  const auto look = [&](const Ends& ends) {
    return ends.v6 ? tracker_.table().find(key_of<wire::Ipv6Address>(ends))
                   : tracker_.table().find(key_of<wire::Ipv4Address>(ends));
  };
  flow::Found found = look(flow.inside());
  if (found.slot == flow::kNoFlow && flow.translation != Translation::kFull) {
    found = look(flow.outside(Router::kHeddle));
  }
  if (found.slot == flow::kNoFlow) return {};
  return {true, found.direction == flow::Direction::kReply, tracker_.table().record(found.slot)};
}

}  // namespace heddle::differential
