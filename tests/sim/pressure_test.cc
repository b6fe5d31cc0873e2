// Peers that fill windows which nobody reads: what they may pin is bounded, and others go on.
#include <gtest/gtest.h>

#include "flows.h"

namespace heddle::sim {
namespace {

LinkSpec wire(uint64_t megabits, Duration delay) {
  return {.bits_per_second = megabits * 1'000'000, .delay = delay, .queue_bytes = 256 << 10};
}

// A server of little memory.
struct Pressed {
  static constexpr uint64_t kMemory = 4 << 20;

  explicit Pressed(uint64_t memory = kMemory)
      : client({}, 1),
        server({}, 2, limits(memory)),
        there(wire(1000, milliseconds(1)), server, 3),
        back(wire(1000, milliseconds(1)), client, 4) {
    client.connect_to(there);
    server.connect_to(back);
    client.set_app(client_app);
    server.set_app(server_app);
    client_app.attach(client);
    server_app.attach(server);
    for (Element* each : std::initializer_list<Element*>{&client, &server, &there, &back})
      network.add(*each);
  }
  static tcp::Limits limits(uint64_t memory) {
    tcp::Limits limits = Host::small_limits();
    limits.memory = memory;
    return limits;
  }
  StreamState& open(uint64_t bytes) {
    return client_app.open(client, {{address(1), Be16(0)}, {address(2), Be16(80)}}, bytes,
                           network.now());
  }
  void run(Duration time) {
    const Instant end = network.now() + time;
    while (network.now() < end) {
      network.run_until(std::min(end, network.now() + milliseconds(1)));
      most = std::max(most, server.transport().pieces().pinned());
    }
  }
  uint64_t count(tcp::Stat stat) { return server.transport().counters().value(stat); }

  Network network;
  Host client, server;
  Link there, back;
  StreamApp client_app, server_app;
  uint64_t most = 0;
};

TEST(Pressure, ReadersThatNeverReadAreResetAndOthersGoOn) {
  Pressed net;
  net.server_app.listen(net.server, {address(2), Be16(80)}, 0);
  net.server_app.set_read_limit(0);
  for (int i = 0; i < 60; ++i) net.open(10 << 20);
  net.run(seconds(1));
  // A segment for each connection comes on top.
  const uint64_t bound = tcp::Environment::hard_limit(Pressed::kMemory) + 60 * 4096;
  EXPECT_LE(net.most, bound);
  net.server_app.set_read_limit(UINT32_MAX);
  StreamState& honest = net.open(1 << 20);
  net.run(seconds(60));
  EXPECT_TRUE(honest.finished) << "sent " << honest.sent;
  EXPECT_EQ(honest.ended, tcp::EndReason::kFinished);
  EXPECT_LE(net.most, bound);
  EXPECT_GT(net.count(tcp::Stat::kPressureResets), 0u);
  EXPECT_LT(net.count(tcp::Stat::kPressureResets), 60u) << "no more than need be";
}

TEST(Pressure, DataBehindHolesGoesFirst) {
  constexpr uint64_t kLittle = 256 << 10;  // less than the first windows bring
  Pressed net(kLittle);
  net.server_app.listen(net.server, {address(2), Be16(80)}, 0);
  net.there.spec().loss = 200'000;  // a fifth is lost, so that most lies behind holes
  for (int i = 0; i < 60; ++i) net.open(4 << 20);
  net.run(seconds(1));
  net.there.spec().loss = 0;
  net.run(seconds(120));
  EXPECT_TRUE(net.client_app.all_closed());
  EXPECT_EQ(net.server_app.received(), uint64_t{60} * (4 << 20));
  EXPECT_TRUE(net.server_app.all_right());
  EXPECT_GT(net.count(tcp::Stat::kPressureReneges), 0u);
  EXPECT_EQ(net.count(tcp::Stat::kPressureResets), 0u);
  EXPECT_LE(net.most, tcp::Environment::hard_limit(kLittle) + 60 * 4096);
}

}  // namespace
}  // namespace heddle::sim
