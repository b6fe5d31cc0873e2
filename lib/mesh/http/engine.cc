#include "engine.h"

#include <algorithm>

namespace heddle::mesh {

namespace {

constexpr Duration kTick = milliseconds(1);
constexpr Duration kStarved = milliseconds(1);
// In one turn.
constexpr uint32_t kMostTimers = 256;
constexpr uint32_t kMostPeers = 512;
constexpr uint32_t kMostExchanges = 512;
// Plaintext of one session's peer in one turn, and what of its output may wait for TCP.
constexpr uint32_t kMostRead = 256 * 1024;
constexpr uint32_t kMostWritten = 128 * 1024;

// Sessions to endpoints are shared: some slow readers' full windows must not hold up the others.
http2::Limits shared(http2::Limits limits) {
  limits.stream_window = 64 * 1024;
  limits.queued = limits.streams * limits.stream_window + 1;
  return limits;
}

}  // namespace

void* Flow::promise_type::operator new(size_t size, HttpEngine& engine, Exchange&) {
  HEDDLE_CHECK(size <= FramePool::kFrame, "a flow's frame is larger than the pool's");
  return engine.frames.take();
}

HttpEngine::HttpEngine(tcp::Transport& transport, tcp::BufferSource& buffers, HttpPolicy& policy,
                       const HttpLimits& limits, Instant start, TlsWork* tls, uint64_t seed)
    : frames(limits.requests),
      store(limits.requests * 2, limits.http2_memory, limits.http2, transport.pieces(), buffers),
      peers(limits.connections),
      exchanges(limits.requests),
      work_{transport, tls},
      policy_(policy),
      limits_(limits),
      upstream_http2_(shared(limits.http2)),
      arenas_(limits.requests * 2, http1::arena_bytes(limits.message)),
      wheel_(limits.connections + limits.requests, kTick, start),
      random_(seed),
      now_(start),
      busy_(limits.connections),
      ready_(limits.requests),
      dirty_(limits.connections),
      handshakes_(tls, limits.connections),
      claims_(limits.requests),
      by_stream_(limits.requests * 2, kNoSlot),
      first_upstream_(limits.endpoints, kNoSlot),
      idle_count_(limits.endpoints),
      pending_(limits.requests) {
  if (tls != nullptr) tls->http = this;
}

HttpEngine::~HttpEngine() {
  for (uint32_t slot = 0; slot < exchanges.capacity(); ++slot) {
    if (!exchanges.live(slot)) continue;
    for (tcp::Chain* each :
         {&exchanges[slot].answer, &exchanges[slot].kept, &exchanges[slot].resend})
      work_.pieces().free(*each);
  }
  for (uint32_t slot = 0; slot < peers.capacity(); ++slot) {
    if (!peers.live(slot)) continue;
    Peer& peer = peers[slot];
    peer.session.reset();
    if (peer.stage != PeerStage::kGone) peer.wire.abort(work_, now_);
  }
}

const Peer* HttpEngine::find(uint64_t user) const {
  const auto slot = static_cast<uint32_t>(user);
  return HttpProxy::is_mine(user) && peers.live(slot) ? &peers[slot] : nullptr;
}

Client HttpEngine::client_of(const Peer& peer) const {
  Client client{.tuple = work_.transport.find(peer.wire.id)->tuple(),
                .told = peer.told != nullptr,
                .secure = peer.secure,
                .shaking = peer.stage == PeerStage::kOpening && !peer.secure,
                .identity = peer.identity.get()};
  if (client.told) client.tuple.remote = *peer.told;
  return client;
}

void HttpEngine::on_note(const tcp::EventNote& note, Instant now) {
  now_ = now;
  if (!HttpProxy::is_mine(note.user)) return accept(note);
  const auto slot = static_cast<uint32_t>(note.user);
  HEDDLE_CHECK(peers.live(slot), "a connection that its user has closed has no notes");
  Peer& peer = peers[slot];
  peer.connected |= note.has(tcp::Notice::kConnected);
  peer.wire.half_closed |= note.has(tcp::Notice::kHalfClosed);
  peer.wire.closed |= note.has(tcp::Notice::kClosed);
  peer.wire.reset |= note.has(tcp::Notice::kReset);
  busy_.push(slot);
  if (note.has(tcp::Notice::kWritable)) dirty_.push(slot);
}

bool HttpEngine::on_turn(Instant now) {
  now_ = now;
  wheel_.advance(now, kMostTimers, [this](uint32_t slot) {
    if (slot < peers.capacity())
      on_peer_timer(slot);
    else
      on_exchange_timer(exchanges[slot - peers.capacity()]);
  });
  const bool shakes = handshakes_.run([this](uint32_t slot) {
    if (peers.live(slot)) shake(slot);
  });
  for (uint32_t i = busy_.size() < kMostPeers ? busy_.size() : kMostPeers; i > 0; --i)
    serve(busy_.pop());
  run_ready();
  for (uint32_t i = dirty_.size(); i > 0; --i) flush(dirty_.pop());
  return shakes || !busy_.empty() || !ready_.empty() || !dirty_.empty();
}

void HttpEngine::run_ready() {
  for (uint32_t i = 0; i < kMostExchanges && !ready_.empty(); ++i) {
    const uint32_t slot = ready_.pop();
    if (!exchanges.live(slot)) continue;  // it ended, and was woken once more before
    Exchange& x = exchanges[slot];
    x.flow.resume();
    if (x.flow.done())
      settle(x);
    else
      arm(x);
  }
}

void HttpEngine::serve(uint32_t slot) {
  if (!peers.live(slot)) return;
  Peer& peer = peers[slot];
  switch (peer.stage) {
    case PeerStage::kPrelude:
      return serve_prelude(slot);
    case PeerStage::kConnecting:
      if (peer.wire.reset) return on_connect_failure(slot);
      if (peer.connected) on_opened(slot);
      return;
    case PeerStage::kOpening:
      return serve_opening(slot);
    case PeerStage::kOpen:
      if (peer.wire.reset) return lose(slot);
      if (peer.speaks == Speaks::kHttp2) return serve_session(slot);
      return peer.is_client ? serve_client(slot) : serve_upstream(slot);
    case PeerStage::kClosing:
      return serve_closing(slot);
    case PeerStage::kGone:
      return;
  }
}

void HttpEngine::serve_session(uint32_t slot) {
  Peer& peer = peers[slot];
  peer.wire.pull(work_, kMostRead, now_);
  if (peer.wire.broken) return lose(slot);
  peer.session->receive(peer.wire.in, now_);
  drain_events(slot);
  dirty_.push(slot);
  if (!peer.wire.in.empty()) busy_.push(slot);
  if (peer.wire.ended(work_) && peer.wire.in.empty()) {
    // A peer that breaks the rules and ends at once is told why, and counted, all the same.
    flush(slot);
    if (peers.live(slot) && peers[slot].stage == PeerStage::kOpen) lose(slot);
    return;
  }
  const tcp::Connection* connection = work_.transport.find(peer.wire.id);
  if (connection->readable() > 0 && peer.wire.in.empty()) busy_.push(slot);
}

void HttpEngine::drain_events(uint32_t slot) {
  Peer& peer = peers[slot];
  http2::EventNote note;
  while (peer.session->next_event(note)) {
    uint32_t& owner = by_stream_[note.stream.value()];
    if (owner == kNoSlot && note.has(http2::Event::kHead) && peer.is_client)
      begin_stream(slot, note.stream);
    if (owner == kNoSlot) {
      // Reset before its head was whole, or one more than there may be.
      peer.session->release(note.stream);
      continue;
    }
    Half& half = exchanges[owner][side_of(peer)];
    if (note.has(http2::Event::kHead)) half.head_read = true;
    if (note.has(http2::Event::kEnd)) half.end_seen = true;
    if (note.has(http2::Event::kClosed)) {
      half.closed = true;
      half.error = peer.session->error(note.stream);
      // Before all was said: the peer has reset it, or we have.
      if (peer.is_client ? !half.write_ended : !half.end_seen) half.lost = true;
    }
    if (note.has(http2::Event::kContinue)) pass_continue(exchanges[owner]);
    wake(owner);
  }
}

// Sends what TCP takes; what goes on only when there is room again is told by a note.
void HttpEngine::flush(uint32_t slot) {
  if (!peers.live(slot)) return;
  Peer& peer = peers[slot];
  if (peer.stage == PeerStage::kGone || peer.stage == PeerStage::kConnecting ||
      peer.stage == PeerStage::kPrelude)
    return;
  if (peer.session != nullptr) {
    // What is left at the end waits for a note: either TCP is full, or the session has no more.
    peer.wire.push(work_, now_);
    while (peer.wire.pending() < kMostWritten) {
      const uint32_t before = peer.wire.out.bytes;
      peer.session->emit(peer.wire.out, now_);
      if (peer.wire.out.bytes == before) break;
      peer.wire.push(work_, now_);
    }
    if (peer.wire.pending() > 0) work_.transport.want_writable(peer.wire.id);
    if (peer.wire.pending() == 0 && peer.session->is_output_blocked()) peer.wire.starved_out = true;
    drain_events(slot);
    if (peer.session->finished() && peer.wire.pending() == 0 && peer.stage == PeerStage::kOpen)
      return end_in_order(slot);
  } else {
    peer.wire.push(work_, now_);
  }
  arm(slot);
  if (peer.stage == PeerStage::kClosing) serve_closing(slot);
}

void HttpEngine::arm(uint32_t slot) {
  const Peer& peer = peers[slot];
  Instant when = peer.deadline;
  if (peer.session != nullptr) when = std::min(when, peer.session->next_deadline());
  if (peer.wire.starved_in || peer.wire.starved_out) when = std::min(when, now_ + kStarved);
  if (when == kNever)
    wheel_.disarm(slot);
  else
    wheel_.arm(slot, when);
}

void HttpEngine::on_peer_timer(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.wire.starved_in || peer.wire.starved_out) {
    busy_.push(slot);
    dirty_.push(slot);
    wake_all(peer);
  }
  if (peer.session != nullptr && peer.session->next_deadline() <= now_) {
    peer.session->on_timer(now_);
    dirty_.push(slot);
  }
  if (peer.deadline > now_) return arm(slot);
  switch (peer.stage) {
    case PeerStage::kPrelude:
      return refuse_client(slot, HttpStat::kProxyHeader);
    case PeerStage::kConnecting:
      peer.fault = HttpFault::kConnectTimeout;
      return lose(slot);
    case PeerStage::kOpening:
      return refuse_tls(slot, tls::Refusal::kHandshakeTimeout);
    case PeerStage::kOpen:
      if (!peer.is_client) counters.add(HttpStat::kUpstreamsClosed);
      if (peer.is_client && peer.session != nullptr && !peer.session->draining()) {
        peer.session->drain(now_);
        peer.deadline = now_ + limits_.linger + limits_.http2.drain_notice;
        dirty_.push(slot);
        return arm(slot);
      }
      return end_in_order(slot);
    case PeerStage::kClosing:
    case PeerStage::kGone:
      return drop(slot);
  }
}

