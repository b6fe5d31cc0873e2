// What workers have counted of HTTP requests, as plain values, and how single ones are read.
// Numbers stand for what policy names; the fault's names are mesh::kHttpFaults.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "telemetry/access_record.h"
#include "telemetry/request_series.h"

namespace heddle::server {

struct RequestCount {
  telemetry::RequestKey key;
  uint64_t requests = 0;
};

struct RouteTotals {
  telemetry::RouteKey key;
  std::unique_ptr<telemetry::RouteSum> sum;  // never null
};

// Since start, over all workers; by key.
struct RequestTotals {
  std::vector<RequestCount> requests;
  std::vector<RouteTotals> routes;
  // What had no place in a worker's tables.
  uint64_t requests_overflow = 0;
  telemetry::RouteSum routes_overflow;
};

// Records that nobody could read, as too many waited: to be logged, and only watched.
struct RecordDrops {
  uint64_t logged = 0, watched = 0;
};

// `time_ns`: when the request ended, since 1970.
using TakeRecord = std::function<void(const telemetry::AccessRecord& record, int64_t time_ns)>;

}  // namespace heddle::server
