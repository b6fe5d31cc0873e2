#include "flow/icmp_related.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "seed.h"
#include "tracking.h"

namespace heddle::flow {
namespace {

template <class Address>
class Related : public testing::Test {
 protected:
  static constexpr uint8_t kUnreachable = kIsV6<Address> ? 1 : 3;

  // A flow from the client to the service, which is endpoint:8080 behind `own`.
  uint32_t open(IpProtocol protocol) {
    const bool query = protocol == kIcmpOf<Address>;
    inside = key_of(client, 1000, service, query ? 1000 : 80, protocol);
    outside = key_of(own, 2000, endpoint, query ? 2000 : 8080, protocol);
    before = packet_of(inside);
    const Tracked tracked = t.see(before, outside);
    EXPECT_EQ(tracked.outcome, Outcome::kPass);
    left = t.last;
    return tracked.slot;
  }

  Bytes error(const Address& from, const Address& to, Bytes quote, size_t size) {
    quote.resize(std::min(quote.size(), size));
    return icmp_packet(from, to, kUnreachable, 1, 0, quote);
  }
  Tracked relate_to(Bytes packet) {
    t.last = std::move(packet);
    const auto at = parsed<Address>(t.last);
    EXPECT_EQ(at.kind, PacketKind::kError);
    return relate(t.tracker, at);
  }
  Bytes quote() const { return Bytes(t.last.begin() + kIpHeader<Address> + 8, t.last.end()); }

