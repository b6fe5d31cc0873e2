// NeighbourTable without a graph: a sink that writes down what is wanted of it.
#include "l3/neighbour_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/random.h"
#include "eal.h"
#include "packet/pool.h"
#include "seed.h"

namespace heddle::l3 {
namespace {

using packet::Packet;
using wire::Ipv4Address;
using wire::Ipv6Address;
using wire::MacAddress;
using Table = NeighbourTable<Ipv4Address>;
using Entry = Neighbour<Ipv4Address>;
using enum NeighbourState;
using enum NeighbourEvent;

constexpr InterfaceId kLan{1};
constexpr Instant kStart{seconds(100).ns()};
const MacAddress kMac({2, 0, 0, 0, 0, 1}), kOther({2, 0, 0, 0, 0, 2});
const Ipv4Address kPeer(10, 0, 0, 1);

// The table never looks into a packet, so these are only told apart by their addresses.
std::array<rte_mbuf, 16> buffers{};
Packet packet_number(size_t n) { return Packet(&buffers[n]); }
size_t number_of(Packet packet) { return static_cast<size_t>(packet.mbuf() - buffers.data()); }

struct Notes final : NeighbourSink<Ipv4Address> {
  void solicit(const Entry& neighbour, bool unicast) override {
    said.push_back((unicast ? "ask one " : "ask all ") + wire::to_string(neighbour.address));
  }
  void release(const Entry& neighbour, Packet packet) override {
    said.push_back("release " + std::to_string(number_of(packet)) + " to " +
                   wire::to_string(neighbour.mac));
  }
  void give_up(const Entry& neighbour, Packet packet) override {
    const bool waiting = neighbour.state == kIncomplete;
    said.push_back((waiting ? "push out " : "give up ") + std::to_string(number_of(packet)));
  }
  std::vector<std::string> take() { return std::exchange(said, {}); }
  std::vector<std::string> said;
};
using Said = std::vector<std::string>;

struct Fixture {
  explicit Fixture(NeighbourLimits limits = {}) : table(limits, 42, kStart) {}
  void pass(Duration time) {
    const Instant end = now + time;
    while (now < end) {
      now = std::min(end, now + milliseconds(10));
      table.advance(now, 1000, notes);
    }
  }
  Table::Held use(size_t n, Ipv4Address address = kPeer) {
    return table.use(kLan, address, packet_number(n), now, notes);
  }
  bool learn(NeighbourEvent event, MacAddress mac = kMac, Ipv4Address address = kPeer) {
    return table.learn(kLan, address, mac, event, now, notes);
  }
  NeighbourState state() { return table.find(kLan, kPeer)->state; }

