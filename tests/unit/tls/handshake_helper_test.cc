// Handshakes whose steps another thread makes.
#include "tls/handshake_helper.h"

#include "ends.h"

namespace heddle::tls {
namespace {

using Peer = OpenSslPeer;

Config server_config() {
  const Issued svid = workload("server");
  return {.name = "server", .certificates = {config_of(svid)}};
}

std::unique_ptr<HandshakeHelper> started(uint32_t capacity = 256) {
  auto helper = std::make_unique<HandshakeHelper>(capacity);
  EXPECT_TRUE(helper->start("tls-test"));
  return helper;
}

void exchange(OurEnd& end, Peer& peer) {
  ASSERT_TRUE(end.session.has_value());
  peer.give(end.seal(text("from us")));
  EXPECT_EQ(peer.read(), text("from us"));
  ASSERT_TRUE(peer.write(text("to us")));
  end.plain.clear();
  end.step(peer.take());
  EXPECT_EQ(end.plain, text("to us"));
}

TEST(HandshakeHelper, MakesEveryStepOfBothRolesAndVersions) {
  Rig rig;
  const auto helper = started();
  const auto server_side = make_context(server_config());
  Config calling{.name = "client", .role = Role::kClient};
  for (const Version version : {Version::kTls12, Version::kTls13}) {
    calling.min_version = calling.max_version = version;
    const auto client_side = make_context(calling);
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *client_side, {rig.context->counters(), {}, "shop.test"});
    server.helper = client.helper = helper.get();
    shake(client, server, 100);
    ASSERT_TRUE(server.session && client.session);
    EXPECT_EQ(server.agreed.server_name, "shop.test");
    EXPECT_EQ(server.agreed.version, version);
    server.step(client.seal(text("hello")));
    EXPECT_EQ(server.plain, text("hello"));
    EXPECT_EQ(server.gate.in_flight, 0u);
  }
  EXPECT_EQ(rig.context->counters().value(Stat::kHandshakesDone), 4u);
  EXPECT_EQ(helper->away(), 0u);
}

// The keys that the step was given are its own copy: the worker replaces its keys meanwhile.
TEST(HandshakeHelper, ResumesWhileTicketKeysAreReplaced) {
  Rig rig;
  const auto helper = started();
  const auto context = make_context(server_config());
  TicketKeys keys = test_ticket_keys(1);
  context->set_ticket_keys(&keys);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ContextPtr theirs = client_context();
    SSL_CTX_set_session_cache_mode(theirs.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_max_proto_version(theirs.get(), version);
    SSL_SESSION* session = nullptr;
    for (const bool resumed : {false, true, true}) {
      Peer peer(theirs.get(), Peer::End::kClient);
      // Of the full handshake, again and again: copies, as a peer that goes without a word spoils
      // its own.
      SSL_SESSION* copy = session == nullptr ? nullptr : SSL_SESSION_dup(session);
      if (copy != nullptr) SSL_set_session(peer.ssl(), copy);
      SSL_SESSION_free(copy);
      OurEnd end(rig, *context, {rig.context->counters(), {}});
      end.helper = helper.get();
      bool rotated = false;
      end.while_away = [&] {
        if (rotated) return;
        rotated = true;
        keys =
            keys.rotated(test_ticket_keys(static_cast<uint8_t>(keys.keys[0].name[0] + 1)).keys[0]);
      };
      shake(end, peer);
      exchange(end, peer);
      EXPECT_EQ(end.agreed.resumed, resumed) << version;
      if (session == nullptr) session = SSL_SESSION_dup(SSL_get_session(peer.ssl()));
    }
    SSL_SESSION_free(session);
  }
  EXPECT_EQ(rig.context->counters().value(Stat::kHandshakesResumed), 4u);
  EXPECT_EQ(rig.context->counters().value(Stat::kTicketsUnknown), 0u);
  EXPECT_GE(rig.context->counters().value(Stat::kTicketsOut), 4u)
      << "one for each full handshake, one for each old key";
}

TEST(HandshakeHelper, RefusesAsTheWorkerDoes) {
  for (const bool helped : {false, true}) {
    Rig rig;
    const auto helper = started();
    Config config = server_config();
    config.peer = PeerCheck::kSpiffe;
    config.trust = mesh_trust();
    const auto context = make_context(config);
    const auto refused = [&](OurEnd& end) {
      EXPECT_EQ(end.progress, HandshakeProgress::kRefused);
      EXPECT_EQ(rig.context->counters().value(end.refusal), 1u);
      return end.refusal;
    };
    OurEnd plain(rig, *context, {rig.context->counters(), {}});
    if (helped) plain.helper = helper.get();
    EXPECT_EQ(plain.step(text("GET / HTTP/1.1\r\n")).size(), 7u) << "an alert";
    EXPECT_EQ(refused(plain), Refusal::kNotTls);
    // Its first bytes are a handshake's, and its second record is none.
    OurEnd odd(rig, *context, {rig.context->counters(), {}});
    if (helped) odd.helper = helper.get();
    odd.step(ByteVector{22, 3, 1, 0, 1, 1, 99, 3, 3, 0, 1, 0});
    EXPECT_EQ(refused(odd), Refusal::kUnexpectedRecord);
    const ContextPtr theirs = client_context();
    Peer peer(theirs.get(), Peer::End::kClient);
    OurEnd nobody(rig, *context, {rig.context->counters(), {}});
    if (helped) nobody.helper = helper.get();
    shake(nobody, peer);
    EXPECT_EQ(refused(nobody), Refusal::kNoCertificate);
    EXPECT_EQ(rig.context->counters().value(Stat::kHandshakesRefused), 3u);
  }
}

// Without a thread: the test is the helper.
struct Played {
  Played() : context(make_context(server_config())) {
    peer.handshake();
    in = rig.chain(peer.take());
    auto begun = Handshake::start(*context, gate, {rig.context->counters(), {}});
    EXPECT_TRUE(begun.has_value());
    handshake = std::move(*begun);
  }
  ~Played() { rig.pieces.free(in); }
  void give() {
    ASSERT_TRUE(handshake->give(rig.pieces, in, kToday));
    helper.give(*handshake);
  }

