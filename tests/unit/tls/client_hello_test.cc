// Sniffing: plaintext against TLS, names and protocols of a ClientHello in pieces of any size.
#include "tls/client_hello.h"

#include "ends.h"
#include "seed.h"

namespace heddle::tls {
namespace {

ByteVector hello_of(const char* name, const std::string& alpn, int most = TLS1_3_VERSION) {
  const ContextPtr context = client_context();
  SSL_CTX_set_max_proto_version(context.get(), most);
  OpenSslPeer peer(context.get(), OpenSslPeer::End::kClient);
  if (name != nullptr)
    SSL_ctrl(peer.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name));
  if (!alpn.empty())
    SSL_set_alpn_protos(peer.ssl(), reinterpret_cast<const uint8_t*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
  peer.handshake();
  return peer.take();
}

// The same message in records of at most `most` bytes.
ByteVector in_records(const ByteVector& hello, size_t most) {
  ByteVector result;
  for (size_t at = kHeaderSize; at < hello.size(); at += most) {
    const size_t n = std::min(most, hello.size() - at);
    std::array<uint8_t, kHeaderSize> header;
    RecordHeader{ContentType::kHandshake, 0x0301, static_cast<uint16_t>(n)}.emit(header.data());
    result.insert(result.end(), header.begin(), header.end());
    result.insert(result.end(), hello.begin() + static_cast<ptrdiff_t>(at),
                  hello.begin() + static_cast<ptrdiff_t>(at + n));
  }
  return result;
}

ClientHello parse(Rig& rig, std::span<const uint8_t> bytes, uint32_t most = 2048) {
  tcp::Chain chain = rig.chain(bytes, most);
  const ClientHello hello = parse_client_hello(rig.pieces, chain);
  rig.pieces.free(chain);
  return hello;
}

TEST(ClientHello, NamesAndProtocolsAreFoundHoweverItIsCut) {
  Rig rig;
  const ByteVector hello = hello_of("Shop.Test", "\x02h2\x08http/1.1");
  for (const ByteVector& wire : {hello, in_records(hello, 40), in_records(hello, 100)}) {
    for (const uint32_t most : {1u, 3u, 2048u}) {
      const ClientHello found = parse(rig, wire, most);
      ASSERT_EQ(found.status, HelloStatus::kComplete);
      EXPECT_EQ(found.server_name(), "shop.test");
      EXPECT_TRUE(found.offers("h2"));
      EXPECT_TRUE(found.offers("http/1.1"));
      EXPECT_FALSE(found.offers("http/1"));
      EXPECT_TRUE(found.tls13);
    }
    for (size_t size = 0; size < wire.size(); ++size) {
      const ClientHello cut = parse(rig, std::span(wire).first(size));
      ASSERT_EQ(cut.status, HelloStatus::kNeedMore) << size;
      EXPECT_GT(cut.needed, size);
      EXPECT_LE(cut.needed, wire.size());
    }
  }
  const ClientHello bare = parse(rig, hello_of(nullptr, "", TLS1_2_VERSION));
  EXPECT_EQ(bare.status, HelloStatus::kComplete);
  EXPECT_EQ(bare.server_name(), "");
  EXPECT_FALSE(bare.tls13);
}

TEST(ClientHello, WhatIsNoneIsNamed) {
  Rig rig;
  EXPECT_EQ(parse(rig, text("GET / HTTP/1.1\r\n")).status, HelloStatus::kNotTls);
  EXPECT_EQ(parse(rig, text("\x16\x03\x01\x10\x10\x02")).status, HelloStatus::kNotTls);
  EXPECT_EQ(parse(rig, ByteVector{22, 3, 1, 0, 0}).status, HelloStatus::kMalformed);
  EXPECT_EQ(parse(rig, ByteVector{22, 3, 1, 0, 4, 1, 1, 0, 0}).status, HelloStatus::kTooLong);
  const ByteVector hello = hello_of("shop.test", "");
  EXPECT_EQ(parse(rig, in_records(hello, 2)).status, HelloStatus::kTooLong);
  // A name with a NUL in it, which two parsers may read as two names.
  ByteVector wrong = hello;
  const auto at = std::ranges::search(wrong, text("shop.test")).begin();
  at[4] = 0;
  EXPECT_EQ(parse(rig, wrong).status, HelloStatus::kMalformed);
}

TEST(ClientHello, NoByteWrongMakesItReadPastItsEnd) {
  Random random(test_seed());
  Rig rig;
  const ByteVector hello = hello_of("shop.test", "\x02h2");
  for (size_t at = 0; at < hello.size(); ++at) {
    for (int i = 0; i < 4; ++i) {
      ByteVector wrong = hello;
      wrong[at] = static_cast<uint8_t>(random.next());
      const ClientHello a = parse(rig, wrong, 2048);
      const ClientHello b = parse(rig, wrong, 1 + random.below(9));
      EXPECT_EQ(a.status, b.status);
      EXPECT_EQ(a.server_name(), b.server_name());
    }
  }
}

TEST(FirstBytes, PlaintextIsKnownByItsFirstByte) {
  Rig rig;
  const auto first = [&](const ByteVector& bytes) {
    tcp::Chain chain = rig.chain(bytes, 1);
    const FirstBytes found = classify(rig.pieces, chain);
    rig.pieces.free(chain);
    return found;
  };
  EXPECT_EQ(first({}), FirstBytes::kNeedMore);
  EXPECT_EQ(first(text("P")), FirstBytes::kPlaintext);
  EXPECT_EQ(first({22}), FirstBytes::kNeedMore);
  EXPECT_EQ(first({22, 2}), FirstBytes::kPlaintext);
  EXPECT_EQ(first({22, 3, 1, 2, 0}), FirstBytes::kNeedMore);
  EXPECT_EQ(first({22, 3, 1, 2, 0, 2}), FirstBytes::kPlaintext);
  EXPECT_EQ(first({22, 3, 1, 2, 0, 1}), FirstBytes::kTls);
}

}  // namespace
}  // namespace heddle::tls