  Table table;
  Notes notes;
  Instant now = kStart;
};

TEST(NeighbourTable, HoldsPacketsInOrderUntilAnswered) {
  Fixture f;
  for (size_t n = 0; n < 3; ++n) EXPECT_EQ(f.use(n), Table::Held::kWaiting);
  EXPECT_EQ(f.notes.take(), (Said{"ask all 10.0.0.1"}));
  EXPECT_TRUE(f.learn(kConfirm));
  EXPECT_EQ(f.notes.take(),
            (Said{"release 0 to 02:00:00:00:00:01", "release 1 to 02:00:00:00:00:01",
                  "release 2 to 02:00:00:00:00:01"}));
  EXPECT_EQ(f.state(), kReachable);
  EXPECT_EQ(f.use(3), Table::Held::kSettled);
}

TEST(NeighbourTable, KeepsTheNewestFour) {
  Fixture f;
  for (size_t n = 0; n < 6; ++n) EXPECT_EQ(f.use(n), Table::Held::kWaiting);
  EXPECT_EQ(f.notes.take(), (Said{"ask all 10.0.0.1", "push out 0", "push out 1"}));
  f.learn(kHint);
  EXPECT_EQ(f.notes.take().size(), 4u);
  EXPECT_EQ(f.state(), kStale);
}

TEST(NeighbourTable, GivesUpAfterItsTries) {
  Fixture f;
  f.use(0);
  f.use(1);
  f.notes.take();
  f.pass(milliseconds(2990));
  EXPECT_EQ(f.notes.take(), (Said{"ask all 10.0.0.1", "ask all 10.0.0.1"}));
  f.pass(milliseconds(30));
  EXPECT_EQ(f.notes.take(), (Said{"give up 0", "give up 1"}));
  EXPECT_EQ(f.use(2), Table::Held::kFailed);
  f.pass(seconds(4));
  EXPECT_EQ(f.table.find(kLan, kPeer), nullptr);
  EXPECT_EQ(f.table.size(), 0u);
  EXPECT_TRUE(f.notes.take().empty());
}

TEST(NeighbourTable, TakesAFailedNeighbourBackWhenItShowsItself) {
  Fixture f;
  f.use(0);
  f.pass(seconds(4));
  f.notes.take();
  EXPECT_EQ(f.state(), kFailed);
  EXPECT_TRUE(f.learn(kChange));
  EXPECT_EQ(f.state(), kStale);
  EXPECT_EQ(f.use(1), Table::Held::kSettled);
  EXPECT_EQ(f.notes.take(), (Said{"ask one 10.0.0.1"}));
}

TEST(NeighbourTable, ProbesWhatIsUsedAndLetsTheRestGoStale) {
  Fixture f;
  f.use(0);
  f.learn(kConfirm);
  f.notes.take();
  f.table.find(kLan, kPeer)->used = true;
  f.pass(milliseconds(30'020));
  EXPECT_EQ(f.notes.take(), (Said{"ask one 10.0.0.1"}));
  EXPECT_EQ(f.state(), kProbe);
  f.learn(kConfirm);
  EXPECT_FALSE(f.table.find(kLan, kPeer)->used);
  f.pass(milliseconds(30'020));
  EXPECT_EQ(f.state(), kStale);
  EXPECT_TRUE(f.notes.take().empty());
  f.pass(milliseconds(600'020));
  EXPECT_EQ(f.table.find(kLan, kPeer), nullptr);
}

TEST(NeighbourTable, BelievesChangesAndDoubts) {
  Fixture f;
  EXPECT_FALSE(f.learn(kConfirm)) << "nobody asked for it";
  EXPECT_FALSE(f.learn(kChange));
  EXPECT_TRUE(f.learn(kHint));
  EXPECT_EQ(f.state(), kStale);
  f.learn(kConfirm);
  f.learn(kHint);
  EXPECT_EQ(f.state(), kReachable) << "the address that we know is no news";
  f.learn(kChange);
  EXPECT_EQ(f.state(), kReachable);
  f.learn(kDoubt, kOther);
  EXPECT_EQ(f.state(), kStale);
  EXPECT_EQ(f.table.find(kLan, kPeer)->mac, kMac);
  f.learn(kHint, kOther);
  EXPECT_EQ(f.table.find(kLan, kPeer)->mac, kOther);
  f.learn(kConfirm, kOther);
  f.learn(kHint, kMac);
  EXPECT_EQ(f.state(), kStale) << "a hint with another address is a change";
}

TEST(NeighbourTable, LeavesConfiguredNeighboursAlone) {
  Fixture f;
  EXPECT_TRUE(f.table.add_static(kLan, kPeer, kMac, f.now));
  for (const NeighbourEvent event : {kConfirm, kHint, kChange, kDoubt})
    EXPECT_FALSE(f.learn(event, kOther));
  EXPECT_EQ(f.use(0), Table::Held::kSettled);
  f.pass(seconds(3));
  EXPECT_EQ(f.state(), kStatic);
  EXPECT_EQ(f.table.find(kLan, kPeer)->mac, kMac);
  EXPECT_TRUE(f.notes.take().empty());
  EXPECT_EQ(f.table.next_deadline(), kNever);
}

TEST(NeighbourTable, TellsInterfacesApart) {
  Fixture f;
  constexpr InterfaceId kWan{2};
  f.table.add_static(kLan, kPeer, kMac, f.now);
  EXPECT_EQ(f.table.find(kWan, kPeer), nullptr);
  f.table.add_static(kWan, kPeer, kOther, f.now);
  EXPECT_EQ(f.table.find(kLan, kPeer)->mac, kMac);
  EXPECT_EQ(f.table.find(kWan, kPeer)->mac, kOther);
}

// RFC 6583: of 16 entries an interface may have 8, and 2 of them in resolution.
TEST(NeighbourTable, ScanTakesThePlaceOfItself) {
  Fixture f({.capacity = 16});
  for (uint8_t i = 0; i < 6; ++i) {
    f.learn(kHint, kMac, Ipv4Address(10, 0, 2, i));
    f.learn(kConfirm, kMac, Ipv4Address(10, 0, 2, i));
  }
  f.use(0, Ipv4Address(10, 0, 1, 0));
  f.use(1, Ipv4Address(10, 0, 1, 1));
  f.notes.take();
  // A third question gives up one of the two, and what waits for it.
  EXPECT_EQ(f.use(2, Ipv4Address(10, 0, 1, 2)), Table::Held::kWaiting);
  EXPECT_EQ(f.notes.take(), (Said{"give up 0", "ask all 10.0.1.2"}));
  EXPECT_EQ(f.table.find(kLan, Ipv4Address(10, 0, 1, 0)), nullptr);
  for (size_t i = 3; i < 9; ++i)
    EXPECT_EQ(f.use(i, Ipv4Address(10, 0, 1, static_cast<uint8_t>(i))), Table::Held::kWaiting);
  EXPECT_EQ(f.table.size(), 8u);
  for (uint8_t i = 0; i < 6; ++i)
    EXPECT_NE(f.table.find(kLan, Ipv4Address(10, 0, 2, i)), nullptr) << "works, so it stays";
  // One that answers is no longer in resolution, and works from then on.
  f.notes.take();
  f.learn(kConfirm, kMac, Ipv4Address(10, 0, 1, 8));
  EXPECT_EQ(f.notes.take(), (Said{"release 8 to 02:00:00:00:00:01"}));
  f.learn(kConfirm, kMac, Ipv4Address(10, 0, 1, 7));
}

TEST(NeighbourTable, RefusesWhenAllOfAnInterfaceWork) {
  Fixture f({.capacity = 16});
  for (uint8_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(f.learn(kHint, kMac, Ipv4Address(10, 0, 2, i)));
    EXPECT_TRUE(f.learn(kConfirm, kMac, Ipv4Address(10, 0, 2, i)));
  }
  EXPECT_FALSE(f.learn(kHint, kMac, Ipv4Address(10, 0, 2, 8)));
  EXPECT_EQ(f.use(0, Ipv4Address(10, 0, 1, 0)), Table::Held::kTableFull);
  // Another interface has its own half.
  constexpr InterfaceId kWan{2};
  for (uint8_t i = 0; i < 8; ++i)
    EXPECT_TRUE(f.table.learn(kWan, Ipv4Address(10, 0, 3, i), kMac, kHint, f.now, f.notes));
  EXPECT_EQ(f.table.size(), 16u);
  EXPECT_FALSE(f.table.add_static(kLan, Ipv4Address(10, 0, 2, 9), kMac, f.now)) << "full";
}

TEST(NeighbourTable, ReplacesStaleNeighboursOfItsInterface) {
  Fixture f({.capacity = 16});
  constexpr InterfaceId kWan{2};
  f.table.learn(kWan, kPeer, kMac, kHint, f.now, f.notes);
  for (uint8_t i = 0; i < 8; ++i) f.learn(kHint, kMac, Ipv4Address(10, 0, 2, i));
  f.learn(kConfirm, kMac, Ipv4Address(10, 0, 2, 3));
  for (uint8_t i = 8; i < 100; ++i) {
    EXPECT_TRUE(f.learn(kHint, kMac, Ipv4Address(10, 0, 2, i)));
    EXPECT_EQ(f.table.size(), 9u);
    EXPECT_NE(f.table.find(kLan, Ipv4Address(10, 0, 2, i)), nullptr);
  }
  EXPECT_NE(f.table.find(kLan, Ipv4Address(10, 0, 2, 3)), nullptr) << "it works, so it stays";
  EXPECT_NE(f.table.find(kWan, kPeer), nullptr) << "others are not pushed out";
  // A question takes the place of a stale one too.
  EXPECT_EQ(f.use(0), Table::Held::kWaiting);
  f.learn(kConfirm);
  EXPECT_EQ(f.table.size(), 9u);
}

TEST(NeighbourTable, KnowsOnlySoManyInterfaces) {
  Fixture f({.interfaces = 2});
  EXPECT_TRUE(f.table.learn(InterfaceId(1), kPeer, kMac, kHint, f.now, f.notes));
  EXPECT_FALSE(f.table.learn(InterfaceId(2), kPeer, kMac, kHint, f.now, f.notes));
  EXPECT_FALSE(f.table.learn(kNoInterface, kPeer, kMac, kHint, f.now, f.notes));
}

TEST(NeighbourTable, FlushesOneInterface) {
  Fixture f;
  constexpr InterfaceId kWan{2};
  f.table.learn(kWan, kPeer, kMac, kHint, f.now, f.notes);
  f.table.add_static(kLan, Ipv4Address(10, 0, 0, 9), kMac, f.now);
  f.learn(kHint, kMac, Ipv4Address(10, 0, 0, 2));
  f.learn(kConfirm, kMac, Ipv4Address(10, 0, 0, 2));
  f.use(0);
  f.use(1);
  f.notes.take();
  f.table.flush(kLan, f.notes);
  EXPECT_EQ(f.notes.take(), (Said{"give up 0", "give up 1"}));
  EXPECT_EQ(f.table.size(), 2u);
  EXPECT_NE(f.table.find(kLan, Ipv4Address(10, 0, 0, 9)), nullptr);
  EXPECT_NE(f.table.find(kWan, kPeer), nullptr);
  f.pass(seconds(40));
  EXPECT_TRUE(f.notes.take().empty()) << "no timer is left behind";
}

TEST(NeighbourTable, RunsNoMoreTimersThanItMay) {
  Fixture f;
  for (uint8_t i = 0; i < 10; ++i) f.use(i, Ipv4Address(10, 0, 1, i));
  f.notes.take();
  f.now = f.now + milliseconds(1010);
  f.table.advance(f.now, 4, f.notes);
  EXPECT_EQ(f.notes.take().size(), 4u);
  EXPECT_LE(f.table.next_deadline(), f.now);
  f.table.advance(f.now, 100, f.notes);
  EXPECT_EQ(f.notes.take().size(), 6u);
  for (uint8_t i = 0; i < 10; ++i) f.learn(kConfirm, kMac, Ipv4Address(10, 0, 1, i));
}

TEST(NeighbourTable, FreesWhatStillWaits) {
  ASSERT_TRUE(start_eal() && packet::reserve_meta());
  const auto pool = packet::PacketPool::create("waiting", 63);
  ASSERT_TRUE(pool.has_value());
  {
    Fixture f;
    for (int n = 0; n < 3; ++n) f.table.use(kLan, kPeer, pool->allocate(), f.now, f.notes);
    EXPECT_EQ(pool->available(), 60u);
  }
  EXPECT_EQ(pool->available(), 63u);
}

// The hash table against std::map: entries come by hints and go by their timers, in an order
// that leaves gaps everywhere in the probe sequences.
template <class Address>
void run_twin(Random& random, const std::vector<Address>& universe) {
  struct Silent final : NeighbourSink<Address> {
    void solicit(const Neighbour<Address>&, bool) override { ADD_FAILURE(); }
    void release(const Neighbour<Address>&, Packet) override { ADD_FAILURE(); }
    void give_up(const Neighbour<Address>&, Packet) override { ADD_FAILURE(); }
  } sink;
  struct Known {
    MacAddress mac;
    Instant forgotten;
  };
  constexpr Duration kTick = milliseconds(10);
  // Twice what one interface may hold, in an index a quarter to a half full.
  constexpr uint32_t kCapacity = 32;
  NeighbourTable<Address> table({.capacity = kCapacity, .stale = milliseconds(400)}, random.next(),
                                kStart);
  std::map<std::pair<uint16_t, size_t>, Known> twin;
  Instant now = kStart;
  for (int operation = 0; operation < 4000; ++operation) {
    if (random.below(4) != 0) {
      const InterfaceId interface(static_cast<uint16_t>(random.below(2)));
      const size_t which = random.below(static_cast<uint32_t>(universe.size()));
      const MacAddress mac({2, 0, 0, 0, 0, static_cast<uint8_t>(random.next())});
      const bool learned = table.learn(interface, universe[which], mac, kHint, now, sink);
      const auto key = std::pair(interface.value(), which);
      ASSERT_TRUE(learned);
      if (twin.contains(key))
        twin[key].mac = mac;
      else
        twin[key] = {mac, now + milliseconds(400)};
    } else {
      now = now + milliseconds(random.below(60));
      table.advance(now, 1000, sink);
      std::erase_if(twin, [&](const auto& item) {
        const auto& [key, known] = item;
        if (known.forgotten > now) return false;
        if (known.forgotten + kTick <= now) return true;
        return table.find(InterfaceId(key.first), universe[key.second]) == nullptr;
      });
    }
    ASSERT_EQ(table.size(), twin.size());
    for (uint16_t interface = 0; interface < 2; ++interface) {
      for (size_t which = 0; which < universe.size(); ++which) {
        const auto* entry = table.find(InterfaceId(interface), universe[which]);
        const auto known = twin.find({interface, which});
        ASSERT_EQ(entry != nullptr, known != twin.end()) << operation;
        if (entry == nullptr) continue;
        ASSERT_EQ(entry->mac, known->second.mac);
        ASSERT_EQ(entry->address, universe[which]);
      }
    }
  }
  size_t visited = 0;
  table.for_each(0, 10, [&](const auto&) { ++visited; });
  table.for_each(10, UINT32_MAX - 10, [&](const auto&) { ++visited; });
  EXPECT_EQ(visited, twin.size());
}

TEST(NeighbourTable, FindsWhatAMapFinds) {
  Random random(test_seed());
  std::vector<Ipv4Address> four;
  std::vector<Ipv6Address> six;
  for (uint32_t i = 0; i < 16; ++i) {
    four.push_back(Ipv4Address::from_host(0x0a000000 + i));
    six.push_back(Ipv6Address::from_host(0x20010db800000000 + (i % 2 == 0 ? 0 : i), i));
  }
  run_twin(random, four);
  run_twin(random, six);
}

}  // namespace
}  // namespace heddle::l3
