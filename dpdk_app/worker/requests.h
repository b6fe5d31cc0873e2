// Requests: what one worker counts and tells of HTTP requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "mesh/jwt_stats.h"
#include "telemetry/record_ring.h"
#include "telemetry/request_series.h"

namespace heddle::app {

struct Requests {
  static constexpr uint32_t kRecords = 1'024;
  static constexpr uint64_t kAll = uint64_t{1} << 32;

  telemetry::RequestSeries series;       // written by the worker, read by anyone
  telemetry::RecordRing ring{kRecords};  // read by one thread of the control side
  std::vector<mesh::JwtCounters> jwt;    // by JwtTarget::slot; as the series
  // Written by the control side. Which share of requests, in 1/kAll, is logged; and whether
  // somebody watches them live.
  std::atomic<uint64_t> log_share{0};
  std::atomic<bool> watched{false};

  // The worker: whether the request that has just ended is to be logged.
  bool takes_sample(Random& random) const {
    const uint64_t share = log_share.load(std::memory_order_relaxed);
    return share != 0 && (random.next() >> 32) < share;
  }
};

}  // namespace heddle::app
