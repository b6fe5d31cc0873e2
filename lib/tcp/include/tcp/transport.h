// Transport: all TCP of one worker, without I/O. Segments, timers and the user's calls go in,
// segments and notices come out. One thread; no memory is taken after construction.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/pool.h"
#include "core/timer_wheel.h"
#include "tcp/connection.h"
#include "tcp/cookie.h"
#include "tcp/listener_table.h"
#include "tcp/ports.h"
#include "tcp/secrets.h"
#include "tcp/time_wait.h"
#include "tcp/tuple_table.h"

namespace heddle::tcp {

struct Limits {
  uint32_t connections = 4096;
  uint32_t half_open = 4096;
  uint32_t time_wait = 16384;
  uint32_t listeners = 64;
  uint32_t pieces = 65536;           // of payload, in all queues together
  uint32_t sent_segments = 65536;    // sent and not acknowledged
  uint32_t ranges = 8192;            // runs of out-of-order data
  uint32_t replies = 512;            // resets and SYN-ACKs between two calls of emit
  uint64_t memory = 256ull << 20;    // that payload may pin
  Duration tick = microseconds(50);  // of timers
  PortRange ports;
};

// Which tuples' packets come to this worker.
class SteeringOwner {
 public:
  virtual bool is_ours(const FourTuple& tuple) const = 0;

 protected:
  ~SteeringOwner() = default;
};

struct Wiring {
  BufferSource* buffers = nullptr;
  const Secrets* secrets = nullptr;      // may change between two calls
  const SteeringOwner* owner = nullptr;  // null: all tuples are ours
  std::vector<Profile> profiles;         // at least one
};

// A connection's name. It is never used again for another.
struct ConnectionId {
  uint32_t slot = kNoSlot;
  uint32_t generation = 0;
  explicit operator bool() const { return slot != kNoSlot; }
  friend constexpr bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

struct ConnectRequest {
  FourTuple tuple;  // a local port of 0 is chosen here
  uint8_t profile = 0;
  uint64_t user = 0;
};

struct EventNote {
  ConnectionId id;
  uint8_t notices = 0;  // bits of Notice
  uint64_t user = 0;
  ListenerId listener = kNoSlot;  // where it came from; kNoSlot for our own
  bool has(Notice notice) const { return (notices & static_cast<uint8_t>(notice)) != 0; }
};

class Transport {
 public:
  Transport(const Limits& limits, Wiring wiring, Instant start);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Input. `tuple` is seen from our side: local is the packet's destination.
  Drop on_segment(const FourTuple& tuple, Segment& segment, Instant now) {
    return on_segment(find_tuple(tuple), tuple, segment, now);
  }
  // The same in two steps, for who forwards packets that are not ours. What was found holds until
  // anything else is called.
  struct Known {
    uint32_t hash = 0;
    Ref ref;
    explicit operator bool() const { return ref.kind != RefKind::kNone; }
  };
  Known find_tuple(const FourTuple& tuple) const {
    const uint32_t hash = hash_of(tuple);
    return {hash, lookup(tuple, hash)};
  }
  Drop on_segment(const Known& known, const FourTuple& tuple, Segment& segment, Instant now);
  // Whether there are tuples to be found at all.
  bool has_tuples() const { return table_.size() > 0; }
  bool listens(const Endpoint& local) const { return listeners_.find(local) != kNoSlot; }
  Drop on_icmp(const FourTuple& tuple, const IcmpError& error, Instant now);
  void on_timer(Instant now, uint32_t most = UINT32_MAX);
  Instant next_deadline() const;
  // Sends what is due until all is sent or the output is full.
  void emit(Instant now, Output& out);
  bool has_notes() const { return !noisy_.empty(); }
  bool wants_output() const { return !ready_.empty() || reply_count_ > 0; }

