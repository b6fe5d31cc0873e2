// Handshakes with OpenSSL's ends and our own, and the handover to the record layer.
#include "ends.h"

namespace heddle::tls {
namespace {

using Peer = OpenSslPeer;

const Issued& rsa_certificate() {
  static const Issued one = issue({.names = {"shop.test"}}, &authorities().mesh, KeyKind::kRsa2048);
  return one;
}
const Issued& ecdsa_certificate() {
  static const Issued one = issue({.names = {"shop.test"}}, &authorities().mesh);
  return one;
}

Config server_config() {
  return {.name = "test",
          .certificates = {config_of(ecdsa_certificate()), config_of(rsa_certificate())}};
}
Config client_config() { return {.name = "test", .role = Role::kClient}; }

// Both ways, several records, so that wrong sequence numbers show.
void exchange(OurEnd& end, Peer& peer) {
  ASSERT_TRUE(end.session) << name_of(end.refusal);
  for (int i = 0; i < 3; ++i) {
    peer.give(end.seal(text("from us")));
    ASSERT_EQ(peer.read(), text("from us"));
    ASSERT_TRUE(peer.write(text("to us")));
    end.plain.clear();
    end.step(peer.take());
    ASSERT_EQ(end.plain, text("to us"));
  }
}

void exchange(OurEnd& a, OurEnd& b) {
  ASSERT_TRUE(a.session) << name_of(a.refusal);
  ASSERT_TRUE(b.session) << name_of(b.refusal);
  for (int i = 0; i < 3; ++i) {
    a.plain.clear();
    b.plain.clear();
    b.step(a.seal(text("there")));
    ASSERT_EQ(b.plain, text("there"));
    a.step(b.seal(text("and back")));
    ASSERT_EQ(a.plain, text("and back"));
  }
}

TEST(Handshake, OurServerAndOpenSslsClientInEverySuite) {
  Rig rig;
  const TicketKeys keys = test_ticket_keys(1);
  for (const uint32_t tickets : {0u, 1u, 2u}) {
    Config config = server_config();
    config.tickets = tickets;
    const auto context = make_context(config);
    context->set_ticket_keys(&keys);
    for (const Suite& each : kSuites) {
      SCOPED_TRACE(each.name);
      const ContextPtr theirs = client_context();
      only_suite(theirs.get(), each);
      Peer peer(theirs.get(), Peer::End::kClient);
      OurEnd end(rig, *context, {rig.context->counters(), {}});
      shake(end, peer);
      ASSERT_TRUE(end.session) << name_of(end.refusal);
      EXPECT_EQ(end.agreed.suite, each.id);
      if (each.version == Version::kTls13) {
        EXPECT_EQ(end.session->state().write.sequence, tickets);
      }
      exchange(end, peer);
    }
  }
  EXPECT_EQ(rig.context->counters().value(Stat::kHandshakesDone), 3 * kSuites.size());
}

// RFC 6066 4: OpenSSL's client refuses longer records than it has asked for.
TEST(Handshake, AClientsRecordsAreAsShortAsItHasAsked) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Rig rig;
    const auto context = make_context(
        {.name = "server", .certificates = {config_of(issue({.names = {"shop.test"}}, nullptr))}});
    OurEnd server(rig, *context, {rig.context->counters(), {}});
    const ContextPtr theirs = client_context();
    SSL_CTX_set_max_proto_version(theirs.get(), version);
    SSL_CTX_set_tlsext_max_fragment_length(theirs.get(), TLSEXT_max_fragment_length_1024);
    OpenSslPeer client(theirs.get(), OpenSslPeer::End::kClient);
    shake(server, client);
    ASSERT_TRUE(server.session.has_value());
    Random random(1);
    const ByteVector text = random_bytes(random, 100'000);
    client.give(server.seal(text));
    EXPECT_EQ(client.read(), text);
  }
}

TEST(Handshake, OurClientAndOpenSslsServerInEverySuite) {
  Rig rig;
  for (const Suite& each : kSuites) {
    SCOPED_TRACE(each.name);
    const bool rsa = each.openssl.find("RSA") != std::string_view::npos;
    const ContextPtr theirs = server_context(rsa ? rsa_certificate() : ecdsa_certificate());
    Peer peer(theirs.get(), Peer::End::kServer);
    Config config = client_config();
    config.suites = {each.id};
    config.peer = PeerCheck::kName;
    config.trust = mesh_trust();
    const auto context = make_context(config);
    OurEnd end(rig, *context, {rig.context->counters(), {}, "shop.test"});
    shake(end, peer);
    exchange(end, peer);
    EXPECT_EQ(end.agreed.suite, each.id);
  }
}

TEST(Handshake, OursWithOursCutAtEveryByte) {
  Rig rig;
  const auto server_side = make_context(server_config());
  const auto client_side = make_context(client_config());
  const TicketKeys keys = test_ticket_keys(1);
  server_side->set_ticket_keys(&keys);
  for (const size_t most : {size_t{1}, size_t{2}, size_t{7}, size_t{100}, size_t{100'000}}) {
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *client_side, {rig.context->counters(), {}, "shop.test"});
    shake(client, server, most);
    exchange(client, server);
    EXPECT_EQ(server.agreed.server_name, "shop.test");
  }
}

TEST(Handshake, DataRightBehindTheFinishedIsTheSessions) {
  Rig rig;
  const auto context = make_context(server_config());
  const ContextPtr theirs = client_context();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_max_proto_version(theirs.get(), version);
    Peer peer(theirs.get(), Peer::End::kClient);
    OurEnd end(rig, *context, {rig.context->counters(), {}});
    peer.handshake();
    peer.give(end.step(peer.take()));
    peer.handshake();
    // TLS 1.3: Finished and data in one flight.
    if (version == TLS1_3_VERSION) {
      ASSERT_TRUE(peer.write(text("early bird")));
      end.step(peer.take());
      EXPECT_EQ(end.plain, text("early bird"));
    } else {
      shake(end, peer);
    }
    exchange(end, peer);
  }
}

TEST(Handshake, TheNameChoosesTheCertificate) {
  Rig rig;
  const Issued exact = issue({.names = {"a.shop.test"}}, &authorities().mesh);
  const Issued wild = issue({.names = {"*.shop.test"}}, &authorities().mesh);
  Config config{
      .name = "test",
      .certificates = {config_of(ecdsa_certificate()), config_of(exact), config_of(wild)}};
  const auto lax = make_context(config);
  config.known_names_only = true;
  const auto strict = make_context(config);
  const struct {
    const char* name;
    const Issued* expected;
  } rows[] = {{"shop.test", &ecdsa_certificate()},
              {"a.shop.test", &exact},
              {"A.Shop.Test", &exact},
              {"b.shop.test", &wild},
              {"c.b.shop.test", nullptr},
              {"elsewhere.test", nullptr}};
  for (const auto& row : rows) {
    for (const auto& context : {&lax, &strict}) {
      SCOPED_TRACE(row.name);
      const ContextPtr theirs = client_context();
      Peer peer(theirs.get(), Peer::End::kClient);
      SSL_ctrl(peer.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(row.name));
      OurEnd end(rig, **context, {rig.context->counters(), {}});
      shake(end, peer);
      if (row.expected == nullptr && context == &strict) {
        EXPECT_EQ(end.refusal, Refusal::kUnknownName);
        continue;
      }
      const Issued& expected = row.expected == nullptr ? ecdsa_certificate() : *row.expected;
      ASSERT_TRUE(end.session);
      EXPECT_EQ(X509_cmp(SSL_get0_peer_certificate(peer.ssl()), expected.certificate.get()), 0);
    }
  }
}

TEST(Handshake, AlpnIsChosenByTheServerOrRefused) {
  Rig rig;
  Config config = server_config();
  config.alpn = {"h2", "http/1.1"};
  const auto server_side = make_context(config);
  const struct {
    std::vector<std::string> offered;
    std::string chosen;
    Refusal refusal;
  } rows[] = {{{"http/1.1", "h2"}, "h2", Refusal::kNone},
              {{"http/1.1"}, "http/1.1", Refusal::kNone},
              {{}, "", Refusal::kNone},
              {{"spdy/3"}, "", Refusal::kProtocolNotShared}};
  for (const auto& row : rows) {
    Config theirs = client_config();
    theirs.alpn = row.offered;
    const auto client_side = make_context(theirs);
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *client_side, {rig.context->counters(), {}});
    shake(client, server);
    EXPECT_EQ(server.refusal, row.refusal);
    EXPECT_EQ(server.agreed.alpn, row.chosen);
    EXPECT_EQ(client.agreed.alpn, row.chosen);
    if (row.refusal != Refusal::kNone) {
      EXPECT_EQ(client.refusal, Refusal::kPeerAlert);
      EXPECT_EQ(client.peer_alert, alert_of(row.refusal));
    }
  }
}

