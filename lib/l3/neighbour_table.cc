#include "l3/neighbour_table.h"

#include <bit>
#include <cstring>

namespace heddle::l3 {

namespace {
constexpr Duration kTick = milliseconds(10);

bool is_unresolved(NeighbourState state) { return state >= NeighbourState::kIncomplete; }
}  // namespace

template <class A>
NeighbourTable<A>::NeighbourTable(const NeighbourLimits& limits, uint64_t seed, Instant start)
    : limits_(limits),
      seed_(seed | 1),
      mask_(std::bit_ceil(limits.capacity * 2) - 1),
      shares_(std::make_unique<Share[]>(limits.interfaces)),
      entries_(limits.capacity),
      timers_(limits.capacity, kTick, start),
      index_(std::make_unique<uint32_t[]>(mask_ + 1)) {
  std::fill_n(index_.get(), mask_ + 1, kNoSlot);
}

template <class A>
NeighbourTable<A>::~NeighbourTable() {
  for (uint32_t slot = 0; slot < entries_.capacity(); ++slot) {
    if (!entries_.live(slot)) continue;
    for (uint8_t i = 0; i < entries_[slot].held_count; ++i) entries_[slot].held[i].free();
  }
}

template <class A>
uint32_t NeighbourTable<A>::slot_of(InterfaceId interface, const A& address) {
  for (uint32_t at = hash(interface, address) & mask_; index_[at] != kNoSlot;
       at = (at + 1) & mask_) {
    const Entry& entry = entries_[index_[at]];
    if (entry.interface == interface && entry.address == address) return index_[at];
  }
  return kNoSlot;
}

// Adds (or, with -1, takes) an entry to its interface's share, as its state says.
template <class A>
void NeighbourTable<A>::count(const Entry& entry, uint32_t by) {
  Share& share = shares_[entry.interface.index()];
  share.entries += by;
  if (is_unresolved(entry.state)) share.unresolved += by;
}

template <class A>
uint32_t NeighbourTable<A>::create(InterfaceId interface, const A& address, NeighbourState state,
                                   Sink* sink) {
  if (interface.index() >= limits_.interfaces) return kNoSlot;
  const Share& share = shares_[interface.index()];
  const bool in_resolution = is_unresolved(state) && share.unresolved >= limits_.capacity / 8;
  const bool over_share = state != NeighbourState::kStatic && share.entries >= limits_.capacity / 2;
  if ((in_resolution || over_share || entries_.full()) &&
      !make_room(interface, in_resolution, sink))
    return kNoSlot;
  const uint32_t slot = entries_.emplace();
  if (slot == kNoSlot) return kNoSlot;
  Entry& entry = entries_[slot];
  entry.address = address;
  entry.interface = interface;
  entry.state = state;
  count(entry, 1);
  uint32_t at = hash(interface, address) & mask_;
  while (index_[at] != kNoSlot) at = (at + 1) & mask_;
  index_[at] = slot;
  return slot;
}

// Forgets one neighbour of the interface among the next slots: bounded work, and no order to
// keep. Which may go is said at the top of the header.
template <class A>
bool NeighbourTable<A>::make_room(InterfaceId interface, bool in_resolution, Sink* sink) {
  constexpr uint32_t kLooks = 128;
  for (uint32_t i = 0; i < kLooks; ++i) {
    const uint32_t slot = next_victim_;
    next_victim_ = next_victim_ + 1 == limits_.capacity ? 0 : next_victim_ + 1;
    if (!entries_.live(slot) || entries_[slot].interface != interface) continue;
    const NeighbourState state = entries_[slot].state;
    const bool asked_for = state == NeighbourState::kIncomplete && sink != nullptr;
    const bool fits = state == NeighbourState::kFailed || asked_for ||
                      (state == NeighbourState::kStale && !in_resolution);
    if (!fits) continue;
    if (asked_for) give_up(slot, *sink);
    forget(slot);
    return true;
  }
  return false;
}

// Ends the wait of what is held, as if the neighbour had not answered.
template <class A>
void NeighbourTable<A>::give_up(uint32_t slot, Sink& sink) {
  Entry& entry = entries_[slot];
  count(entry, -1u);
  entry.state = NeighbourState::kFailed;
  count(entry, 1);
  const uint8_t held = entry.held_count;
  entry.held_count = 0;
  for (uint8_t i = 0; i < held; ++i) sink.give_up(entry, entry.held[i]);
}

template <class A>
void NeighbourTable<A>::flush(InterfaceId interface, Sink& sink) {
  for (uint32_t slot = 0; slot < entries_.capacity(); ++slot) {
    if (!entries_.live(slot) || entries_[slot].interface != interface) continue;
    if (entries_[slot].state == NeighbourState::kStatic) continue;
    give_up(slot, sink);
    forget(slot);
  }
}

// Removes the entry and closes the gap in its probe sequence by moving later ones back.
template <class A>
void NeighbourTable<A>::forget(uint32_t slot) {
  Entry& entry = entries_[slot];
  HEDDLE_CHECK(entry.held_count == 0, "a forgotten neighbour still holds packets");
  count(entry, -1u);
  timers_.disarm(slot);
  uint32_t gap = hash(entry.interface, entry.address) & mask_;
  while (index_[gap] != slot) gap = (gap + 1) & mask_;
  for (uint32_t at = (gap + 1) & mask_; index_[at] != kNoSlot; at = (at + 1) & mask_) {
    const Entry& other = entries_[index_[at]];
    const uint32_t home = hash(other.interface, other.address) & mask_;
    if (((at - home) & mask_) < ((at - gap) & mask_)) continue;
    index_[gap] = index_[at];
    gap = at;
  }
  index_[gap] = kNoSlot;
  entries_.erase(slot);
}

// Arms the timer that the state asks for; each state has exactly one.
template <class A>
void NeighbourTable<A>::arm(uint32_t slot, Instant now) {
  switch (entries_[slot].state) {
    case NeighbourState::kStatic:
      return timers_.disarm(slot);
    case NeighbourState::kReachable:
      return timers_.arm(slot, now + limits_.reachable);
    case NeighbourState::kStale:
      return timers_.arm(slot, now + limits_.stale);
    case NeighbourState::kProbe:
    case NeighbourState::kIncomplete:
      return timers_.arm(slot, now + limits_.retransmit);
    case NeighbourState::kFailed:
      return timers_.arm(slot, now + limits_.failed);
  }
}

template <class A>
void NeighbourTable<A>::apply(uint32_t slot, NeighbourEvent event, Instant now, Sink& sink) {
  Entry& entry = entries_[slot];
  const auto [next, action] = transition(entry.state, event);
  const bool moved = next != entry.state;
  if (moved) {
    count(entry, -1u);
    entry.state = next;
    count(entry, 1);
    entry.probes = 0;
  }
  if (event == NeighbourEvent::kConfirm) {
    entry.confirmed = now;
    entry.used = false;
  }
  const bool asks = action == NeighbourAction::kAskAll || action == NeighbourAction::kAskOne;
  if (asks) ++entry.probes;
  if (moved || asks || event == NeighbourEvent::kConfirm) arm(slot, now);

  // What waits is handed out last: the sink sees the entry as it is from now on.
  const uint8_t held = entry.held_count;
  switch (action) {
    case NeighbourAction::kNone:
      return;
    case NeighbourAction::kAskAll:
      return sink.solicit(entry, false);
    case NeighbourAction::kAskOne:
      return sink.solicit(entry, true);
    case NeighbourAction::kForget:
      return forget(slot);
    case NeighbourAction::kRelease:
      entry.held_count = 0;
      for (uint8_t i = 0; i < held; ++i) sink.release(entry, entry.held[i]);
      return;
    case NeighbourAction::kFail:
      entry.held_count = 0;
      for (uint8_t i = 0; i < held; ++i) sink.give_up(entry, entry.held[i]);
      return;
  }
}

// Keeps the newest packets, as RFC 1122 2.3.2.2 asks for at least the latest one.
template <class A>
void NeighbourTable<A>::hold(Entry& entry, packet::Packet packet, Sink& sink) {
  if (entry.held_count == kNeighbourQueue) {
    const packet::Packet oldest = entry.held[0];
    std::move(entry.held.begin() + 1, entry.held.end(), entry.held.begin());
    entry.held[kNeighbourQueue - 1] = packet;
    return sink.give_up(entry, oldest);
  }
  entry.held[entry.held_count++] = packet;
}

template <class A>
auto NeighbourTable<A>::use(InterfaceId interface, const A& address, packet::Packet packet,
                            Instant now, Sink& sink) -> Held {
  uint32_t slot = slot_of(interface, address);
  if (slot == kNoSlot) {
    slot = create(interface, address, NeighbourState::kIncomplete, &sink);
    if (slot == kNoSlot) return Held::kTableFull;
    Entry& entry = entries_[slot];
    entry.probes = 1;
    arm(slot, now);
    hold(entry, packet, sink);
    sink.solicit(entry, false);
    return Held::kWaiting;
  }
  Entry& entry = entries_[slot];
  entry.used = true;
  apply(slot, NeighbourEvent::kUse, now, sink);
  if (entry.state == NeighbourState::kFailed) return Held::kFailed;
  if (entry.state != NeighbourState::kIncomplete) return Held::kSettled;
  hold(entry, packet, sink);
  return Held::kWaiting;
}

template <class A>
bool NeighbourTable<A>::learn(InterfaceId interface, const A& address, const wire::MacAddress& mac,
                              NeighbourEvent event, Instant now, Sink& sink) {
  uint32_t slot = slot_of(interface, address);
  if (slot == kNoSlot) {
    if (event != NeighbourEvent::kHint) return false;
    slot = create(interface, address, NeighbourState::kStale, nullptr);
    if (slot == kNoSlot) return false;
    entries_[slot].mac = mac;
    entries_[slot].confirmed = now;
    arm(slot, now);
    return true;
  }
  Entry& entry = entries_[slot];
  if (entry.state == NeighbourState::kStatic) return false;
  const bool known = !is_unresolved(entry.state);
  if (event == NeighbourEvent::kHint && known && entry.mac != mac) event = NeighbourEvent::kChange;
  if (event == NeighbourEvent::kChange && known && entry.mac == mac) event = NeighbourEvent::kHint;
  if (event != NeighbourEvent::kDoubt) entry.mac = mac;
  apply(slot, event, now, sink);
  return true;
}

template <class A>
bool NeighbourTable<A>::add_static(InterfaceId interface, const A& address,
                                   const wire::MacAddress& mac, Instant now) {
  const uint32_t slot = create(interface, address, NeighbourState::kStatic, nullptr);
  if (slot == kNoSlot) return false;
  entries_[slot].mac = mac;
  entries_[slot].confirmed = now;
  return true;
}

template <class A>
void NeighbourTable<A>::advance(Instant now, uint32_t limit, Sink& sink) {
  timers_.advance(now, limit, [&](uint32_t slot) {
    Entry& entry = entries_[slot];
    const bool again =
        entry.state == NeighbourState::kReachable ? entry.used : entry.probes < limits_.tries;
    apply(slot, again ? NeighbourEvent::kRetry : NeighbourEvent::kGiveUp, now, sink);
  });
}

template class NeighbourTable<wire::Ipv4Address>;
template class NeighbourTable<wire::Ipv6Address>;

}  // namespace heddle::l3