  Rig rig;
  HandshakeGate gate;
  HandshakeHelper helper{2};
  std::shared_ptr<Context> context;
  ContextPtr theirs = client_context();
  Peer peer{theirs.get(), Peer::End::kClient};
  tcp::Chain in;
  std::unique_ptr<Handshake> handshake;
};

TEST(HandshakeHelper, WhatIsDroppedBeforeItsStepIsSparedIt) {
  Played p;
  p.give();
  const std::weak_ptr<Context> seen = p.context;
  const Handshake& away = *p.handshake;
  p.helper.drop(std::move(p.handshake), std::move(p.context));
  EXPECT_EQ(p.gate.in_flight, 1u) << "it holds its place until it is back";
  EXPECT_FALSE(seen.expired());
  EXPECT_EQ(p.helper.take(), nullptr);
  EXPECT_TRUE(p.helper.work());
  EXPECT_FALSE(away.holds_openssl());
  EXPECT_EQ(p.helper.take(), nullptr) << "nobody waits for it";
  EXPECT_EQ(p.gate.in_flight, 0u);
  EXPECT_TRUE(seen.expired());
  EXPECT_EQ(p.helper.away(), 0u);
}

TEST(HandshakeHelper, WhatIsDroppedAfterItsStepGoesBackToBeFreed) {
  Played p;
  p.give();
  EXPECT_TRUE(p.helper.work());
  p.helper.drop(std::move(p.handshake), p.context);
  EXPECT_EQ(p.helper.take(), nullptr);
  EXPECT_EQ(p.helper.away(), 1u) << "OpenSSL's object is the helper's to free";
  EXPECT_TRUE(p.helper.work());
  EXPECT_EQ(p.helper.take(), nullptr);
  EXPECT_EQ(p.gate.in_flight, 0u);
  EXPECT_EQ(p.context.use_count(), 1);
}

TEST(HandshakeHelper, WhatIsDroppedBetweenStepsIsFreedByTheHelperToo) {
  Played p;
  p.give();
  EXPECT_TRUE(p.helper.work());
  ASSERT_EQ(p.helper.take(), p.handshake.get());
  tcp::Chain out;
  EXPECT_EQ(p.handshake->take(p.rig.pieces, {p.in, out}), HandshakeProgress::kMore);
  EXPECT_GT(out.bytes, 100u);
  p.rig.pieces.free(out);
  p.helper.drop(std::move(p.handshake), p.context);
  EXPECT_EQ(p.helper.away(), 1u);
  EXPECT_TRUE(p.helper.work());
  EXPECT_EQ(p.helper.take(), nullptr);
  EXPECT_EQ(p.gate.in_flight, 0u);
}

TEST(HandshakeHelper, WhatIsDroppedAndNeverComesBackGoesWithTheHelper) {
  Rig rig;
  HandshakeGate gate;
  std::weak_ptr<Context> seen;
  for (const bool made : {false, true}) {
    Played p;
    seen = p.context;
    p.give();
    if (made) {
      EXPECT_TRUE(p.helper.work());
    }
    p.helper.drop(std::move(p.handshake), std::move(p.context));
  }
  EXPECT_TRUE(seen.expired());
}

TEST(HandshakeHelper, HasRoomForItsCapacity) {
  Played p;
  p.give();
  EXPECT_TRUE(p.helper.has_room());
  auto second = Handshake::start(*p.context, p.gate, {p.rig.context->counters(), {}});
  ASSERT_TRUE((*second)->give(p.rig.pieces, p.in, kToday));
  p.helper.give(**second);
  EXPECT_FALSE(p.helper.has_room());
  EXPECT_TRUE(p.helper.work());
  EXPECT_FALSE(p.helper.has_room()) << "until it is taken";
  EXPECT_EQ(p.helper.take(), p.handshake.get());
  EXPECT_TRUE(p.helper.has_room());
  p.helper.drop(std::move(*second), p.context);
}

}  // namespace
}  // namespace heddle::tls
