#include "resilience/endpoint_state.h"

namespace heddle::resilience {

void EndpointState::note(Outcome outcome) {
  const OutlierRows rows = counts_.note(outcome);
  if (const Probe probe = probe_.load(std::memory_order_relaxed); probe != Probe::kNone) {
    // Tries that began before it was put out say nothing of how it is now, so the first one that
    // ends behind the probe's begin counts for it.
    if (probe != Probe::kUnderWay) return;
    set_probe(outcome == Outcome::kSuccess ? Probe::kGood : Probe::kBad);
    return attention_->raise();
  }
  if (outcome == Outcome::kSuccess) return;
  const auto reached = [](uint32_t row, const std::atomic<uint32_t>& wanted) {
    const uint32_t least = wanted.load(std::memory_order_relaxed);
    return least != 0 && row >= least;
  };
  if (reached(rows.server, server_row_) || reached(rows.gateway, gateway_row_) ||
      reached(rows.local, local_row_))
    attention_->raise();
}

void EndpointState::set_rows(const Rows& rows) {
  server_row_.store(rows.server, std::memory_order_relaxed);
  gateway_row_.store(rows.gateway, std::memory_order_relaxed);
  local_row_.store(rows.local, std::memory_order_relaxed);
}

}  // namespace heddle::resilience
