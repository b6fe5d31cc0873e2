// TcpRelay: connections that listeners have accepted, each joined with a second one to an endpoint
// that policy names. What one side sends is handed to the other without a copy and only as fast as
// that takes it, so a slow reader closes its sender's window. Half-closes and resets are passed on.
//
// One worker, one thread; no I/O, no clock, no memory after construction.
#pragma once

#include <cstdint>
#include <optional>

#include "core/pool.h"
#include "core/timer_wheel.h"
#include "mesh/relay_stats.h"
#include "tcp/transport.h"

namespace heddle::mesh {

// Where an accepted connection is to go.
struct Upstream {
  tcp::FourTuple tuple;      // local port 0: the transport chooses
  uint8_t profile = 0;       // of the connection to the endpoint
  uint32_t endpoint = 0;     // the policy's name for it, kept for RelayPolicy's calls
  uint32_t generation = 0;   // of the policy that said so
  Duration connect_timeout;  // until the endpoint has answered
  Duration idle_timeout;     // without a byte in either direction; 0: none
};

// What is known of a pair. `client` is the accepted connection's tuple, seen from our side.
struct RelayPair {
  tcp::FourTuple client;
  tcp::Endpoint endpoint;  // address and port
  uint32_t frontend = 0;   // the listener's user word
  uint32_t endpoint_slot = 0;
};

enum class Standing : uint8_t { kStays, kReset, kSilent };

// What the relay asks, and tells, the layer that knows policy.
class RelayPolicy {
 public:
  // None: refused, and counted there; the client is reset.
  virtual std::optional<Upstream> choose(uint32_t frontend, const tcp::FourTuple& client) = 0;
  virtual void opened(uint32_t frontend, uint32_t endpoint) = 0;
  virtual void closed(uint32_t frontend, uint32_t endpoint) = 0;
  virtual void moved(uint32_t frontend, uint32_t endpoint, bool to_endpoint, uint32_t bytes) = 0;
  // Whether a pair may go on under the policy of now.
  virtual Standing judge(const RelayPair& pair) = 0;

 protected:
  ~RelayPolicy() = default;
};

class TcpRelay {
 public:
  // `capacity`: pairs. Listeners' user words are frontends below 2^32.
  TcpRelay(tcp::Transport& transport, RelayPolicy& policy, uint32_t capacity, Instant start);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  void on_note(const tcp::EventNote& note, Instant now);
  void on_timer(Instant now, uint32_t most = UINT32_MAX);
  Instant next_deadline() const { return wheel_.next_deadline(); }

  // Judges pairs that an older policy than `generation` let in, at most `most` of them. False:
  // all stand. A pass that has begun goes on under a newer policy, and another one follows.
  uint32_t swept() const { return swept_; }  // the generation under which all stood
  bool sweep(uint32_t generation, uint32_t most, Instant now);

  // The frontend that a connection with this user word belongs to.
  uint32_t frontend_of(uint64_t user) const;

  uint32_t pairs() const { return pairs_.size(); }
  const RelayCounters& counters() const { return counters_; }

 private:
  enum Side : uint8_t { kClient = 0, kServer = 1 };
  struct Pair {
    tcp::ConnectionId ends[2];
    uint32_t frontend = 0;
    uint32_t endpoint = 0;
    uint32_t generation = 0;
    bool connected = false;
    bool half_closed[2] = {};  // this side sends no more
    bool passed_on[2] = {};    // and the other has been told
    bool closed[2] = {};       // by the protocol
    Instant last_moved;        // or, while connecting, when that began
    Duration timeout;          // from then on; 0: none
    Duration idle_timeout;
  };

  void accept(const tcp::EventNote& note, Instant now);
  void on_end(uint32_t slot, Side side, const tcp::EventNote& note, Instant now);
  void pump(Pair& pair, Side from, Instant now);
  void on_connect_failure(const Pair& pair);
  void cut(uint32_t slot, Standing how, Instant now);
  void finish(uint32_t slot);
  void arm(uint32_t slot);
  RelayPair describe(const Pair& pair) const;

  static Side other(Side side) { return side == kClient ? kServer : kClient; }

  tcp::Transport& transport_;
  RelayPolicy& policy_;
  Pool<Pair> pairs_;
  TimerWheel wheel_;
  RelayCounters counters_;
  uint32_t sweep_next_ = kNoSlot;
  uint32_t sweep_generation_ = 0;
  uint32_t swept_ = 0;
};

}  // namespace heddle::mesh
