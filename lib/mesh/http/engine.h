// HttpEngine: the parts of HttpProxy. Peers have news (busy_), exchanges go on (ready_), what they
// wrote is sent (dirty_); each at most once a turn, so nothing is called from within another.
//
//   engine.cc            notes, the turn, timers, the sweep
//   engine_clients.cc    clients: accepted, TLS, which HTTP, requests one after another, the end
//   engine_upstreams.cc  connections to endpoints: opened, shared, kept, dropped
//   engine_halves.cc     what an exchange does with its two ends, whatever they speak
//   engine_exchange.cc   the course of an exchange
//   engine_tries.cc      its tries: to whom, within which bounds, and whether there is another
//   engine_answers.cc    answers of our own; what is changed in heads that pass
//   engine_forwarded.cc  what endpoints are told of the client
//   engine_cors.cc       what scripts of other origins are told
//   engine_limits.cc     limits and faults of policy
//   engine_token.cc      what requests show of who sends them
//   engine_mirror.cc     copies of requests
#pragma once

#include <vector>

#include "core/random.h"
#include "core/timer_wheel.h"
#include "exchange.h"
#include "http/date.h"
#include "mesh/handshake_queue.h"
#include "mesh/http_proxy.h"
#include "mesh/slot_queue.h"

namespace heddle::mesh {

class HttpEngine final : private Shaker {
 public:
  HttpEngine(tcp::Transport& transport, tcp::BufferSource& buffers, HttpPolicy& policy,
             const HttpLimits& limits, Instant start, TlsWork* tls, uint64_t seed);
  ~HttpEngine();

  void on_note(const tcp::EventNote& note, Instant now);
  bool on_turn(Instant now);
  Instant next_deadline() const { return wheel_.next_deadline(); }
  bool sweep(uint32_t generation, uint32_t most, Instant now);

  const Peer* find(uint64_t user) const;
  uint64_t shadow_bytes() const { return shadow_bytes_; }
  uint64_t kept_bytes() const { return kept_bytes_; }

  FramePool frames;
  HttpCounters counters;
  http2::Store store;
  Pool<Peer> peers;
  Pool<Exchange> exchanges;
  uint32_t swept = 0;

 private:
  // engine.cc
  void serve(uint32_t slot);
  void serve_session(uint32_t slot);
  void drain_events(uint32_t slot);
  void on_peer_timer(uint32_t slot);
  void on_exchange_timer(Exchange& x);
  void run_ready();
  void flush(uint32_t slot);
  void arm(uint32_t slot);
  void arm(Exchange& x);
  void lose(uint32_t slot);
  void sweep_requests(const Peer& client);
  void end_in_order(uint32_t slot);
  void drop(uint32_t slot);
  void reap(uint32_t slot);
  void wake(uint32_t exchange) { ready_.push(exchange); }
  void wake_all(const Peer& peer);
  void attach(Exchange& x, Side side, uint32_t peer);
  void detach(Exchange& x, Side side);
  static Side side_of(const Peer& peer) { return peer.is_client ? kClient : kServer; }

  // engine_clients.cc
  void accept(const tcp::EventNote& note);
  void serve_prelude(uint32_t slot);
  void greet(uint32_t slot);
  void refuse_client(uint32_t slot, HttpStat why);
  void serve_opening(uint32_t slot);
  void on_shaken(uint32_t slot);
  void shake(uint32_t slot);
  void on_back(uint64_t word, Instant now) override;
  void on_step(uint32_t slot, TlsEnd::Progress progress);
  void refuse_tls(uint32_t slot, tls::Refusal refusal);
  void tell_version(uint32_t slot);
  Instant first_bytes_until(const Peer& peer) const;
  void hand_over(uint32_t slot);
  bool start_session(uint32_t slot);
  void serve_client(uint32_t slot);
  void serve_closing(uint32_t slot);
  Exchange* begin(uint32_t peer);
  void begin_stream(uint32_t slot, http2::StreamId stream);
  void release_client(Exchange& x);
  void close_client(uint32_t slot);
  void refuse_request(uint32_t slot);

  // engine_tries.cc
  void find_endpoint(Exchange& x);
  void seek(Exchange& x);
  void seek_again(Exchange& x);
  void wake_pending(const resilience::Breaker::End* service);
  bool may_try_again(Exchange& x);
  bool is_safe_again(const Exchange& x) const;
  static bool was_stale(const Exchange& x);
  static bool was_closed(const Exchange& x);
  bool policy_tries_again(Exchange& x, Duration& wait);
  bool asks_retry(const Exchange& x) const;
  bool begin_retry(Exchange& x);
  bool is_paused(Exchange& x);
  void note_outcome(Exchange& x, bool ended);
  void keep_body(Exchange& x, const tcp::Chain& data);
  tcp::Chain take_again(Exchange& x, uint32_t most);
  void forget_body(Exchange& x);
  void drop_response(Exchange& x);
  bool copy(const tcp::Chain& from, tcp::Chain& to);

