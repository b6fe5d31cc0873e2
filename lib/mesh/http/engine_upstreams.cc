// Connections to endpoints: opened, shared, kept for later requests, dropped.
#include <algorithm>

#include "engine.h"
#include "http/http1/reader.h"

namespace heddle::mesh {

namespace {

// How long a connection of a service with bounds for them is kept for the next request.
constexpr Duration kKeepBounded = seconds(1);

}  // namespace

bool HttpEngine::fits(const Peer& peer, const HttpDestination& wanted) const {
  return peer.place == wanted.to.tuple.remote && peer.tls_use == wanted.to.tls_use &&
         peer.http2_wanted == wanted.http2 && peer.expected_id == wanted.to.expected_id &&
         peer.hold.service() == wanted.to.bounds.service.get();
}

// An endpoint's idle connections of HTTP/1 and all of HTTP/2, the newest first.
void HttpEngine::link(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.idle) return;
  uint32_t& first = first_upstream_[peer.endpoint];
  peer.idle = true;
  peer.counted_idle = peer.session == nullptr && peer.stage == PeerStage::kOpen;
  if (peer.counted_idle) ++idle_count_[peer.endpoint];
  peer.previous = kNoSlot;
  peer.next = first;
  if (first != kNoSlot) peers[first].previous = slot;
  first = slot;
}

void HttpEngine::unlink(uint32_t slot) {
  Peer& peer = peers[slot];
  if (!peer.idle) return;
  peer.idle = false;
  if (peer.counted_idle) --idle_count_[peer.endpoint];
  peer.counted_idle = false;
  if (peer.previous != kNoSlot)
    peers[peer.previous].next = peer.next;
  else
    first_upstream_[peer.endpoint] = peer.next;
  if (peer.next != kNoSlot) peers[peer.next].previous = peer.previous;
  peer.next = peer.previous = kNoSlot;
}

uint32_t HttpEngine::find_idle(const HttpDestination& wanted) {
  uint32_t next = kNoSlot;
  for (uint32_t at = first_upstream_[wanted.to.endpoint]; at != kNoSlot; at = next) {
    Peer& peer = peers[at];
    next = peer.next;
    if (peer.session != nullptr || peer.stage != PeerStage::kOpen) continue;
    // By another port, or for another service.
    if (!fits(peer, wanted) && peer.generation == wanted.to.generation) continue;
    // Policy may have changed how the endpoint is reached: nobody may ask for this one again.
    if (!fits(peer, wanted)) {
      counters.add(HttpStat::kUpstreamsClosed);
      lose(at);
      continue;
    }
    // What it has said, or that it ended, may not have been looked at yet.
    peer.wire.pull(work_, 1, now_);
    if (!peer.wire.in.empty() || peer.wire.ended(work_)) {
      counters.add(peer.wire.in.empty() ? HttpStat::kUpstreamsClosed : HttpStat::kUnasked);
      lose(at);
      continue;
    }
    unlink(at);
    return at;
  }
  return kNoSlot;
}

// Of HTTP/2: one that takes another stream, or will when it is open.
uint32_t HttpEngine::find_shared(const HttpDestination& wanted) {
  for (uint32_t at = first_upstream_[wanted.to.endpoint]; at != kNoSlot; at = peers[at].next) {
    Peer& peer = peers[at];
    if (!fits(peer, wanted) || peer.wire.reset || peer.stage == PeerStage::kGone) continue;
    if (peer.session == nullptr ? peer.requests < limits_.http2.streams : peer.session->can_open())
      return at;
  }
  return kNoSlot;
}

// Nobody uses it: it may have to go for another of its service.
void HttpEngine::spare(uint32_t slot) {
  Peer& peer = peers[slot];
  resilience::Breaker::End* service = peer.hold.service();
  if (service == nullptr || peer.spare) return;
  peer.spare = true;
  peer.previous_spare = kNoSlot;
  peer.next_spare = service->first_idle;
  if (peer.next_spare != kNoSlot) peers[peer.next_spare].previous_spare = slot;
  service->first_idle = slot;
}

