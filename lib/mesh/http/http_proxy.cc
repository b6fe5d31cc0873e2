#include "mesh/http_proxy.h"

#include "engine.h"

namespace heddle::mesh {

HttpProxy::HttpProxy(tcp::Transport& transport, tcp::BufferSource& buffers, HttpPolicy& policy,
                     const HttpLimits& limits, Instant start, TlsWork* tls, uint64_t seed)
    : engine_(std::make_unique<HttpEngine>(transport, buffers, policy, limits, start, tls, seed)) {}

HttpProxy::~HttpProxy() = default;

void HttpProxy::on_note(const tcp::EventNote& note, Instant now) { engine_->on_note(note, now); }
bool HttpProxy::on_turn(Instant now) { return engine_->on_turn(now); }
Instant HttpProxy::next_deadline() const { return engine_->next_deadline(); }

bool HttpProxy::sweep(uint32_t generation, uint32_t most, Instant now) {
  return engine_->sweep(generation, most, now);
}
uint32_t HttpProxy::swept() const { return engine_->swept; }

uint32_t HttpProxy::frontend_of(uint64_t user) const {
  const Peer* peer = engine_->find(user);
  return peer == nullptr ? kNoSlot : peer->frontend;
}
const TlsEnd* HttpProxy::tls_of(uint64_t user) const {
  const Peer* peer = engine_->find(user);
  return peer == nullptr ? nullptr : peer->wire.tls.get();
}

uint32_t HttpProxy::connections() const { return engine_->peers.size(); }
uint32_t HttpProxy::requests() const { return engine_->exchanges.size(); }
uint64_t HttpProxy::shadow_bytes() const { return engine_->shadow_bytes(); }
const HttpCounters& HttpProxy::counters() const { return engine_->counters; }
const http2::Counters& HttpProxy::http2_counters() const { return engine_->store.counters; }
// With its place in the pool, in the timer wheel and in the queues.
size_t HttpProxy::connection_bytes() { return sizeof(Peer) + 4 + 16 + 5 * 5; }

}  // namespace heddle::mesh
