// Every record against OpenSSL's own: all suites, both directions, both ends, random sizes, padding
// and cut points. HEDDLE_TLS_RECORDS sets how many records; `tools/dev soak tls` runs 100,000.
#include <openssl/ssl.h>

#include <cstdlib>

#include "openssl_peer.h"
#include "rig.h"
#include "seed.h"

namespace heddle::tls {
namespace {

using End = OpenSslPeer::End;

uint64_t wanted_records() {
  const char* wanted = std::getenv("HEDDLE_TLS_RECORDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 0) : 3'600;
}

// RSA keys take long to make.
const Issued& certificate_for(const Suite& suite) {
  static const Issued ecdsa = issue({}, nullptr);
  static const Issued rsa = issue({}, nullptr, KeyKind::kRsa2048);
  return suite.openssl.find("RSA") == std::string_view::npos ? ecdsa : rsa;
}

// Two OpenSSL ends shake hands; ours then takes the place of one of them.
class Pair {
 public:
  Pair(Rig& rig, const Suite& suite, End peer_end)
      : rig_(rig),
        server_context_(server_context(certificate_for(suite))),
        client_context_(client_context()) {
    only_suite(server_context_.get(), suite);
    only_suite(client_context_.get(), suite);
    SSL_CTX_set_num_tickets(server_context_.get(), 0);
    log_secrets(client_context_.get(), lines_);
    client_ = std::make_unique<OpenSslPeer>(client_context_.get(), End::kClient);
    server_ = std::make_unique<OpenSslPeer>(server_context_.get(), End::kServer);
    bool client_done = false;
    bool server_done = false;
    for (int i = 0; i < 10 && !(client_done && server_done); ++i) {
      client_done = client_->handshake();
      server_->give(client_->take());
      server_done = server_->handshake();
      client_->give(server_->take());
    }
    EXPECT_TRUE(client_done && server_done) << suite.name;
    peer_ = peer_end == End::kClient ? client_.get() : server_.get();
    make_session(suite, lines_, peer_end == End::kClient ? Role::kServer : Role::kClient);
  }

  ~Pair() { session_->release(*rig_.context); }

  OpenSslPeer& peer() { return *peer_; }
  Session& session() { return *session_; }

 private:
  void make_session(const Suite& suite, const std::vector<std::string>& lines, Role role) {
    const Crypto& crypto = rig_.context->crypto();
    KeyPair keys;
    if (suite.version == Version::kTls13) {
      keys.client = keys_of(crypto, suite, secret_from(lines, "CLIENT_TRAFFIC_SECRET_0"));
      keys.server = keys_of(crypto, suite, secret_from(lines, "SERVER_TRAFFIC_SECRET_0"));
    } else {
      uint8_t client_random[32];
      uint8_t server_random[32];
      SSL_get_client_random(client_->ssl(), client_random, 32);
      SSL_get_server_random(client_->ssl(), server_random, 32);
      keys = keys_of_master(crypto, suite, secret_from(lines, "CLIENT_RANDOM"), client_random,
                            server_random);
    }
    session_.emplace(*rig_.context, suite.id, role,
                     role == Role::kServer ? keys.client : keys.server,
                     role == Role::kServer ? keys.server : keys.client);
  }

  Rig& rig_;
  std::vector<std::string> lines_;
  ContextPtr server_context_;
  ContextPtr client_context_;
  std::unique_ptr<OpenSslPeer> client_;
  std::unique_ptr<OpenSslPeer> server_;
  OpenSslPeer* peer_ = nullptr;
  std::optional<Session> session_;
};

size_t random_size(Random& random) {
  switch (random.below(4)) {
    case 0:
      return 1 + random.below(64);
    case 1:
      return 1 + random.below(1500);
    case 2:
      return 1 + random.below(kMaxPlaintext);
    default:
      return kMaxPlaintext - random.below(3);
  }
}

// The peer writes; ours opens what comes in pieces of any size, cut anywhere.
void check_open(Rig& rig, Pair& pair, Random& random, Instant now) {
  ByteVector text = random_bytes(random, random_size(random));
  if (random.below(4) == 0) SSL_set_block_padding(pair.peer().ssl(), 1 + random.below(1000));
  ASSERT_TRUE(pair.peer().write(text));
  const ByteVector wire = pair.peer().take();
  tcp::Chain in;
  tcp::Chain plain;
  tcp::Chain out;
  size_t given = 0;
  while (given < wire.size()) {
    const size_t n = std::min<size_t>(1 + random.below(20'000), wire.size() - given);
    tcp::Chain more = rig.chain(std::span(wire).subspan(given, n), 1 + random.below(2048), &random);
    rig.pieces.join(in, more);
    ASSERT_EQ(pair.session().open(*rig.context, {in, plain, out}, now), Progress::kMore)
        << name_of(pair.session().refusal());
    given += n;
  }
  ASSERT_EQ(in.bytes, 0u);
  ASSERT_EQ(out.bytes, 0u);
  ASSERT_EQ(rig.drain(plain), text);
}

// Ours seals a chain cut anywhere; the peer reads.
void check_seal(Rig& rig, Pair& pair, Random& random, Instant now) {
  const ByteVector text = random_bytes(random, random_size(random));
  tcp::Chain plain = rig.chain(text, 1 + random.below(2048), &random);
  tcp::Chain out;
  const SealOptions options{.ownership =
                                random.below(4) == 0 ? Ownership::kShared : Ownership::kOurs};
  ASSERT_EQ(pair.session().seal(*rig.context, plain, out, options, now), text.size());
  pair.peer().give(rig.drain(out));
  ASSERT_EQ(pair.peer().read(), text);
  ASSERT_EQ(pair.peer().last_error(), SSL_ERROR_WANT_READ);
}

TEST(Differential, EveryRecordIsReadByOpenSslAndReadsOpenSsls) {
  Random random(test_seed());
  Rig rig;
  const uint64_t records = wanted_records();
  const uint64_t each = records / (kSuites.size() * 2);
  for (const Suite& suite : kSuites) {
    for (const End end : {End::kClient, End::kServer}) {
      SCOPED_TRACE(suite.name);
      Pair pair(rig, suite, end);
      Instant now{1'000'000'000};
      for (uint64_t i = 0; i < each; ++i) {
        now = now + microseconds(random.below(10'000));
        if (random.below(2) == 0) {
          check_open(rig, pair, random, now);
        } else {
          check_seal(rig, pair, random, now);
        }
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GE(rig.context->counters().value(Stat::kRecordsIn) +
                rig.context->counters().value(Stat::kRecordsOut),
            each * kSuites.size() * 2);
}

TEST(Differential, KeyUpdatesOfBothEndsAreFollowed) {
  Random random(test_seed());
  Rig rig;
  for (const Suite& suite : kSuites) {
    if (suite.version != Version::kTls13) continue;
    for (const End end : {End::kClient, End::kServer}) {
      SCOPED_TRACE(suite.name);
      Pair pair(rig, suite, end);
      Instant now{1'000'000'000};
      for (int i = 0; i < 10; ++i) {
        now = now + milliseconds(1'000);
        tcp::Chain out;
        if (i % 2 == 0) {
          ASSERT_EQ(SSL_key_update(pair.peer().ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
          ASSERT_TRUE(pair.peer().handshake());
          tcp::Chain in = rig.chain(pair.peer().take());
          tcp::Chain plain;
          ASSERT_EQ(pair.session().open(*rig.context, {in, plain, out}, now), Progress::kMore);
          ASSERT_GT(out.bytes, 0u) << "the request is answered";
        } else {
          ASSERT_TRUE(pair.session().update_keys(*rig.context, out));
        }
        pair.peer().give(rig.drain(out));
        check_open(rig, pair, random, now);
        check_seal(rig, pair, random, now);
        if (testing::Test::HasFatalFailure()) return;
      }
      EXPECT_EQ(pair.session().state().read.updates, 5u);
      EXPECT_EQ(pair.session().state().write.updates, 10u);
    }
  }
}

TEST(Differential, CloseNotifyBothWays) {
  Rig rig;
  Random random(1);
  for (const Suite& suite : kSuites) {
    SCOPED_TRACE(suite.name);
    Pair pair(rig, suite, End::kClient);
    SSL_shutdown(pair.peer().ssl());
    tcp::Chain in = rig.chain(pair.peer().take());
    tcp::Chain plain;
    tcp::Chain out;
    EXPECT_EQ(pair.session().open(*rig.context, {in, plain, out}, {}), Progress::kClosed);
    EXPECT_EQ(pair.session().end_of_stream(*rig.context), Refusal::kNone);
    // A half-closed connection still sends.
    check_seal(rig, pair, random, {});
    ASSERT_TRUE(pair.session().close(*rig.context, out));
    pair.peer().give(rig.drain(out));
    EXPECT_TRUE(pair.peer().read().empty());
    EXPECT_EQ(pair.peer().last_error(), SSL_ERROR_ZERO_RETURN);
    EXPECT_EQ(SSL_shutdown(pair.peer().ssl()), 1);
  }
}

}  // namespace
}  // namespace heddle::tls