  // engine_upstreams.cc
  uint32_t find_idle(const HttpDestination& wanted);
  uint32_t find_shared(const HttpDestination& wanted);
  enum class Took : uint8_t { kTaken, kNone, kFull };
  uint32_t connect(const HttpDestination& wanted, const Client& client, bool& full);
  Took take_upstream(Exchange& x, const HttpDestination& chosen, const Client& client,
                     bool was_dead);
  void on_opened(uint32_t slot);
  void on_connect_failure(uint32_t slot);
  void serve_upstream(uint32_t slot);
  void release_server(Exchange& x);
  void keep(uint32_t slot);
  void spare(uint32_t slot);
  void use(uint32_t slot);
  void link(uint32_t slot);
  void unlink(uint32_t slot);
  bool fits(const Peer& peer, const HttpDestination& wanted) const;

  // engine_halves.cc
  static bool awaits_end(const Exchange& x);
  bool read_request(Exchange& x);
  bool read_response(Exchange& x);
  bool read_head(Exchange& x, Side side);
  void count_refusal(const Half& half);
  void pass_interim(Exchange& x);
  void pass_continue(Exchange& x);
  bool write_request(Exchange& x);
  bool write_response(Exchange& x);
  uint32_t room(Exchange& x, Side to);
  tcp::Chain take(Exchange& x, Side from, uint32_t most);
  void put(Exchange& x, Side to, tcp::Chain& data);
  void finish(Exchange& x, Side to, const http::Fields& trailers);
  void pump(Exchange& x, Side from);
  void pump_answer(Exchange& x);
  void discard_request(Exchange& x);
  void open_tunnel(Exchange& x);
  void stuck(uint32_t peer);

  // engine_exchange.cc
  Flow run(Exchange& x);
  void plan(Exchange& x);
  void take_route(Exchange& x, HttpRoute route);
  bool admit(Exchange& x);
  bool waits_for_endpoint(Exchange& x);
  bool begin_try(Exchange& x);
  bool has_response(Exchange& x);
  bool is_done(const Exchange& x) const;
  void go_on(Exchange& x);
  void give_response(Exchange& x);
  void settle(Exchange& x);
  void fail(Exchange& x, HttpFault fault) {
    if (x.fault == HttpFault::kNone) x.fault = fault;
  }

  // engine_token.cc
  bool take_claim_names(Exchange& x);
  void strip_trailers(Exchange& x);
  bool authenticate(Exchange& x, const HttpRoute* route, HttpToken& token);
  bool tell_token(Exchange& x, const HttpToken& token);

  // engine_limits.cc
  bool keeps_limits(Exchange& x);
  void draw_faults(Exchange& x);
  void abort_by_fault(Exchange& x);
  void tell_limit(Exchange& x);
  void answer_injected(Exchange& x);

  // engine_mirror.cc
  void start_mirror(Exchange& x);
  bool begin_mirror(Exchange& x, const HttpDestination& to);
  Flow run_shadow(Exchange& x);
  void pump_shadow(Exchange& x);
  bool is_shadow_done(const Exchange& x) const;
  void mirror_body(Exchange& x, const tcp::Chain& data);
  void settle_shadow(Exchange& x);
  void let_shadow_go(Exchange& x, bool whole);

  // engine_cors.cc
  void judge_origin(Exchange& x);
  static bool is_preflight(const http::Message& request);
  bool answer_preflight(Exchange& x);
  bool tell_origin(Exchange& x);

  // engine_forwarded.cc
  bool tell_client(Exchange& x);

  // engine_answers.cc
  bool prepare_request(Exchange& x);
  bool prepare_response(Exchange& x);
  void answer_by_rule(Exchange& x);
  void answer_fault(Exchange& x);
  http::Message& blank_response(Exchange& x, uint16_t status);
  void set_answer(Exchange& x, std::string_view body, std::string_view content_type);
  bool give_cookie(Exchange& x);
  std::string_view date();

  Peer& peer_of(Exchange& x, Side side) { return peers[x[side].peer]; }
  Client client_of(const Peer& peer) const;
  // With what its request has shown.
  Client client_of(Exchange& x);
  uint32_t timer_of(const Exchange& x) const { return peers.capacity() + x.slot; }

  WireWork work_;
  HttpPolicy& policy_;
  const HttpLimits limits_;
  const http2::Limits upstream_http2_;
  http::ArenaPool arenas_;
  TimerWheel wheel_;
  Random random_;
  Instant now_;
  SlotQueue busy_;                            // peers with news
  SlotQueue ready_;                           // exchanges that may go on
  SlotQueue dirty_;                           // peers with something to send
  HandshakeQueue handshakes_;                 // of peers
  std::vector<std::vector<uint8_t>> claims_;  // by exchange; they keep some memory for the next
  std::vector<uint32_t> by_stream_;           // exchanges by the store's stream
  std::vector<uint32_t> first_upstream_;      // peers by policy's endpoint: idle ones and sessions
  std::vector<uint32_t> idle_count_;          // of HTTP/1, by policy's endpoint
  uint32_t clients_ = 0;
  uint32_t shadows_ = 0;       // exchanges that are copies of others
  uint64_t shadow_bytes_ = 0;  // of memory, that bodies take which wait for mirrors
  uint64_t kept_bytes_ = 0;    // of memory, that bodies take which are kept for other tries
  SlotQueue pending_;          // exchanges that wait for a connection to be free
  Instant date_until_;
  std::array<char, http::kDateBytes> date_{};
  uint32_t sweep_next_ = kNoSlot;
  uint32_t sweep_generation_ = 0;
};

}  // namespace heddle::mesh
