// What policy costs, in memory: 1,000 services of 5 ports with a route each and 100 endpoints.
// Loading it, changing one endpoint or one route among all, deciding about a flow.
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "core/random.h"
#include "policy/model.h"

namespace {

using namespace heddle;
using namespace heddle::policy;

constexpr uint32_t kServices = 1'000;
constexpr uint32_t kPorts = 5;
constexpr uint32_t kEndpoints = 100;
constexpr int kChanges = 1'000;

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// What this thread has run, whoever else wants the CPU.
double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

template <class Spec>
Edit put(std::string name, Spec spec) {
  auto resource = std::make_shared<Resource>();
  const auto kind = static_cast<Kind>(decltype(Resource::spec)(Spec()).index());
  resource->key = {kind, "shop", std::move(name)};
  resource->spec = std::move(spec);
  return {resource->key, std::move(resource)};
}

std::string service_name(uint32_t i) { return "service-" + std::to_string(i); }

IpAddress ipv4(uint32_t host) { return IpAddress(wire::Ipv4Address::from_host(host)); }

Edit service(uint32_t i) {
  Service spec{.addresses = {ipv4(0x0a60'0001 + i)}};
  for (uint32_t port = 0; port < kPorts; ++port)
    spec.ports.push_back({"port-" + std::to_string(port), static_cast<uint16_t>(8'000 + port)});
  return put(service_name(i), std::move(spec));
}

// `change`: of its first endpoint.
Edit endpoint_set(uint32_t i, uint32_t change) {
  EndpointSet spec{.service = service_name(i)};
  for (uint32_t e = 0; e < kEndpoints; ++e)
    spec.endpoints.push_back({.address = ipv4(0x0b00'0000 + (i << 8) + e)});
  if (change > 0) spec.endpoints[0].address = ipv4(0x0c00'0000 + change);
  return put("endpoints-" + std::to_string(i), std::move(spec));
}

Edit route(uint32_t i, uint32_t port, uint32_t weight) {
  const std::string name = service_name(i);
  const Route spec{
      .service = name,
      .rules = {{.port = "port-" + std::to_string(port),
                 .backends = {
                     {.service = name, .ns = "shop", .weight = weight},
                     {.service = service_name((i + 1) % kServices), .ns = "shop", .weight = 10}}}}};
  return put("route-" + std::to_string(i * kPorts + port), spec);
}

void print(const char* what, double value, const char* unit) {
  std::printf("%-28s %10.2f %s\n", what, value, unit);
}

double heap_mb() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd) / 1e6;
}

// Stages and commits edits one by one; the snapshot before is let go after each, as workers do.
template <class MakeEdit>
void change(Model& model, Compiled& live, const char* what, MakeEdit&& make) {
  std::vector<double> all, staging, cpu;
  for (int i = 0; i < kChanges; ++i) {
    const Edit edit = make(static_cast<uint32_t>(i));
    const auto start = Clock::now();
    const double cpu_start = cpu_us();
    const auto problems = model.stage({&edit, 1});
    staging.push_back(us_since(start));
    Compiled next = model.commit(static_cast<uint64_t>(i) + 2);
    all.push_back(us_since(start));
    cpu.push_back(cpu_us() - cpu_start);
    live = std::move(next);
    if (!problems.empty()) std::printf("refused: %s\n", problems[0].text.c_str());
  }
  for (auto* samples : {&all, &staging, &cpu}) std::ranges::sort(*samples);
  print((std::string(what) + " p50").c_str(), all[kChanges / 2], "us");
  print((std::string(what) + " p99").c_str(), all[kChanges * 99 / 100], "us");
  print((std::string(what) + " p99 CPU").c_str(), cpu[kChanges * 99 / 100], "us");
  print((std::string(what) + " staging p50").c_str(), staging[kChanges / 2], "us");
}

void decide_flows(const Snapshot& snapshot, uint32_t services) {
  constexpr uint32_t kFlows = 1'000'000;
  Random random(1);
  std::vector<Flow> flows(65'536);
  for (Flow& flow : flows)
    flow = {.source = ipv4(static_cast<uint32_t>(random.next())),
            .destination = ipv4(0x0a60'0001 + random.below(services)),
            .source_port = static_cast<uint16_t>(random.next()),
            .destination_port = static_cast<uint16_t>(8'000 + random.below(kPorts))};
  uint64_t sum = 0;
  const auto start = Clock::now();
  for (uint32_t i = 0; i < kFlows; ++i)
    sum += decide(snapshot, flows[i % flows.size()]).endpoint->slot;
  print(services == 1 ? "decide, one service" : "decide, all services",
        1'000 * us_since(start) / kFlows, sum == 0 ? "ns " : "ns");
}

}  // namespace

int main() {
  std::vector<Edit> edits;
  for (uint32_t i = 0; i < kServices; ++i) {
    edits.push_back(service(i));
    edits.push_back(endpoint_set(i, 0));
    for (uint32_t port = 0; port < kPorts; ++port) edits.push_back(route(i, port, 90));
  }
  print("resources as given", heap_mb(), "MB");
  Model model(NodeFacts{.ports = {{.name = "wan"}}}, Limits());
  const auto start = Clock::now();
  const auto problems = model.stage(edits);
  print("load: stage", us_since(start) / 1'000, "ms");
  if (!problems.empty()) std::printf("refused: %s\n", problems[0].text.c_str());
  Compiled live = model.commit(1);
  print("load: stage and commit", us_since(start) / 1'000, "ms");
  edits = {};
  print("heap: all", heap_mb(), "MB");
  print("heap: snapshot", static_cast<double>(model.stats().snapshot_bytes) / 1e6, "MB");

  Random random(2);
  change(model, live, "one endpoint",
         [&](uint32_t i) { return endpoint_set(random.below(kServices), i + 1); });
  change(model, live, "one route", [&](uint32_t i) {
    return route(random.below(kServices), random.below(kPorts), 1'000 + i);
  });
  change(model, live, "one service", [&](uint32_t) {
    Edit edit = service(random.below(kServices));
    auto changed = std::make_shared<Resource>(*edit.resource);
    std::get<Service>(changed->spec)
        .ports.push_back({"more", static_cast<uint16_t>(9'000 + random.below(1'000))});
    return Edit{changed->key, std::move(changed)};
  });
  print("heap: all", heap_mb(), "MB");
  decide_flows(*live.snapshot, 1);
  decide_flows(*live.snapshot, kServices);
  return 0;
}
