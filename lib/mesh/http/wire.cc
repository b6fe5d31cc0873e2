#include "mesh/wire.h"

#include <algorithm>

namespace heddle::mesh {

namespace {

// The longest record, with its header (RFC 5246 6.2.3).
constexpr uint32_t kWholeRecord = (1 << 14) + 2048 + 5;
// Plaintext that waits to be sealed, and what may lie in `out` of plain connections.
constexpr uint32_t kMostWaiting = 128 * 1024;
// Of a handshake, or of what is looked at before.
constexpr uint32_t kMostHeld = 64 * 1024;
constexpr uint32_t kSealable = 2048;

}  // namespace

void Wire::take_in(WireWork& work, uint32_t most, Instant now) {
  const tcp::Connection* connection = work.transport.find(id);
  if (connection == nullptr) return;
  const uint32_t n = std::min(connection->readable(), most);
  if (n == 0) return;
  tcp::Chain chain = work.transport.receive(id, n, now);
  work.pieces().join(tls == nullptr ? in : tls->in, chain);
}

void Wire::pull(WireWork& work, uint32_t most, Instant now) {
  starved_in = false;
  if (reset || broken) return;
  if (tls != nullptr && tls->phase() == TlsEnd::Phase::kPlain) {
    work.pieces().join(in, tls->plain);
    tls->release(*work.tls);
    tls.reset();
  }
  if (tls == nullptr) {
    if (in.bytes < most) take_in(work, most - in.bytes, now);
    return;
  }
  if (!tls->is_open() || tls->ended || in.bytes >= most) return;
  take_in(work, std::max(most - in.bytes, kWholeRecord), now);
  if (tls->in.empty()) return;
  const tls::Progress progress = tls->open(*work.tls, now);
  work.pieces().join(in, tls->plain);
  flush(work, now);
  starved_in = progress == tls::Progress::kNoMemory;
  broken = progress == tls::Progress::kRefused;
}

void Wire::flush(WireWork& work, Instant now) {
  tcp::Chain& bytes = tls == nullptr ? out : tls->out;
  if (bytes.empty()) return;
  sent += work.transport.send(id, bytes, now);
  if (!bytes.empty()) work.transport.want_writable(id);
}

void Wire::push(WireWork& work, Instant now) {
  starved_out = false;
  if (reset || shut_) return;
  flush(work, now);
  if (tls != nullptr && tls->is_open()) {
    if (tls->text.bytes < kMostWaiting) work.pieces().join(tls->text, out);
    while (tls->out.empty() && !tls->text.empty()) {
      const uint32_t room = work.transport.find(id)->writable();
      const uint32_t n = room == 0 ? 0 : tls->seal(*work.tls, room, now);
      flush(work, now);
      if (n != 0) continue;
      starved_out = room > kSealable;
      work.transport.want_writable(id);
      break;
    }
  }
  if (!shutting_ || pending() > 0) return;
  if (tls != nullptr && tls->is_open() && !tls->said_close) {
    if (!tls->close(*work.tls)) {
      starved_out = true;
      return;
    }
    tls->said_close = true;
    flush(work, now);
    if (pending() > 0) return;
  }
  shut_ = true;
  work.transport.shutdown(id, now);
}

uint32_t Wire::room(const WireWork& work) const {
  if (reset || broken || shutting_) return 0;
  const tcp::Connection* connection = work.transport.find(id);
  if (connection == nullptr) return 0;
  const uint32_t most = std::min(connection->writable(), kMostWaiting);
  return most - std::min(most, pending());
}

uint32_t Wire::pending() const {
  return out.bytes + (tls == nullptr ? 0 : tls->text.bytes + tls->out.bytes);
}

bool Wire::ended(const WireWork& work) const {
  if (reset || broken) return true;
  if (tls != nullptr && tls->is_open() && tls->ended) return true;
  if (!half_closed) return false;
  const tcp::Connection* connection = work.transport.find(id);
  return connection == nullptr || connection->readable() == 0;
}

bool Wire::is_cut_off(WireWork& work) {
  if (reset || broken) return true;
  return tls != nullptr && tls->is_open() && !tls->ended && !tls->ended_whole(*work.tls);
}

bool Wire::look(WireWork& work, Instant now, bool& decided) {
  take_in(work, kMostHeld - std::min(kMostHeld, tls->in.bytes), now);
  const TlsEnd::Progress progress = tls->look(work.pieces());
  decided = progress == TlsEnd::Progress::kDone;
  return progress != TlsEnd::Progress::kRefused;
}

TlsEnd::Progress Wire::shake(WireWork& work, uint64_t word, Instant now) {
  if (tls->phase() == TlsEnd::Phase::kBegin) {
    if (!tls->begin(*work.tls, now)) return TlsEnd::Progress::kMore;
    if (!tls->is_dear()) return TlsEnd::Progress::kRefused;
  }
  take_in(work, kMostHeld - std::min(kMostHeld, tls->in.bytes), now);
  const TlsEnd::Progress progress = tls->shake(*work.tls, word);
  flush(work, now);
  return progress;
}

TlsEnd::Progress Wire::take_back(WireWork& work, Instant now) {
  const TlsEnd::Progress progress = tls->take_back(*work.tls);
  flush(work, now);
  return progress;
}

void Wire::free(WireWork& work) {
  work.pieces().free(in);
  work.pieces().free(out);
  if (tls == nullptr) return;
  tls->release(*work.tls);
  tls.reset();
}

void Wire::close(WireWork& work, Instant now) {
  flush(work, now);
  free(work);
  work.transport.close(id, now);
}

void Wire::abort(WireWork& work, Instant now) {
  free(work);
  // What was reset by the peer is closed alone.
  if (reset)
    work.transport.close(id, now);
  else
    work.transport.abort(id, now);
}

}  // namespace heddle::mesh
