// Clients: accepted, TLS, which HTTP they speak, their requests one after another, the end.
#include <algorithm>
#include <array>

#include "engine.h"
#include "http/chars.h"
#include "http/first_line.h"
#include "policy/mesh.h"

namespace heddle::mesh {

namespace {

constexpr uint32_t kMostRead = 64 * 1024;
constexpr uint32_t kMostUnsent = 64 * 1024;
// Of the first bytes: HTTP/2's preface has 24 (RFC 9113 3.4), and other begins tell by no more.
constexpr uint32_t kFirstBytes = 32;
static_assert(kFirstBytes >= http::kFirstLineTells);
constexpr std::string_view kHttp2Alpn = "h2";
constexpr Duration kPreludeTime = seconds(5);

}  // namespace

void HttpEngine::accept(const tcp::EventNote& note) {
  const tcp::Connection* connection = work_.transport.find(note.id);
  if (connection == nullptr) return;
  // Gone again before anybody was asked.
  if (note.has(tcp::Notice::kReset) || note.has(tcp::Notice::kClosed))
    return work_.transport.close(note.id, now_);
  // Some are left for endpoints, without which clients are of no use.
  if (peers.full() || clients_ >= peers.capacity() / 4 * 3) {
    counters.add(HttpStat::kClientsFull);
    return work_.transport.abort(note.id, now_);
  }
  const uint32_t slot = peers.emplace(note.id, true);
  Peer& peer = peers[slot];
  counters.add(HttpStat::kClients);
  ++clients_;
  work_.transport.set_nodelay(note.id, true);
  work_.transport.set_user(note.id, HttpProxy::kMine | slot);
  peer.frontend = static_cast<uint32_t>(note.user);
  peer.wire.half_closed = note.has(tcp::Notice::kHalfClosed);
  if (!policy_.wants_proxy_header(peer.frontend)) return greet(slot);
  peer.stage = PeerStage::kPrelude;
  peer.deadline = now_ + kPreludeTime;
  arm(slot);
  busy_.push(slot);
}

void HttpEngine::refuse_client(uint32_t slot, HttpStat why) {
  counters.add(why);
  lose(slot);
}

// Who the client is comes first, and nothing is believed before it.
void HttpEngine::serve_prelude(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.wire.reset) return drop(slot);
  const ProxyHeader header = take_proxy_header(work_.transport, peer.wire.id, now_);
  switch (header.state) {
    case ProxyHeader::State::kMore:
      if (peer.wire.half_closed) refuse_client(slot, HttpStat::kProxyHeader);
      return;
    case ProxyHeader::State::kRefused:
      return refuse_client(slot, HttpStat::kProxyHeader);
    case ProxyHeader::State::kWhole:
      break;
  }
  if (header.told) peer.told = std::make_unique<tcp::Endpoint>(header.client.remote);
  greet(slot);
}

// Asks policy what is spoken with the client.
void HttpEngine::greet(uint32_t slot) {
  Peer& peer = peers[slot];
  std::optional<ClientTerms> terms = policy_.terms(peer.frontend, client_of(peer));
  if (!terms || terms->side == ClientSide::kTlsNamed)
    return refuse_client(slot, HttpStat::kClientsRefused);
  const bool tls = terms->side != ClientSide::kPlain;
  if (tls && (work_.tls == nullptr || terms->tls == nullptr))
    return refuse_client(slot, HttpStat::kClientTls);
  peer.stage = PeerStage::kOpening;
  peer.edge = terms->edge;
  peer.in_mesh = terms->in_mesh;
  peer.version = terms->version;
  peer.sniffs = terms->sniffs;
  peer.silence = terms->silence;
  peer.deadline = now_ + terms->timeout;
  if (tls) {
    const auto phase =
        terms->side == ClientSide::kEither ? TlsEnd::Phase::kSniff : TlsEnd::Phase::kBegin;
    peer.wire.tls = std::make_unique<TlsEnd>(phase, std::move(terms->tls));
    peer.wire.tls->set_only_alpn(terms->only_alpn);
  } else {
    peer.stage = PeerStage::kOpen;
    peer.deadline = first_bytes_until(peer);
  }
  arm(slot);
  busy_.push(slot);
}