  // The user.
  // kNoSlot: the table is full, or a listener has exactly this endpoint.
  ListenerId listen(const ListenRequest& request);
  void unlisten(ListenerId id);
  // An empty id: the table is full, the tuple is taken, or no port is left.
  ConnectionId connect(const ConnectRequest& request, Instant now);
  // Calls f(EventNote) once for each connection that has something to say, at most `most`.
  template <class F>
  uint32_t drain(Instant now, F&& f, uint32_t most = UINT32_MAX) {
    uint32_t done = 0;
    for (; done < most && !noisy_.empty(); ++done) {
      const EventNote note = take_note(now);
      if (note.id) f(note);
    }
    return done;
  }
  // Null when the connection is gone.
  const Connection* find(ConnectionId id) const;
  Chain receive(ConnectionId id, uint32_t most, Instant now);
  uint32_t send(ConnectionId id, Chain& chain, Instant now);
  uint32_t send_copy(ConnectionId id, std::span<const uint8_t> bytes, Instant now);
  void shutdown(ConnectionId id, Instant now);
  void close(ConnectionId id, Instant now);
  void abort(ConnectionId id, Instant now);
  // Without a word to the peer, as policy may want it.
  void forget(ConnectionId id, Instant now);
  // Asks for Notice::kWritable although nothing was refused.
  void want_writable(ConnectionId id);
  void set_nodelay(ConnectionId id, bool on);
  void set_keepalive(ConnectionId id, bool on, Instant now);
  void set_user(ConnectionId id, uint64_t user);
  // Time-outs and the send limit of living connections follow at once; what a handshake has agreed
  // on stays.
  void set_profile(uint8_t index, const Profile& profile) { wiring_.profiles[index] = profile; }
  void use_profile(ConnectionId id, uint8_t index);

  // Moving a connection to another transport on the same clock (an upgrade of the program).
  bool save(ConnectionId id, StateWriter& writer) const;
  ConnectionId restore(StateReader& reader, uint64_t user, Instant now);

  // Calls f(connection, user, listener) for those in `count` slots from `first` on; returns where
  // to go on, kNoSlot at the end.
  template <class F>
  uint32_t for_each(uint32_t first, uint32_t count, F&& f) const {
    const uint32_t end = first + std::min(count, limits_.connections - first);
    for (uint32_t slot = first; slot < end; ++slot) {
      if (!connections_.live(slot)) continue;
      const Held& it = connections_[slot];
      f(it.connection, it.user, it.listener);
    }
    return end == limits_.connections ? kNoSlot : end;
  }

  // Null when there is none of this name.
  const Listener* listener(ListenerId id) const {
    return listeners_.live(id) ? &listeners_[id] : nullptr;
  }

  Pieces& pieces() { return pieces_; }
  const Pieces& pieces() const { return pieces_; }
  uint64_t memory_limit() const { return environment_.memory_limit; }
  const Counters& counters() const { return counters_; }
  uint32_t connection_count() const { return connections_.size(); }
  uint32_t half_open_count() const { return half_open_.size(); }
  uint32_t time_wait_count() const { return time_wait_.size(); }
  const SentPool& sent_pool() const { return sent_; }
  const RangePool& range_pool() const { return ranges_; }
  // All that an idle connection costs here, bytes.
  static constexpr size_t idle_bytes();

 private:
  struct Held {
    Held(Environment& environment, const FourTuple& tuple, uint8_t profile)
        : connection(environment, tuple, profile) {}
    Connection connection;
    uint64_t user = 0;
    Instant armed = kNever;
    uint32_t hash = 0;
    ListenerId listener = kNoSlot;
    bool in_ready = false;
    bool in_noisy = false;
  };
  struct Reply {
    FourTuple tuple;
    wire::Tcp header;
  };
  // Slots in order of arrival; each at most once, so the capacity suffices.
  class SlotRing {
   public:
    explicit SlotRing(uint32_t capacity)
        : slots_(std::make_unique<uint32_t[]>(capacity)), capacity_(capacity) {}
    bool empty() const { return count_ == 0; }
    uint32_t count() const { return count_; }
    void push(uint32_t slot) { slots_[(first_ + count_++) % capacity_] = slot; }
    uint32_t pop() {
      const uint32_t slot = slots_[first_];
      first_ = (first_ + 1) % capacity_;
      --count_;
      return slot;
    }