void HttpEngine::use(uint32_t slot) {
  Peer& peer = peers[slot];
  if (!peer.spare) return;
  peer.spare = false;
  if (peer.previous_spare != kNoSlot)
    peers[peer.previous_spare].next_spare = peer.next_spare;
  else
    peer.hold.service()->first_idle = peer.next_spare;
  if (peer.next_spare != kNoSlot) peers[peer.next_spare].previous_spare = peer.previous_spare;
  peer.next_spare = peer.previous_spare = kNoSlot;
}

// kNoSlot: there can be none. `full`: as there are as many as the service's bounds allow.
uint32_t HttpEngine::connect(const HttpDestination& wanted, const Client& client, bool& full) {
  if (peers.full()) return kNoSlot;
  const uint32_t slot = peers.emplace(tcp::ConnectionId(), false);
  const Bounds& bounds = wanted.to.bounds;
  if (!peers[slot].hold.take(bounds)) {
    // One that is kept for requests to another endpoint gives way.
    const uint32_t kept = bounds.service == nullptr ? kNoSlot : bounds.service->first_idle;
    if (kept != kNoSlot) end_in_order(kept);
    full = kept == kNoSlot || !peers[slot].hold.take(bounds);
    if (full) {
      peers.erase(slot);
      return kNoSlot;
    }
  }
  const tcp::ConnectionId id = work_.transport.connect(
      {.tuple = wanted.to.tuple, .profile = wanted.to.profile, .user = HttpProxy::kMine | slot},
      now_);
  if (!id) {
    peers.erase(slot);
    return kNoSlot;
  }
  work_.transport.set_nodelay(id, true);
  counters.add(HttpStat::kUpstreams);
  Peer& peer = peers[slot];
  peer.wire.id = id;
  peer.stage = PeerStage::kConnecting;
  peer.endpoint = wanted.to.endpoint;
  peer.place = wanted.to.tuple.remote;
  peer.tls_use = wanted.to.tls_use;
  peer.expected_id = wanted.to.expected_id;
  peer.http2_wanted = wanted.http2;
  peer.generation = wanted.to.generation;
  peer.deadline = now_ + wanted.to.connect_timeout;
  if (wanted.to.tls != nullptr)
    peer.wire.tls =
        std::make_unique<TlsEnd>(TlsEnd::Phase::kBegin, wanted.to.tls, wanted.to.server_name,
                                 peer.expected_id ? *peer.expected_id : std::string());
  peer.for_one = wanted.to.proxy_header != ProxyHeaderVersion::kNone;
  if (peer.for_one &&
      !send_proxy_header(work_.transport, id, wanted.to.proxy_header, client.tuple, now_)) {
    lose(slot);
    return kNoSlot;
  }
  // Others may wait for it.
  if (wanted.http2 && !peer.for_one) link(slot);
  arm(slot);
  return slot;
}

void HttpEngine::on_opened(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.wire.tls != nullptr) {
    peer.stage = PeerStage::kOpening;  // within the time-out to connect
    return handshakes_.push(slot, *peer.wire.tls);
  }
  peer.stage = PeerStage::kOpen;
  peer.deadline = kNever;
  peer.speaks = peer.http2_wanted ? Speaks::kHttp2 : Speaks::kHttp1;
  if (peer.http2_wanted && !start_session(slot)) return lose(slot);
  if (peer.first_exchange == kNoSlot) return keep(slot);
  arm(slot);
  busy_.push(slot);
  wake_all(peer);
}

void HttpEngine::on_connect_failure(uint32_t slot) {
  Peer& peer = peers[slot];
  const tcp::Connection* connection = work_.transport.find(peer.wire.id);
  const tcp::EndReason why = connection == nullptr ? tcp::EndReason::kNone : connection->ended_by();
  peer.fault =
      why == tcp::EndReason::kTimedOut ? HttpFault::kConnectTimeout : HttpFault::kConnectRefused;
  lose(slot);
}

