#include "flow/tracker.h"

#include "core/check.h"
#include "flow/tcp_track.h"

namespace heddle::flow {

namespace {

using wire::IpProtocol;

template <class Address>
wire::TcpView tcp_of(const Parsed<Address>& packet) {
  return wire::TcpView(packet.l4());
}

// A source whose flows are counted together.
uint64_t source_hash(const KeyHash& hash, const wire::Ipv4Address& source) {
  return hash(source, 4);
}
uint64_t source_hash(const KeyHash& hash, const wire::Ipv6Address& source) {
  return hash(wire::network_of(source, 64), 6);
}

constexpr Drop drop_of(Created created) {
  switch (created) {
    case Created::kOk:
      return Drop::kNone;
    case Created::kTupleTaken:
      return Drop::kTupleTaken;
    case Created::kTenantQuota:
      return Drop::kTenantQuota;
    case Created::kHalfOpenLimit:
      return Drop::kHalfOpenLimit;
    case Created::kTableFull:
      return Drop::kTableFull;
    case Created::kAddressesFull:
      return Drop::kAddressesFull;
  }
  return Drop::kTableFull;
}

}  // namespace

Tracker::Tracker(const TrackerConfig& config, uint64_t seed, Instant start)
    : config_(config),
      table_(config.limits, config.timeouts, seed, start),
      sources_(config.limits.sources, config.limits.source_rate, config.limits.source_burst),
      learning_(config.limits.learn_rate, config.limits.learn_burst),
      flood_(config.limits.flood_rate, 1 + config.limits.flood_rate / 100) {}

Tracked Tracker::refuse(Drop drop, uint32_t slot) {
  drops_.add(drop);
  return {slot, Outcome::kDrop, Direction::kOriginal, drop};
}

Tracked Tracker::not_learned(Drop drop, Instant now) {
  drops_.add(drop);
  last_not_learned_ = now;
  return {kNoFlow, Outcome::kNotLearned, Direction::kOriginal, drop};
}

template <class Address>
void Tracker::track(std::span<const Parsed<Address>> packets, Generation current, Instant now,
                    std::span<Tracked> out) {
  HEDDLE_CHECK(packets.size() <= kMaxBatch && out.size() >= packets.size(), "a batch too large");
  uint64_t hashes[kMaxBatch];
  uint32_t guesses[kMaxBatch];
  const size_t count = packets.size();
  // Each step over the whole batch, so that one packet's cache misses hide behind the others'.
  for (size_t i = 0; i < count; ++i) {
    hashes[i] = table_.hash(packets[i].key);
    table_.prefetch(hashes[i]);
  }
  for (size_t i = 0; i < count; ++i) guesses[i] = table_.guess(hashes[i]);
  for (size_t i = 0; i < count; ++i) {
    const Parsed<Address>& packet = packets[i];
    if (!packet.tracked()) [[unlikely]] {
      out[i] = packet.kind == PacketKind::kRefused ? refuse(packet.drop) : Tracked{};
      continue;
    }
    const Found found = table_.find(packet.key, hashes[i], guesses[i]);
    out[i] = found.slot == kNoFlow ? miss(packet) : judge(packet, found, current, now);
  }
}

template <class Address>
Tracked Tracker::miss(const Parsed<Address>& packet) const {
  Tracked tracked{kNoFlow, Outcome::kNew, Direction::kOriginal, Drop::kNone};
  if (packet.opens && opening_state(packet, config_.pick_up) != State::kNone) return tracked;
  tracked.outcome = Outcome::kUnknown;
  tracked.drop = packet.key.protocol() == IpProtocol::kTcp ? Drop::kNoTcpFlow : Drop::kNoQueryFlow;
  if (packet.key.protocol() == IpProtocol::kTcp &&
      tcp_kind(tcp_of(packet).flags()) == TcpKind::kBad) {
    tracked.drop = Drop::kTcpFlags;
  }
  return tracked;
}

// kNone: this packet begins no flow.
template <class Address>
State Tracker::opening_state(const Parsed<Address>& packet, PickUp pick_up) const {
  if (packet.key.protocol() != IpProtocol::kTcp) return first_state(packet.key.protocol());
  const TcpKind kind = tcp_kind(tcp_of(packet).flags());
  if (kind == TcpKind::kBad) return State::kNone;
  const TcpCell cell = tcp_transition(State::kNone, Direction::kOriginal, kind);
  if (cell.action == TcpAction::kOpen) return cell.next;
  const bool picked_up = cell.action == TcpAction::kPickUp && pick_up == PickUp::kAllow;
  return picked_up ? cell.next : State::kNone;
}

// A flow of which the answers go another way may be met anywhere in its life.
template <class Address>
State Tracker::opening_state(const Parsed<Address>& packet,
                             const Decision<Address>& decision) const {
  if (!packet.tracked() || !packet.opens) return State::kNone;
  const bool one_sided = (decision.flags & RecordFlags::kOneSided) != 0;
  if (!one_sided || packet.key.protocol() != IpProtocol::kTcp)
    return opening_state(packet, std::max(config_.pick_up, decision.pick_up));
  switch (tcp_kind(tcp_of(packet).flags())) {
    case TcpKind::kSyn:
      return State::kSynSent;
    case TcpKind::kAck:
      return State::kMidstream;
    default:
      return State::kNone;
  }
}

template <class Address>
Tracked Tracker::judge(const Parsed<Address>& packet, const Found& found, Generation current,
                       Instant now) {
  if (found.wrong_way) [[unlikely]]
    return refuse(Drop::kWrongWay, found.slot);
  if (table_.record(found.slot).generation != current) [[unlikely]] {
    return {found.slot, Outcome::kStale, found.direction, Drop::kNone};
  }
  return step(packet, found.slot, found.direction, now);
}

template <class Address>
Tracked Tracker::step(const Parsed<Address>& packet, uint32_t slot, Direction direction,
                      Instant now) {
  const Tracked pass{slot, Outcome::kPass, direction, Drop::kNone};
  if (packet.key.protocol() == IpProtocol::kTcp) {
    if (table_.record(slot).has(RecordFlags::kOneSided)) [[unlikely]]
      return step_one_sided(packet, pass, Stamp(now));
    return step_segment(packet, pass, Stamp(now));
  }
  const State state = table_.record(slot).state;
  if (direction == Direction::kReply && answered(state) != state) [[unlikely]] {
    table_.change_state(slot, answered(state), Stamp(now));
  }
  table_.touch(slot, Stamp(now));
  return pass;
}

template <class Address>
Tracked Tracker::step_segment(const Parsed<Address>& packet, const Tracked& at, Stamp now) {
  Record& record = table_.record(at.slot);
  const bool cut = packet.kind == PacketKind::kFirstFragment;
  const TcpStep step =
      step_tcp(record, at.direction, tcp_of(packet), packet.l4_length, config_.window, cut);
  switch (step.action) {
    case TcpAction::kPass:
      if (step.next != record.state) [[unlikely]]
        table_.change_state(at.slot, step.next, now);
      table_.touch(at.slot, now);
      return at;
    case TcpAction::kIgnore:
      return at;
    case TcpAction::kRestart:
      table_.cut(at.slot);
      return miss(packet);
    default: {
      Tracked refused = refuse(step.drop, at.slot);
      refused.direction = at.direction;
      return refused;
    }
  }
}

// Without the answers there are no windows to hold a segment against: it is sorted by its flags.
template <class Address>
Tracked Tracker::step_one_sided(const Parsed<Address>& packet, const Tracked& at, Stamp now) {
  State next = table_.record(at.slot).state;
  switch (tcp_kind(tcp_of(packet).flags())) {
    case TcpKind::kSyn:
      if (next == State::kSynSent) break;
      table_.cut(at.slot);
      return miss(packet);
    case TcpKind::kFin:
      next = State::kFinBoth;
      break;
    case TcpKind::kRst:
      next = State::kReset;
      break;
    case TcpKind::kBad:
      return refuse(Drop::kTcpFlags, at.slot);
    default:
      if (eviction_class(next) == EvictionClass::kHalfOpen) next = State::kEstablished;
  }
  if (next != table_.record(at.slot).state) table_.change_state(at.slot, next, now);
  table_.touch(at.slot, now);
  return at;
}

template <class Address>
Tracked Tracker::open(const Parsed<Address>& packet, const Decision<Address>& decision,
                      Instant now) {
  const Found found = table_.find(packet.key);
  if (found.slot != kNoFlow) return judge(packet, found, decision.generation, now);
  const State state = opening_state(packet, decision);
  if (state == State::kNone) return refuse(miss(packet).drop);
  if (decision.outside != packet.key && !can_translate(packet.key.protocol())) {
    return refuse(Drop::kCannotTranslate);
  }
  if (!sources_.take(source_hash(table_.hasher(), packet.key.source()), now)) {
    return refuse(Drop::kSourceRate);
  }
  if (!learning_.take(now)) return not_learned(Drop::kLearnRate, now);
  const NewFlow<Address> flow{.inside = packet.key,
                              .outside = decision.outside,
                              .state = state,
                              .flags = decision.flags,
                              .tenant = decision.tenant,
                              .generation = decision.generation,
                              .user = decision.user,
                              .aside = decision.aside};
  Tracked tracked{kNoFlow, Outcome::kPass, Direction::kOriginal, Drop::kNone};
  switch (const Created created = table_.create(flow, Stamp(now), tracked.slot)) {
    case Created::kOk:
      break;
    case Created::kHalfOpenLimit:
    case Created::kTableFull:
    case Created::kAddressesFull:
      return not_learned(drop_of(created), now);
    case Created::kTupleTaken:
    case Created::kTenantQuota:
      return refuse(drop_of(created));
  }
  const bool one_sided = (decision.flags & RecordFlags::kOneSided) != 0;
  if (packet.key.protocol() == IpProtocol::kTcp && !one_sided &&
      !begin_tcp(table_.record(tracked.slot), tcp_of(packet), packet.l4_length)) {
    // Whoever owns the outside port keeps it: the caller hears that nothing came of it.
    constexpr uint8_t kHeard = RecordFlags::kOwnsPort | RecordFlags::kWatched;
    table_.record(tracked.slot).flags &= static_cast<uint8_t>(~kHeard);
    table_.cut(tracked.slot);
    return refuse(Drop::kTcpOptions);
  }
  tracked.opened = true;
  return tracked;
}

template void Tracker::track(std::span<const Parsed4>, Generation, Instant, std::span<Tracked>);
template void Tracker::track(std::span<const Parsed6>, Generation, Instant, std::span<Tracked>);
template Tracked Tracker::open(const Parsed4&, const Decision<wire::Ipv4Address>&, Instant);
template Tracked Tracker::open(const Parsed6&, const Decision<wire::Ipv6Address>&, Instant);
template Tracked Tracker::step(const Parsed4&, uint32_t, Direction, Instant);
template Tracked Tracker::step(const Parsed6&, uint32_t, Direction, Instant);

}  // namespace heddle::flow