// Deadlines that move on, as bytes do, are looked at when the timer fires.
void HttpEngine::arm(Exchange& x) {
  Instant when = x.deadline;
  if (x.idle != Duration()) when = std::min(when, x.moved + x.idle);
  when = std::min({when, x.try_until, x.paused_until});
  if (when >= x.armed) return;
  x.armed = when;
  wheel_.arm(timer_of(x), when);
}

void HttpEngine::on_exchange_timer(Exchange& x) {
  x.armed = kNever;
  const bool over = x.deadline <= now_;
  if (!over && x.paused_until <= now_) return wake(x.slot);
  if (!over && x.try_until <= now_) {
    fail(x, HttpFault::kTryTimeout);
    return wake(x.slot);
  }
  if (!over && (x.idle == Duration() || x.moved + x.idle > now_)) return arm(x);
  // With its response given nothing has failed.
  if (!x.ending) {
    const HttpFault late =
        x[kClient].head_read ? HttpFault::kRequestTimeout : HttpFault::kHeadTimeout;
    fail(x, over ? late : HttpFault::kIdleTimeout);
  }
  x.timed_out = true;
  wake(x.slot);
}

void HttpEngine::wake_all(const Peer& peer) {
  const Side side = side_of(peer);
  for (uint32_t at = peer.first_exchange; at != kNoSlot; at = exchanges[at][side].next) wake(at);
}