// What comes before HTTP: TLS or not, and its handshake.
void HttpEngine::serve_opening(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.wire.reset) {
    if (!peer.is_client) peer.fault = HttpFault::kUpstreamTls;
    return refuse_tls(slot, tls::Refusal::kHandshakeEnded);
  }
  // When it comes back it is known whether more is wanted.
  if (peer.wire.tls->is_away()) return;
  const tcp::Connection* connection = work_.transport.find(peer.wire.id);
  const bool silent = connection->readable() == 0;
  if (silent && peer.wire.half_closed) return refuse_tls(slot, tls::Refusal::kHandshakeEnded);
  if (silent && peer.is_client) return;  // it holds no place among the handshakes
  if (peer.wire.is_sniffing()) {
    bool decided = false;
    if (!peer.wire.look(work_, now_, decided)) return refuse_tls(slot, tls::Refusal::kNotTls);
    if (!decided) {
      if (peer.wire.half_closed) refuse_tls(slot, tls::Refusal::kHandshakeEnded);
      return;
    }
    if (!peer.wire.is_dear()) {
      peer.stage = PeerStage::kOpen;
      peer.deadline = first_bytes_until(peer);
      arm(slot);
      busy_.push(slot);
      return;
    }
  }
  handshakes_.push(slot, *peer.wire.tls);
}

void HttpEngine::shake(uint32_t slot) {
  Peer& peer = peers[slot];
  // Another's slot by now, or at a helper already.
  if (peer.stage != PeerStage::kOpening || !peer.wire.is_dear() || peer.wire.tls->is_away()) return;
  const TlsEnd::Progress progress = peer.wire.shake(work_, Shaker::kHttpWord | slot, now_);
  if (progress == TlsEnd::Progress::kMore && peer.wire.tls->phase() == TlsEnd::Phase::kBegin)
    return handshakes_.push(slot, *peer.wire.tls);  // the gate was shut
  on_step(slot, progress);
  if (progress == TlsEnd::Progress::kMore && !peer.wire.tls->is_away()) busy_.push(slot);
}

void HttpEngine::on_back(uint64_t word, Instant now) {
  now_ = now;
  const auto slot = static_cast<uint32_t>(word);
  const TlsEnd::Progress progress = peers[slot].wire.take_back(work_, now);
  on_step(slot, progress);
  // It was given no more than a step's bytes, and others may have come meanwhile.
  if (progress == TlsEnd::Progress::kMore) handshakes_.push(slot, *peers[slot].wire.tls);
}

void HttpEngine::on_step(uint32_t slot, TlsEnd::Progress progress) {
  switch (progress) {
    case TlsEnd::Progress::kMore:
      return;
    case TlsEnd::Progress::kLater:
      return handshakes_.push(slot, *peers[slot].wire.tls);
    case TlsEnd::Progress::kRefused:
      return refuse_tls(slot, tls::Refusal::kNone);
    case TlsEnd::Progress::kDone:
      return on_shaken(slot);
  }
}

void HttpEngine::on_shaken(uint32_t slot) {
  Peer& peer = peers[slot];
  peer.stage = PeerStage::kOpen;
  peer.deadline = peer.is_client ? first_bytes_until(peer) : kNever;
  if (peer.is_client) {
    peer.secure = true;
    peer.identity = PeerIdentity::of(peer.wire.tls.get());
    // The other node has looked already, or was told: there may be nothing to wait for.
    if (peer.sniffs && peer.wire.tls->agreed()->alpn == policy::kMeshTcpAlpn)
      return hand_over(slot);
  }
  const bool http2 = peer.wire.tls->agreed()->alpn == kHttp2Alpn;
  if (!peer.is_client && http2 != peer.http2_wanted) {
    peer.fault = HttpFault::kUpstreamProtocol;
    return lose(slot);
  }
  peer.speaks = http2 ? Speaks::kHttp2 : peer.is_client ? Speaks::kUnknown : Speaks::kHttp1;
  if (http2 && !start_session(slot)) return lose(slot);
  if (!peer.is_client && peer.first_exchange == kNoSlot) return keep(slot);
  arm(slot);
  busy_.push(slot);
  wake_all(peer);
}

