// Many transfers over random networks: every byte must arrive, both ends must close in order, and
// nothing may be kept.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "flows.h"
#include "seed.h"

namespace heddle::sim {
namespace {

struct World {
  tcp::Profile profile;
  LinkSpec there;
  LinkSpec back;
  uint64_t request;
  uint64_t reply;
  uint32_t read_limit;
  uint32_t refuse;
  bool ipv6;
};

LinkSpec random_link(Random& random) {
  LinkSpec link;
  link.bits_per_second = random.below(4) == 0 ? 0 : 1'000'000ull << random.below(10);
  link.delay = microseconds(50ll << random.below(11));
  link.queue_bytes = 8'000u << random.below(7);
  if (random.below(2) == 0) link.loss = random.below(30'000);
  if (random.below(4) == 0) {
    link.burst_begin = random.below(3'000);
    link.burst_end = 200'000 + random.below(800'000);
  }
  if (random.below(3) == 0) {
    link.reorder = random.below(200'000);
    link.reorder_by = microseconds(100 + random.below(20'000));
  }
  if (random.below(3) == 0) link.duplicate = random.below(50'000);
  if (random.below(3) == 0) link.corrupt = random.below(20'000);
  if (random.below(3) == 0) link.mark_above = link.queue_bytes / 4;
  return link;
}

World random_world(uint64_t seed) {
  Random random(seed);
  World world{};
  tcp::Profile& p = world.profile;
  p.congestion = random.below(2) == 0 ? tcp::CongestionKind::kCubic : tcp::CongestionKind::kNewReno;
  p.timestamps = random.below(4) != 0;
  p.sack = random.below(4) != 0;
  p.window_scale = random.below(4) != 0;
  p.ecn = random.below(2) == 0;
  p.nagle = random.below(2) == 0;
  p.pacing = random.below(3) != 0;
  p.interface_mtu = static_cast<uint16_t>(random.below(3) == 0 ? 576 + random.below(900) : 1500);
  p.max_burst = random.below(2) == 0 ? 0 : 64000;
  p.receive_initial = 4'000u << random.below(7);
  p.receive_max = std::max(p.receive_initial, 64'000u << random.below(5));
  p.out_of_order_ranges = random.below(4) == 0 ? 4 : 1024;
  world.there = random_link(random);
  world.back = random_link(random);
  world.request = random.below(3) == 0 ? random.below(3'000) : random.below(400'000);
  world.reply = random.below(2) == 0 ? random.below(3'000) : random.below(400'000);
  world.read_limit = random.below(4) == 0 ? 1 + random.below(3'000) : UINT32_MAX;
  world.refuse = random.below(4) == 0 ? 3 + random.below(20) : 0;
  world.ipv6 = random.below(2) == 0;
  return world;
}

// For whoever looks at one world.
void tell(Pair& pair) {
  for (Host* host : {&pair.client, &pair.server}) {
    const tcp::Transport& t = host->transport();
    std::printf("%s at %.3f s\n", host == &pair.client ? "client" : "server",
                static_cast<double>(pair.network.now().ns()) / 1e9);
    for (const auto& text : tcp::kStats)
      if (const uint64_t n = t.counters().value(text.stat); n > 0)
        std::printf("  %s %llu\n", std::string(text.name).c_str(),
                    static_cast<unsigned long long>(n));
    for (const auto& text : tcp::kDrops)
      if (const uint64_t n = t.counters().value(text.drop); n > 0)
        std::printf("  drop %s %llu\n", std::string(text.name).c_str(),
                    static_cast<unsigned long long>(n));
    const StreamApp& app = host == &pair.client ? pair.client_app : pair.server_app;
    for (const auto& state : app.streams()) {
      std::printf("  stream sent %llu received %llu\n",
                  static_cast<unsigned long long>(state->sent),
                  static_cast<unsigned long long>(state->received));
      const tcp::Connection* c = t.find(state->id);
      if (c == nullptr) continue;
      std::printf(
          "  %s una %d nxt %d pipe %u lost %u window %u cwnd %u readable %u wants %d timer %d\n",
          std::string(tcp::name_of(c->state())).c_str(), c->snd_una() - c->snd_una(),
          c->snd_nxt() - c->snd_una(), c->pipe(), c->scoreboard().lost(), c->send_window(),
          c->cwnd(), c->readable(), c->wants_output(), static_cast<int>(c->timers().loss_kind));
    }
  }
}

void run_world(uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "HEDDLE_WORLD=" << seed);
  const World world = random_world(seed);
  Pair pair(world.profile, world.there, world.back, seed);
  pair.client.refuse_every(world.refuse);
  pair.server.refuse_every(world.refuse);
  pair.server_app.listen(pair.server, {address(2, world.ipv6), Be16(Pair::kPort)}, world.reply);
  pair.server_app.set_read_limit(world.read_limit);
  const StreamState& client = pair.client_app.open(pair.client, pair.tuple(0, world.ipv6),
                                                   world.request, pair.network.now());
  pair.network.run_until(pair.network.now() + seconds(4000), [&] {
    return pair.client_app.all_closed() && !pair.server_app.streams().empty() &&
           pair.server_app.all_closed();
  });
  if (std::getenv("HEDDLE_WORLD") != nullptr) tell(pair);
  ASSERT_FALSE(pair.server_app.streams().empty()) << "no connection came about";
  const StreamState& server = *pair.server_app.streams()[0];
  EXPECT_TRUE(client.right && server.right) << "a byte is wrong";
  EXPECT_EQ(server.received, world.request);
  EXPECT_EQ(client.received, world.reply);
  EXPECT_EQ(client.ended, tcp::EndReason::kFinished);
  EXPECT_EQ(server.ended, tcp::EndReason::kFinished);
  pair.network.run_until(pair.network.now() + seconds(300));
  EXPECT_TRUE(pair.is_clean());
}

TEST(Random, EveryByteArrivesInEveryWorld) {
  const char* one = std::getenv("HEDDLE_WORLD");
  if (one != nullptr) return run_world(std::strtoull(one, nullptr, 0));
  const char* many = std::getenv("HEDDLE_WORLDS");
  const int worlds = many != nullptr ? std::atoi(many) : 200;
  const uint64_t seed = test_seed();
  for (int i = 0; i < worlds && !testing::Test::HasFailure(); ++i)
    run_world(seed + static_cast<uint64_t>(i));
}

}  // namespace
}  // namespace heddle::sim
