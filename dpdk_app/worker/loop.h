// Loop: one worker's turns, from the first to the last.
#pragma once

#include <atomic>
#include <memory>

#include "core/rcu.h"
#include "graph/graph.h"
#include "worker/backoff.h"
#include "worker/clock.h"
#include "worker/installed.h"
#include "worker/mailbox.h"
#include "worker/worker.h"

namespace heddle::app {

class Loop {
 public:
  struct Shared {
    const Clock& clock;
    RcuDomain& rcu;
    const RcuCell<Installed>& installed;
    bool may_sleep;
  };

  Loop(Worker& worker, Graph& graph, const Shared& shared)
      : worker_(worker),
        graph_(graph),
        shared_(shared),
        backoff_(shared.may_sleep),
        last_end_(rte_rdtsc()) {}

  // Runs turns until stop(); then sends what still waits, for a short while.
  void run();

  // Any thread.
  void stop() { stop_.store(true, std::memory_order_relaxed); }
  Mailbox& mailbox() { return mailbox_; }
  // Whether run() has returned; what its worker wrote before is seen by who asks.
  bool has_ended() const { return ended_.load(std::memory_order_acquire); }

  // One turn; true when it moved a packet. Public for benchmarks and tests.
  bool turn();

 private:
  void flush();
  void mind_stuck_port(TxQueue& queue, Outlet& outlet, uint16_t sent);
  void rest();
  Duration until_deadline() const;
  void drain();

  Worker& worker_;
  Graph& graph_;
  Shared shared_;
  Backoff backoff_;
  Mailbox mailbox_;
  uint64_t last_end_;                     // of the turn before, in cycles
  uint64_t policy_version_ = UINT64_MAX;  // that was reported last
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
};

}  // namespace heddle::app