   private:
    std::unique_ptr<uint32_t[]> slots_;
    uint32_t capacity_;
    uint32_t first_ = 0;
    uint32_t count_ = 0;
  };

  uint32_t hash_of(const FourTuple& tuple) const {
    return static_cast<uint32_t>(hash_tuple(table_key_, tuple));
  }
  Ref lookup(const FourTuple& tuple, uint32_t hash) const;
  Drop count(Drop drop);

  // transport_open.cc: handshakes that begin at listeners.
  Drop on_unknown(const FourTuple& tuple, Segment& segment, Instant now);
  Drop on_syn(ListenerId listener, const FourTuple& tuple, const Segment& segment, Instant now);
  Drop begin_half_open(ListenerId listener, Handshake& handshake, Instant now);
  Drop send_cookie(ListenerId listener, Handshake& handshake, Instant now);
  Drop on_cookie_ack(ListenerId listener, const FourTuple& tuple, Segment& segment, Instant now);
  Drop on_half_open(uint32_t slot, Segment& segment, Instant now);
  Drop complete(ListenerId listener, const Handshake& handshake, Segment& segment, Instant now);
  void send_syn_ack(HalfOpen& half_open, Instant now);
  void challenge(HalfOpen& half_open, Instant now);
  void on_half_open_timer(uint32_t slot, Instant now);
  void erase_half_open(uint32_t slot);

  // transport_reply.cc
  Drop on_time_wait(uint32_t slot, const FourTuple& tuple, Segment& segment, Instant now);
  void to_time_wait(uint32_t slot, Instant now);
  void erase_time_wait(uint32_t slot);

  bool reply(const FourTuple& tuple, const wire::Tcp& header);
  void reply_reset(const FourTuple& tuple, const Segment& segment);
  void reply_ack(const TimeWait& entry, Instant now);
  bool send_replies(Output& out);

  uint32_t add_connection(const FourTuple& tuple, uint8_t profile, uint32_t hash);
  void settle(uint32_t slot, Instant now);
  void release(uint32_t slot);
  EventNote take_note(Instant now);
  void relieve(Instant now);
  Held* held(ConnectionId id);
  // Ports that are looked at before one in TIME-WAIT is used again.
  static constexpr uint32_t kFreshTries = 16;
  std::optional<Be16> pick_port(const FourTuple& tuple, Instant now);
  bool may_reuse(const TimeWait& entry, Instant now) const;
  bool take_over_time_wait(const FourTuple& tuple, uint32_t hash, Seq* iss);

  // Slots of the timer wheel: connections, then half-open ones, then TIME-WAIT.
  uint32_t half_open_timer(uint32_t slot) const { return limits_.connections + slot; }
  uint32_t time_wait_timer(uint32_t slot) const {
    return limits_.connections + limits_.half_open + slot;
  }

  Limits limits_;
  Wiring wiring_;
  SipKey table_key_;
  Counters counters_;
  Pieces pieces_;
  SentPool sent_;
  RangePool ranges_;
  Environment environment_;
  Pool<Held> connections_;
  std::unique_ptr<uint32_t[]> generations_;
  Pool<HalfOpen> half_open_;
  TimeWaitList time_wait_;
  ListenerTable listeners_;
  TupleTable table_;
  TimerWheel wheel_;
  SlotRing ready_;
  SlotRing noisy_;
  std::unique_ptr<Reply[]> replies_;
  uint32_t reply_first_ = 0;
  uint32_t reply_count_ = 0;
  PortPicker ports_;
  Instant last_cookie_;
  // While memory is short: since when, and how far the round over the connections is.
  Instant pressed_since_ = kNever;
  uint32_t relief_next_ = 0;
  uint32_t relief_worst_ = kNoSlot;
  uint64_t relief_worst_pinned_ = 0;
  bool cookies_out_ = false;
};

// The slot, its timer, its cells in the table and the rings, its generation.
constexpr size_t Transport::idle_bytes() {
  return sizeof(Held) + 8 + 16 + 2 * 2 * 8 + 2 * sizeof(uint32_t) + sizeof(uint32_t);
}

}  // namespace heddle::tcp