void HttpEngine::attach(Exchange& x, Side side, uint32_t slot) {
  Peer& peer = peers[slot];
  use(slot);
  Half& half = x[side];
  half = Half();
  half.peer = slot;
  half.next = peer.first_exchange;
  if (half.next != kNoSlot) exchanges[half.next][side].previous = x.slot;
  peer.first_exchange = x.slot;
}

void HttpEngine::detach(Exchange& x, Side side) {
  Half& half = x[side];
  Peer& peer = peers[half.peer];
  if (half.stream != http2::kNoStream) {
    by_stream_[half.stream.value()] = kNoSlot;
    peer.session->release(half.stream);
    if (peer.stage != PeerStage::kGone) {
      dirty_.push(half.peer);
      // What it had not taken made room.
      if (!peer.wire.in.empty()) busy_.push(half.peer);
    }
    half.stream = http2::kNoStream;
  }
  if (half.previous != kNoSlot)
    exchanges[half.previous][side].next = half.next;
  else
    peer.first_exchange = half.next;
  if (half.next != kNoSlot) exchanges[half.next][side].previous = half.previous;
  const uint32_t slot = half.peer;
  half.peer = kNoSlot;
  half.next = half.previous = kNoSlot;
  reap(slot);
}

// The connection is gone, or not worth keeping: whoever holds it is told.
void HttpEngine::lose(uint32_t slot) {
  Peer& peer = peers[slot];
  const Side side = side_of(peer);
  for (uint32_t at = peer.first_exchange; at != kNoSlot; at = exchanges[at][side].next) {
    exchanges[at][side].lost = true;
    wake(at);
  }
  drop(slot);
}

