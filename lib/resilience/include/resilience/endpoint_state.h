// EndpointState: what all workers of a node have seen of one endpoint of a service, and whether it
// is let in. Policy owns it, for as long as the endpoint is there; who uses it keeps it alive.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "resilience/outlier_counts.h"

namespace heddle::resilience {

// Raised by workers, taken by who looks after endpoints: whether any of them has news.
class Attention {
 public:
  void raise() {
    if (!raised_.load(std::memory_order_relaxed)) raised_.store(true, std::memory_order_release);
  }
  bool take() {
    return raised_.load(std::memory_order_relaxed) &&
           raised_.exchange(false, std::memory_order_acquire);
  }

 private:
  std::atomic<bool> raised_{false};
};

class EndpointState {
 public:
  explicit EndpointState(std::shared_ptr<Attention> attention) : attention_(std::move(attention)) {}
  EndpointState(const EndpointState&) = delete;
  EndpointState& operator=(const EndpointState&) = delete;

  // --- any worker

  // A try has ended. A row that is long enough is told.
  void note(Outcome outcome);
  // One more at the endpoint; with a bound that there is room for. False: there is none.
  bool take_request(uint32_t most) { return take(requests_, most); }
  void give_request() { requests_.fetch_sub(1, std::memory_order_relaxed); }
  bool take_connection(uint32_t most) { return take(connections_, most); }
  void give_connection() { connections_.fetch_sub(1, std::memory_order_relaxed); }
  uint32_t requests() const { return requests_.load(std::memory_order_relaxed); }
  uint32_t connections() const { return connections_.load(std::memory_order_relaxed); }
  // An endpoint that comes back gets one try, and others go elsewhere until that has ended. True:
  // it may have this one.
  bool may_try() {
    const Probe now = probe_.load(std::memory_order_relaxed);
    if (now == Probe::kNone) return true;
    Probe wanted = Probe::kWanted;
    return now == Probe::kWanted &&
           probe_.compare_exchange_strong(wanted, Probe::kUnderWay, std::memory_order_relaxed);
  }
  // Of who may_try() let in and that went away without trying.
  void give_try_back() {
    Probe under_way = Probe::kUnderWay;
    probe_.compare_exchange_strong(under_way, Probe::kWanted, std::memory_order_relaxed);
  }
  // What active checks of the endpoint say; of the worker that makes them.
  void set_healthy(bool healthy) {
    if (healthy_.exchange(healthy, std::memory_order_relaxed) != healthy) attention_->raise();
  }

  // --- who looks after endpoints: one thread

  struct Rows {
    uint32_t server = 0, gateway = 0, local = 0;
  };
  // Rows of failures that are told; 0: none is.
  void set_rows(const Rows& rows);
  enum class Probe : uint8_t { kNone, kWanted, kUnderWay, kGood, kBad };
  Probe probe() const { return probe_.load(std::memory_order_relaxed); }
  void set_probe(Probe probe) { probe_.store(probe, std::memory_order_relaxed); }
  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
  OutlierCounts& counts() { return counts_; }

 private:
  static bool take(std::atomic<uint32_t>& count, uint32_t most) {
    if (count.fetch_add(1, std::memory_order_relaxed) < most || most == 0) return true;
    count.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  OutlierCounts counts_;
  std::atomic<uint32_t> server_row_{0}, gateway_row_{0}, local_row_{0};
  std::atomic<uint32_t> requests_{0}, connections_{0};
  std::atomic<Probe> probe_{Probe::kNone};
  std::atomic<bool> healthy_{true};
  const std::shared_ptr<Attention> attention_;
};

}  // namespace heddle::resilience