// kNone: it is known, and counted, already. The peer gets what alert there is.
void HttpEngine::refuse_tls(uint32_t slot, tls::Refusal refusal) {
  Peer& peer = peers[slot];
  if (refusal != tls::Refusal::kNone && peer.wire.tls != nullptr)
    peer.wire.tls->abandon(*work_.tls, refusal);
  if (peer.is_client) counters.add(HttpStat::kClientTls);
  if (!peer.is_client) peer.fault = HttpFault::kUpstreamTls;
  if (!peer.wire.reset) {
    peer.wire.shut();
    peer.wire.push(work_, now_);
  }
  lose(slot);
}

bool HttpEngine::start_session(uint32_t slot) {
  Peer& peer = peers[slot];
  const auto side = peer.is_client ? http2::Side::kServer : http2::Side::kClient;
  peer.session = std::make_unique<http2::Session>(side, store,
                                                  peer.is_client ? limits_.http2 : upstream_http2_);
  if (!peer.session->start(now_)) return false;
  dirty_.push(slot);
  return true;
}

// For how long a client may say nothing. One that may speak anything has the time of its endpoint's
// connection, which it would have had without a look at its bytes.
Instant HttpEngine::first_bytes_until(const Peer& peer) const {
  if (!peer.sniffs) return now_ + limits_.keep_alive;
  return peer.silence == Duration() ? kNever : now_ + peer.silence;
}

// In clear, or where ALPN has agreed on nothing: by the first bytes.
void HttpEngine::tell_version(uint32_t slot) {
  Peer& peer = peers[slot];
  std::array<uint8_t, kFirstBytes> begin;
  const uint32_t n = std::min(peer.wire.in.bytes, kFirstBytes);
  if (n == 0) return;
  work_.pieces().copy_out(peer.wire.in, std::span(begin).first(n));
  const std::string_view text = http::text_of(std::span(begin).first(n));
  // Nothing more will tell.
  const bool last = peer.sniffs && peer.wire.ended(work_);
  const http2::Preface preface = http2::preface_of(text);
  if (preface == http2::Preface::kMaybe) return last ? hand_over(slot) : void();
  if (peer.sniffs) {
    const auto line =
        preface == http2::Preface::kYes ? http::FirstLine::kRequest : http::first_line_of(text);
    if (line == http::FirstLine::kOther) return hand_over(slot);
    if (line == http::FirstLine::kMaybe) return last ? hand_over(slot) : void();
    peer.deadline = now_ + limits_.keep_alive;
    arm(slot);
  }
  if (preface == http2::Preface::kNo) {
    peer.speaks = Speaks::kHttp1;
    return;
  }
  peer.speaks = Speaks::kHttp2;
  if (!start_session(slot)) return lose(slot);
  serve_session(slot);
}

// It is other than HTTP: who relays bytes has it from now on, with what was read.
void HttpEngine::hand_over(uint32_t slot) {
  Peer& peer = peers[slot];
  counters.add(HttpStat::kClientsOther);
  HandedOver to{.id = peer.wire.id,
                .frontend = peer.frontend,
                .tls = std::move(peer.wire.tls),
                .told = std::move(peer.told),
                .half_closed = peer.wire.half_closed};
  if (to.tls == nullptr) to.tls = std::make_unique<TlsEnd>(TlsEnd::Phase::kPlain, nullptr);
  work_.pieces().join(to.tls->plain, peer.wire.in);
  --clients_;
  peer.stage = PeerStage::kGone;
  wheel_.disarm(slot);
  reap(slot);
  policy_.take_bytes(std::move(to), now_);
}

void HttpEngine::serve_client(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.first_exchange != kNoSlot) return wake(peer.first_exchange);
  peer.wire.pull(work_, kMostRead, now_);
  if (peer.wire.broken) return lose(slot);
  if (peer.speaks == Speaks::kUnknown) tell_version(slot);
  if (!peers.live(slot) || peers[slot].stage != PeerStage::kOpen) return;
  if (peer.speaks == Speaks::kHttp2) return;
  if (peer.speaks == Speaks::kUnknown || peer.wire.in.empty()) {
    // Nothing, or a begin that nobody can read, and no more.
    if (peer.wire.ended(work_)) close_client(slot);
    return;
  }
  // Who does not take answers gets no more of them.
  if (peer.wire.pending() >= kMostUnsent) return work_.transport.want_writable(peer.wire.id);
  Exchange* x = begin(slot);
  if (x == nullptr) return refuse_request(slot);
  counters.add(HttpStat::kHttp1Requests);
  x->request_block = arenas_.take();
  HEDDLE_CHECK(x->request_block != kNoSlot, "fewer arenas than exchanges");
  x->own_request.attach(arenas_[x->request_block]);
  x->request = &x->own_request;
  x->parser.start_request(x->own_request, limits_.message);
  x->deadline = now_ + limits_.head;
  wake(x->slot);
}