  const Address client = host<Address>(1, 1), service = host<Address>(9, 9);
  const Address own = host<Address>(8, 8), endpoint = host<Address>(2, 2);
  const Address router = host<Address>(5, 5);
  Key<Address> inside, outside;
  Bytes before, left;
  Tracking<Address> t;
};
TYPED_TEST_SUITE(Related, Families);

// The client must get the error about the very packet that it has sent.
TYPED_TEST(Related, AnErrorFromOutsideIsTranslatedWithItsQuote) {
  constexpr size_t kSizes[] = {kIpHeader<TypeParam> + 8, kIpHeader<TypeParam> + 20, 1000};
  for (const IpProtocol protocol : {IpProtocol::kUdp, IpProtocol::kTcp, kIcmpOf<TypeParam>}) {
    for (const size_t size : kSizes) {
      for (const bool from_endpoint : {true, false}) {
        for (uint32_t at = 0; at != kNoFlow;) at = this->t.tracker.table().flush(at, 100);
        const uint32_t slot = this->open(protocol);
        const auto from = from_endpoint ? this->endpoint : this->router;
        const Tracked tracked = this->relate_to(this->error(from, this->own, this->left, size));
        ASSERT_EQ(tracked.outcome, Outcome::kPass) << text(tracked.drop).name;
        EXPECT_EQ(tracked.slot, slot);
        EXPECT_EQ(tracked.direction, Direction::kReply);
        EXPECT_TRUE(checksums_ok<TypeParam>(this->t.last));
        const auto outer = parsed<TypeParam>(this->t.last).key;
        EXPECT_EQ(outer.destination(), this->client);
        // The endpoint is known to the client as the service; a router is who it is.
        EXPECT_EQ(outer.source(), from_endpoint ? this->service : this->router);
        Bytes sent = this->before;
        sent.resize(std::min(sent.size(), size));
        EXPECT_EQ(this->quote(), sent);
      }
    }
  }
}

// An error about an answer, from the client's side: the endpoint must get it.
TYPED_TEST(Related, AnErrorFromInsideHidesWhoSentIt) {
  this->open(IpProtocol::kUdp);
  const Bytes answer = udp_packet(this->outside.reversed());
  ASSERT_EQ(this->t.see(answer).outcome, Outcome::kPass);
  const Bytes answered = this->t.last;
  for (const bool from_client : {true, false}) {
    const auto from = from_client ? this->client : this->router;
    const Tracked tracked = this->relate_to(this->error(from, this->service, answered, 1000));
    ASSERT_EQ(tracked.outcome, Outcome::kPass) << text(tracked.drop).name;
    EXPECT_EQ(tracked.direction, Direction::kOriginal);
    EXPECT_TRUE(checksums_ok<TypeParam>(this->t.last));
    const auto outer = parsed<TypeParam>(this->t.last).key;
    EXPECT_EQ(outer.source(), this->own);
    EXPECT_EQ(outer.destination(), this->endpoint);
    EXPECT_EQ(this->quote(), answer);
  }
}

TYPED_TEST(Related, AnErrorAboutAnUntranslatedFlowPassesAsItIs) {
  const auto key = key_of(this->client, 1000, this->endpoint, 53);
  const Bytes packet = udp_packet(key);
  ASSERT_EQ(this->t.see(packet).outcome, Outcome::kPass);
  const Bytes error = this->error(this->router, this->client, packet, 1000);
  EXPECT_EQ(this->relate_to(error).outcome, Outcome::kPass);
  EXPECT_EQ(this->t.last, error);
}

TYPED_TEST(Related, NeitherKeepsAFlowAliveNorEndsIt) {
  const uint32_t slot = this->open(IpProtocol::kUdp);
  this->t.now = this->t.now + seconds(50);
  const Stamp seen = this->t.tracker.table().record(slot).last_seen;
  EXPECT_EQ(this->relate_to(this->error(this->router, this->own, this->left, 1000)).outcome,
            Outcome::kPass);
  EXPECT_EQ(this->t.tracker.table().record(slot).last_seen, seen);
  EXPECT_EQ(this->t.state(slot), State::kUdpOneWay);
}

TYPED_TEST(Related, WhatDoesNotFitHasAName) {
  this->open(IpProtocol::kUdp);
  const auto drop = [&](Bytes packet) { return this->relate_to(std::move(packet)).drop; };
  const auto error = [&](Bytes quote, size_t size = 1000) {
    return this->error(this->router, this->own, std::move(quote), size);
  };
  Bytes damaged = error(this->left);
  damaged.back() ^= 1;
  EXPECT_EQ(drop(damaged), Drop::kErrorChecksum);
  for (size_t size = 0; size < kIpHeader<TypeParam> + 4; ++size) {
    EXPECT_EQ(drop(error(this->left, size)), Drop::kErrorQuote) << size;
  }
  EXPECT_EQ(drop(error(this->left, kIpHeader<TypeParam> + 4)), Drop::kNone);
  Bytes version = this->left;
  version[0] ^= 0x20;
  EXPECT_EQ(drop(error(version)), Drop::kErrorQuote);
  const auto unknown = key_of(this->own, 1, this->endpoint, 2);
  EXPECT_EQ(drop(error(udp_packet(unknown))), Drop::kErrorNoFlow);
  // Not what has left us, but what came in: nobody behind us has seen it.
  EXPECT_EQ(drop(this->error(this->router, this->client, this->before, 1000)), Drop::kErrorNoFlow);
  EXPECT_EQ(drop(this->error(this->router, this->client, this->left, 1000)), Drop::kErrorAddress);
  // An error about an error.
  EXPECT_EQ(drop(error(error(this->left))), Drop::kErrorQuote);
}

// RFC 5927 4.1.
TYPED_TEST(Related, AnErrorMustQuoteTcpDataThatIsUnderWay) {
  this->open(IpProtocol::kTcp);  // a SYN at 1 with 5 bytes
  const auto segment = [&](uint32_t seq) {
    return tcp_packet(this->outside, {.sequence = Be32(seq), .flags = wire::TcpFlag::kAck});
  };
  const auto drop = [&](uint32_t seq) {
    return this->relate_to(this->error(this->router, this->own, segment(seq), 1000)).drop;
  };
  EXPECT_EQ(drop(1), Drop::kNone);
  EXPECT_EQ(drop(7), Drop::kNone);
  EXPECT_EQ(drop(8), Drop::kErrorSequence);
  EXPECT_EQ(drop(7 - 66'001u), Drop::kErrorSequence);
}

TYPED_TEST(Related, NonsenseNeverPassesNorWritesPastTheEnd) {
  Random random(test_seed());
  this->open(IpProtocol::kUdp);
  int passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes quote = this->left;
    quote.resize(random.below(static_cast<uint32_t>(quote.size()) + 1));
    const uint32_t changes = random.below(4);
    for (uint32_t j = 0; j < changes && !quote.empty(); ++j) {
      quote[random.below(static_cast<uint32_t>(quote.size()))] =
          static_cast<uint8_t>(random.next());
    }
    const Tracked tracked = this->relate_to(this->error(this->router, this->own, quote, 1000));
    if (tracked.outcome == Outcome::kPass) {
      ++passed;
      ASSERT_TRUE(checksums_ok<TypeParam>(this->t.last));
    }
  }
  EXPECT_GT(passed, 100);
}

}  // namespace
}  // namespace heddle::flow