// A connection that is there, or one that is opened. kFull: there are as many as there may be.
HttpEngine::Took HttpEngine::take_upstream(Exchange& x, const HttpDestination& chosen,
                                           const Client& client, bool was_dead) {
  uint32_t slot = kNoSlot;
  // Where a kept connection was dead the others are likely to be so too.
  if (chosen.to.proxy_header != ProxyHeaderVersion::kNone)
    slot = kNoSlot;
  else if (chosen.http2)
    slot = find_shared(chosen);
  else if (!was_dead)
    slot = find_idle(chosen);
  x.reused = slot != kNoSlot;
  if (slot == kNoSlot) {
    bool full = false;
    slot = connect(chosen, client, full);
    if (full) return Took::kFull;
  }
  if (slot == kNoSlot) return Took::kNone;
  if (x.reused) counters.add(HttpStat::kReused);
  attach(x, kServer, slot);
  Peer& peer = peers[slot];
  peer.deadline = peer.stage == PeerStage::kOpen ? kNever : peer.deadline;
  ++peer.requests;
  x.endpoint = chosen.to.endpoint;
  x.server = peer.place;
  x.moved = now_;
  x.idle = chosen.to.idle_timeout;
  if (x.route.target != nullptr && x.route.target->stream_idle != Duration())
    x.idle = x.route.target->stream_idle;
  policy_.opened(x.is_shadow ? kNoSlot : x.frontend, x.endpoint);
  x.counted = true;
  return Took::kTaken;
}

// One that is not in use may end, or say what nobody asked for.
void HttpEngine::serve_upstream(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.first_exchange != kNoSlot) return wake(peer.first_exchange);
  peer.wire.pull(work_, 1, now_);
  if (!peer.wire.in.empty()) counters.add(HttpStat::kUnasked);
  if (peer.wire.in.empty() && !peer.wire.ended(work_)) return;
  counters.add(HttpStat::kUpstreamsClosed);
  if (peer.wire.in.empty()) return end_in_order(slot);
  lose(slot);
}

void HttpEngine::keep(uint32_t slot) {
  Peer& peer = peers[slot];
  const bool full =
      peer.session == nullptr && idle_count_[peer.endpoint] >= limits_.idle_per_endpoint;
  if (full || peer.for_one) return end_in_order(slot);
  const resilience::Breaker::End* service = peer.hold.service();
  const bool bounded = service != nullptr && service->bounds_connections();
  // Where they are counted others may need it, on other workers too.
  if (bounded && pending_.empty() && service->in_use_of_all(resilience::Bound::kPending) > 0)
    return end_in_order(slot);
  peer.deadline =
      now_ + (bounded ? std::min(limits_.keep_upstream, kKeepBounded) : limits_.keep_upstream);
  if (peer.session == nullptr) link(slot);
  spare(slot);
  wake_pending(service);
  arm(slot);
  busy_.push(slot);
}

// The exchange needs its endpoint no more.
void HttpEngine::release_server(Exchange& x) {
  x.hold.give();
  if (x.counted) policy_.closed(x.frontend, x.endpoint);
  x.counted = false;
  const uint32_t slot = x[kServer].peer;
  if (slot == kNoSlot) return;
  const Half& half = x[kServer];
  Peer& peer = peers[slot];
  const bool open = peer.stage == PeerStage::kOpen;
  if (peer.speaks == Speaks::kHttp2 || peer.http2_wanted) {
    detach(x, kServer);
    if (open && peers[slot].first_exchange == kNoSlot) keep(slot);
    return;
  }
  const bool reusable = http1::may_reuse(
      {.request_written = half.write_ended,
       .response_read = half.read_ended && half.refusal == http::Refusal::kNone,
       .response_persistent = x.own_response.persistent && !half.tunnel && !half.doubted,
       .bytes_left = !peer.wire.in.empty()});
  const bool ended_well = half.tunnel && half.read_ended && half.write_ended;
  detach(x, kServer);
  if (!open) {
    // One that nobody waits for any more is not opened to its end.
    if (peers.live(slot) && peers[slot].stage != PeerStage::kGone) lose(slot);
    return;
  }
  if (reusable && !peer.wire.half_closed && !peer.wire.reset) return keep(slot);
  if (ended_well || reusable) return end_in_order(slot);
  lose(slot);
}

}  // namespace heddle::mesh
