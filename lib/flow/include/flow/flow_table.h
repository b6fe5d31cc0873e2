// FlowTable: the flows of one worker by tuple, their timers, quotas and eviction. It knows
// nothing of packets; tracker.h does.
//
// A look-up of a batch goes in three steps, each over the whole batch, so that the cache misses
// of different packets overlap: prefetch(hash) the bucket, guess(hash) which record it is and
// fetch that, then find(). Slots are stable until the flow is removed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/counter.h"
#include "core/time.h"
#include "flow/bucket_index.h"
#include "flow/hash.h"
#include "flow/huge_array.h"
#include "flow/limits.h"
#include "flow/own_addresses.h"
#include "flow/record.h"
#include "flow/wheels.h"

namespace heddle::flow {

inline constexpr uint32_t kNoFlow = BucketIndex::kNone;

struct Found {
  uint32_t slot = kNoFlow;
  Direction direction{};
  // The tuple is one of a translated flow, from the side on which it does not come: what the
  // responder gets, or what the initiator is answered. Nothing may be made of it.
  bool wrong_way = false;
};

template <class Address>
struct NewFlow {
  Key<Address> inside;   // as its first packet comes in
  Key<Address> outside;  // as it goes out; equal when nothing is translated
  State state = State::kNone;
  uint8_t flags = 0;  // kOwnsPort, kMapped, kPickedUp, kWatched, kOneSided
  TenantId tenant;
  Generation generation;
  uint32_t user = 0;
  uint16_t aside = 0;
};

enum class Created : uint8_t {
  kOk,
  kTupleTaken,  // another flow has one of the tuples
  kTenantQuota,
  kHalfOpenLimit,
  kTableFull,      // and nothing that may be given up
  kAddressesFull,  // too many different own IPv6 addresses
};

// Is told when a flow that owns a port or is watched goes, before its record does.
class FlowListener {
 public:
  virtual ~FlowListener() = default;
  virtual void released(uint32_t slot) = 0;
};

struct TableCounters {
  Counter created;
  Counter expired;
  Counter cut;
  std::array<Counter, kEvictionClasses> evicted;
  Counter rearmed;
};

class FlowTable {
 public:
  FlowTable(const Limits& limits, const Timeouts& timeouts, uint64_t seed, Instant start);

  template <class Address>
  uint64_t hash(const Key<Address>& key) const {
    return hash_(key);
  }
  const KeyHash& hasher() const { return hash_; }
  void prefetch(uint64_t hash) const { index_.prefetch(hash); }

  // The record that a key of this hash most likely has; fetches it.
  uint32_t guess(uint64_t hash) const {
    const uint32_t reference = index_.guess(hash);
    if (reference != BucketIndex::kNone) __builtin_prefetch(&records_[reference & kSlotMask], 1);
    return reference;
  }
  // `guessed` is what guess() said, however long ago.
  template <class Address>
  Found find(const Key<Address>& key, uint64_t hash, uint32_t guessed) const {
    if (guessed != BucketIndex::kNone) [[likely]] {
      const Found found = match(key, guessed);
      if (found.slot != kNoFlow) [[likely]]
        return found;
    }
    return find(key, hash);
  }
  template <class Address>
  Found find(const Key<Address>& key, uint64_t hash) const;
  template <class Address>
  Found find(const Key<Address>& key) const {
    return find(key, hash_(key));
  }

  // Makes a flow, in the place of another if need be. `slot` is set when it is kOk.
  template <class Address>
  Created create(const NewFlow<Address>& flow, Stamp now, uint32_t& slot);

  // A packet of the flow passed: one word is written.
  void touch(uint32_t slot, Stamp now) { records_[slot].last_seen = now; }
  // Moves the flow to another state, with its timer when that changes.
  void change_state(uint32_t slot, State to, Stamp now);

  // Removes a flow by order of the caller.
  void cut(uint32_t slot);
  // Removes all, a piece of the slots at a time: returns where to go on, kNoFlow at the end.
  uint32_t flush(uint32_t first, uint32_t count);

  // Removes flows that were silent for too long; looks at `budget` records at most.
  uint32_t advance(Instant now, uint32_t budget);
  Instant next_deadline(Instant now) const { return wheels_.next_deadline(now); }

  // The flow that would be given up first, or kNoFlow: see Limits::evict_idle.
  uint32_t victim(bool v6, Stamp now);

  // Visits the flows in `count` slots from `first` on with visit(slot); returns where to go on,
  // kNoFlow at the end. Slots that no flow ever had are passed over: a table that is large and was
  // never full is soon through.
  template <class Visit>
  uint32_t for_each(uint32_t first, uint32_t count, Visit&& visit) const {
    first = past_unused(first);
    if (first >= used_v4_) return kNoFlow;
    const uint32_t used = first < v6_capacity_ ? used_v6_ : used_v4_;
    const uint32_t end = first + std::min(count, used - first);
    for (uint32_t slot = first; slot < end; ++slot) {
      if (live(slot)) visit(slot);
    }
    const uint32_t next = past_unused(end);
    return next >= used_v4_ ? kNoFlow : next;
  }

  bool live(uint32_t slot) const {
    return slot < capacity_ && records_[slot].has(RecordFlags::kLive);
  }
  bool is_v6(uint32_t slot) const { return records_[slot].has(RecordFlags::kIpv6); }
  Record& record(uint32_t slot) { return records_[slot]; }
  const Record& record(uint32_t slot) const { return records_[slot]; }
  TenantId tenant(uint32_t slot) const { return asides_[slot].tenant; }
  uint16_t aside(uint32_t slot) const { return asides_[slot].aside; }
  Stamp born(uint32_t slot) const { return Stamp(asides_[slot].born_or_next); }
  Stamp due(uint32_t slot) const {
    const Record& record = records_[slot];
    return record.last_seen.plus(timeouts_[static_cast<size_t>(record.state)]);
  }
  // The tuple kInside or kOutside of a flow of this family, as the initiator's packets have it.
  template <class Address>
  Key<Address> tuple(uint32_t slot, unsigned which) const;

