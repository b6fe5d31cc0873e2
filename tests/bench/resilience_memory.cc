// What the policies that keep services alive cost while nothing fails: requests a second on one
// core, in memory (memory_net.h), of a service with 16 endpoints, without any of them and with all.
// Both are measured in turns, so that a machine that changes its mind changes both. Prints one JSON
// object. Arguments: seconds a measurement (default 0.5), and measurements (default 7).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "http_players.h"
#include "policy/decide.h"
#include "route_table.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

enum { kClient, kMeasured, kServer };

constexpr uint32_t kEndpoints = 16, kConnections = 64;

policy::TrafficPolicy all_on() {
  policy::TrafficPolicy on{.service = "cart"};
  on.retry = policy::Retry{.attempts = 3};
  on.retry->add(policy::RetryOn::k5xx);
  on.per_try = seconds(5);
  on.bounds = {.connections = 10'000,
               .pending = 1'000,
               .requests = 10'000,
               .endpoint_connections = 1'000,
               .endpoint_requests = 1'000};
  on.outliers = resilience::OutlierTerms{.gateway_errors = 5, .failure_percent = 50};
  return on;
}

std::shared_ptr<const policy::Snapshot> policy_of(policy::Model& model, bool on) {
  policy::ServicePort port{"http", 80, policy::Protocol::kTcp};
  port.http = policy::HttpUpstream::kHttp1;
  policy::Service service{.addresses = {policy::IpAddress::parse("10.96.0.1").value()},
                          .ports = {port},
                          .forwarding = policy::Forwarding::kProxy};
  policy::EndpointSet endpoints{.service = "cart"};
  for (uint32_t i = 1; i <= kEndpoints; ++i)
    endpoints.endpoints.push_back(
        {.address = policy::IpAddress::parse("10.1.0." + std::to_string(i)).value()});
  std::vector<policy::Edit> edits{put("cart", service), put("cart", endpoints)};
  if (on) edits.push_back(put("cart", all_on()));
  HEDDLE_CHECK(model.stage(edits).empty(), "the policy is right");
  return model.commit(1).snapshot;
}

double measure(double time, bool on) {
  policy::Model model(policy::NodeFacts{}, policy::Limits{});
  Bench bench(time);
  HttpServer server(*bench.sides[kServer], 0);
  mesh::HttpLimits limits;
  limits.connections = 4'096;
  limits.requests = 1'024;
  Proxy proxy(*bench.sides[kMeasured], address(2), bench.now, limits);
  proxy.decide_by(policy_of(model, on));
  Http1Caller caller(*bench.sides[kClient], address(9), kConnections, true);
  return bench.per_second(kMeasured, [&] { return caller.done; });
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return all[all.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const double time = argc > 1 ? std::atof(argv[1]) : 0.5;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  std::vector<double> off, on, ratios;
  for (int i = 0; i < rounds; ++i) {
    off.push_back(measure(time, false));
    on.push_back(measure(time, true));
    ratios.push_back(on.back() / off.back());
  }
  std::printf("{\"rps_off\": %.0f, \"rps_on\": %.0f, \"ratio\": %.4f}\n", median(off), median(on),
              median(ratios));
  return 0;
}
