// Listeners: which of them takes a connection, compared with a walk over all.
#include <gtest/gtest.h>

#include <map>

#include "core/random.h"
#include "script.h"
#include "seed.h"
#include "tcp/listener_table.h"

namespace heddle::tcp {
namespace {

constexpr SipKey kKey{1, 2};

IpAddress v4(uint8_t last) { return from_ipv4(wire::Ipv4Address(10, 0, 0, last)); }
IpAddress v6(uint64_t last) { return IpAddress::from_host(0x2001'0db8'0000'0000, last); }
const IpAddress kAnyV4 = from_ipv4(wire::Ipv4Address());
const IpAddress kAny{};

Endpoint at(const IpAddress& address, uint16_t port) { return {address, Be16(port)}; }

TEST(Listeners, TheMostExactTakesIt) {
  ListenerTable table(16, kKey);
  struct Row {
    Endpoint listens;
    Endpoint asked;
    const char* why;
  };
  // From the least exact on: each is found for its question until a better one comes.
  const Row rows[] = {
      {at(kAny, 0), at(v6(1), 80), "any address and port: interception"},
      {at(kAnyV4, 0), at(v4(1), 80), "any of IPv4 goes before any"},
      {at(v4(1), 0), at(v4(1), 80), "an address goes before any"},
      {at(kAny, 80), at(v4(1), 80), "a port goes before any port"},
      {at(kAnyV4, 80), at(v4(1), 80), "any of IPv4 on the port"},
      {at(v4(1), 80), at(v4(1), 80), "exactly this"},
  };
  for (const Row& row : rows) {
    const ListenerId id = table.add({.local = row.listens});
    ASSERT_NE(id, kNoSlot);
    EXPECT_EQ(table.find(row.asked), id) << row.why;
  }
  EXPECT_EQ(table[table.find(at(v6(1), 80))].request.local, at(kAny, 80)) << "not any of IPv4";
  EXPECT_EQ(table[table.find(at(v4(2), 80))].request.local, at(kAnyV4, 80));
  EXPECT_EQ(table[table.find(at(v4(1), 81))].request.local, at(v4(1), 0));
  EXPECT_EQ(table[table.find(at(v4(2), 81))].request.local, at(kAnyV4, 0));
  EXPECT_EQ(table[table.find(at(v6(2), 81))].request.local, at(kAny, 0));
}

TEST(Listeners, AnEndpointIsTakenOnce) {
  ListenerTable table(2, kKey);
  const ListenerId id = table.add({.local = at(v4(1), 80)});
  EXPECT_EQ(table.add({.local = at(v4(1), 80)}), kNoSlot);
  table.remove(id);
  EXPECT_EQ(table.find(at(v4(1), 80)), kNoSlot);
  EXPECT_NE(table.add({.local = at(v4(1), 80)}), kNoSlot);
  EXPECT_NE(table.add({.local = at(v4(2), 80)}), kNoSlot);
  EXPECT_EQ(table.add({.local = at(v4(3), 80)}), kNoSlot) << "the table is full";
}

TEST(Listeners, AgreeWithAWalkOverAll) {
  Random random(test_seed());
  const IpAddress addresses[] = {kAny, kAnyV4, v4(1), v4(2), v6(1), v6(2)};
  const auto endpoint = [&](uint32_t first_port) {
    return at(addresses[random.below(6)], static_cast<uint16_t>(first_port + random.below(3)));
  };
  ListenerTable table(12, kKey);
  std::map<ListenerId, Endpoint> twin;
  const auto walk = [&](const Endpoint& local) {
    ListenerId best = kNoSlot;
    int best_rank = 0;
    for (const auto& [id, its] : twin) {
      if (its.port != local.port && its.port != Be16(0)) continue;
      int rank = 0;
      if (its.address == local.address) {
        rank = 3;
      } else if (its.address == kAnyV4) {
        rank = local.address.is_v4_mapped() ? 2 : 0;
      } else if (its.address == kAny) {
        rank = 1;
      }
      if (rank == 0) continue;
      if (its.port == local.port) rank += 3;
      if (rank > best_rank) {
        best_rank = rank;
        best = id;
      }
    }
    return best;
  };
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0) {
      const Endpoint local = endpoint(0);
      const bool taken = std::any_of(twin.begin(), twin.end(),
                                     [&](const auto& entry) { return entry.second == local; });
      const ListenerId id = table.add({.local = local});
      EXPECT_EQ(id == kNoSlot, taken || twin.size() == 12);
      if (id != kNoSlot) twin[id] = local;
    } else if (!twin.empty()) {
      auto it = twin.begin();
      std::advance(it, random.below(static_cast<uint32_t>(twin.size())));
      table.remove(it->first);
      twin.erase(it);
    }
    ASSERT_EQ(table.size(), twin.size());
    const Endpoint asked = endpoint(1);
    ASSERT_EQ(table.find(asked), walk(asked)) << i;
  }
}

TEST(Listeners, ThousandsAreEachFound) {
  Limits limits = Script::small_limits();
  limits.listeners = 20'000;
  Script t(plain_profile(), {}, limits);
  ListenerId ids[20'000];
  for (uint32_t i = 0; i < 20'000; ++i) {
    const auto address = IpAddress::from_host(0x2001'0db8'0000'0000, i / 100);
    ids[i] = t.transport.listen({.local = at(address, static_cast<uint16_t>(i % 100 + 1))});
    ASSERT_NE(ids[i], kNoSlot);
  }
  EXPECT_EQ(t.transport.listen({.local = t.tuple.local}), kNoSlot);
  for (uint32_t i = 0; i < 20'000; i += 7) t.transport.unlisten(ids[i]);
  t.listening().in({.flags = kSyn}).in({});
  EXPECT_TRUE(t.id);
  t.expect_state(State::kEstablished);
}

TEST(Listeners, ACloserOneTakesItsHandshakesAlong) {
  Script t;
  const ListenerId id = t.transport.listen({.local = t.tuple.local});
  t.in({.flags = kSyn});
  EXPECT_EQ(t.transport.half_open_count(), 1u);
  t.transport.unlisten(id);
  EXPECT_EQ(t.transport.half_open_count(), 0u);
  t.take_sent();
  t.in({});
  t.expect_sent({{.seq = 1, .flags = kRst}});
}

}  // namespace
}  // namespace heddle::tcp
