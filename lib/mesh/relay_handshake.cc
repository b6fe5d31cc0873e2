// TcpRelay's pairs before they relay: what the client says first, and both handshakes.
#include "mesh/tcp_relay.h"

namespace heddle::mesh {

namespace {

// Of a handshake, or of what is looked at before: any record and more.
constexpr uint32_t kMostHeld = 64 * 1024;

uint64_t word_of(uint32_t slot, uint8_t side) { return uint64_t{slot} << 1 | side; }

TlsEnd::Phase first_phase(ClientSide side) {
  switch (side) {
    case ClientSide::kEither:
      return TlsEnd::Phase::kSniff;
    case ClientSide::kTlsNamed:
      return TlsEnd::Phase::kName;
    case ClientSide::kTls:
    case ClientSide::kPlain:
      break;
  }
  return TlsEnd::Phase::kBegin;
}

}  // namespace

void TcpRelay::open_client(uint32_t slot, ClientTerms& terms, Instant now) {
  Pair& pair = pairs_[slot];
  pair.stage = Stage::kOpening;
  if (work_ == nullptr || (terms.tls == nullptr && terms.side != ClientSide::kTlsNamed)) {
    counters_.add(RelayStat::kTlsClient);
    transport_.abort(pair.ends[kClient], now);
    return finish(slot);
  }
  pair.tls[kClient] = std::make_unique<TlsEnd>(first_phase(terms.side), std::move(terms.tls));
  pair.tls[kClient]->set_only_alpn(terms.only_alpn);
  pair.last_moved = now;
  pair.timeout = terms.timeout;
  arm(slot);
  step(slot, now);
}

// There may be new bytes of a peer that has not come so far that it is relayed.
void TcpRelay::step(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  const Side side = shaking_side(pair);
  const TlsEnd& end = *pair.tls[side];
  // When it comes back it is known whether more is wanted.
  if (end.is_away()) return;
  const bool silent = transport_.find(pair.ends[side])->readable() == 0;
  if (silent && pair.half_closed[side])
    return refuse_tls(slot, side, tls::Refusal::kHandshakeEnded, now);
  // A client that says nothing holds no place among the handshakes.
  if (silent) return;
  if (end.is_dear()) return handshakes_.push(slot, end);
  look(slot, now);
}

void TcpRelay::look(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  TlsEnd& end = *pair.tls[kClient];
  take_in(pair, kClient, now);
  switch (end.look(transport_.pieces())) {
    case TlsEnd::Progress::kMore:
    case TlsEnd::Progress::kLater:
      if (pair.half_closed[kClient]) refuse_tls(slot, kClient, tls::Refusal::kHandshakeEnded, now);
      return;
    case TlsEnd::Progress::kRefused:
      return refuse_tls(slot, kClient, tls::Refusal::kNotTls, now);
    case TlsEnd::Progress::kDone:
      break;
  }
  if (end.is_dear()) return handshakes_.push(slot, end);
  connect(slot, now);
}

void TcpRelay::take_in(Pair& pair, Side side, Instant now) {
  TlsEnd& end = *pair.tls[side];
  const uint32_t readable = transport_.find(pair.ends[side])->readable();
  const uint32_t most = std::min(readable, kMostHeld - std::min(kMostHeld, end.in.bytes));
  if (most == 0) return;
  tcp::Chain chain = transport_.receive(pair.ends[side], most, now);
  transport_.pieces().join(end.in, chain);
}

bool TcpRelay::shake_hands(Instant now) {
  return handshakes_.run([&](uint32_t slot) {
    if (pairs_.live(slot)) shake(slot, now);
  });
}

void TcpRelay::on_back(uint64_t word, Instant now) {
  const auto slot = static_cast<uint32_t>(word >> 1);
  const Side side = static_cast<Side>(word & 1);
  const TlsEnd::Progress progress = pairs_[slot].tls[side]->take_back(*work_);
  on_step(slot, side, progress, now);
  // It was given no more than a step's bytes, and others may have come meanwhile.
  if (progress == TlsEnd::Progress::kMore) handshakes_.push(slot, *pairs_[slot].tls[side]);
}

void TcpRelay::shake(uint32_t slot, Instant now) {
  Pair& pair = pairs_[slot];
  if (pair.stage != Stage::kOpening && pair.stage != Stage::kShaking) return;
  const Side side = shaking_side(pair);
  // Slots are used again: what was queued may have been another's.
  if (pair.tls[side] == nullptr || !pair.tls[side]->is_dear() || pair.tls[side]->is_away()) return;
  TlsEnd& end = *pair.tls[side];
  if (end.phase() == TlsEnd::Phase::kBegin) {
    if (!end.begin(*work_, now)) return handshakes_.push(slot, end);
    if (!end.is_dear()) return refuse_tls(slot, side, tls::Refusal::kNone, now);
  }
  take_in(pair, side, now);
  const TlsEnd::Progress progress = end.shake(*work_, word_of(slot, side));
  on_step(slot, side, progress, now);
  if (progress == TlsEnd::Progress::kMore) step(slot, now);
}

void TcpRelay::on_step(uint32_t slot, Side side, TlsEnd::Progress progress, Instant now) {
  flush(pairs_[slot], side, now);
  switch (progress) {
    case TlsEnd::Progress::kMore:
      return;
    case TlsEnd::Progress::kLater:
      return handshakes_.push(slot, *pairs_[slot].tls[side]);
    case TlsEnd::Progress::kRefused:
      return refuse_tls(slot, side, tls::Refusal::kNone, now);
    case TlsEnd::Progress::kDone:
      return side == kClient ? connect(slot, now) : on_joined(slot, now);
  }
}

// kNone: it is known, and counted, already. The peer gets what alert there is; the other end
// cannot be told what happened.
void TcpRelay::refuse_tls(uint32_t slot, Side side, tls::Refusal refusal, Instant now) {
  Pair& pair = pairs_[slot];
  if (refusal != tls::Refusal::kNone) pair.tls[side]->abandon(*work_, refusal);
  counters_.add(side == kClient ? RelayStat::kTlsClient : RelayStat::kTlsServer);
  if (side == kServer) pair.hold.note(resilience::Outcome::kLocalError);
  flush(pair, side, now);
  transport_.close(pair.ends[side], now);
  transport_.abort(pair.ends[other(side)], now);
  finish(slot);
}

void TcpRelay::drop_tls(Pair& pair, Side side) {
  if (pair.tls[side] == nullptr) return;
  release(*pair.tls[side]);
  pair.tls[side].reset();
}

// Without TLS there may be one all the same, for what was read of a client before it came here.
void TcpRelay::release(TlsEnd& end) {
  if (work_ != nullptr)
    end.release(*work_);
  else
    transport_.pieces().free(end.plain);
}

}  // namespace heddle::mesh
