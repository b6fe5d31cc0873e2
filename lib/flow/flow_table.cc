#include "flow/flow_table.h"

#include <algorithm>

#include "core/check.h"

namespace heddle::flow {

namespace {
// Records that an eviction looks at, at most, in one class.
constexpr uint32_t kLooks = 8;

constexpr EvictionClass kClasses[] = {EvictionClass::kHalfOpen, EvictionClass::kClosing,
                                      EvictionClass::kOneWay, EvictionClass::kEstablished};
}  // namespace

FlowTable::FlowTable(const Limits& limits, const Timeouts& timeouts, uint64_t seed, Instant start)
    : limits_(limits),
      timeouts_(timeout_table(timeouts)),
      evict_idle_ms_(static_cast<uint32_t>(limits.evict_idle.ms())),
      half_open_patience_ms_(static_cast<int32_t>(limits.half_open_patience.ms())),
      capacity_(limits.flows),
      v6_capacity_(std::min(limits.flows_v6, limits.flows)),
      free_v6_(v6_capacity_ > 0 ? 0 : kNoFlow),
      free_v4_(v6_capacity_ < capacity_ ? v6_capacity_ : kNoFlow),
      used_v4_(v6_capacity_),
      hash_(seed),
      index_(2 * capacity_),
      records_(capacity_),
      asides_(capacity_),
      records6_(v6_capacity_),
      addresses_(v6_capacity_ > 0 ? limits.own_addresses : 0, seed),
      wheels_(capacity_, Stamp(start)),
      tenants_(std::make_unique<Tenant[]>(limits.tenants)) {
  HEDDLE_CHECK(capacity_ > 0 && capacity_ < 1u << 30, "a flow table of an impossible size");
  HEDDLE_CHECK(limits.evict_idle.ns() >= 0 && limits.evict_idle <= kLongestTimeout,
               "evict_idle out of range");
  for (uint32_t i = 0; i < capacity_; ++i) {
    const bool last = i + 1 == v6_capacity_ || i + 1 == capacity_;
    asides_[i].born_or_next = last ? kNoFlow : i + 1;
  }
  for (uint16_t i = 0; i < limits.tenants; ++i) tenants_[i] = {0, limits.flows_per_tenant};
}

size_t FlowTable::bytes() const {
  return index_.bytes() + records_.bytes() + asides_.bytes() + records6_.bytes() +
         addresses_.bytes() + wheels_.bytes() + limits_.tenants * sizeof(Tenant) + sizeof(*this);
}

void FlowTable::set_quota(TenantId tenant, uint32_t flows) {
  HEDDLE_CHECK(tenant.value() < limits_.tenants, "a tenant past the limit");
  tenants_[tenant.index()].quota = flows;
}

Found FlowTable::match(const Key6& key, uint32_t reference) const {
  const uint32_t slot = reference & kSlotMask;
  const Record& record = records_[slot];
  constexpr uint8_t kMask = RecordFlags::kLive | RecordFlags::kIpv6;
  if ((record.flags & kMask) != kMask || record.protocol != key.protocol()) return {};
  const unsigned which = (reference & kOutsideBit) != 0 ? kOutside : kInside;
  if (record.ports[which] != key.ports() &&
      record.ports[which] != internal::reversed_ports(key.ports())) {
    return {};
  }
  const Key6 tuple = this->tuple<wire::Ipv6Address>(slot, which);
  return judge(reference, record.has(RecordFlags::kTranslated), tuple == key,
               tuple == key.reversed());
}

template <class Address>
Found FlowTable::find(const Key<Address>& key, uint64_t hash) const {
  Found found;
  index_.find(hash, [&](uint32_t reference) {
    found = match(key, reference);
    return found.slot != kNoFlow;
  });
  return found;
}

template <>
Key4 FlowTable::tuple(uint32_t slot, unsigned which) const {
  const Record& record = records_[slot];
  return {record.words[which], record.ports[which], record.protocol};
}

template <>
Key6 FlowTable::tuple(uint32_t slot, unsigned which) const {
  const Record& record = records_[slot];
  const Record6& more = records6_[slot];
  Words6 source(record.words[0], record.words[1]);
  Words6 destination = more.responder;
  if (which == kInside && more.service != kNoAddress) destination = addresses_[more.service];
  if (which == kOutside && more.source != kNoAddress) source = addresses_[more.source];
  return {source, destination, record.ports[which], record.protocol};
}

void FlowTable::write_tuples(uint32_t slot, const NewFlow<wire::Ipv4Address>& flow) {
  Record& record = records_[slot];
  record.words[kInside] = flow.inside.addresses();
  record.words[kOutside] = flow.outside.addresses();
}

bool FlowTable::write_tuples(uint32_t slot, const NewFlow<wire::Ipv6Address>& flow) {
  const Key6& inside = flow.inside;
  const Key6& outside = flow.outside;
  uint32_t service = kNoAddress;
  uint32_t source = kNoAddress;
  if (inside.destination_words() != outside.destination_words()) {
    service = addresses_.acquire(inside.destination_words());
    if (service == kNoAddress) return false;
  }
  if (inside.source_words() != outside.source_words()) {
    source = addresses_.acquire(outside.source_words());
    if (source == kNoAddress) {
      if (service != kNoAddress) addresses_.release(service);
      return false;
    }
  }
  Record& record = records_[slot];
  record.words[0] = inside.source_words().first;
  record.words[1] = inside.source_words().second;
  records6_[slot] = {outside.destination_words(), service, source};
  return true;
}

template <class Address>
bool FlowTable::taken(const NewFlow<Address>& flow, const Hashes& hashes) const {
  if (find(flow.inside, hashes.inside).slot != kNoFlow) return true;
  if (flow.inside == flow.outside) return false;
  // Exchanging the ends would make one tuple of both.
  return flow.outside == flow.inside.reversed() ||
         find(flow.outside, hashes.outside).slot != kNoFlow;
}

template <class Address>
Created FlowTable::create(const NewFlow<Address>& flow, Stamp now, uint32_t& slot) {
  constexpr bool kV6 = sizeof(Address) == wire::Ipv6Address::kSize;
  const bool translated = flow.inside != flow.outside;
  HEDDLE_CHECK(flow.inside.protocol() == flow.outside.protocol(), "protocols are not translated");
  HEDDLE_CHECK(flow.tenant.value() < limits_.tenants, "a tenant past the limit");
  const uint64_t hash = hash_(flow.inside);
  const Hashes hashes{hash, translated ? hash_(flow.outside) : hash};
  if (taken(flow, hashes)) return Created::kTupleTaken;
  Tenant& tenant = tenants_[flow.tenant.index()];
  if (tenant.flows >= tenant.quota) return Created::kTenantQuota;
  if (eviction_class(flow.state) == EvictionClass::kHalfOpen &&
      count(EvictionClass::kHalfOpen) >= limits_.half_open && !give_up_half_open(now)) {
    return Created::kHalfOpenLimit;
  }
  const uint32_t at = take_slot(kV6, now);
  if (at == kNoFlow) return Created::kTableFull;
  if constexpr (kV6) {
    if (!write_tuples(at, flow)) {
      give_slot(at);
      return Created::kAddressesFull;
    }
  } else {
    write_tuples(at, flow);
  }
  Record& record = records_[at];
  record.ports[kInside] = flow.inside.ports();
  record.ports[kOutside] = flow.outside.ports();
  record.protocol = flow.inside.protocol();
  record.state = flow.state;
  record.flags =
      static_cast<uint8_t>(flow.flags | RecordFlags::kLive | (kV6 ? RecordFlags::kIpv6 : 0) |
                           (translated ? RecordFlags::kTranslated : 0));
  record.scales = 0;
  record.last_seen = now;
  record.sides[0] = record.sides[1] = {};
  record.generation = flow.generation;
  record.user = flow.user;
  asides_[at] = {flow.tenant, flow.aside, now.ms()};
  bool indexed = index_.insert(hashes.inside, at);
  if (translated) indexed = index_.insert(hashes.outside, at | kOutsideBit) && indexed;
  HEDDLE_CHECK(indexed, "the index has room for two tuples of each flow");
  ++tenant.flows;
  ++size_;
  wheels_.arm(at, wheel_of(at), due(at));
  counters_.created.add();
  slot = at;
  return Created::kOk;
}

// In a flood the oldest handshakes make room: nearly all of them are the flood's, and an honest one
// is done within a round trip.
bool FlowTable::give_up_half_open(Stamp now) {
  constexpr auto kNumber = static_cast<uint32_t>(EvictionClass::kHalfOpen);
  for (const uint32_t wheel : {kNumber, kEvictionClasses + kNumber}) {
    // The first of a wheel is among the oldest, to a tick; or was seen since, and goes to its
    // place.
    for (int looks = 0; looks < 2; ++looks) {
      const uint32_t slot = wheels_.first(wheel);
      if (slot == Wheels::kNone) break;
      if (now.since(records_[slot].last_seen) >= half_open_patience_ms_) {
        counters_.evicted[kNumber].add();
        remove(slot);
        return true;
      }
      wheels_.disarm(slot, wheel);
      wheels_.arm(slot, wheel, due(slot));
    }
  }
  return false;
}

uint32_t FlowTable::take_slot(bool v6, Stamp now) {
  uint32_t* head = !v6 && free_v4_ != kNoFlow ? &free_v4_ : &free_v6_;
  if (*head == kNoFlow) {
    const uint32_t given_up = victim(v6, now);
    if (given_up == kNoFlow) return kNoFlow;
    counters_.evicted[static_cast<size_t>(eviction_class(records_[given_up].state))].add();
    remove(given_up);
    head = given_up < v6_capacity_ ? &free_v6_ : &free_v4_;
  }
  const uint32_t slot = *head;
  *head = asides_[slot].born_or_next;
  if (*head != kNoFlow) {
    __builtin_prefetch(&asides_[*head], 1);
    __builtin_prefetch(&records_[*head], 1);
    wheels_.prefetch(*head);
  }
  uint32_t& used = slot < v6_capacity_ ? used_v6_ : used_v4_;
  used = std::max(used, slot + 1);
  return slot;
}

void FlowTable::give_slot(uint32_t slot) {
  uint32_t& head = slot < v6_capacity_ ? free_v6_ : free_v4_;
  asides_[slot].born_or_next = head;
  head = slot;
}

// A class at a time, the records for IPv4 alone first when either kind will do.
uint32_t FlowTable::victim(bool v6, Stamp now) {
  for (const EvictionClass in : kClasses) {
    const auto number = static_cast<uint32_t>(in);
    uint32_t slot = v6 ? kNoFlow : look_for_victim(number, in, now);
    if (slot == kNoFlow) slot = look_for_victim(kEvictionClasses + number, in, now);
    if (slot != kNoFlow) return slot;
  }
  return kNoFlow;
}

// The records of a wheel come up in the order of the times they were armed for. One that was seen
// since goes to where it belongs by now, and the next is looked at; of those that were all seen
// lately the one that was silent for longest goes, if the class may go at all.
uint32_t FlowTable::look_for_victim(uint32_t wheel, EvictionClass in, Stamp now) {
  uint32_t best = kNoFlow;
  int32_t longest = -1;
  for (uint32_t i = 0; i < kLooks; ++i) {
    const uint32_t slot = wheels_.first(wheel);
    if (slot == Wheels::kNone || slot == best) break;
    const int32_t silent = now.since(records_[slot].last_seen);
    if (silent >= static_cast<int32_t>(evict_idle_ms_)) return slot;
    if (silent > longest) {
      best = slot;
      longest = silent;
    }
    wheels_.disarm(slot, wheel);
    wheels_.arm(slot, wheel, due(slot));
    counters_.rearmed.add();
  }
  // Others make room before a handshake that may be an honest one.
  if (in == EvictionClass::kHalfOpen && longest < half_open_patience_ms_) return kNoFlow;
  return in == EvictionClass::kEstablished ? kNoFlow : best;
}

void FlowTable::change_state(uint32_t slot, State to, Stamp now) {
  Record& record = records_[slot];
  if (record.state == to) return;
  const uint32_t from_wheel = wheel_of(slot);
  const uint32_t from_timeout = timeouts_[static_cast<size_t>(record.state)];
  record.state = to;
  record.last_seen = now;
  const bool sooner = timeouts_[static_cast<size_t>(to)] < from_timeout;
  if (wheel_of(slot) == from_wheel && !sooner) return;  // it will be seen early enough
  wheels_.disarm(slot, from_wheel);
  wheels_.arm(slot, wheel_of(slot), due(slot));
}

void FlowTable::cut(uint32_t slot) {
  HEDDLE_CHECK(live(slot), "cut of a flow that is not there");
  counters_.cut.add();
  remove(slot);
}

uint32_t FlowTable::flush(uint32_t first, uint32_t count) {
  const uint64_t end = std::min<uint64_t>(uint64_t{first} + count, capacity_);
  for (uint32_t slot = first; slot < end; ++slot) {
    if (live(slot)) cut(slot);
  }
  return end == capacity_ ? kNoFlow : static_cast<uint32_t>(end);
}

template <class Address>
FlowTable::Hashes FlowTable::hashes_of(uint32_t slot) const {
  const uint64_t inside = hash_(tuple<Address>(slot, kInside));
  if (!records_[slot].has(RecordFlags::kTranslated)) return {inside, inside};
  return {inside, hash_(tuple<Address>(slot, kOutside))};
}

void FlowTable::remove(uint32_t slot, const Hashes& hashes) {
  Record& record = records_[slot];
  if (listener_ != nullptr && record.has(RecordFlags::kOwnsPort | RecordFlags::kWatched))
    listener_->released(slot);
  wheels_.disarm(slot, wheel_of(slot));
  index_.erase(hashes.inside, slot);
  if (record.has(RecordFlags::kTranslated)) index_.erase(hashes.outside, slot | kOutsideBit);
  if (record.has(RecordFlags::kIpv6)) {
    const Record6& more = records6_[slot];
    if (more.service != kNoAddress) addresses_.release(more.service);
    if (more.source != kNoAddress) addresses_.release(more.source);
  }
  record.flags = 0;
  --tenants_[asides_[slot].tenant.index()].flows;
  --size_;
  give_slot(slot);
}

// Flows expire in crowds: their buckets are fetched for some of them at once.
void FlowTable::remove_expired(std::span<Leaving> leaving) {
  for (Leaving& flow : leaving) {
    flow.hashes = hashes_of(flow.slot);
    index_.prefetch(flow.hashes.inside);
    index_.prefetch(flow.hashes.outside);
  }
  for (const Leaving& flow : leaving) remove(flow.slot, flow.hashes);
}

uint32_t FlowTable::advance(Instant now, uint32_t budget) {
  Leaving leaving[kLeaving];
  uint32_t count = 0;
  const uint32_t looked = wheels_.advance(
      Stamp(now), budget,
      [this](uint32_t slot, uint32_t next) {
        if (next != Wheels::kNone) __builtin_prefetch(&records_[next], 1);
        return due(slot);
      },
      [&](uint32_t slot) {
        counters_.expired.add();
        __builtin_prefetch(&asides_[slot], 1);
        leaving[count++].slot = slot;
        if (count < kLeaving) return;
        remove_expired(leaving);
        count = 0;
      });
  remove_expired({leaving, count});
  return looked;
}

template Found FlowTable::find(const Key4&, uint64_t) const;
template Found FlowTable::find(const Key6&, uint64_t) const;
template Created FlowTable::create(const NewFlow<wire::Ipv4Address>&, Stamp, uint32_t&);
template Created FlowTable::create(const NewFlow<wire::Ipv6Address>&, Stamp, uint32_t&);

}  // namespace heddle::flow
