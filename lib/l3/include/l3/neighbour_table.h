// NeighbourTable: from a next hop's address to its link-layer address (RFC 826, RFC 4861).
//
// One table a worker and a family, no locks. It does no I/O and reads no clock: what it wants
// sent it says through a NeighbourSink. ARP and ND share it, as their state machines differ
// only in the messages. All memory is taken at construction.
//
// Against scans and made-up senders (RFC 6583): one interface may have at most half of the
// table, and an eighth of it in resolution. A new neighbour beyond that takes the place of
// another of its own interface: a failed or stale one, or, in resolution, one that is being
// asked for; so the neighbours that answer get through a scan of those that do not.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "core/ids.h"
#include "core/pool.h"
#include "core/time.h"
#include "core/timer_wheel.h"
#include "packet/packet.h"
#include "wire/address.h"

namespace heddle::l3 {

enum class NeighbourState : uint8_t {
  kReachable,   // confirmed not long ago
  kProbe,       // in use and asked by unicast whether it is still there
  kStatic,      // configured: never asked, never changed
  kStale,       // known, not confirmed for a while; the next use asks
  kIncomplete,  // asked by multicast or broadcast; packets wait
  kFailed,      // did not answer; remembered briefly so that it is not asked for each packet
};
inline constexpr size_t kNeighbourStates = 6;

// Packets towards it leave at once, without any bookkeeping.
constexpr bool is_settled(NeighbourState state) { return state <= NeighbourState::kStatic; }

enum class NeighbourEvent : uint8_t {
  kUse,      // a packet wants to go there
  kConfirm,  // it answered what we asked
  kHint,     // it showed its address unasked, the one we know or none was known
  kChange,   // it showed another address unasked (and may override, RFC 4861 7.2.5)
  kDoubt,    // someone showed another address and may not override
  kRetry,    // the timer fired, with tries left (kReachable: and it was in use)
  kGiveUp,   // the timer fired for the last time
};
inline constexpr size_t kNeighbourEvents = 7;

enum class NeighbourAction : uint8_t { kNone, kAskAll, kAskOne, kRelease, kFail, kForget };

struct NeighbourTransition {
  NeighbourState next;
  NeighbourAction action;
};

// The whole state machine; total over both enums.
NeighbourTransition transition(NeighbourState state, NeighbourEvent event);

inline constexpr uint8_t kNeighbourQueue = 4;  // packets that wait for one neighbour

template <class Address>
struct Neighbour {
  Address address{};
  InterfaceId interface;
  NeighbourState state = NeighbourState::kIncomplete;
  bool used = false;  // since last confirmed; written by the fast path
  wire::MacAddress mac{};
  uint8_t probes = 0;
  uint8_t held_count = 0;
  Instant confirmed;
  std::array<packet::Packet, kNeighbourQueue> held{};
};

template <class Address>
class NeighbourSink {
 public:
  virtual ~NeighbourSink() = default;
  // Ask for the address: to its last known MAC when `unicast`, else to all.
  virtual void solicit(const Neighbour<Address>& neighbour, bool unicast) = 0;
  // A packet that waited may leave now.
  virtual void release(const Neighbour<Address>& neighbour, packet::Packet packet) = 0;
  // A packet that waited in vain.
  virtual void give_up(const Neighbour<Address>& neighbour, packet::Packet packet) = 0;
};

struct NeighbourLimits {
  uint32_t capacity = 4096;
  uint16_t interfaces = 256;  // ids below this
  Duration retransmit = seconds(1);
  uint8_t tries = 3;
  Duration reachable = seconds(30);
  Duration stale = seconds(600);
  Duration failed = seconds(3);
};

template <class Address>
class NeighbourTable {
 public:
  using Entry = Neighbour<Address>;
  using Sink = NeighbourSink<Address>;

  // `seed` keys the hash, so that a peer cannot choose colliding addresses.
  NeighbourTable(const NeighbourLimits& limits, uint64_t seed, Instant start);
  ~NeighbourTable();  // frees the packets that wait

