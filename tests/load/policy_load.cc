// policy_load: changes a running heddled's policy in the ways that tests and benchmarks want, and
// prints what it saw as one JSON object. See main() for the commands.
#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "heddle/v1/policy.grpc.pb.h"

namespace {

using namespace heddle;
using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& text) {
  fmt::print(stderr, "policy_load: {}\n", text);
  std::exit(1);
}

double ms_since(Clock::time_point then) {
  return std::chrono::duration<double, std::milli>(Clock::now() - then).count();
}

// What many calls took.
class Times {
 public:
  void add(double ms) { all_.push_back(ms); }
  void add(const Times& other) { all_.insert(all_.end(), other.all_.begin(), other.all_.end()); }
  std::string json() {
    std::ranges::sort(all_);
    if (all_.empty()) return "{}";
    return fmt::format(R"({{"count": {}, "p50": {:.3f}, "p99": {:.3f}, "max": {:.3f}}})",
                       all_.size(), at(0.5), at(0.99), all_.back());
  }

 private:
  double at(double share) const {
    return all_[static_cast<size_t>(share * static_cast<double>(all_.size() - 1))];
  }
  std::vector<double> all_;
};

class Client {
 public:
  explicit Client(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    // Each client has a connection of its own.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::Policy::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
  }

  v1::ApplyResponse apply(const v1::ApplyRequest& request) {
    v1::ApplyResponse response;
    const Clock::time_point start = Clock::now();
    if (!try_apply(request, response)) die("Apply failed: " + error_);
    if (response.problems_size() != 0)
      die(fmt::format("refused: {} {}: {}: {}", response.problems(0).key().kind(),
                      response.problems(0).key().name(), response.problems(0).field(),
                      response.problems(0).message()));
    if (response.workers() != response.workers_total()) die("not live on all workers");
    round_trip.add(ms_since(start));
    live.add(static_cast<double>(response.live_us()) / 1e3);
    install.add(static_cast<double>(response.install_us()) / 1e3);
    return response;
  }

  bool try_apply(const v1::ApplyRequest& request, v1::ApplyResponse& response) {
    grpc::ClientContext context;
    const grpc::Status status = stub_->Apply(&context, request, &response);
    error_ = status.error_message();
    return status.ok();
  }

  Times round_trip, live, install;  // milliseconds
  void add(const Client& other) {
    round_trip.add(other.round_trip);
    live.add(other.live);
    install.add(other.install);
  }
  std::string json() {
    return fmt::format(R"("round_trip_ms": {}, "live_ms": {}, "install_ms": {})", round_trip.json(),
                       live.json(), install.json());
  }

 private:
  std::unique_ptr<v1::Policy::Stub> stub_;
  std::string error_;
};

v1::Resource named(const std::string& name, const std::string& ns = "bench") {
  v1::Resource resource;
  resource.mutable_metadata()->set_namespace_(ns);
  resource.mutable_metadata()->set_name(name);
  return resource;
}

// The large policy: services with ports, a Route for each port, and endpoints.
struct Shape {
  int services = 1'000, ports = 5, endpoints = 100;
};

v1::Resource service_of(int i, const Shape& shape) {
  v1::Resource resource = named(fmt::format("service-{}", i));
  v1::Service& service = *resource.mutable_service();
  service.add_addresses(fmt::format("10.{}.{}.1", 96 + i / 256, i % 256));
  service.set_forwarding(v1::FORWARDING_DIRECT);
  for (int p = 0; p < shape.ports; ++p) {
    v1::ServicePort& port = *service.add_ports();
    port.set_name(fmt::format("p{}", p));
    port.set_port(static_cast<uint32_t>(80 + p));
    port.set_protocol(p % 2 == 0 ? v1::PROTOCOL_TCP : v1::PROTOCOL_UDP);
  }
  return resource;
}

v1::Resource endpoints_of(int i, const Shape& shape, uint32_t changing_weight) {
  v1::Resource resource = named(fmt::format("service-{}", i));
  v1::EndpointSet& set = *resource.mutable_endpoint_set();
  set.set_service(fmt::format("service-{}", i));
  for (int e = 0; e < shape.endpoints; ++e) {
    v1::Endpoint& endpoint = *set.add_endpoints();
    endpoint.set_address(fmt::format("172.{}.{}.{}", 16 + i / 256, i % 256, e + 1));
    if (e == 0) endpoint.set_weight(changing_weight);
  }
  return resource;
}

v1::Resource route_of(int i, int port, uint32_t weight) {
  v1::Resource resource = named(fmt::format("route-{}-{}", i, port));
  v1::Route& route = *resource.mutable_route();
  route.set_service(fmt::format("service-{}", i));
  v1::TcpRule& rule = *route.add_tcp();
  rule.set_port(fmt::format("p{}", port));
  v1::Backend& backend = *rule.add_backends();
  backend.set_service(fmt::format("service-{}", i));
  backend.set_weight(weight);
  return resource;
}

v1::ApplyRequest full_policy(const Shape& shape) {
  v1::ApplyRequest request;
  request.set_author("policy_load");
  for (int i = 0; i < shape.services; ++i) {
    *request.add_upserts() = service_of(i, shape);
    *request.add_upserts() = endpoints_of(i, shape, 1);
    for (int p = 0; p < shape.ports; ++p) *request.add_upserts() = route_of(i, p, 1);
  }
  return request;
}

v1::ApplyRequest one(v1::Resource resource) {
  v1::ApplyRequest request;
  request.set_author("policy_load");
  *request.add_upserts() = std::move(resource);
  return request;
}

