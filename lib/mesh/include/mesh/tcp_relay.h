// TcpRelay: connections that listeners have accepted, each joined with a second one to an endpoint
// that policy names. What one side sends is handed to the other without a copy and only as fast as
// that takes it, so a slow reader closes its sender's window. Half-closes and resets are passed on.
// Either side may be TLS, which begins and ends here.
//
// One worker, one thread; no I/O, no clock. Only TLS takes memory after construction, as a
// connection's handshake begins.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/pool.h"
#include "core/timer_wheel.h"
#include "mesh/handed_over.h"
#include "mesh/handshake_queue.h"
#include "mesh/peer_identity.h"
#include "mesh/relay_policy.h"
#include "mesh/relay_stats.h"
#include "mesh/tls_end.h"
#include "tcp/transport.h"

namespace heddle::mesh {

class TcpRelay final : private Shaker {
 public:
  // `capacity`: pairs. Listeners' user words are frontends below 2^32. `tls` outlives the relay;
  // null where no policy asks for TLS.
  TcpRelay(tcp::Transport& transport, RelayPolicy& policy, uint32_t capacity, Instant start,
           TlsWork* tls = nullptr);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  void on_note(const tcp::EventNote& note, Instant now);
  // A connection that somebody else has accepted, and has looked at.
  void take_over(HandedOver&& from, Instant now);
  void on_timer(Instant now, uint32_t most = UINT32_MAX);
  Instant next_deadline() const { return wheel_.next_deadline(); }
  // Handshakes that wait for their turn, between TlsWork's start and end of it. True: there is more
  // to do at once.
  bool shake_hands(Instant now);

  // Judges pairs that an older policy than `generation` let in, at most `most` of them. False:
  // all stand. A pass that has begun goes on under a newer policy, and another one follows.
  uint32_t swept() const { return swept_; }  // the generation under which all stood
  bool sweep(uint32_t generation, uint32_t most, Instant now);

  // The frontend that a connection with this user word belongs to.
  uint32_t frontend_of(uint64_t user) const;
  // Its TLS; null: none.
  const TlsEnd* tls_of(uint64_t user) const;

  uint32_t pairs() const { return pairs_.size(); }
  // What a pair costs here, its TLS not counted, bytes.
  static constexpr size_t pair_bytes() { return sizeof(Pair) + 8 + 16; }
  const RelayCounters& counters() const { return counters_; }

 private:
  enum Side : uint8_t { kClient = 0, kServer = 1 };
  enum class Stage : uint8_t {
    kPrelude,     // the client's header of the PROXY protocol
    kOpening,     // the client's first bytes or handshake; there is no endpoint yet
    kConnecting,  // to the endpoint
    kShaking,     // with the endpoint
    kRelaying,
  };
  struct Pair {
    tcp::ConnectionId ends[2];
    std::unique_ptr<TlsEnd> tls[2];                // null: plain
    std::unique_ptr<tcp::Endpoint> told;           // where the client says that it comes from
    std::unique_ptr<const PeerIdentity> identity;  // the client's; null: it has shown none
    uint32_t frontend = 0;
    uint32_t endpoint = kNoSlot;
    uint32_t generation = 0;
    Stage stage = Stage::kConnecting;
    bool half_closed[2] = {};  // this side sends no more
    bool passed_on[2] = {};    // and the other has been told
    bool closed[2] = {};       // by the protocol
    bool secure = false;       // the client's TLS ends here
    bool starved = false;      // a buffer was missing: goes on by the timer
    ConnectionHold hold;       // of the connection to the endpoint
    Instant last_moved;        // or, before there is anything to move, when this stage began
    Duration timeout;          // from then on; 0: none
    Duration idle_timeout;
  };

  void accept(const tcp::EventNote& note, Instant now);
  void read_prelude(uint32_t slot, Instant now);
  void greet(uint32_t slot, Instant now);
  void refuse(uint32_t slot, RelayStat why, Instant now);
  void connect(uint32_t slot, Instant now);
  void on_end(uint32_t slot, Side side, const tcp::EventNote& note, Instant now);
  void on_reset(uint32_t slot, Side side, Instant now);
  void on_connected(uint32_t slot, Instant now);
  void on_joined(uint32_t slot, Instant now);
  void relay(uint32_t slot, Instant now);
  void pump_plain(Pair& pair, Side from, Instant now);
  void count_moved(Pair& pair, Side from, uint32_t bytes, Instant now);
  void on_connect_failure(const Pair& pair);
  void on_timeout(uint32_t slot, Instant now);
  void cut(uint32_t slot, Standing how, Instant now);
  void finish(uint32_t slot);
  void arm(uint32_t slot);
  Client client_of(const Pair& pair) const;
  RelayPair describe(const Pair& pair) const;

  // relay_handshake.cc
  void open_client(uint32_t slot, ClientTerms& terms, Instant now);
  void step(uint32_t slot, Instant now);
  void look(uint32_t slot, Instant now);
  void on_back(uint64_t word, Instant now) override;
  void shake(uint32_t slot, Instant now);
  void on_step(uint32_t slot, Side side, TlsEnd::Progress progress, Instant now);
  void refuse_tls(uint32_t slot, Side side, tls::Refusal refusal, Instant now);
  void take_in(Pair& pair, Side side, Instant now);
  void drop_tls(Pair& pair, Side side);
  void release(TlsEnd& end);
  static Side shaking_side(const Pair& pair) {
    return pair.stage == Stage::kOpening ? kClient : kServer;
  }

  // relay_records.cc: false where the pair is gone.
  bool pump(uint32_t slot, Side from, Instant now);
  void drop_spent(Pair& pair);
  bool refill(uint32_t slot, Side from, uint32_t room, Instant now);
  uint32_t hand_on(uint32_t slot, Side from, uint32_t room, Instant now);
  void flush(Pair& pair, Side side, Instant now);
  bool pass_end_on(uint32_t slot, Side from, Instant now);
  void end_in_order(Pair& pair, Instant now);
  void starve(uint32_t slot, Instant now);
  void on_starved(uint32_t slot, Instant now);

  static Side other(Side side) { return side == kClient ? kServer : kClient; }

  tcp::Transport& transport_;
  RelayPolicy& policy_;
  TlsWork* work_;
  Pool<Pair> pairs_;
  TimerWheel wheel_;
  RelayCounters counters_;
  HandshakeQueue handshakes_;  // of pairs
  uint32_t sweep_next_ = kNoSlot;
  uint32_t sweep_generation_ = 0;
  uint32_t swept_ = 0;
};

}  // namespace heddle::mesh
