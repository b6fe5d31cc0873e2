#include "telemetry/request_series.h"

#include <algorithm>

namespace heddle::telemetry {

SeriesKey pack(const RouteKey& key) {
  return {.high = uint64_t{key.frontend & 0xff'ffff} | uint64_t{key.rule & 0xff'ffff} << 24,
          .low = 0};
}

SeriesKey pack(const RequestKey& key) {
  SeriesKey packed = pack(key.route);
  packed.high |= uint64_t{key.source} << 48;
  packed.low = uint64_t{key.status} | uint64_t{key.grpc_status} << 16 | uint64_t{key.fault} << 24 |
               uint64_t{key.tls} << 32;
  return packed;
}

RouteKey route_key(const SeriesKey& key) {
  return {.frontend = static_cast<uint32_t>(key.high & 0xff'ffff),
          .rule = static_cast<uint32_t>(key.high >> 24 & 0xff'ffff)};
}

RequestKey request_key(const SeriesKey& key) {
  return {.route = route_key(key),
          .source = static_cast<uint16_t>(key.high >> 48),
          .status = static_cast<uint16_t>(key.low),
          .grpc_status = static_cast<uint8_t>(key.low >> 16),
          .fault = static_cast<uint8_t>(key.low >> 24),
          .tls = (key.low >> 32 & 1) != 0};
}

void RouteCounts::clear() {
  times.clear();
  for (Counter& counter : by_bound) telemetry::clear(counter);
  for (Counter& counter : classes) telemetry::clear(counter);
  for (Counter* counter : {&faults, &retries, &bytes_in, &bytes_out}) telemetry::clear(*counter);
}

void RouteSum::add(const RouteCounts& counts) {
  counts.times.add_to(times);
  for (size_t i = 0; i < by_bound.size(); ++i) by_bound[i] += counts.by_bound[i].value();
  for (size_t i = 0; i < classes.size(); ++i) classes[i] += counts.classes[i].value();
  faults += counts.faults.value();
  retries += counts.retries.value();
  bytes_in += counts.bytes_in.value();
  bytes_out += counts.bytes_out.value();
}

void RouteSum::add(const RouteSum& other) {
  times.add(other.times);
  for (size_t i = 0; i < by_bound.size(); ++i) by_bound[i] += other.by_bound[i];
  for (size_t i = 0; i < classes.size(); ++i) classes[i] += other.classes[i];
  faults += other.faults;
  retries += other.retries;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
}

void RequestSeries::count(const RequestKey& key, const RequestFacts& facts) {
  requests_.at(pack(key)).requests.add();
  RouteCounts& route = routes_.at(pack(key.route));
  route.times.add(facts.time);
  const auto bound = std::ranges::lower_bound(kTimeBounds, facts.time);
  route.by_bound[static_cast<size_t>(bound - kTimeBounds.begin())].add();
  const unsigned status_class = key.status / 100;
  route.classes[status_class < route.classes.size() ? status_class : 0].add();
  if (key.fault != 0) route.faults.add();
  route.retries.add(facts.retries);
  route.bytes_in.add(facts.bytes_in);
  route.bytes_out.add(facts.bytes_out);
}

RequestSeries::Places RequestSeries::places_of(std::span<const uint32_t> frontends,
                                               std::span<const uint32_t> rules) const {
  if (frontends.empty() && rules.empty()) return {};
  const auto is_of = [&](const SeriesKey& key) {
    const RouteKey route = route_key(key);
    return std::ranges::binary_search(frontends, route.frontend) ||
           std::ranges::binary_search(rules, route.rule);
  };
  return {.requests = requests_.places_of(is_of), .routes = routes_.places_of(is_of)};
}

bool RequestSeries::forget(Places& places) {
  const auto take = [](std::vector<uint32_t>& from, auto& table) {
    for (size_t i = 0; i < kForgotten && !from.empty(); ++i) {
      table.forget(from.back());
      from.pop_back();
    }
  };
  take(places.requests, requests_);
  take(places.routes, routes_);
  return !places.requests.empty() || !places.routes.empty();
}

}  // namespace heddle::telemetry
