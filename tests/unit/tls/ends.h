// Two ends of a handshake in memory: ours (server or client) and OpenSSL's or another of ours.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "certificates.h"
#include "openssl_peer.h"
#include "rig.h"
#include "tls/handshake.h"
#include "tls/handshake_helper.h"

namespace heddle::tls {

inline constexpr UnixTime kToday{1'800'000'000};

inline const Library& library() {
  static const std::unique_ptr<Library> one = std::move(*Library::create());
  return *one;
}

// A certificate authority of each kind that tests need, made once.
struct Authorities {
  Issued mesh = make_authority("mesh");
  Issued other = make_authority("other");
  Issued middle = make_authority("middle", &mesh);
};
inline const Authorities& authorities() {
  static const Authorities one;
  return one;
}

inline Issued workload(const std::string& account, const Issued& by = authorities().mesh) {
  return issue({.common_name = account, .uris = {"spiffe://mesh.test/ns/shop/sa/" + account}}, &by);
}

inline CertificateConfig config_of(const Issued& issued, const std::string& more = "") {
  return {"test", issued.pem() + more, issued.key_pem()};
}

inline std::vector<TrustConfig> mesh_trust() {
  return {{.trust_domain = "mesh.test", .roots_pem = authorities().mesh.pem()}};
}

inline std::unique_ptr<Context> make_context(const Config& config) {
  auto made = Context::create(library(), config);
  if (!made) ADD_FAILURE() << made.error().text;
  return made ? std::move(*made) : nullptr;
}

// Our end: a handshake, then a session.
class OurEnd {
 public:
  OurEnd(Rig& rig, Context& context, Handshake::Options options) : rig_(rig) {
    auto started = Handshake::start(context, gate, options);
    EXPECT_TRUE(started.has_value());
    handshake = std::move(*started);
  }
  ~OurEnd() {
    rig_.pieces.free(in_);
    if (session) session->release(*rig_.context);
  }

  // Gives it bytes; returns its answer. `plain` collects what the session opens.
  ByteVector step(std::span<const uint8_t> bytes, UnixTime wall = kToday) {
    tcp::Chain more = rig_.chain(bytes, 1000);
    rig_.pieces.join(in_, more);
    tcp::Chain out;
    if (handshake) {
      progress = advance(out, wall);
      refusal = handshake->refusal();
      peer_alert = handshake->peer_alert();
      if (progress == HandshakeProgress::kDone) {
        agreed = handshake->agreed();
        ticket = handshake->take_ticket();
        session.emplace(handshake->take_session(*rig_.context));
      }
      if (progress != HandshakeProgress::kMore) handshake.reset();
    }
    if (session) {
      tcp::Chain opened;
      session->open(*rig_.context, {in_, opened, out}, {});
      const ByteVector text = rig_.drain(opened);
      plain.insert(plain.end(), text.begin(), text.end());
    }
    return rig_.drain(out);
  }
  ByteVector seal(const ByteVector& text) {
    tcp::Chain chain = rig_.chain(text);
    tcp::Chain out;
    EXPECT_EQ(session->seal(*rig_.context, chain, out, {}, {}), text.size());
    return rig_.drain(out);
  }

 private:
  HandshakeProgress advance(tcp::Chain& out, UnixTime wall) {
    if (helper == nullptr) return handshake->advance(rig_.pieces, {in_, out}, wall);
    while (handshake->give(rig_.pieces, in_, wall)) {
      helper->give(*handshake);
      helper->wake();
      if (while_away) while_away();
      while (helper->take() == nullptr) std::this_thread::yield();
      const HandshakeProgress made = handshake->take(rig_.pieces, {in_, out});
      if (made != HandshakeProgress::kMore) return made;
    }
    return HandshakeProgress::kMore;
  }

  Rig& rig_;
  tcp::Chain in_;

 public:
  HandshakeGate gate;
  HandshakeHelper* helper = nullptr;  // that makes the steps
  std::function<void()> while_away;
  std::unique_ptr<Handshake> handshake;
  HandshakeProgress progress = HandshakeProgress::kMore;
  Refusal refusal = Refusal::kNone;
  Alert peer_alert = Alert::kCloseNotify;
  Agreed agreed;
  ResumptionTicket ticket;
  std::optional<Session> session;
  ByteVector plain;
};

// Carries bytes to and fro, at most `most` at a time.
inline void shake(OurEnd& end, OpenSslPeer& peer, size_t most = 100'000, UnixTime wall = kToday) {
  ByteVector to_peer = end.step({}, wall);
  for (int i = 0; i < 20; ++i) {
    peer.give(to_peer);
    to_peer.clear();
    peer.handshake();
    const ByteVector to_us = peer.take();
    for (size_t at = 0; at < to_us.size(); at += most) {
      const ByteVector answer =
          end.step(std::span(to_us).subspan(at, std::min(most, to_us.size() - at)), wall);
      to_peer.insert(to_peer.end(), answer.begin(), answer.end());
    }
    if (to_us.empty() && to_peer.empty()) return;
  }
}

inline void shake(OurEnd& client, OurEnd& server, size_t most = 100'000, UnixTime wall = kToday) {
  ByteVector to_server = client.step({}, wall);
  for (int i = 0; i < 20 && !to_server.empty(); ++i) {
    ByteVector to_client;
    for (size_t at = 0; at < to_server.size(); at += most) {
      const ByteVector answer = server.step(
          std::span(to_server).subspan(at, std::min(most, to_server.size() - at)), wall);
      to_client.insert(to_client.end(), answer.begin(), answer.end());
    }
    to_server.clear();
    for (size_t at = 0; at < to_client.size(); at += most) {
      const ByteVector answer = client.step(
          std::span(to_client).subspan(at, std::min(most, to_client.size() - at)), wall);
      to_server.insert(to_server.end(), answer.begin(), answer.end());
    }
  }
}

inline ByteVector text(std::string_view from) { return {from.begin(), from.end()}; }

inline TicketKeys test_ticket_keys(uint8_t seed) {
  TicketKeys keys;
  keys.keys[0].name.fill(seed);
  keys.keys[0].cipher.fill(seed);
  keys.keys[0].mac.fill(seed);
  keys.count = 1;
  return keys;
}

}  // namespace heddle::tls
