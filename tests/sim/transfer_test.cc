// Whole transfers between two transports over links that do what links do.
#include <gtest/gtest.h>

#include "flows.h"
#include "seed.h"

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

}  // namespace
}  // namespace heddle::sim