  void set_quota(TenantId tenant, uint32_t flows);
  uint32_t tenant_flows(TenantId tenant) const { return tenants_[tenant.index()].flows; }
  void set_listener(FlowListener* listener) { listener_ = listener; }

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }
  uint32_t count(EvictionClass in) const {
    const auto number = static_cast<uint32_t>(in);
    return wheels_.count(number) + wheels_.count(kEvictionClasses + number);
  }
  const TableCounters& counters() const { return counters_; }
  // All memory that the table has taken.
  size_t bytes() const;

 private:
  // A reference of the index: the slot, and above it which tuple.
  static constexpr uint32_t kSlotMask = (1u << 31) - 1;
  static constexpr uint32_t kOutsideBit = 1u << 31;

  struct Tenant {
    uint32_t flows;
    uint32_t quota;
  };

  Found match(const Key4& key, uint32_t reference) const;
  Found match(const Key6& key, uint32_t reference) const;
  static Found judge(uint32_t reference, bool translated, bool forward, bool backward);

  // The hashes of a flow's tuples; the same for both when it is not translated.
  struct Hashes {
    uint64_t inside;
    uint64_t outside;
  };
  // A flow on its way out, whose buckets are being fetched.
  struct Leaving {
    uint32_t slot;
    Hashes hashes;
  };
  static constexpr uint32_t kLeaving = 32;

  template <class Address>
  bool taken(const NewFlow<Address>& flow, const Hashes& hashes) const;
  template <class Address>
  Hashes hashes_of(uint32_t slot) const;
  Hashes hashes_of(uint32_t slot) const {
    return is_v6(slot) ? hashes_of<wire::Ipv6Address>(slot) : hashes_of<wire::Ipv4Address>(slot);
  }
  uint32_t wheel_of(uint32_t slot) const {
    return static_cast<uint32_t>(eviction_class(records_[slot].state)) +
           (slot < v6_capacity_ ? kEvictionClasses : 0);
  }
  bool give_up_half_open(Stamp now);
  uint32_t take_slot(bool v6, Stamp now);
  void give_slot(uint32_t slot);
  uint32_t past_unused(uint32_t slot) const {
    return slot >= used_v6_ && slot < v6_capacity_ ? v6_capacity_ : slot;
  }
  uint32_t look_for_victim(uint32_t wheel, EvictionClass in, Stamp now);
  void write_tuples(uint32_t slot, const NewFlow<wire::Ipv4Address>& flow);
  bool write_tuples(uint32_t slot, const NewFlow<wire::Ipv6Address>& flow);
  void remove(uint32_t slot) { remove(slot, hashes_of(slot)); }
  void remove(uint32_t slot, const Hashes& hashes);
  void remove_expired(std::span<Leaving> leaving);

  Limits limits_;
  TimeoutTable timeouts_;
  uint32_t evict_idle_ms_;
  int32_t half_open_patience_ms_;
  uint32_t capacity_;
  // The slots below it may hold either family: they alone have a Record6.
  uint32_t v6_capacity_;
  uint32_t size_ = 0;
  uint32_t free_v6_;  // the first free slot below v6_capacity_
  uint32_t free_v4_;  // and above
  // Of either kind the end of those that ever were in use.
  uint32_t used_v6_ = 0;
  uint32_t used_v4_;
  FlowListener* listener_ = nullptr;
  TableCounters counters_;
  KeyHash hash_;
  BucketIndex index_;
  HugeArray<Record> records_;
  HugeArray<Aside> asides_;
  HugeArray<Record6> records6_;
  OwnAddresses addresses_;
  Wheels wheels_;
  std::unique_ptr<Tenant[]> tenants_;
};

// Translated flows are found by the inside tuple as the initiator sends it, and by the outside
// tuple as the responder answers it.
inline Found FlowTable::judge(uint32_t reference, bool translated, bool forward, bool backward) {
  if (!forward && !backward) return {};
  const bool outside = (reference & kOutsideBit) != 0;
  Found found{reference & kSlotMask, forward ? Direction::kOriginal : Direction::kReply, false};
  if (translated) found.wrong_way = outside ? !backward : !forward;
  // A tuple that is its own reverse goes both ways.
  if (translated && outside && backward) found.direction = Direction::kReply;
  return found;
}

inline Found FlowTable::match(const Key4& key, uint32_t reference) const {
  const Record& record = records_[reference & kSlotMask];
  const unsigned which = (reference & kOutsideBit) != 0 ? kOutside : kInside;
  constexpr uint8_t kMask = RecordFlags::kLive | RecordFlags::kIpv6;
  if ((record.flags & kMask) != RecordFlags::kLive || record.protocol != key.protocol()) return {};
  const uint64_t words = record.words[which];
  const uint32_t ports = record.ports[which];
  const bool forward = words == key.addresses() && ports == key.ports();
  const bool backward =
      words == std::rotl(key.addresses(), 32) && ports == internal::reversed_ports(key.ports());
  return judge(reference, record.has(RecordFlags::kTranslated), forward, backward);
}

template <>
Key4 FlowTable::tuple(uint32_t slot, unsigned which) const;
template <>
Key6 FlowTable::tuple(uint32_t slot, unsigned which) const;

}  // namespace heddle::flow
