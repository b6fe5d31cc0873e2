#include "worker/loop.h"

#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include "worker/tcp.h"

namespace heddle::app {

namespace {

constexpr Duration kStuck = milliseconds(20);

void sleep_for(Duration duration) {
  const timespec time{.tv_sec = 0, .tv_nsec = duration.ns()};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace

bool Loop::turn() {
  const uint64_t start = rte_rdtsc();
  worker_.now = shared_.clock.at(start);
  const Installed& installed = *shared_.installed.load();
  worker_.begin_turn(*installed.topology, *installed.policy);
  if (worker_.tcp != nullptr) worker_.tcp->begin_turn(*installed.secrets);
  graph_.walk();
  flush();
  const bool answered = mailbox_.answer(worker_);
  if (worker_.policy->version != policy_version_) [[unlikely]] {
    policy_version_ = worker_.policy->version;
    worker_.counters.policy_version.set(policy_version_);
  }
  shared_.rcu.quiescent(worker_.id.value());

  // Who has asked may ask again at once: a walk over all flows does.
  const bool worked = worker_.received != 0 || worker_.sent != 0 || worker_.sweeping || answered ||
                      (worker_.tcp != nullptr && worker_.tcp->is_busy());
  const uint64_t end = rte_rdtsc();
  WorkerCounters& counters = worker_.counters;
  counters.turns.add();
  counters.packets.add(worker_.received);
  // What lies between two turns is rest, so that busy and idle add up to all the time there is.
  counters.idle_cycles.add(start - last_end_ + (worked ? 0 : end - start));
  if (worked) {
    counters.busy_cycles.add(end - start);
    counters.longest_turn.note(end - start);
  }
  last_end_ = end;
  return worked;
}

void Loop::flush() {
  for (size_t port = 0; port < worker_.tx.size(); ++port) {
    Outlet* outlet = worker_.tx[port].get();
    if (outlet == nullptr || outlet->size() == 0) continue;
    const uint16_t sent = outlet->flush([&](rte_mbuf** packets, uint16_t count) {
      return rte_eth_tx_burst(static_cast<uint16_t>(port), worker_.tx_queues[port].queue, packets,
                              count);
    });
    worker_.sent += sent;
    mind_stuck_port(worker_.tx_queues[port], *outlet, sent);
  }
  for (size_t other = 0; other < worker_.to_worker.size(); ++other) {
    Outlet* outlet = worker_.to_worker[other].get();
    if (outlet == nullptr || outlet->size() == 0) continue;
    const uint16_t passed = outlet->flush([&](rte_mbuf** packets, uint16_t count) {
      return static_cast<uint16_t>(rte_ring_mp_enqueue_burst(
          worker_.peers[other], reinterpret_cast<void**>(packets), count, nullptr));
    });
    worker_.counters.handed_out.add(passed);
    worker_.sent += passed;
  }
}

// A port that takes nothing for a while has no peer, or chokes on the packet in front: what
// waits for it is old by then, and goes to a named drop in the next walk.
void Loop::mind_stuck_port(TxQueue& queue, Outlet& outlet, uint16_t sent) {
  if (sent != 0 || queue.stuck_since == kNever) {
    queue.stuck_since = sent != 0 ? kNever : worker_.now;
    return;
  }
  if (worker_.now - queue.stuck_since < kStuck) return;
  queue.stuck_since = kNever;
  outlet.flush([&](rte_mbuf** packets, uint16_t count) {
    uint16_t moved = 0;
    while (moved < count && worker_.undeliverable.push(Packet(packets[moved]))) ++moved;
    return moved;
  });
}

// Timers of connections are met in time: pacing depends on it.
Duration Loop::until_deadline() const {
  if (worker_.tcp == nullptr) return seconds(1);
  Instant deadline = worker_.tcp->transport.next_deadline();
  if (worker_.tcp->user != nullptr)
    deadline = std::min(deadline, worker_.tcp->user->next_deadline());
  return deadline <= worker_.now ? Duration() : std::min(deadline - worker_.now, seconds(1));
}

void Loop::rest() {
  const Duration sleep = std::min(backoff_.rest(worker_.now), until_deadline());
  if (sleep == Duration()) return rte_pause();
  const uint64_t start = rte_rdtsc();
  // Asleep, a worker holds nothing of the topology, and nobody waits for it.
  shared_.rcu.offline(worker_.id.value());
  sleep_for(sleep);
  shared_.rcu.online(worker_.id.value());
  worker_.counters.sleep_cycles.add(rte_rdtsc() - start);
}

void Loop::run() {
  prctl(PR_SET_TIMERSLACK, 1000);  // sleeps mean what they say
  shared_.rcu.online(worker_.id.value());
  while (!stop_.load(std::memory_order_relaxed)) {
    if (turn())
      backoff_.worked();
    else
      rest();
  }
  drain();
  shared_.rcu.offline(worker_.id.value());
  ended_.store(true, std::memory_order_release);
}

// What was received before the stop still leaves; new packets are not waited for.
void Loop::drain() {
  const Instant end = worker_.now + milliseconds(10);
  while (turn() && worker_.now < end) {
  }
}

}  // namespace heddle::app