// The n-th change of one endpoint or route. Never twice the same value in turn for one resource.
v1::ApplyRequest change(std::string_view what, int n, const Shape& shape) {
  const int service = n % shape.services;
  const auto weight = static_cast<uint32_t>(2 + n / shape.services % 2);
  return one(what == "route" ? route_of(service, 0, weight) : endpoints_of(service, shape, weight));
}

void run_changes(Client& client, std::string_view what, int count, const Shape& shape) {
  const Clock::time_point start = Clock::now();
  for (int n = 0; n < count; ++n) client.apply(change(what, n, shape));
  fmt::print(R"({{"changes": {}, "seconds": {:.3f}, {}}})", count, ms_since(start) / 1e3,
             client.json());
}

// Many clients, each with one call under way, at a common pace.
void run_rate(const std::string& address, int per_second, int seconds, const Shape& shape) {
  constexpr int kClients = 16;
  std::atomic<int> next{0};
  const int count = per_second * seconds;
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(address);
  const Clock::time_point start = Clock::now();
  std::vector<std::thread> threads;
  for (Client& client : clients) {
    threads.emplace_back([&] {
      for (int n = next++; n < count; n = next++) {
        std::this_thread::sleep_until(
            start + std::chrono::microseconds(int64_t{n} * 1'000'000 / per_second));
        client.apply(change("endpoint", n, shape));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double took = ms_since(start) / 1e3;
  for (size_t i = 1; i < clients.size(); ++i) clients[0].add(clients[i]);
  fmt::print(R"({{"changes": {}, "seconds": {:.3f}, "per_second": {:.1f}, {}}})", count, took,
             count / took, clients[0].json());
}

// Two services that change roles with each version: one has the addresses that traffic goes to,
// an endpoint and no AccessPolicy; the other has none of these and a policy that denies all. Under
// any mixture of two versions packets are dropped.
v1::ApplyRequest flipped(bool first_serves, const std::string& network, int addresses,
                         const std::string& endpoint) {
  v1::ApplyRequest request;
  for (const bool first : {true, false}) {
    const bool serves = first == first_serves;
    const std::string name = first ? "first" : "second";
    v1::Resource service = named(name, "flip");
    for (int i = 0; i < addresses; ++i)
      service.mutable_service()->add_addresses(
          serves ? fmt::format("{}.{}", network, i)
                 : fmt::format("192.168.{}.{}", first ? 1 : 2, i + 1));
    v1::ServicePort& port = *service.mutable_service()->add_ports();
    port.set_name("p");
    port.set_port(1001);  // where testpmd's flowgen sends to
    port.set_protocol(v1::PROTOCOL_UDP);
    service.mutable_service()->set_forwarding(v1::FORWARDING_DIRECT);
    *request.add_upserts() = service;
    v1::Resource set = named(name, "flip");
    set.mutable_endpoint_set()->set_service(name);
    if (serves) set.mutable_endpoint_set()->add_endpoints()->set_address(endpoint);
    *request.add_upserts() = set;
    v1::Resource access = named(name, "flip");
    access.mutable_access_policy()->mutable_target()->set_service(name);
    access.mutable_access_policy()->set_action(serves ? v1::ACTION_ALLOW : v1::ACTION_DENY);
    access.mutable_access_policy()->add_rules();
    *request.add_upserts() = access;
  }
  return request;
}

void run_flips(Client& client, int count, const std::string& network, const std::string& endpoint) {
  const Clock::time_point start = Clock::now();
  for (int n = 0; n < count; ++n) client.apply(flipped(n % 2 == 0, network, 16, endpoint));
  fmt::print(R"({{"changes": {}, "seconds": {:.3f}, {}}})", count, ms_since(start) / 1e3,
             client.json());
}

// Applies until heddled is gone, and says each version that was acknowledged. The version's number
// is in the policy, so that content and number can be compared afterwards.
void run_until_gone(Client& client) {
  for (uint32_t n = 0;; ++n) {
    const Shape shape{.services = 1, .ports = 1, .endpoints = static_cast<int>(n % 50) + 1};
    v1::ApplyRequest request;
    if (n == 0) *request.add_upserts() = service_of(0, shape);
    *request.add_upserts() = endpoints_of(0, shape, n % 1'000);
    request.set_message(fmt::format("endpoints {}", shape.endpoints));
    v1::ApplyResponse response;
    if (!client.try_apply(request, response)) return;
    if (response.problems_size() != 0) die(response.problems(0).message());
    fmt::print("{} {}\n", response.version(), shape.endpoints);
    std::fflush(stdout);
  }
}

int number(const char* text) {
  const int value = std::atoi(text);
  if (value <= 0) die(fmt::format("{} is no number above 0", text));
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 2 ? argv[2] : "";
  const Shape shape;
  if (argc < 3) die("usage: policy_load unix:PATH COMMAND ...");
  Client client(argv[1]);
  if (command == "full" && argc == 3) {
    client.apply(full_policy(shape));
    fmt::print("{{{}}}", client.json());
  } else if ((command == "endpoint" || command == "route") && argc == 4) {
    run_changes(client, command, number(argv[3]), shape);
  } else if (command == "rate" && argc == 5) {
    run_rate(argv[1], number(argv[3]), number(argv[4]), shape);
  } else if (command == "flip" && argc == 6) {
    run_flips(client, number(argv[3]), argv[4], argv[5]);
  } else if (command == "until-gone" && argc == 3) {
    run_until_gone(client);
  } else {
    die("the commands: full | endpoint COUNT | route COUNT | rate PER-SECOND SECONDS | "
        "flip COUNT NETWORK ENDPOINT | until-gone");
  }
  return 0;
}
