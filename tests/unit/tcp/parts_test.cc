// The parts by themselves: numbers, the state table, chains, reassembly, SipHash, CUBIC, PRR.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/random.h"
#include "heap_buffers.h"
#include "seed.h"
#include "tcp/cc/congestion.h"
#include "tcp/prr.h"
#include "tcp/reassembly.h"
#include "tcp/receive_window.h"
#include "tcp/rtt.h"
#include "tcp/scoreboard.h"
#include "tcp/siphash.h"
#include "tcp/state.h"
#include "tcp/stats.h"
#include "tcp/tuple_table.h"

namespace heddle::tcp {
namespace {

static_assert(Seq(0xffff'fff0) < Seq(5));
static_assert(Seq(5) > Seq(0xffff'fff0));
static_assert(Seq(5) - Seq(0xffff'fff0) == 21);
static_assert(span_of(Seq(0xffff'fff0), Seq(5)) == 21);
static_assert(span_of(Seq(5), Seq(4)) == 0);
static_assert(stamp_before(0xffff'ffff, 1));

TEST(State, EveryCellIsAsTheRfcDrawsItOrChangesNothing) {
  using enum State;
  using Key = std::pair<State, Event>;
  const std::map<Key, State> drawn = {
      {{kClosed, Event::kListen}, kListen},
      {{kClosed, Event::kConnect}, kSynSent},
      {{kListen, Event::kSyn}, kSynReceived},
      {{kListen, Event::kReset}, kClosed},
      {{kSynSent, Event::kSyn}, kSynReceived},
      {{kSynSent, Event::kSynAck}, kEstablished},
      {{kSynSent, Event::kReset}, kClosed},
      {{kSynSent, Event::kTimeout}, kClosed},
      {{kSynReceived, Event::kAckOfSyn}, kEstablished},
      {{kSynReceived, Event::kReset}, kClosed},
      {{kSynReceived, Event::kTimeout}, kClosed},
      {{kEstablished, Event::kShutdown}, kFinWait1},
      {{kEstablished, Event::kFin}, kCloseWait},
      {{kEstablished, Event::kReset}, kClosed},
      {{kEstablished, Event::kTimeout}, kClosed},
      {{kFinWait1, Event::kFin}, kClosing},
      {{kFinWait1, Event::kAckOfFin}, kFinWait2},
      {{kFinWait1, Event::kReset}, kClosed},
      {{kFinWait1, Event::kTimeout}, kClosed},
      {{kFinWait2, Event::kFin}, kTimeWait},
      {{kFinWait2, Event::kReset}, kClosed},
      {{kFinWait2, Event::kTimeout}, kClosed},
      {{kCloseWait, Event::kShutdown}, kLastAck},
      {{kCloseWait, Event::kReset}, kClosed},
      {{kCloseWait, Event::kTimeout}, kClosed},
      {{kClosing, Event::kAckOfFin}, kTimeWait},
      {{kClosing, Event::kReset}, kClosed},
      {{kClosing, Event::kTimeout}, kClosed},
      {{kLastAck, Event::kAckOfFin}, kClosed},
      {{kLastAck, Event::kReset}, kClosed},
      {{kLastAck, Event::kTimeout}, kClosed},
      {{kTimeWait, Event::kSyn}, kSynReceived},
      {{kTimeWait, Event::kTimeout}, kClosed},
  };
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      const Key key{static_cast<State>(s), static_cast<Event>(e)};
      const Step cell = step(key.first, key.second);
      const auto found = drawn.find(key);
      SCOPED_TRACE(std::string(name_of(key.first)) + " " + std::string(name_of(key.second)));
      EXPECT_EQ(cell.valid, found != drawn.end());
      EXPECT_EQ(cell.next, found != drawn.end() ? found->second : key.first);
    }
  }
}

TEST(Names, OfDropsAndStatsAreUniqueAndExplained) {
  std::set<std::string_view> names;
  for (const DropText& text : kDrops) {
    EXPECT_TRUE(names.insert(text.name).second) << text.name;
    EXPECT_TRUE(text.sentence.ends_with('.')) << text.name;
  }
  for (const StatText& text : kStats) {
    EXPECT_TRUE(names.insert(text.name).second) << text.name;
    EXPECT_TRUE(text.sentence.ends_with('.')) << text.name;
  }
}

TEST(SipHash, IsTheReferences) {
  // From the paper's appendix A: key 00..0f, message 00..0e.
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  uint8_t bytes[15];
  for (uint8_t i = 0; i < 15; ++i) bytes[i] = i;
  EXPECT_EQ(siphash(key, bytes), 0xa129ca6149be45e5);
  const std::array<uint64_t, 2> words{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  uint8_t same[16];
  for (uint8_t i = 0; i < 16; ++i) same[i] = i;
  EXPECT_EQ(siphash_words(key, words), siphash(key, same));
}

class ChainTest : public testing::Test {
 protected:
  ~ChainTest() override { EXPECT_EQ(buffers_.in_use(), 0u); }
  Chain make(std::string_view text) {
    Chain chain;
    const FreshBuffer buffer = buffers_.allocate();
    std::memcpy(buffer.data, text.data(), text.size());
    pieces_.append(chain, {.data = buffer.data,
                           .buffer = buffer.handle,
                           .size = static_cast<uint32_t>(text.size()),
                           .pinned = buffer.pinned,
                           .room = buffer.capacity - static_cast<uint32_t>(text.size())});
    return chain;
  }
  std::string text(const Chain& chain) {
    std::string out(chain.bytes, 0);
    pieces_.copy_out(chain, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
    return out;
  }
  HeapBuffers buffers_;
  Pieces pieces_{64, buffers_};
};

TEST_F(ChainTest, SplitsWithoutCopyingAndKeepsTheBufferForBoth) {
  Chain chain = make("hello world");
  Chain front = pieces_.split(chain, 5);
  EXPECT_EQ(text(front), "hello");
  EXPECT_EQ(text(chain), " world");
  EXPECT_EQ(buffers_.in_use(), 1u);
  pieces_.free(front);
  EXPECT_EQ(text(chain), " world");
  pieces_.free(chain);
}

TEST_F(ChainTest, SmallPiecesAreCopiedTogether) {
  Chain chain = make("a");
  for (char c = 'b'; c <= 'z'; ++c) {
    Chain more = make({&c, 1});
    pieces_.join(chain, more);
  }
  EXPECT_EQ(text(chain), "abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(buffers_.in_use(), 1u);
  pieces_.free(chain);
}

TEST_F(ChainTest, LargePiecesAreNotCopied) {
  Chain chain = make(std::string(1400, 'x'));
  Chain more = make(std::string(1400, 'y'));
  const uint8_t* where = pieces_[more.head].data;
  pieces_.join(chain, more);
  EXPECT_EQ(pieces_[chain.tail].data, where);
  pieces_.free(chain);
}

TEST_F(ChainTest, DropsAtBothEnds) {
  Chain chain = make(std::string(1000, 'a'));
  Chain more = make(std::string(1000, 'b'));
  pieces_.join(chain, more);
  pieces_.drop_back(chain, 500);
  pieces_.drop_front(chain, 900);
  EXPECT_EQ(text(chain), std::string(100, 'a') + std::string(500, 'b'));
  pieces_.drop_back(chain, 550);
  EXPECT_EQ(text(chain), std::string(50, 'a'));
  pieces_.free(chain);
}

TEST_F(ChainTest, RandomOperationsAgreeWithAString) {
  Random random(test_seed());
  Chain chain;
  std::string twin;
  for (int i = 0; i < 20'000; ++i) {
    switch (random.below(6)) {
      case 0:
      case 1: {
        const std::string more(1 + random.below(1500), static_cast<char>('a' + random.below(26)));
        if (twin.size() > 20'000) break;
        Chain piece = make(more);
        pieces_.join(chain, piece);
        EXPECT_TRUE(piece.empty());
        twin += more;
        break;
      }
      case 2: {
        const uint32_t n = random.below(chain.bytes + 1);
        pieces_.drop_front(chain, n);
        twin.erase(0, n);
        break;
      }
      case 3: {
        const uint32_t n = random.below(chain.bytes / 4 + 1);
        pieces_.drop_back(chain, n);
        twin.resize(twin.size() - n);
        break;
      }
      case 4: {
        Chain front = pieces_.split(chain, random.below(chain.bytes + 1));
        EXPECT_EQ(text(front), twin.substr(0, front.bytes));
        twin.erase(0, front.bytes);
        pieces_.free(front);
        break;
      }
      case 5: {
        if (twin.size() > 20'000) break;
        const std::string more(random.below(3000), 'q');
        const uint32_t n = pieces_.append_copy(
            chain, {reinterpret_cast<const uint8_t*>(more.data()), more.size()});
        twin += more.substr(0, n);
        break;
      }
    }
    ASSERT_EQ(chain.bytes, twin.size());
    if (i % 16 == 0) {
      ASSERT_EQ(text(chain), twin);
    }
  }
  pieces_.free(chain);
}

// A twin that is slow and plainly right: a map from number to byte.
TEST(Reassembly, AgreesWithASlowTwin) {
  Random random(test_seed());
  for (int round = 0; round < 60; ++round) {
    HeapBuffers buffers;
    Pieces pieces(4096, buffers);
    RangePool pool(64);
    Reassembly under_test;
    std::map<uint32_t, uint8_t> twin;
    std::string delivered;
    const Seq base(0xffff'ff00);
    uint32_t next = 0;
    for (int i = 0; i < 300 && next < 20'000; ++i) {
      const uint32_t at = next + (random.below(3) == 0 ? 0 : random.below(3000));
      std::string bytes(1 + random.below(1200), 0);
      for (char& c : bytes) c = static_cast<char>(random.next());
      Chain chain;
      const FreshBuffer buffer = buffers.allocate();
      std::memcpy(buffer.data, bytes.data(), bytes.size());
      pieces.append(chain, {.data = buffer.data,
                            .buffer = buffer.handle,
                            .size = static_cast<uint32_t>(bytes.size()),
                            .pinned = buffer.pinned,
                            .room = 0});
      const auto outcome =
          under_test.insert(pieces, pool, chain, base + at, base + next, {64, UINT32_MAX});
      ASSERT_EQ(outcome.drop, Drop::kNone);
      ASSERT_TRUE(chain.empty());
      for (uint32_t k = 0; k < bytes.size(); ++k) {
        twin.emplace(at + k, static_cast<uint8_t>(bytes[k]));
      }
      uint32_t end = next;
      while (twin.contains(end)) ++end;
      ASSERT_EQ(outcome.in_order, at == next ? end - next : 0);
      if (at != next) continue;
      for (; next < end; ++next) {
        delivered.push_back(static_cast<char>(twin[next]));
        twin.erase(next);
      }
      ASSERT_EQ(under_test.out_of_order_bytes(), twin.size());
    }
    std::string ready(under_test.ready().bytes, 0);
    pieces.copy_out(under_test.ready(), {reinterpret_cast<uint8_t*>(ready.data()), ready.size()});
    EXPECT_EQ(ready, delivered);
    under_test.clear(pieces, pool);
    EXPECT_EQ(pieces.in_use() + buffers.in_use() + pool.size(), 0u);
  }
}

TEST(TupleTable, AgreesWithAMap) {
  Random random(test_seed());
  TupleTable table(64);
  std::map<uint32_t, uint32_t> twin;  // slot to hash
  for (int i = 0; i < 50'000; ++i) {
    const uint32_t slot = random.below(64);
    const uint32_t hash = (slot * 7) % 16 | (slot << 20);  // many share a place
    if (twin.contains(slot)) {
      table.erase(hash, {RefKind::kConnection, slot});
      twin.erase(slot);
    } else {
      table.insert(hash, {RefKind::kConnection, slot});
      twin[slot] = hash;
    }
    const uint32_t probe = random.below(64);
    const Ref found =
        table.find((probe * 7) % 16 | (probe << 20), [&](Ref ref) { return ref.slot == probe; });
    ASSERT_EQ(found.kind != RefKind::kNone, twin.contains(probe));
    ASSERT_EQ(table.size(), twin.size());
  }
}

TEST(Rtt, FollowsRfc6298) {
  const RttLimits limits{.min_rto = milliseconds(1)};
  Rtt rtt;
  EXPECT_EQ(rtt.rto(limits), seconds(1));
  rtt.sample(milliseconds(100), Instant() + seconds(1));
  EXPECT_EQ(rtt.srtt(), milliseconds(100));
  EXPECT_EQ(rtt.rto(limits), milliseconds(300));
  rtt.sample(milliseconds(180), Instant() + seconds(2));
  EXPECT_EQ(rtt.srtt(), milliseconds(110));
  EXPECT_EQ(rtt.rttvar().us(), 57'500);
  EXPECT_EQ(rtt.rto(limits, 1), rtt.rto(limits) * 2);
  EXPECT_EQ(rtt.rto(limits, 30), limits.max_rto);
  EXPECT_EQ(rtt.min_rtt(), milliseconds(100));
  for (int i = 0; i < 30; ++i) rtt.sample(milliseconds(150), Instant() + seconds(3 + i));
  EXPECT_EQ(rtt.min_rtt(), milliseconds(150)) << "old minima are forgotten";
}

TEST(Cubic, CubeRoots) {
  for (const uint64_t x : {0ull, 1ull, 7ull, 8ull, 26ull, 27ull, 1'000'000ull, 1ull << 60}) {
    const uint64_t r = cc::Cubic::cube_root(x);
    EXPECT_LE(r * r * r, x);
    EXPECT_GT((r + 1) * (r + 1) * (r + 1), x);
  }
}

TEST(Cubic, IsBackAtItsOldWindowAfterK) {
  cc::Congestion c;
  c.begin(CongestionKind::kCubic, 1000, 10);
  c.set_cwnd(400'000);
  c.on_congestion(400'000, Instant() + seconds(1));
  c.set_cwnd(c.ssthresh());
  EXPECT_EQ(c.cwnd(), 280'000u);
  // K = cbrt(400 * 0.3 / 0.4) = 6.69 s, with a round trip of 100 ms.
  Instant now = Instant() + seconds(1);
  uint32_t at_half = 0;
  while (c.cwnd() < 399'000 && now < Instant() + seconds(30)) {
    now = now + milliseconds(10);
    c.on_ack({.acked = c.cwnd() / 10, .limited = true, .srtt = milliseconds(100), .now = now});
    if (now == Instant() + seconds(3)) at_half = c.cwnd();
  }
  EXPECT_NEAR(static_cast<double>((now - Instant()).ms()), 7'690, 1'500);
  EXPECT_GT(at_half, 340'000u) << "concave: most of the way in the first third";
}

TEST(NewReno, GrowsByASegmentARoundTrip) {
  cc::Congestion c;
  c.begin(CongestionKind::kNewReno, 1000, 10);
  c.on_congestion(10'000, Instant() + seconds(1));
  c.set_cwnd(c.ssthresh());
  EXPECT_EQ(c.cwnd(), 5000u);
  for (int round = 0; round < 10; ++round) {
    const uint32_t before = c.cwnd();
    for (uint32_t i = 0; i < before / 1000; ++i)
      c.on_ack({.acked = 1000, .limited = true, .now = Instant() + seconds(2)});
    EXPECT_EQ(c.cwnd(), before + 1000);
  }
}

TEST(HyStart, LeavesSlowStartWhenRoundTripsGrow) {
  cc::Congestion c;
  c.begin(CongestionKind::kCubic, 1000, 10);
  Instant now = Instant() + seconds(1);
  for (int round = 0; round < 12 && c.slow_start(); ++round) {
    const Duration rtt = milliseconds(round < 4 ? 40 : 40 + (round - 3) * 8);
    for (int i = 0; i < 10; ++i) {
      now = now + milliseconds(4);
      c.on_ack({.acked = 1000,
                .limited = true,
                .round = i == 0,
                .paced = true,
                .rtt = rtt,
                .srtt = rtt,
                .now = now});
    }
  }
  EXPECT_FALSE(c.slow_start());
}

// RFC 9406 4.2 wants eight samples a round: where the path reorders most come by SACK.
TEST(HyStart, RoundTripsBySackCount) {
  for (const bool by_sack : {false, true}) {
    cc::Congestion c;
    c.begin(CongestionKind::kCubic, 1000, 10);
    Instant now = Instant() + seconds(1);
    for (int round = 0; round < 12 && c.slow_start(); ++round) {
      const Duration rtt = milliseconds(round < 4 ? 40 : 40 + (round - 3) * 8);
      for (int i = 0; i < 3; ++i) {
        now = now + milliseconds(13);
        for (int j = 0; by_sack && j < 3; ++j) {
          const uint32_t before = c.cwnd();
          c.on_round_trip(rtt);
          EXPECT_EQ(c.cwnd(), before);
        }
        c.on_ack({.acked = 4000,
                  .limited = true,
                  .round = i == 0,
                  .paced = true,
                  .rtt = rtt + milliseconds(10),
                  .srtt = rtt,
                  .now = now});
      }
    }
    EXPECT_EQ(c.slow_start(), !by_sack);
  }
}

TEST(Prr, ReducesInProportionAndThenRefills) {
  Prr prr;
  prr.begin(100'000);
  uint32_t pipe = 99'000;
  uint32_t sent = 0;
  for (int i = 0; i < 90; ++i) {
    const uint32_t window = prr.window(
        {.delivered = 1000, .pipe = pipe, .ssthresh = 70'000, .mss = 1000, .safe = true});
    while (pipe + 1000 <= window) {
      pipe += 1000;
      sent += 1000;
      prr.sent(1000);
    }
    pipe -= 1000;
  }
  EXPECT_NEAR(sent, 63'000, 3000);
  EXPECT_NEAR(pipe, 70'000, 3000);
}

TEST(ReceiveWindow, NeverMovesBackWhateverTheScale) {
  Random random(test_seed());
  for (int round = 0; round < 200; ++round) {
    ReceiveWindow window;
    const auto scale = static_cast<uint8_t>(random.below(15));
    const uint32_t capacity = 1000 + random.below(1 << 22);
    Seq next(static_cast<uint32_t>(random.next()));
    window.begin(next, capacity, capacity, scale);
    Seq offered = next;
    uint32_t unread = 0;
    for (int i = 0; i < 500; ++i) {
      const uint32_t field = window.advertise(next, unread, 1000);
      const Seq right = next + (field << scale);
      EXPECT_GE(window.right(), offered) << "what was offered is taken";
      EXPECT_GE(right + (1u << scale), min(offered, next + (uint32_t{UINT16_MAX} << scale)))
          << "but for less than a unit, and that only where it would creep";
      EXPECT_LE(span_of(next, right) + unread, capacity + capacity / 8 + (8u << scale));
      offered = max(offered, right);
      const uint32_t n = std::min(span_of(next, window.right()), random.below(3000));
      next += n;
      unread += n;
      if (random.below(3) == 0) unread -= random.below(unread + 1);
    }
  }
}

TEST(ReceiveWindow, StaysClosedWhileMoreIsHeldThanThereIsRoomFor) {
  // A unit of the scale is most of the room, so rounding up lets more come than there is room for.
  constexpr uint32_t kCapacity = 6000;
  constexpr uint8_t kScale = 12;
  ReceiveWindow window;
  Seq next(1);
  window.begin(next, kCapacity, kCapacity, kScale);
  uint32_t unread = 0;
  for (int i = 0; i < 1000; ++i) {
    window.advertise(next, unread, 1000);
    const uint32_t n = std::min(span_of(next, window.right()), 1001u);
    next += n;
    unread += n;
  }
  EXPECT_LE(unread, kCapacity + (4u << kScale));
  unread = 0;
  EXPECT_GT(window.advertise(next, unread, 1000), 0) << "and opens when it is read";
}

}  // namespace
}  // namespace heddle::tcp
