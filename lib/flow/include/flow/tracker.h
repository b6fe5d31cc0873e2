// Tracker: what becomes of packets, a batch at a time. It finds each packet's flow, moves the
// flow's state, and says what the caller is to do; it decides nothing that policy decides.
//
//   parse()  each packet                                      parse.h
//   track()  the batch                                        one Tracked a packet
//   kPass    translate(), and on its way
//   kNew     policy decides: open() with the decision, or refuse
//   kStale   policy decides anew: confirm() and resume(), or table().cut()
//   kUnknown no flow, and the packet cannot begin one: refuse it, or go on by hash while flows
//            are not learned
#pragma once

#include <algorithm>
#include <span>

#include "core/token_bucket.h"
#include "flow/drops.h"
#include "flow/flow_table.h"
#include "flow/parse.h"
#include "flow/rewrite.h"
#include "flow/source_limit.h"
#include "flow/tcp_window.h"

namespace heddle::flow {

enum class Outcome : uint8_t {
  kPass,
  kNew,
  kStale,
  kUnknown,     // no flow, and none begun: `drop` says what it would be refused for
  kNotLearned,  // of open(): no flow was made for want of room or time, for `drop`
  kDrop,        // refused for `drop`
  kNotTracked,  // fragments, ICMP errors and what is no flow: Parsed::kind says which
};

struct Tracked {
  uint32_t slot = kNoFlow;
  Outcome outcome = Outcome::kNotTracked;
  Direction direction = Direction::kOriginal;
  Drop drop = Drop::kNone;
  bool opened = false;  // of open(): by this packet, and not by one before it
};

enum class PickUp : uint8_t { kRefuse, kAllow };  // TCP connections in their middle

struct TrackerConfig {
  Limits limits;
  Timeouts timeouts;
  WindowCheck window = WindowCheck::kStrict;
  PickUp pick_up = PickUp::kRefuse;
};

// How a new flow was decided.
template <class Address>
struct Decision {
  Key<Address> outside;  // how its packets go out; the packet's own key: not translated
  TenantId tenant;
  Generation generation;
  uint32_t user = 0;                 // is given back with the flow's record
  uint16_t aside = 0;                // and beside it
  PickUp pick_up = PickUp::kRefuse;  // kAllow: also where TrackerConfig says no
  uint8_t flags = 0;                 // RecordFlags::kOwnsPort, kMapped, kWatched and kOneSided
};

class Tracker {
 public:
  static constexpr size_t kMaxBatch = 256;

  Tracker(const TrackerConfig& config, uint64_t seed, Instant start);

  // At most kMaxBatch packets, in the order of their arrival. `current` is the generation that
  // flows must have been decided under. `out` is as long as `packets`.
  template <class Address>
  void track(std::span<const Parsed<Address>> packets, Generation current, Instant now,
             std::span<Tracked> out);

  // Whether a TCP connection may begin now. Asked before policy is, and once for each: at the bound
  // of half-open flows only a few more a second may.
  bool may_begin(Instant now) {
    return table_.count(EvictionClass::kHalfOpen) < config_.limits.half_open || flood_.take(now);
  }

  // After kNew: makes the flow. Another packet of the batch may have made it: then this one is
  // tracked as its second, and `decision` is not looked at. kPass, kNotLearned, kDrop, kStale.
  template <class Address>
  Tracked open(const Parsed<Address>& packet, const Decision<Address>& decision, Instant now);
  // Fetches what open() will touch for the outside tuples; the inside ones track() has fetched.
  template <class Address>
  void prepare(std::span<const Key<Address>> outside) const {
    uint64_t hashes[kMaxBatch];
    const size_t count = std::min(outside.size(), kMaxBatch);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = table_.hash(outside[i]);
      table_.prefetch(hashes[i]);
    }
    for (size_t i = 0; i < count; ++i) table_.guess(hashes[i]);
  }

  // After kStale: the flow may stay, and its packet is tracked.
  void confirm(uint32_t slot, Generation generation) {
    table_.record(slot).generation = generation;
  }
  template <class Address>
  Tracked resume(const Parsed<Address>& packet, const Tracked& stale, Instant now) {
    return step(packet, stale.slot, stale.direction, now);
  }

  // After kPass: gives the packet the addresses of the flow's other side.
  template <class Address>
  void translate(const Parsed<Address>& packet, const Tracked& tracked) const {
    if (table_.record(tracked.slot).has(RecordFlags::kTranslated)) {
      rewrite(packet, translated_key<Address>(tracked.slot, tracked.direction));
    }
  }
  // What a packet of the flow becomes in this direction.
  template <class Address>
  Key<Address> translated_key(uint32_t slot, Direction direction) const {
    if (direction == Direction::kOriginal) return table_.tuple<Address>(slot, kOutside);
    return table_.tuple<Address>(slot, kInside).reversed();
  }

  // When a flow was last not learned: for a while after it, packets of kUnknown may be its.
  Instant last_not_learned() const { return last_not_learned_; }

  FlowTable& table() { return table_; }
  const FlowTable& table() const { return table_; }
  WindowCheck window_check() const { return config_.window; }
  const DropCounters& drops() const { return drops_; }
  DropCounters& drops() { return drops_; }
  size_t bytes() const { return table_.bytes() + sources_.bytes(); }

 private:
  template <class Address>
  Tracked judge(const Parsed<Address>& packet, const Found& found, Generation current, Instant now);
  template <class Address>
  Tracked miss(const Parsed<Address>& packet) const;
  template <class Address>
  Tracked step(const Parsed<Address>& packet, uint32_t slot, Direction direction, Instant now);
  template <class Address>
  Tracked step_segment(const Parsed<Address>& packet, const Tracked& at, Stamp now);
  template <class Address>
  Tracked step_one_sided(const Parsed<Address>& packet, const Tracked& at, Stamp now);
  template <class Address>
  State opening_state(const Parsed<Address>& packet, PickUp pick_up) const;
  template <class Address>
  State opening_state(const Parsed<Address>& packet, const Decision<Address>& decision) const;
  Tracked refuse(Drop drop, uint32_t slot = kNoFlow);
  Tracked not_learned(Drop drop, Instant now);

  TrackerConfig config_;
  FlowTable table_;
  SourceLimit sources_;
  TokenBucket learning_;
  TokenBucket flood_;
  Instant last_not_learned_{INT64_MIN / 2};
  DropCounters drops_;
};

}  // namespace heddle::flow