// The same, where the other side is to see an end and not a reset.
void HttpEngine::end_in_order(uint32_t slot) {
  Peer& peer = peers[slot];
  const Side side = side_of(peer);
  for (uint32_t at = peer.first_exchange; at != kNoSlot; at = exchanges[at][side].next) {
    exchanges[at][side].lost = true;
    wake(at);
  }
  if (peer.is_client) return close_client(slot);
  peer.wire.shut();
  peer.wire.push(work_, now_);
  drop(slot);
}

// Gives its connection back. The peer is there for as long as exchanges hold it.
void HttpEngine::drop(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.stage == PeerStage::kGone) return reap(slot);
  if (peer.is_client) --clients_;
  unlink(slot);
  use(slot);
  const resilience::Breaker::End* service = peer.hold.service();
  peer.hold.give();
  wake_pending(service);
  work_.transport.set_user(peer.wire.id, peer.is_client ? peer.frontend : kNoSlot);
  const bool in_order = peer.wire.is_shut() || peer.wire.closed;
  if (in_order && !peer.wire.reset)
    peer.wire.close(work_, now_);
  else
    peer.wire.abort(work_, now_);
  peer.stage = PeerStage::kGone;
  peer.deadline = kNever;
  wheel_.disarm(slot);
  reap(slot);
}

void HttpEngine::reap(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.stage != PeerStage::kGone || peer.first_exchange != kNoSlot) return;
  peers.erase(slot);
}

// What policy does not let in any more, or the endpoint's own does not, ends, tunnels above all. Of
// answers of our own nothing is taken back.
void HttpEngine::sweep_requests(const Peer& peer) {
  for (uint32_t at = peer.first_exchange; at != kNoSlot; at = exchanges[at][kClient].next) {
    Exchange& x = exchanges[at];
    const auto may_stay = [&](Exchange& at_server) {
      return at_server[kServer].peer == kNoSlot ||
             policy_.may_stay(x.frontend, client_of(x), peer_of(at_server, kServer).place,
                              *at_server.request);
    };
    if (x.other != kNoSlot && !may_stay(exchanges[x.other])) let_shadow_go(x, false);
    if (x.asked.fields == nullptr || x.fault != HttpFault::kNone || x.local || x.ending) continue;
    if (policy_.may_go_on(x.frontend, client_of(x), x.asked) && may_stay(x)) continue;
    counters.add(HttpStat::kRequestsCut);
    fail(x, HttpFault::kDenied);
    wake(at);
  }
}

bool HttpEngine::sweep(uint32_t generation, uint32_t most, Instant now) {
  now_ = now;
  // A pass that has begun goes on under a newer policy, and another one follows.
  if (sweep_next_ == kNoSlot) {
    if (swept == generation) return false;
    sweep_generation_ = generation;
    sweep_next_ = 0;
  }
  if (peers.size() == 0) sweep_next_ = peers.capacity();
  uint32_t judged = 0;
  for (uint32_t seen = 0; seen < most * 64 && judged < most; ++seen) {
    if (sweep_next_ >= peers.capacity()) {
      sweep_next_ = kNoSlot;
      swept = sweep_generation_;
      return swept != generation || !ready_.empty();
    }
    const uint32_t slot = sweep_next_++;
    if (!peers.live(slot)) continue;
    Peer& peer = peers[slot];
    // What waits at endpoints is looked at before it is used again.
    if (!peer.is_client || peer.stage == PeerStage::kGone || peer.generation == generation)
      continue;
    if (peer.stage == PeerStage::kPrelude) continue;  // policy will be asked
    ++judged;
    peer.generation = generation;
    const Standing standing = policy_.judge(peer.frontend, client_of(peer));
    if (standing == Standing::kStays) {
      sweep_requests(peer);
      continue;
    }
    if (standing == Standing::kSilent) {
      // A drop is silent towards who is refused.
      work_.transport.forget(peer.wire.id, now_);
    }
    lose(slot);
  }
  return true;
}

}  // namespace heddle::mesh
