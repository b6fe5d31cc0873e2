// What gives way when payload takes more memory than there is, in this order:
//   1. windows stop opening (Environment::under_pressure)
//   2. data for connections that have some already is dropped, and comes again (exhausted)
//   3. data behind holes, of all connections
//   4. a connection whose user has gone, the one that holds most first
//   5. any connection, the one that holds most first: its peer does not take, or its user not read
// 4 and 5 only after a while, as memory mostly comes free by itself: else a few who never read
// would keep all windows shut.
#include "tcp/transport.h"

namespace heddle::tcp {

namespace {

// Until connections are reset: while windows are shut, and while what comes is dropped.
constexpr Duration kPressed = seconds(1);
constexpr Duration kExhausted = milliseconds(100);
constexpr uint32_t kLookedAt = 256;  // connections in one call

// Nobody waits for what a connection without a user holds.
uint64_t claim(const Connection& connection) {
  constexpr uint64_t kWithoutUser = uint64_t{1} << 40;
  const uint64_t pinned = connection.pinned();
  return pinned == 0 ? 0 : pinned + (connection.user_closed() ? kWithoutUser : 0);
}

}  // namespace

void Transport::relieve(Instant now) {
  if (!environment_.under_pressure()) {
    pressed_since_ = kNever;
    return;
  }
  if (pressed_since_ == kNever) {
    pressed_since_ = now;
    relief_next_ = 0;
    relief_worst_ = kNoSlot;
    relief_worst_pinned_ = 0;
  }
  for (uint32_t i = 0; i < kLookedAt && relief_next_ < limits_.connections; ++i, ++relief_next_) {
    if (!connections_.live(relief_next_)) continue;
    Connection& connection = connections_[relief_next_].connection;
    if (connection.renege()) counters_.add(Stat::kPressureReneges);
    if (claim(connection) <= relief_worst_pinned_) continue;
    relief_worst_pinned_ = claim(connection);
    relief_worst_ = relief_next_;
  }
  const Duration patience = environment_.exhausted() ? kExhausted : kPressed;
  if (relief_next_ < limits_.connections || now - pressed_since_ < patience) return;
  const uint32_t worst = relief_worst_;
  relief_next_ = 0;
  relief_worst_ = kNoSlot;
  relief_worst_pinned_ = 0;
  if (worst == kNoSlot || !connections_.live(worst)) return;
  counters_.add(Stat::kPressureResets);
  connections_[worst].connection.fail();
  settle(worst, now);
}

}  // namespace heddle::tcp