TEST(Handshake, WhatIsNotSharedIsNamed) {
  Rig rig;
  const auto refusal = [&](const Config& server, const auto& change) {
    const auto context = make_context(server);
    const ContextPtr theirs = client_context();
    change(theirs.get());
    Peer peer(theirs.get(), Peer::End::kClient);
    OurEnd end(rig, *context, {rig.context->counters(), {}});
    shake(end, peer);
    EXPECT_NE(peer.last_error(), 0);
    return end.refusal;
  };
  Config config = server_config();
  config.min_version = Version::kTls13;
  EXPECT_EQ(refusal(config, [](SSL_CTX* c) { SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION); }),
            Refusal::kVersionNotShared);
  config = server_config();
  config.suites = {SuiteId::kAes256GcmSha384};
  EXPECT_EQ(
      refusal(config, [](SSL_CTX* c) { SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256"); }),
      Refusal::kSuiteNotShared);
  EXPECT_EQ(refusal(server_config(),
                    [](SSL_CTX* c) {
                      SSL_CTX_set_max_proto_version(c, TLS1_2_VERSION);
                      SSL_CTX_set_cipher_list(c, "AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA");
                    }),
            Refusal::kSuiteNotShared);
  config = server_config();
  config.groups = {"X25519"};
  EXPECT_EQ(refusal(config, [](SSL_CTX* c) { SSL_CTX_set1_groups_list(c, "P-384"); }),
            Refusal::kGroupNotShared);
}

TEST(Handshake, ARetryForAnotherGroupWorks) {
  Rig rig;
  Config config = server_config();
  config.groups = {"P-256"};
  const auto context = make_context(config);
  const ContextPtr theirs = client_context();
  SSL_CTX_set1_groups_list(theirs.get(), "X25519:P-256");
  Peer peer(theirs.get(), Peer::End::kClient);
  OurEnd end(rig, *context, {rig.context->counters(), {}});
  shake(end, peer);
  exchange(end, peer);
}

TEST(Handshake, OtherBytesThanTlsAreKnownAtOnce) {
  Rig rig;
  const auto server_side = make_context(server_config());
  const auto client_side = make_context(client_config());
  for (const std::string_view bytes : {"G", "GET / HTTP/1.1\r\n\r\n", "\x16\x02", "\x17\x03\x03"}) {
    OurEnd end(rig, *server_side, {rig.context->counters(), {}});
    const ByteVector answer = end.step(text(bytes));
    EXPECT_EQ(end.refusal, Refusal::kNotTls);
    EXPECT_EQ(answer, (ByteVector{21, 3, 3, 0, 2, 2, 10}));
  }
  OurEnd client(rig, *client_side, {rig.context->counters(), {}});
  client.step({});
  client.step(text("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_EQ(client.refusal, Refusal::kNotTls);
  EXPECT_EQ(rig.context->counters().value(Refusal::kNotTls), 5u);
}

TEST(Handshake, BrokenMessagesAreRefusedAtAnyByte) {
  Rig rig;
  const auto context = make_context(server_config());
  const ContextPtr theirs = client_context();
  Peer peer(theirs.get(), Peer::End::kClient);
  peer.handshake();
  const ByteVector hello = peer.take();
  for (size_t at = 0; at < hello.size(); ++at) {
    ByteVector broken = hello;
    broken[at] ^= 0xff;
    OurEnd end(rig, *context, {rig.context->counters(), {}});
    end.step(broken);
    EXPECT_FALSE(end.session);  // waits, answers or refuses, but is no connection
    OurEnd cut(rig, *context, {rig.context->counters(), {}});
    cut.step(std::span(hello).first(at));
    EXPECT_EQ(cut.progress, HandshakeProgress::kMore) << at;
    cut.handshake->abandon(Refusal::kHandshakeEnded);
    EXPECT_EQ(cut.handshake->refusal(), Refusal::kHandshakeEnded);
  }
}

TEST(Handshake, TheGateBoundsWhatIsInFlight) {
  Rig rig;
  const auto context = make_context(server_config());
  HandshakeGate gate{.limit = 2};
  const Handshake::Options options{rig.context->counters(), Instant{5}};
  auto a = Handshake::start(*context, gate, options);
  auto b = Handshake::start(*context, gate, options);
  ASSERT_TRUE(a && b);
  EXPECT_EQ((*a)->deadline(), Instant{5} + seconds(10));
  const auto c = Handshake::start(*context, gate, options);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error(), Refusal::kHandshakesInFlight);
  a->reset();
  EXPECT_EQ(gate.in_flight, 1u);
  EXPECT_TRUE(Handshake::start(*context, gate, options));
  EXPECT_EQ(context->handshakes(), 1u);
}

TEST(Handshake, AHandshakeOfTooManyBytesEnds) {
  Rig rig;
  Config config = server_config();
  config.max_records = 3;
  const auto context = make_context(config);
  OurEnd end(rig, *context, {rig.context->counters(), {}});
  // A ClientHello that trickles in, a byte a record.
  for (int i = 0; i < 4; ++i) end.step(ByteVector{22, 3, 1, 0, 1, static_cast<uint8_t>(i == 0)});
  EXPECT_EQ(end.refusal, Refusal::kHandshakeTooLong);
}

TEST(Tickets, AnyWorkerResumesUntilTheKeyIsRotatedAway) {
  Rig rig;
  const auto first = make_context(server_config());
  const auto second = make_context(server_config());
  TicketKeys keys = test_ticket_keys(1);
  first->set_ticket_keys(&keys);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ContextPtr theirs = client_context();
    SSL_CTX_set_session_cache_mode(theirs.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_max_proto_version(theirs.get(), version);
    Peer peer(theirs.get(), Peer::End::kClient);
    OurEnd end(rig, *first, {rig.context->counters(), {}});
    shake(end, peer);
    exchange(end, peer);
    SSL_SESSION* session = SSL_get1_session(peer.ssl());
    TicketKeys now = keys;
    for (int rotation = 0; rotation < 4; ++rotation) {
      second->set_ticket_keys(&now);
      Peer again(theirs.get(), Peer::End::kClient);
      // One that resumes gives a new ticket; the old one is tried again and again here.
      SSL_SESSION* copy = SSL_SESSION_dup(session);
      SSL_set_session(again.ssl(), copy);
      SSL_SESSION_free(copy);
      OurEnd other(rig, *second, {rig.context->counters(), {}});
      shake(other, again);
      exchange(other, again);
      EXPECT_EQ(other.agreed.resumed, rotation < 3) << version << " " << rotation;
      now = now.rotated(test_ticket_keys(static_cast<uint8_t>(10 + rotation)).keys[0]);
    }
    SSL_SESSION_free(session);
  }
  EXPECT_GE(rig.context->counters().value(Stat::kTicketsUnknown), 2u);
}

TEST(Tickets, AConnectionThatWasResumedCanBeResumedToo) {
  Rig rig;
  const auto context = make_context(server_config());
  const TicketKeys keys = test_ticket_keys(1);
  context->set_ticket_keys(&keys);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const ContextPtr theirs = client_context();
    SSL_CTX_set_session_cache_mode(theirs.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_max_proto_version(theirs.get(), version);
    SSL_SESSION* session = nullptr;
    for (const bool resumed : {false, true, true, true}) {
      Peer peer(theirs.get(), Peer::End::kClient);
      if (session != nullptr) SSL_set_session(peer.ssl(), session);
      SSL_SESSION_free(session);
      OurEnd end(rig, *context, {rig.context->counters(), {}});
      shake(end, peer);
      exchange(end, peer);
      EXPECT_EQ(end.agreed.resumed, resumed) << version;
      // A copy, as a peer that goes without a word spoils its own.
      session = SSL_SESSION_dup(SSL_get_session(peer.ssl()));
    }
    SSL_SESSION_free(session);
  }
}

TEST(Tickets, OurClientResumesTls12) {
  Rig rig;
  const auto server_side = make_context(server_config());
  const TicketKeys keys = test_ticket_keys(1);
  server_side->set_ticket_keys(&keys);
  Config config = client_config();
  config.max_version = Version::kTls12;
  const auto client_side = make_context(config);
  ResumptionTicket ticket;
  for (const bool resumed : {false, true, true}) {
    OurEnd server(rig, *server_side, {rig.context->counters(), {}});
    OurEnd client(rig, *client_side, {rig.context->counters(), {}, "shop.test", &ticket});
    shake(client, server);
    exchange(client, server);
    EXPECT_EQ(client.agreed.resumed, resumed);
    EXPECT_EQ(server.agreed.resumed, resumed);
    ASSERT_TRUE(client.ticket);
    ticket = std::move(client.ticket);
  }
}

}  // namespace
}  // namespace heddle::tls
