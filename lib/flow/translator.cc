#include "flow/translator.h"

namespace heddle::flow {

namespace {

using wire::IpProtocol;

// Ports tried when the pool's choice makes a tuple that another flow has: a flow that was
// not translated may.
constexpr int kTries = 3;

constexpr bool is_query(IpProtocol protocol) {
  return protocol == IpProtocol::kIcmp || protocol == IpProtocol::kIcmpv6;
}

template <class Address>
End<Address> source_of(const Key<Address>& key) {
  return {key.source(), key.source_port()};
}
template <class Address>
End<Address> destination_of(const Key<Address>& key) {
  return {key.destination(), key.destination_port()};
}

}  // namespace

Translator::Translator(const TranslatorConfig& config, Tracker& tracker, uint64_t seed)
    : tracker_(tracker),
      pool4_(config.pool4, seed),
      pool6_(config.pool6, seed + 1),
      mappings4_(config.mappings4, seed + 2),
      mappings6_(config.mappings6, seed + 3) {
  tracker_.table().set_listener(this);
}

Translator::~Translator() { tracker_.table().set_listener(nullptr); }

// The tuple outside, with a port taken for it; nullopt when there is none.
template <class A>
std::optional<Decision<A>> Translator::decide(const Parsed<A>& packet, const Plan<A>& plan) {
  const Key<A>& key = packet.key;
  End<A> source = source_of(key);
  End<A> destination = plan.destination.value_or(destination_of(key));
  // What has no ports, or one for both sides, keeps it.
  const bool has_ports = key.protocol() == IpProtocol::kTcp || key.protocol() == IpProtocol::kUdp;
  if (!has_ports) destination.port = key.destination_port();
  Decision<A> decision{.outside = key,
                       .tenant = plan.tenant,
                       .generation = plan.generation,
                       .user = plan.user,
                       .aside = plan.aside,
                       .pick_up = plan.pick_up,
                       .flags = plan.flags};
  if (plan.source != SourceNat::kNone) {
    const bool shared = plan.source == SourceNat::kPerSource;
    const typename NatPool<A>::Request request{.protocol = key.protocol(),
                                               .source = source,
                                               .remote = destination,
                                               .group = plan.group,
                                               .steer = shared ? Steer::kByOwnEnd : Steer::kByFlow};
    const auto taken = shared ? mappings<A>().acquire(request, pool<A>()) : pool<A>().take(request);
    if (!taken) return std::nullopt;
    source = *taken;
    if (is_query(key.protocol())) destination.port = source.port;
    decision.flags |=
        shared ? RecordFlags::kOwnsPort | RecordFlags::kMapped : RecordFlags::kOwnsPort;
  } else if (mappings<A>().find_outside(key.protocol(), destination_of(key)) == destination) {
    // Let in from outside to who is behind the mapping: it keeps the mapping too.
    mappings<A>().hold(key.protocol(), destination_of(key));
    decision.flags |= RecordFlags::kOwnsPort | RecordFlags::kMapped;
  }
  decision.outside =
      Key<A>(source.address, destination.address, source.port, destination.port, key.protocol());
  return decision;
}

template <class A>
Tracked Translator::open(const Parsed<A>& packet, const Plan<A>& plan, Instant now) {
  Tracked tracked;
  for (int i = 0; i < kTries; ++i) {
    // Another packet of the batch may have made the flow: no port is taken for this one.
    const bool known = tracker_.table().find(packet.key).slot != kNoFlow;
    std::optional<Decision<A>> decision =
        known ? Decision<A>{.outside = packet.key, .generation = plan.generation}
              : decide(packet, plan);
    if (!decision) {
      tracker_.drops().add(Drop::kPortsExhausted);
      return {kNoFlow, Outcome::kDrop, Direction::kOriginal, Drop::kPortsExhausted};
    }
    tracked = tracker_.open(packet, *decision, now);
    if (tracked.outcome == Outcome::kPass) return tracked;
    // The packet has ended the flow that it belonged to, and begins the next.
    if (known && tracked.outcome == Outcome::kNew) continue;
    if (known) return tracked;
    if ((decision->flags & RecordFlags::kOwnsPort) != 0)
      give_back(packet.key, decision->outside, decision->flags);
    if (tracked.drop != Drop::kTupleTaken || plan.source != SourceNat::kPerFlow) return tracked;
  }
  return tracked;
}

template <class A>
void Translator::give_back(const Key<A>& inside, const Key<A>& outside, uint8_t flags) {
  const IpProtocol protocol = inside.protocol();
  if ((flags & RecordFlags::kMapped) == 0) {
    pool<A>().give(protocol, source_of(outside));
    return;
  }
  const bool from_inside = source_of(outside) != source_of(inside);
  mappings<A>().release(protocol, from_inside ? source_of(outside) : destination_of(inside),
                        pool<A>());
}

void Translator::released(uint32_t slot) {
  const FlowTable& table = tracker_.table();
  const uint8_t flags = table.record(slot).flags;
  if ((flags & RecordFlags::kWatched) != 0 && watcher_ != nullptr) watcher_->released(slot);
  if ((flags & RecordFlags::kOwnsPort) == 0) return;
  if (table.is_v6(slot)) {
    using A = wire::Ipv6Address;
    give_back(table.tuple<A>(slot, kInside), table.tuple<A>(slot, kOutside), flags);
  } else {
    using A = wire::Ipv4Address;
    give_back(table.tuple<A>(slot, kInside), table.tuple<A>(slot, kOutside), flags);
  }
}

template Tracked Translator::open(const Parsed4&, const Plan<wire::Ipv4Address>&, Instant);
template Tracked Translator::open(const Parsed6&, const Plan<wire::Ipv6Address>&, Instant);

}  // namespace heddle::flow
