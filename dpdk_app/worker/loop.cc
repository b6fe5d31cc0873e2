#include "worker/loop.h"

#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

namespace heddle::app {

namespace {

void sleep_for(Duration duration) {
  const timespec time{.tv_sec = 0, .tv_nsec = duration.ns()};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace

bool Loop::turn() {
  const uint64_t start = rte_rdtsc();
  worker_.now = shared_.clock.at(start);
  worker_.topology = shared_.topology.load();
  worker_.received = 0;
  worker_.sent = 0;
  graph_.walk();
  flush();
  mailbox_.answer(worker_);
  shared_.rcu.quiescent(worker_.id.value());

  const bool worked = worker_.received != 0 || worker_.sent != 0;
  WorkerCounters& counters = worker_.counters;
  counters.turns.add();
  counters.packets.add(worker_.received);
  (worked ? counters.busy_cycles : counters.idle_cycles).add(rte_rdtsc() - start);
  return worked;
}

void Loop::flush() {
  for (size_t port = 0; port < worker_.tx.size(); ++port) {
    Outlet* outlet = worker_.tx[port].get();
    if (outlet == nullptr || outlet->size() == 0) continue;
    worker_.sent += outlet->flush([&](rte_mbuf** packets, uint16_t count) {
      return rte_eth_tx_burst(static_cast<uint16_t>(port), worker_.tx_queues[port].queue, packets,
                              count);
    });
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

void Loop::rest() {
  const Duration sleep = backoff_.rest(worker_.now);
  if (sleep == Duration()) return rte_pause();
  const uint64_t start = rte_rdtsc();
  // Asleep, a worker holds nothing of the topology, and nobody waits for it.
  shared_.rcu.offline(worker_.id.value());
  sleep_for(sleep);
  shared_.rcu.online(worker_.id.value());
  const uint64_t cycles = rte_rdtsc() - start;
  worker_.counters.idle_cycles.add(cycles);
  worker_.counters.sleep_cycles.add(cycles);
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
}

// What was received before the stop still leaves; new packets are not waited for.
void Loop::drain() {
  const Instant end = worker_.now + milliseconds(10);
  while (turn() && worker_.now < end) {
  }
}

}  // namespace heddle::app