  // The entry or nullptr. Valid until the next call that is not const.
  Entry* find(InterfaceId interface, const Address& address) {
    for (uint32_t at = hash(interface, address) & mask_;; at = (at + 1) & mask_) {
      const uint32_t slot = index_[at];
      if (slot == kNoSlot) return nullptr;
      Entry& entry = entries_[slot];
      if (entry.interface == interface && entry.address == address) return &entry;
    }
  }

  enum class Held : uint8_t {
    kSettled,    // not taken: send it to the entry's MAC now
    kWaiting,    // taken; a full queue gave up its oldest packet for it
    kFailed,     // not taken: this neighbour did not answer lately
    kTableFull,  // not taken
  };
  // A packet wants to go to a neighbour that find() did not give as settled.
  Held use(InterfaceId interface, const Address& address, packet::Packet packet, Instant now,
           Sink& sink);

  // The neighbour was heard. `event` is kConfirm, kHint, kChange or kDoubt; entries are made
  // only for kHint. False when nothing came of it (unknown, static, or the table is full).
  bool learn(InterfaceId interface, const Address& address, const wire::MacAddress& mac,
             NeighbourEvent event, Instant now, Sink& sink);

  // Forgets what is known of an interface, but for static neighbours, and gives up what waits.
  void flush(InterfaceId interface, Sink& sink);

  // False when the table is full.
  bool add_static(InterfaceId interface, const Address& address, const wire::MacAddress& mac,
                  Instant now);

  // Runs the timers that are due, at most `limit`.
  void advance(Instant now, uint32_t limit, Sink& sink);
  Instant next_deadline() const { return timers_.next_deadline(); }

  uint32_t size() const { return entries_.size(); }

  // Visits the entries of `count` slots from `first` on; a whole walk goes in pieces.
  template <class Visit>
  void for_each(uint32_t first, uint32_t count, Visit&& visit) const {
    const uint32_t end = first + count < entries_.capacity() ? first + count : entries_.capacity();
    for (uint32_t slot = first; slot < end; ++slot)
      if (entries_.live(slot)) visit(entries_[slot]);
  }
  uint32_t capacity() const { return entries_.capacity(); }

 private:
  // One wide multiplication mixes every input bit into every output bit that counts.
  uint32_t hash(InterfaceId interface, const Address& address) const {
    __extension__ using Wide = unsigned __int128;
    uint64_t high = 0;
    uint64_t low = 0;
    std::memcpy(&high, address.bytes().data(), sizeof(Address) == 16 ? 8 : 4);
    if constexpr (sizeof(Address) == 16) std::memcpy(&low, address.bytes().data() + 8, 8);
    const Wide product =
        static_cast<Wide>(high ^ seed_) * (low ^ interface.value() ^ (seed_ * 0x9e3779b97f4a7c15));
    return static_cast<uint32_t>(static_cast<uint64_t>(product) ^
                                 static_cast<uint64_t>(product >> 64));
  }
  uint32_t create(InterfaceId interface, const Address& address, NeighbourState state, Sink* sink);
  void forget(uint32_t slot);
  bool make_room(InterfaceId interface, bool in_resolution, Sink* sink);
  void give_up(uint32_t slot, Sink& sink);
  void count(const Entry& entry, uint32_t by);
  void apply(uint32_t slot, NeighbourEvent event, Instant now, Sink& sink);
  void arm(uint32_t slot, Instant now);
  void hold(Entry& entry, packet::Packet packet, Sink& sink);
  uint32_t slot_of(InterfaceId interface, const Address& address);

  NeighbourLimits limits_;
  uint64_t seed_;
  uint32_t mask_;
  // Of each interface: how many entries, and how many of them in resolution or failed.
  struct Share {
    uint32_t entries = 0;
    uint32_t unresolved = 0;
  };
  std::unique_ptr<Share[]> shares_;
  uint32_t next_victim_ = 0;
  Pool<Entry> entries_;
  TimerWheel timers_;
  std::unique_ptr<uint32_t[]> index_;
};

}  // namespace heddle::l3
