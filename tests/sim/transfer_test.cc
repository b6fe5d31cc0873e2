// Whole transfers between two transports over links that do what links do.
#include <gtest/gtest.h>

#include "flows.h"
#include "seed.h"
#include "tcp/saved_state.h"

namespace heddle::sim {
namespace {

LinkSpec wire(uint64_t megabits, Duration delay) {
  return {.bits_per_second = megabits * 1'000'000, .delay = delay, .queue_bytes = 256 << 10};
}

TEST(Transfer, OneMegabyteArrivesAndBothEndsClose) {
  Pair pair({}, wire(100, milliseconds(5)), wire(100, milliseconds(5)), 1);
  pair.server_app.listen(pair.server, {address(2), Be16(Pair::kPort)}, 1000);
  const StreamState& client =
      pair.client_app.open(pair.client, pair.tuple(), 1 << 20, pair.network.now());
  pair.network.run_until(Instant() + seconds(20), [&] {
    return pair.client_app.all_closed() && !pair.server_app.streams().empty() &&
           pair.server_app.all_closed();
  });
  ASSERT_EQ(pair.server_app.streams().size(), 1u);
  const StreamState& server = *pair.server_app.streams()[0];
  EXPECT_EQ(server.received, 1u << 20);
  EXPECT_EQ(client.received, 1000u);
  EXPECT_TRUE(client.right && server.right);
  EXPECT_EQ(client.ended, tcp::EndReason::kFinished);
  pair.network.run_until(pair.network.now() + seconds(200));
  EXPECT_TRUE(pair.is_clean());
}

// Takes packets and forgets them.
class Nowhere final : public Element {
 public:
  void forward(Packet, Instant) override {}
  Instant next_event() const override { return kNever; }
  void run(Instant) override {}
};

TEST(Transfer, ConnectionsMoveToAnotherTransportAndGoOn) {
  LinkSpec lossy = wire(20, milliseconds(10));
  lossy.loss = 5'000;
  Pair pair({}, lossy, lossy, 3);
  pair.server_app.listen(pair.server, {address(2), Be16(Pair::kPort)}, 2 << 20);
  StreamState& old = pair.client_app.open(pair.client, pair.tuple(), 2 << 20, pair.network.now());
  pair.network.run_until(pair.network.now() + milliseconds(700));
  ASSERT_GT(old.received, 0u);
  ASSERT_LT(old.received, 2u << 20);

  std::vector<uint8_t> bytes(16 << 20);
  tcp::StateWriter writer(bytes);
  ASSERT_TRUE(pair.client.transport().save(old.id, writer));
  Nowhere nowhere;
  pair.client.connect_to(nowhere);  // the old program has ended

  Host next({}, 99);
  next.connect_to(pair.there);
  pair.back.lead_to(next);
  StreamApp app;
  next.set_app(app);
  app.attach(next);
  pair.network.add(next);
  StreamState& state = app.adopt(old);
  tcp::StateReader reader(writer.written());
  state.id =
      next.transport().restore(reader, reinterpret_cast<uint64_t>(&state), pair.network.now());
  ASSERT_TRUE(state.id);
  app.pump(next.transport(), state, pair.network.now());
  next.wake(pair.network.now());
  pair.network.run_until(pair.network.now() + seconds(60),
                         [&] { return app.all_closed() && pair.server_app.all_closed(); });
  EXPECT_EQ(state.received, 2u << 20);
  EXPECT_EQ(pair.server_app.received(), 2u << 20);
  EXPECT_TRUE(app.all_right() && pair.server_app.all_right());
  EXPECT_EQ(state.ended, tcp::EndReason::kFinished);
}

TEST(Transfer, SavedStateThatIsCutShortIsRefused) {
  Pair pair({}, wire(100, milliseconds(1)), wire(100, milliseconds(1)), 3);
  pair.server_app.listen(pair.server, {address(2), Be16(Pair::kPort)}, 100'000);
  StreamState& old = pair.client_app.open(pair.client, pair.tuple(), 400'000, pair.network.now());
  pair.network.run_until(pair.network.now() + milliseconds(15));
  std::vector<uint8_t> bytes(4 << 20);
  tcp::StateWriter writer(bytes);
  ASSERT_TRUE(pair.client.transport().save(old.id, writer));
  const auto whole = writer.written();
  Host next({}, 99, Host::tiny_limits());
  for (size_t size = 0; size < whole.size(); size += 1 + size / 50) {
    tcp::StateReader reader(whole.first(size));
    EXPECT_FALSE(next.transport().restore(reader, 0, pair.network.now())) << size;
  }
  EXPECT_EQ(next.buffers().in_use(), 0u);
  EXPECT_EQ(next.transport().pieces().in_use(), 0u);
  tcp::StateWriter small{std::span(bytes).first(100)};
  EXPECT_FALSE(pair.client.transport().save(old.id, small));
}

// A client that opens and closes all the time has its ports in TIME-WAIT, not its peer's.
TEST(Transfer, PortsInTimeWaitAreUsedAgainAfterASecond) {
  constexpr uint16_t kPorts = 32;
  tcp::Limits limits = Host::small_limits();
  limits.ports = {.first = 1000, .last = 1000 + kPorts - 1};
  const LinkSpec spec{.bits_per_second = 100'000'000, .delay = microseconds(100)};
  Network network;
  Host client({}, 1, limits), server({}, 2);
  Link there(spec, server, 3), back(spec, client, 4);
  StreamApp client_app, server_app;
  client.connect_to(there);
  server.connect_to(back);
  client.set_app(client_app);
  server.set_app(server_app);
  for (Element* each : std::initializer_list<Element*>{&client, &server, &there, &back})
    network.add(*each);
  server_app.listen(server, {address(2), Be16(80)}, 0);
  const tcp::FourTuple tuple{{address(1), Be16(0)}, {address(2), Be16(80)}};
  const auto once = [&] {
    client_app.open(client, tuple, 10, network.now());
    network.run_until(network.now() + seconds(1), [&] { return client_app.all_closed(); });
    EXPECT_TRUE(client_app.all_closed());
  };
  for (int i = 0; i < kPorts; ++i) once();
  EXPECT_EQ(client.transport().time_wait_count(), kPorts);
  EXPECT_FALSE(client.transport().connect({.tuple = tuple}, network.now()));
  network.run_until(network.now() + milliseconds(1100));
  for (int i = 0; i < kPorts; ++i) once();
  EXPECT_EQ(client.transport().counters().value(tcp::Stat::kTimeWaitReused), kPorts);
  EXPECT_EQ(server_app.received(), 10u * 2 * kPorts);
}

}  // namespace
}  // namespace heddle::sim
