// TcpRelay's pairs of which one end or both are TLS, while they relay.
#include <algorithm>

#include "mesh/tcp_relay.h"

namespace heddle::mesh {

namespace {

// One turn for a direction, so that others come to theirs.
constexpr uint32_t kMostAtOnce = 256 * 1024;
// The longest record (RFC 5246 6.2.3: 2,048 bytes of expansion), with its header.
constexpr uint32_t kWholeRecord = (1 << 14) + 2048 + 5;
// Where more than that is free and yet nothing can be sealed, a buffer is missing.
constexpr uint32_t kSealable = 2048;
constexpr Duration kStarved = milliseconds(1);

}  // namespace

bool TcpRelay::pump(uint32_t slot, Side from, Instant now) {
  Pair& pair = pairs_[slot];
  const Side to = other(from);
  for (const Side side : {from, to}) flush(pair, side, now);
  if (pair.passed_on[from]) return true;
  for (uint32_t moved = 0; moved < kMostAtOnce;) {
    drop_spent(pair);
    if (pair.tls[kClient] == nullptr && pair.tls[kServer] == nullptr) {
      pump_plain(pair, from, now);
      return true;
    }
    const uint32_t room = transport_.find(pair.ends[to])->writable();
    const TlsEnd* sealing = pair.tls[to].get();
    if (room == 0 || (sealing != nullptr && !sealing->out.empty())) break;
    if (!refill(slot, from, room, now)) return false;
    const uint32_t n = hand_on(slot, from, room, now);
    if (n == 0) return pass_end_on(slot, from, now);
    moved += n;
  }
  transport_.want_writable(pair.ends[to]);
  return true;
}

// An end turned out to be plain, and nothing is left of what was read before that was known.
void TcpRelay::drop_spent(Pair& pair) {
  for (const Side side : {kClient, kServer}) {
    const TlsEnd* end = pair.tls[side].get();
    if (end != nullptr && end->phase() == TlsEnd::Phase::kPlain && end->plain.empty())
      drop_tls(pair, side);
  }
}

// Has something to hand on, if the source has. False: the pair is gone.
bool TcpRelay::refill(uint32_t slot, Side from, uint32_t room, Instant now) {
  Pair& pair = pairs_[slot];
  TlsEnd* source = pair.tls[from].get();
  TlsEnd* target = pair.tls[other(from)].get();
  const uint32_t readable = transport_.find(pair.ends[from])->readable();
  if (source == nullptr) {
    // Sealing makes it longer; what does not fit waits.
    const uint32_t most = std::min(readable, room);
    if (most == 0 || !target->text.empty()) return true;
    target->text = transport_.receive(pair.ends[from], most, now);
    return true;
  }
  if (!source->plain.empty() || !source->is_open() || source->ended) return true;
  // Enough for a whole record, however little room there is: a part of one brings nothing, and
  // nobody would call again.
  const uint32_t most = std::min({readable, std::max(room, kWholeRecord), kMostAtOnce});
  if (most > 0) {
    tcp::Chain chain = transport_.receive(pair.ends[from], most, now);
    transport_.pieces().join(source->in, chain);
  }
  if (source->in.empty()) return true;
  const tls::Progress progress = source->open(*work_, now);
  flush(pair, from, now);
  if (progress == tls::Progress::kNoMemory) starve(slot, now);
  if (progress != tls::Progress::kRefused) return true;
  refuse_tls(slot, from, tls::Refusal::kNone, now);
  return false;
}

// Returns the bytes of plaintext that the target took.
uint32_t TcpRelay::hand_on(uint32_t slot, Side from, uint32_t room, Instant now) {
  Pair& pair = pairs_[slot];
  TlsEnd* source = pair.tls[from].get();
  TlsEnd* target = pair.tls[other(from)].get();
  const tcp::ConnectionId to = pair.ends[other(from)];
  uint32_t n = 0;
  if (target == nullptr) {
    n = transport_.send(to, source->plain, now);
  } else {
    if (source != nullptr) transport_.pieces().join(target->text, source->plain);
    n = target->seal(*work_, room, now);
    flush(pair, other(from), now);
    if (n == 0 && !target->text.empty()) {
      if (room > kSealable) starve(slot, now);
      transport_.want_writable(to);
    }
  }
  if (n > 0) count_moved(pair, from, n, now);
  return n;
}

void TcpRelay::flush(Pair& pair, Side side, Instant now) {
  TlsEnd* end = pair.tls[side].get();
  if (end == nullptr || end->out.empty()) return;
  transport_.send(pair.ends[side], end->out, now);
  if (!end->out.empty()) transport_.want_writable(pair.ends[side]);
}

// Nothing could be handed on: perhaps as there will be no more. False: the pair is gone.
bool TcpRelay::pass_end_on(uint32_t slot, Side from, Instant now) {
  Pair& pair = pairs_[slot];
  TlsEnd* source = pair.tls[from].get();
  TlsEnd* target = pair.tls[other(from)].get();
  const tcp::ConnectionId to = pair.ends[other(from)];
  const bool tls_source = source != nullptr && source->is_open();
  const bool drained = transport_.find(pair.ends[from])->readable() == 0 &&
                       (source == nullptr || source->plain.empty());
  const bool ended = (tls_source && source->ended) || (pair.half_closed[from] && drained);
  if (!ended || pair.starved) return true;
  if (source != nullptr && !source->plain.empty()) return true;
  if (target != nullptr && (!target->text.empty() || !target->out.empty())) return true;
  const bool whole = !tls_source || source->ended || source->ended_whole(*work_);
  if (!whole) {
    counters_.add(RelayStat::kTruncated);
    // A plain stream has no other way to say that it was cut off.
    if (target == nullptr) {
      flush(pair, from, now);
      transport_.close(pair.ends[from], now);
      transport_.abort(to, now);
      finish(slot);
      return false;
    }
  }
  // To a TLS peer the missing close_notify says it.
  if (target != nullptr && target->is_open() && whole && !target->said_close) {
    if (!target->close(*work_)) {
      starve(slot, now);
      return true;
    }
    target->said_close = true;
    flush(pair, other(from), now);
    if (!target->out.empty()) return true;
  }
  pair.passed_on[from] = true;
  transport_.shutdown(to, now);
  return true;
}

void TcpRelay::end_in_order(Pair& pair, Instant now) {
  for (const Side side : {kClient, kServer}) {
    TlsEnd* end = pair.tls[side].get();
    if (end != nullptr && end->is_open() && !end->said_close) end->close(*work_);
    flush(pair, side, now);
    transport_.close(pair.ends[side], now);
  }
}

// A buffer or a piece was missing: others will give some back.
void TcpRelay::starve(uint32_t slot, Instant now) {
  pairs_[slot].starved = true;
  wheel_.arm(slot, now + kStarved);
}

void TcpRelay::on_starved(uint32_t slot, Instant now) {
  pairs_[slot].starved = false;
  arm(slot);
  relay(slot, now);
}

}  // namespace heddle::mesh