// One more than there may be in work. Which it is nobody reads.
void HttpEngine::refuse_request(uint32_t slot) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n"
      "connection: close\r\n\r\noverload\n";
  Peer& peer = peers[slot];
  work_.pieces().free(peer.wire.in);
  counters.add_status(503);
  if (work_.pieces().append_copy(peer.wire.out, http::bytes_of(kAnswer)) < kAnswer.size())
    return lose(slot);
  close_client(slot);
}

void HttpEngine::begin_stream(uint32_t slot, http2::StreamId stream) {
  Exchange* x = begin(slot);
  if (x == nullptr) return peers[slot].session->reset(stream, http2::ErrorCode::kRefusedStream);
  counters.add(HttpStat::kHttp2Requests);
  Half& half = (*x)[kClient];
  half.stream = stream;
  by_stream_[stream.value()] = x->slot;
  x->request = &peers[slot].session->message(stream);
}

Exchange* HttpEngine::begin(uint32_t slot) {
  const uint32_t at = exchanges.emplace();
  if (at == kNoSlot) {
    counters.add(HttpFault::kOverload);
    return nullptr;
  }
  Peer& peer = peers[slot];
  Exchange& x = exchanges[at];
  x.slot = at;
  x.frontend = peer.frontend;
  x.begun = x.moved = now_;
  x.client = client_of(peer);
  x.https = peer.wire.tls != nullptr;
  attach(x, kClient, slot);
  peer.deadline = kNever;
  ++peer.requests;
  x.flow = run(x);
  return &x;
}

// The exchange is over: the client may ask for more, or the connection ends.
void HttpEngine::release_client(Exchange& x) {
  const uint32_t slot = x[kClient].peer;
  Peer& peer = peers[slot];
  const Half& half = x[kClient];
  const bool whole = half.write_ended && half.read_ended && !half.lost;
  const bool tunnel = half.tunnel;
  if (peer.session != nullptr || peer.stage != PeerStage::kOpen) {
    // RFC 9113 8.1: what the client still wants to say after a whole response it may leave.
    if (half.stream != http2::kNoStream && !half.closed)
      peer.session->reset(half.stream, half.write_ended ? http2::ErrorCode::kNoError
                                                        : http2::ErrorCode::kInternalError);
    detach(x, kClient);
    if (!peers.live(slot) || peers[slot].first_exchange != kNoSlot) return;
    if (peers[slot].stage == PeerStage::kOpen) {
      peers[slot].deadline = now_ + limits_.keep_alive;
      arm(slot);
    }
    return;
  }
  const bool close = x.close_client || tunnel || !whole || !x.request->persistent;
  const bool cut = !half.write_ended && (half.write_begun || x.fault == HttpFault::kFaultReset);
  detach(x, kClient);
  // A response that was begun and has no end must not look whole.
  if (cut) return lose(slot);
  if (close) return close_client(slot);
  peer.deadline = now_ + limits_.keep_alive;
  arm(slot);
  busy_.push(slot);  // perhaps the next request is there already
}

// After the last answer: what the client still sends is read and thrown away for a while, as a
// reset would take the answer away from it (RFC 9112 9.6).
void HttpEngine::close_client(uint32_t slot) {
  Peer& peer = peers[slot];
  peer.stage = PeerStage::kClosing;
  peer.deadline = now_ + limits_.linger;
  peer.wire.shut();
  dirty_.push(slot);
  arm(slot);
}

void HttpEngine::serve_closing(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.wire.reset) return drop(slot);
  peer.wire.pull(work_, kMostRead, now_);
  work_.pieces().free(peer.wire.in);
  peer.wire.push(work_, now_);
  if (!peer.wire.is_shut()) return;
  if (peer.wire.ended(work_) || peer.wire.closed) drop(slot);
}

}  // namespace heddle::mesh
