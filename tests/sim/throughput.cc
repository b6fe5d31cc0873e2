#include "throughput.h"

#include <algorithm>

namespace heddle::sim {

namespace {

constexpr uint16_t kMtu = 1500;

}  // namespace

LinkSpec forward_link(const Conditions& c) {
  const uint64_t bdp = c.megabits * 125'000 * static_cast<uint64_t>(c.rtt.us()) / 1'000'000;
  LinkSpec there = c.more;
  there.bits_per_second = c.megabits * 1'000'000;
  there.delay = c.rtt / 2;
  there.loss = c.loss;
  there.queue_bytes =
      static_cast<uint32_t>(std::max(static_cast<double>(bdp) * c.queue, 32.0 * kMtu));
  if (c.ecn) there.mark_above = there.queue_bytes / 2;
  return there;
}

LinkSpec return_link(const Conditions& c) {
  return {.bits_per_second = c.megabits * 1'000'000, .delay = c.rtt / 2};
}

Outcome measure(const Conditions& c, uint64_t seed) {
  tcp::Profile profile;
  profile.congestion = c.congestion;
  profile.ecn = c.ecn;
  profile.sack = c.sack;
  profile.interface_mtu = kMtu;
  Pair pair(profile, forward_link(c), return_link(c), seed);
  pair.server_app.listen(pair.server, {address(2), Be16(Pair::kPort)}, 0);
  StreamState& client =
      pair.client_app.open(pair.client, pair.tuple(), UINT64_MAX / 2, pair.network.now());
  const Instant begin = pair.network.now();
  pair.network.run_until(begin + c.lasts);
  const tcp::Counters& counters = pair.client.transport().counters();
  Outcome outcome;
  const double limit = static_cast<double>(c.megabits) * 125'000 * 1448 / 1500 *
                       (static_cast<double>(c.lasts.ns()) / 1e9);
  outcome.megabits =
      static_cast<double>(pair.server_app.received()) * 8e3 / static_cast<double>(c.lasts.ns());
  outcome.percent =
      static_cast<uint32_t>(static_cast<double>(pair.server_app.received()) * 100 / limit + 0.5);
  outcome.retransmits = counters.value(tcp::Stat::kRetransmits);
  outcome.timeouts = counters.value(tcp::Stat::kTimeouts);
  outcome.spurious = pair.server.transport().counters().value(tcp::Stat::kDsacksOut);
  outcome.undos = counters.value(tcp::Stat::kUndos);
  outcome.cuts = counters.value(tcp::Stat::kFastRecoveries) + counters.value(tcp::Stat::kEcnCuts) +
                 counters.value(tcp::Stat::kProbeLosses);
  outcome.right = pair.server_app.all_right();
  // Both ends, as a reset may be lost too.
  pair.client.transport().abort(client.id, pair.network.now());
  pair.client.wake(pair.network.now());
  for (const auto& state : pair.server_app.streams())
    pair.server.transport().abort(state->id, pair.network.now());
  pair.server.wake(pair.network.now());
  pair.network.run_until(pair.network.now() + seconds(5));
  outcome.right = outcome.right && pair.is_clean();
  return outcome;
}

}  // namespace heddle::sim
