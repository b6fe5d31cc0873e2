// An application of the simulator that speaks TLS: sends a known stream, compares what it gets.
#pragma once

#include <algorithm>
#include <list>

#include "flows.h"
#include "mesh/tls_end.h"

namespace heddle::mesh {

struct TlsPeer {
  tcp::ConnectionId id;
  std::unique_ptr<TlsEnd> tls;
  uint64_t to_send = 0, sent = 0, received = 0;
  bool right = true;  // every byte so far was as it must be
  bool connected = false, done_sending = false, ended = false;
  bool refused = false;    // by TLS, on this side
  bool peer_done = false;  // half-closed or more
  bool peer_said_close = false;
  tcp::EndReason why = tcp::EndReason::kNone;
  bool open() const { return tls->is_open(); }
};

class TlsApp final : public sim::App {
 public:
  TlsApp(sim::Host& host, TlsWork& work) : host_(host), work_(work) {}
  ~TlsApp() override {
    for (TlsPeer& each : peers) each.tls->release(work_);
  }

  TlsPeer& connect(const tcp::FourTuple& tuple, std::shared_ptr<tls::Context> context,
                   const std::string& server_name, uint64_t bytes, Instant now) {
    TlsPeer& peer = add(std::move(context), bytes, server_name);
    peer.id =
        host_.transport().connect({.tuple = tuple, .user = reinterpret_cast<uint64_t>(&peer)}, now);
    host_.wake(now);
    return peer;
  }
  void listen(const tcp::Endpoint& local, std::shared_ptr<tls::Context> context, uint64_t reply) {
    serving_ = std::move(context);
    reply_ = reply;
    host_.transport().listen({.local = local});
  }

  void on_event(tcp::Transport& transport, const tcp::EventNote& note, Instant now) override {
    if (note.user == 0) {
      TlsPeer& fresh = add(serving_, reply_);
      fresh.id = note.id;
      transport.set_user(note.id, reinterpret_cast<uint64_t>(&fresh));
      return turn(transport, fresh, note, now);
    }
    turn(transport, *reinterpret_cast<TlsPeer*>(note.user), note, now);
  }
  bool all_ended() const {
    return std::ranges::all_of(peers, [](const TlsPeer& each) { return each.ended; });
  }
  bool all_right() const {
    return std::ranges::all_of(peers, [](const TlsPeer& each) { return each.right; });
  }

  std::list<TlsPeer> peers;
  bool silent = false;     // says nothing, not even a hello
  bool says_close = true;  // close_notify before the stream's end

 private:
  TlsPeer& add(std::shared_ptr<tls::Context> context, uint64_t bytes,
               const std::string& server_name = {}) {
    TlsPeer& peer = peers.emplace_back();
    peer.tls = std::make_unique<TlsEnd>(TlsEnd::Phase::kBegin, std::move(context), server_name);
    peer.to_send = bytes;
    return peer;
  }

  void turn(tcp::Transport& transport, TlsPeer& peer, const tcp::EventNote& note, Instant now) {
    peer.connected |= note.has(tcp::Notice::kConnected);
    peer.peer_done |= note.has(tcp::Notice::kHalfClosed);
    if (!note.has(tcp::Notice::kReset)) move(transport, peer, now);
    if (!note.has(tcp::Notice::kReset) && !note.has(tcp::Notice::kClosed)) return;
    if (const auto* connection = transport.find(peer.id)) peer.why = connection->ended_by();
    peer.ended = true;
    transport.close(peer.id, now);
    peer.tls->release(work_);
  }

  void move(tcp::Transport& transport, TlsPeer& peer, Instant now) {
    TlsEnd& tls = *peer.tls;
    if (peer.refused || silent || !peer.connected) return;
    tcp::Chain chain = transport.receive(peer.id, UINT32_MAX, now);
    transport.pieces().join(tls.in, chain);
    if (tls.phase() == TlsEnd::Phase::kBegin) tls.begin(work_, now);
    if (tls.phase() == TlsEnd::Phase::kShake) tls.shake(work_, 0);
    if (tls.is_open()) {
      tls.open(work_, now);
      peer.peer_said_close |= tls.ended;
      read(transport, peer);
      if (tls.is_open()) write(transport, peer, now);
    }
    transport.send(peer.id, tls.out, now);
    if (!tls.out.empty()) transport.want_writable(peer.id);
    if (tls.phase() == TlsEnd::Phase::kBroken) {
      peer.refused = true;
      transport.shutdown(peer.id, now);
    }
    if (peer.done_sending && tls.out.empty()) transport.shutdown(peer.id, now);
  }

  static void read(tcp::Transport& transport, TlsPeer& peer) {
    tcp::Chain& plain = peer.tls->plain;
    const tcp::PayloadView view{&transport.pieces(), plain.head, 0, plain.bytes};
    view.each([&](const tcp::Piece&, std::span<const uint8_t> part) {
      const auto want = sim::stream(peer.received, part.size());
      if (!std::equal(part.begin(), part.end(), want.begin())) peer.right = false;
      peer.received += part.size();
    });
    transport.pieces().free(plain);
  }

  void write(tcp::Transport& transport, TlsPeer& peer, Instant now) {
    TlsEnd& tls = *peer.tls;
    while (tls.out.empty() && peer.sent + tls.text.bytes < peer.to_send) {
      const size_t want = std::min<uint64_t>(16'384, peer.to_send - peer.sent - tls.text.bytes);
      transport.pieces().append_copy(tls.text, sim::stream(peer.sent + tls.text.bytes, want));
      const uint32_t room = transport.find(peer.id)->writable();
      const uint32_t n = tls.seal(work_, room, now);
      peer.sent += n;
      transport.send(peer.id, tls.out, now);
      if (n > 0) continue;
      transport.want_writable(peer.id);
      break;
    }
    if (!tls.text.empty() && tls.out.empty()) {
      peer.sent += tls.seal(work_, transport.find(peer.id)->writable(), now);
      if (!tls.text.empty()) transport.want_writable(peer.id);
    }
    if (peer.sent < peer.to_send || peer.done_sending) return;
    if (says_close) tls.close(work_);
    peer.done_sending = true;
  }

  sim::Host& host_;
  TlsWork& work_;
  std::shared_ptr<tls::Context> serving_;
  uint64_t reply_ = 0;
};

}  // namespace heddle::mesh
