#include "flow/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "packets.h"
#include "seed.h"

namespace heddle::flow {
namespace {

constexpr Instant kStart{seconds(1000).ns()};

struct Gone : FragmentListener {
  void gone(uint32_t datagram) override { datagrams.push_back(datagram); }
  std::vector<uint32_t> datagrams;
};

template <class Address>
class Pieces : public testing::Test {
 protected:
  Fragment<Address> piece(uint32_t offset, uint32_t length, bool more = true, uint32_t id = 7) {
    return {.source = host<Address>(1, 1),
            .destination = host<Address>(2, 2),
            .protocol = IpProtocol::kUdp,
            .id = id,
            .offset = offset,
            .length = length,
            .more = more,
            .ports = offset == 0 ? 0x1234'5678 + id : 0};
  }
  FragmentVerdict see(const Fragment<Address>& fragment) { return table.see(fragment, now, gone); }
  FragmentAnswer answer(uint32_t offset, uint32_t length, bool more = true, uint32_t id = 7) {
    return see(piece(offset, length, more, id)).answer;
  }

  Gone gone;
  Instant now = kStart;
  Fragments<Address> table{FragmentLimits{.datagrams = 4, .holds = 2}, 1};
};
TYPED_TEST_SUITE(Pieces, Families);

TYPED_TEST(Pieces, LearnsThePortsFromTheFirst) {
  EXPECT_EQ(this->answer(0, 1480), FragmentAnswer::kFirst);
  const FragmentVerdict second = this->see(this->piece(1480, 1480));
  EXPECT_EQ(second.answer, FragmentAnswer::kKnown);
  EXPECT_EQ(second.ports, 0x1234'5678u + 7);
  EXPECT_EQ(this->answer(2960, 100, false), FragmentAnswer::kKnown);
  EXPECT_EQ(this->table.size(), 0u);  // complete
  EXPECT_EQ(this->table.counters().complete.value(), 1u);
  EXPECT_EQ(this->answer(0, 1480), FragmentAnswer::kFirst);  // the number is used anew
}

TYPED_TEST(Pieces, LaterOnesMayComeFirstAndAreHeld) {
  const FragmentVerdict held = this->see(this->piece(1480, 1480));
  EXPECT_EQ(held.answer, FragmentAnswer::kHold);
  EXPECT_EQ(this->answer(2960, 100, false), FragmentAnswer::kHold);
  const FragmentVerdict first = this->see(this->piece(0, 1480));
  EXPECT_EQ(first.answer, FragmentAnswer::kFirst);
  EXPECT_EQ(first.datagram, held.datagram);
  EXPECT_EQ(first.held, 2);
  EXPECT_TRUE(this->gone.datagrams.empty());
  EXPECT_EQ(this->table.size(), 0u);
}

TYPED_TEST(Pieces, SoManyMayWaitAndThenAllAreRefused) {
  const uint32_t datagram = this->see(this->piece(1480, 1480)).datagram;
  EXPECT_EQ(this->answer(2960, 1480), FragmentAnswer::kHold);
  EXPECT_EQ(this->answer(4440, 1480), FragmentAnswer::kHoldFull);
  EXPECT_EQ(this->gone.datagrams, std::vector<uint32_t>{datagram});
  EXPECT_EQ(this->answer(0, 1480), FragmentAnswer::kPoisoned);
}

TYPED_TEST(Pieces, OverlapsAreRefusedByName) {
  const std::pair<uint32_t, uint32_t> overlaps[] = {{8, 16}, {0, 8}, {16, 16}, {24, 8}, {0, 800}};
  for (const auto& [offset, length] : overlaps) {
    Fragments<TypeParam> fresh(FragmentLimits{}, 1);
    ASSERT_EQ(fresh.see(this->piece(0, 16), this->now, this->gone).answer, FragmentAnswer::kFirst);
    ASSERT_EQ(fresh.see(this->piece(16, 16), this->now, this->gone).answer, FragmentAnswer::kKnown);
    const bool apart = offset >= 32, same = length == 16 && offset == 16;
    const auto verdict = fresh.see(this->piece(offset, length), this->now, this->gone).answer;
    EXPECT_EQ(verdict, apart  ? FragmentAnswer::kKnown
                       : same ? FragmentAnswer::kDuplicate
                              : FragmentAnswer::kOverlap)
        << offset;
    // RFC 5722 3: and so are all that come after.
    const auto after = fresh.see(this->piece(800, 8), this->now, this->gone).answer;
    EXPECT_EQ(after, apart || same ? FragmentAnswer::kKnown : FragmentAnswer::kPoisoned);
  }
}

TYPED_TEST(Pieces, LengthsThatCannotBe) {
  EXPECT_EQ(this->answer(0, 15, true, 1), FragmentAnswer::kBadLength);       // no multiple of 8
  EXPECT_EQ(this->answer(8, 0, true, 2), FragmentAnswer::kBadLength);        // nothing
  EXPECT_EQ(this->answer(65'528, 8, false, 3), FragmentAnswer::kBadLength);  // ping of death
  EXPECT_EQ(this->answer(80, 8, false, 4), FragmentAnswer::kHold);           // the end
  EXPECT_EQ(this->answer(88, 8, true, 4), FragmentAnswer::kBadLength);       // and behind it
  EXPECT_EQ(this->answer(80, 8, true, 5), FragmentAnswer::kHold);
  EXPECT_EQ(this->answer(8, 8, false, 5), FragmentAnswer::kBadLength);  // an end before the end
}

TYPED_TEST(Pieces, TcpHeadersAreNotInTheSecondFragment) {  // RFC 3128
  auto second = this->piece(8, 16);
  second.protocol = IpProtocol::kTcp;
  EXPECT_EQ(this->see(second).answer, FragmentAnswer::kTiny);
}

TYPED_TEST(Pieces, MoreThanAreCountedAreRefused) {
  EXPECT_EQ(this->answer(0, 8), FragmentAnswer::kFirst);
  for (uint32_t i = 1; i < Fragments<TypeParam>::kMaxFragments; ++i) {
    ASSERT_EQ(this->answer(8 * i, 8), FragmentAnswer::kKnown);
  }
  EXPECT_EQ(this->answer(8 * Fragments<TypeParam>::kMaxFragments, 8), FragmentAnswer::kTooMany);
}

TYPED_TEST(Pieces, TheCallersRefusalIsForAll) {
  const auto first = this->piece(0, 16);
  ASSERT_EQ(this->see(first).answer, FragmentAnswer::kFirst);
  this->table.refuse(first);
  EXPECT_EQ(this->answer(16, 16), FragmentAnswer::kRefused);
  EXPECT_EQ(this->answer(32, 16, false), FragmentAnswer::kRefused);
  EXPECT_EQ(this->answer(16, 16, true, 8), FragmentAnswer::kHold);  // not for another's
}

TYPED_TEST(Pieces, TheOldestGivesWayAndTimeEnds) {
  for (uint32_t id = 0; id < 4; ++id) {
    this->answer(16, 16, true, id);
    this->now = this->now + seconds(1);
  }
  const uint32_t oldest = this->see(this->piece(32, 16, true, 0)).datagram;
  EXPECT_EQ(this->answer(16, 16, true, 9), FragmentAnswer::kHold);
  EXPECT_EQ(this->gone.datagrams, std::vector<uint32_t>{oldest});
  EXPECT_EQ(this->table.counters().displaced.value(), 1u);
  EXPECT_EQ(this->table.size(), 4u);
  this->table.advance(kStart + seconds(31) - nanoseconds(1), 100, this->gone);
  EXPECT_EQ(this->table.size(), 4u);
  this->table.advance(kStart + seconds(32), 100, this->gone);
  EXPECT_EQ(this->table.size(), 2u);
  EXPECT_EQ(this->gone.datagrams.size(), 3u);
  EXPECT_EQ(this->table.advance(kStart + seconds(99), 1, this->gone), 1u);
}

// Datagrams cut at random, their fragments mixed and sent in any order: each fragment gets the
// ports of its datagram, at once or when the first has come.
TYPED_TEST(Pieces, AnyOrderOfArrival) {
  Random random(test_seed());
  Fragments<TypeParam> fresh(FragmentLimits{.datagrams = 64, .holds = 60}, random.next());
  for (int round = 0; round < 300; ++round) {
    std::vector<Fragment<TypeParam>> all;
    std::map<uint32_t, size_t> count;
    for (uint32_t id = 0; id < 10; ++id) {
      const uint32_t size = 16 + random.below(3'000);
      for (uint32_t offset = 0; offset < size;) {
        uint32_t length = 8 * (1 + random.below(60));
        const bool last = offset + length >= size;
        if (last) length = size - offset;
        auto fragment = this->piece(offset, length, !last, id);
        fragment.ports = offset == 0 ? id + 1 : 0;
        all.push_back(fragment);
        ++count[id];
        offset += length;
      }
    }
    for (size_t i = all.size(); i-- > 1;) {
      std::swap(all[i], all[random.below(static_cast<uint32_t>(i) + 1)]);
    }
    std::map<uint32_t, uint32_t> waiting;  // by datagram
    std::map<uint32_t, size_t> answered;   // by identification
    for (const auto& fragment : all) {
      const FragmentVerdict verdict = fresh.see(fragment, this->now, this->gone);
      if (verdict.answer == FragmentAnswer::kHold) {
        ++waiting[verdict.datagram];
        continue;
      }
      ASSERT_FALSE(refused(verdict.answer)) << name(verdict.answer);
      ASSERT_EQ(verdict.ports, fragment.id + 1);
      ++answered[fragment.id];
      if (fragment.offset == 0) {
        ASSERT_EQ(verdict.held, waiting[verdict.datagram]);
        answered[fragment.id] += verdict.held;
        waiting[verdict.datagram] = 0;
      }
    }
    ASSERT_EQ(answered, count);
    ASSERT_EQ(fresh.size(), 0u);
  }
  EXPECT_TRUE(this->gone.datagrams.empty());
}

// The twin keeps every byte that has come.
TYPED_TEST(Pieces, AgreesWithATwinThatKeepsEveryByte) {
  Random random(test_seed());
  for (int round = 0; round < 3'000; ++round) {
    Fragments<TypeParam> fresh(FragmentLimits{.datagrams = 2, .holds = 255}, random.next());
    std::set<uint32_t> bytes;
    std::set<std::pair<uint32_t, uint32_t>> whole;
    bool poisoned = false;
    uint32_t end = 0;
    for (int step = 0; step < 12; ++step) {
      const uint32_t offset = 8 * random.below(12), length = 8 * (1 + random.below(4));
      const bool more = random.below(6) != 0;
      const auto verdict = fresh.see(this->piece(offset, length, more), this->now, this->gone);
      if (poisoned) {
        ASSERT_EQ(verdict.answer, FragmentAnswer::kPoisoned);
        continue;
      }
      bool meets = false;
      for (uint32_t at = offset; at < offset + length; ++at) meets = meets || bytes.contains(at);
      const bool past = !bytes.empty() && !more && *bytes.rbegin() >= offset + length;
      const bool beyond = end != 0 && (!more || offset + length > end);
      if (whole.contains({offset, length})) {
        ASSERT_TRUE(verdict.answer == FragmentAnswer::kDuplicate ||
                    verdict.answer == FragmentAnswer::kBadLength);
        poisoned = verdict.answer != FragmentAnswer::kDuplicate;
        continue;
      }
      poisoned = meets || past || beyond;
      ASSERT_EQ(refused(verdict.answer), poisoned) << name(verdict.answer);
      if (poisoned) continue;
      whole.insert({offset, length});
      for (uint32_t at = offset; at < offset + length; ++at) bytes.insert(at);
      if (!more) end = offset + length;
      if (end != 0 && bytes.size() == end) break;  // complete
    }
    const bool complete = !poisoned && end != 0 && bytes.size() == end;
    ASSERT_TRUE(!complete || fresh.size() == 0);
  }
}

TEST(FragmentOf, ReadsBothFamilies) {
  Bytes packet = udp_packet(key_of(host<Ipv4Address>(1, 1), 10, host<Ipv4Address>(2, 2), 20), 100);
  packet[6] = 0x20;
  wire::Ipv4MutView(packet.data()).update_checksum();
  const auto first = parsed<Ipv4Address>(packet);
  ASSERT_EQ(first.kind, PacketKind::kFirstFragment);
  EXPECT_EQ(fragment_of(first).ports, first.key.ports());
  EXPECT_EQ(fragment_of(first).id, 77u);
  packet[7] = 5;
  const auto later = parsed<Ipv4Address>(packet);
  ASSERT_EQ(later.kind, PacketKind::kLaterFragment);
  EXPECT_EQ(fragment_of(later).offset, 40u);
  EXPECT_EQ(fragment_of(later).length, 108u);

  const auto a = host<Ipv6Address>(1, 1), b = host<Ipv6Address>(2, 2);
  Bytes upper{17, 0, 0, 1, 0, 0, 0, 9};  // next header, offset 0, more, id 9
  const Bytes datagram = filled(24);
  upper.insert(upper.end(), datagram.begin(), datagram.end());
  Bytes packet6 = in_ip(IpProtocol::kFragment, a, b, upper);
  const auto first6 = parsed<Ipv6Address>(packet6);
  ASSERT_EQ(first6.kind, PacketKind::kFirstFragment);
  EXPECT_EQ(first6.key.protocol(), IpProtocol::kUdp);
  EXPECT_EQ(fragment_of(first6).id, 9u);
  EXPECT_EQ(fragment_of(first6).length, 24u);
  packet6[kIpHeader<Ipv6Address> + 3] = 0x10;  // offset 16, the last
  const auto later6 = parsed<Ipv6Address>(packet6);
  ASSERT_EQ(later6.kind, PacketKind::kLaterFragment);
  EXPECT_EQ(fragment_of(later6).offset, 16u);
  EXPECT_FALSE(fragment_of(later6).more);
}

TYPED_TEST(Pieces, ATinyFirstFragmentIsRefusedByParse) {  // RFC 1858 3
  if constexpr (!kIsV6<TypeParam>) {
    for (const IpProtocol protocol : {IpProtocol::kTcp, IpProtocol::kUdp}) {
      Bytes packet = in_ip(protocol, host<TypeParam>(1, 1), host<TypeParam>(2, 2),
                           filled(protocol == IpProtocol::kTcp ? 16 : 7));
      packet[6] = 0x20;
      EXPECT_EQ(parsed<TypeParam>(packet).drop, Drop::kTinyFragment);
    }
  } else {
    Bytes upper{6, 0, 0, 1, 0, 0, 0, 9};
    upper.resize(24);
    Bytes packet =
        in_ip(IpProtocol::kFragment, host<TypeParam>(1, 1), host<TypeParam>(2, 2), upper);
    EXPECT_EQ(parsed<TypeParam>(packet).drop, Drop::kTinyFragment);
  }
}

}  // namespace
}  // namespace heddle::flow
