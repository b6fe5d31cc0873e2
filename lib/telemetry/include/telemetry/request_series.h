// RequestSeries: what one worker counts of requests. Numbers stand for names, which the control
// side knows: of frontends and rules of policy, and of the interface that a workload is behind.
//
// Two tables: how many requests ended how; and, by service and rule alone, how long they took and
// how much they carried. Both have a fixed size.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/counter.h"
#include "telemetry/histogram.h"
#include "telemetry/series_table.h"

namespace heddle::telemetry {

inline constexpr uint32_t kNoRule = 0xff'ffff;
inline constexpr uint16_t kNoSource = 0xffff;
inline constexpr uint8_t kNoGrpcStatus = 0xff;

// A route: frontend and rule are below 2^24.
struct RouteKey {
  uint32_t frontend = 0;
  uint32_t rule = kNoRule;
  friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};

struct RequestKey {
  RouteKey route;
  uint16_t source = kNoSource;  // interface
  uint16_t status = 0;          // 0: none was given
  uint8_t grpc_status = kNoGrpcStatus;
  uint8_t fault = 0;  // who numbers them names them
  bool tls = false;
  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
};

SeriesKey pack(const RouteKey& key);
SeriesKey pack(const RequestKey& key);
RouteKey route_key(const SeriesKey& key);
RequestKey request_key(const SeriesKey& key);

// Upper bounds of the histogram that is exported: few, as each of them is a series of its own.
inline constexpr std::array<Duration, 14> kTimeBounds = {
    microseconds(250),    microseconds(500),   milliseconds(1),    milliseconds(2),
    milliseconds(5),      milliseconds(10),    milliseconds(25),   milliseconds(50),
    milliseconds(100),    milliseconds(250),   milliseconds(1000), milliseconds(2500),
    milliseconds(10'000), milliseconds(30'000)};

struct RequestCounts {
  Counter requests;
  void clear() { telemetry::clear(requests); }
};

struct RouteCounts {
  Histogram times;
  std::array<Counter, kTimeBounds.size() + 1> by_bound;  // exact, for each its own; last: longer
  std::array<Counter, 6> classes;                        // of the status; 0: none was given
  Counter faults;                                        // of our own, and of endpoints
  Counter retries;                                       // tries behind the first
  Counter bytes_in, bytes_out;                           // of bodies
  void clear();
};

// The same as plain numbers, over workers.
struct RouteSum {
  HistogramSum times;
  std::array<uint64_t, kTimeBounds.size() + 1> by_bound{};
  std::array<uint64_t, 6> classes{};
  uint64_t faults = 0, retries = 0, bytes_in = 0, bytes_out = 0;
  void add(const RouteCounts& counts);
  void add(const RouteSum& other);
};

struct RequestFacts {
  uint64_t bytes_in = 0, bytes_out = 0;
  uint32_t retries = 0;
  Duration time;
};

class RequestSeries {
 public:
  static constexpr uint32_t kRequests = 8'192, kRoutes = 1'024;
  explicit RequestSeries(uint32_t requests = kRequests, uint32_t routes = kRoutes)
      : requests_(requests), routes_(routes) {}

  // The worker's.
  void count(const RequestKey& key, const RequestFacts& facts);

  // Places in the two tables.
  struct Places {
    std::vector<uint32_t> requests, routes;
  };
  // Any thread: where counts of these slots are, which nobody counts for now; each list in
  // ascending order.
  Places places_of(std::span<const uint32_t> frontends, std::span<const uint32_t> rules) const;
  // The worker's: forgets at most kForgotten of them, which it takes off the lists: a route's
  // counts are 3 KB. False: there is nothing left.
  static constexpr size_t kForgotten = 64;
  bool forget(Places& places);

  const SeriesTable<RequestCounts>& requests() const { return requests_; }
  const SeriesTable<RouteCounts>& routes() const { return routes_; }

 private:
  SeriesTable<RequestCounts> requests_;
  SeriesTable<RouteCounts> routes_;
};

}  // namespace heddle::telemetry
