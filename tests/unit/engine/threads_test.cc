// The engine, gRPC and a worker, each on its own thread: what the thread sanitizer looks at. The
// worker decides about packets all the time and must never see half a policy.
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <filesystem>
#include <thread>

#include "core/rcu.h"
#include "heddle/v1/policy.grpc.pb.h"
#include "server/server.h"
#include "support.h"

namespace heddle::server {
namespace {

struct NoView : NodeView {
  VersionInfo version() override { return {}; }
  std::vector<PortInfo> ports() override { return {}; }
  std::vector<WorkerInfo> workers() override { return {}; }
  std::vector<GraphNodeInfo> graph() override { return {}; }
  std::vector<DropInfo> drops() override { return {}; }
  std::vector<NeighborInfo> neighbors() override { return {}; }
  std::vector<RouteInfo> routes() override { return {}; }
  FlowWalk walk_flows(const FlowFilter&, const GoOn&, const TakeFlow&) override { return {}; }
  FlowWalk flush_flows(const FlowFilter&, const GoOn&, bool) override { return {}; }
};

// What a worker of the data plane does with policy, and nothing else: the same cell, the same
// quiescent states, the same report.
class LoopTarget : public PolicyTarget {
 public:
  using Held = std::shared_ptr<const policy::Snapshot>;

  LoopTarget() : rcu_(1), cell_(std::make_unique<Held>(std::make_shared<policy::Snapshot>())) {}
  ~LoopTarget() override { stop(); }

  void start() {
    worker_ = std::thread([this] { run(); });
  }
  void stop() {
    stopping_ = true;
    if (worker_.joinable()) worker_.join();
  }
  void install(const policy::Compiled& compiled) override {
    cell_.publish(std::make_unique<Held>(compiled.snapshot), rcu_);
  }
  std::vector<uint64_t> worker_versions() override { return {version_}; }
  bool is_live(uint64_t version) override { return version_ == version; }
  bool is_on_link(const policy::IpAddress&) override { return true; }
  std::vector<FrontendCounts> frontend_counts(std::span<const uint32_t> slots) override {
    return std::vector<FrontendCounts>(slots.size());
  }
  std::vector<EndpointCounts> endpoint_counts(std::span<const uint32_t> slots) override {
    return std::vector<EndpointCounts>(slots.size());
  }
  uint64_t flows_cut() override { return 0; }
  bool has_swept(uint32_t) override { return true; }

  std::atomic<uint64_t> decided{0}, wrong{0};

 private:
  void run() {
    rcu_.online(0);
    uint16_t port = 0;
    while (!stopping_) {
      const policy::Snapshot& snapshot = **cell_.load();
      for (int i = 0; snapshot.version > 0 && i < 64; ++i) {
        policy::Flow flow{.source = *policy::IpAddress::parse("10.9.0.1"),
                          .destination = *policy::IpAddress::parse("10.96.0.20"),
                          .source_port = ++port,
                          .destination_port = 80};
        const policy::Decision decision = policy::decide(snapshot, flow);
        wrong += decision.verdict != policy::Verdict::kForward;
        ++decided;
      }
      version_ = snapshot.version;
      rcu_.quiescent(0);
    }
    rcu_.offline(0);
  }

  RcuDomain rcu_;
  RcuCell<Held> cell_;
  std::atomic<uint64_t> version_{0};
  std::atomic<bool> stopping_{false};
  std::thread worker_;
};

// The service of the address, its endpoint and its policy change places with another's.
v1::ApplyRequest flip(bool first) {
  const auto service = [&](const std::string& name, bool serves) {
    return std::vector<std::string>{
        named(name, "service { addresses: '" + std::string(serves ? "10.96.0.20" : "10.96.0.21") +
                        "' ports { name: 'p' port: 80 protocol: PROTOCOL_TCP } forwarding: "
                        "FORWARDING_DIRECT }"),
        named(name, "endpoint_set { service: '" + name + "' " +
                        (serves ? "endpoints { address: '10.1.0.7' }" : "") + " }"),
        named(name, "access_policy { target { service: '" + name + "' } action: " +
                        (serves ? "ACTION_ALLOW" : "ACTION_DENY") + " rules {} }")};
  };
  std::vector<std::string> all = service("a", first);
  const std::vector<std::string> other = service("b", !first);
  all.insert(all.end(), other.begin(), other.end());
  return request_of(all);
}

TEST(Threads, ChangesAndReadersBesideAWorker) {
  char directory[] = "/tmp/heddle-threads-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  LoopTarget target;
  PolicyOptions options;
  options.facts.ports = {{"lan", false, true, {}}};
  options.state_directory = directory;
  auto engine = PolicyEngine::open(std::move(options));
  ASSERT_TRUE(engine) << engine.error().text;
  target.install((*engine)->restored());
  target.start();
  ASSERT_TRUE((*engine)->start(target));
  NoView view;
  const std::string path = std::string(directory) + "/socket";
  auto socket = SocketFile::claim(path);
  ASSERT_TRUE(socket);
  auto server = Server::start(std::move(*socket), view, {.engine = engine->get(), .tls = {}});
  ASSERT_TRUE(server) << server.error().text;
  const auto stub =
      v1::Policy::NewStub(grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials()));

  constexpr int kChanges = 150;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> watched{0}, read{0};
  std::thread watcher([&] {
    grpc::ClientContext context;
    const auto stream = stub->Watch(&context, {});
    v1::PolicyStatus status;
    while (stream->Read(&status)) {
      watched = status.version();
      if (status.version() >= kChanges) break;
    }
    context.TryCancel();
    stream->Finish();
  });
  std::thread reader([&] {
    while (!done) {
      grpc::ClientContext one, two, three;
      v1::GetResponse resources;
      v1::PolicyStatus status;
      v1::ListServicesResponse services;
      EXPECT_TRUE(stub->Get(&one, {}, &resources).ok());
      EXPECT_TRUE(stub->Status(&two, {}, &status).ok());
      EXPECT_TRUE(stub->ListServices(&three, {}, &services).ok());
      ++read;
    }
  });
  for (int n = 0; n < kChanges; ++n) {
    grpc::ClientContext context;
    v1::ApplyResponse response;
    const grpc::Status status = stub->Apply(&context, flip(n % 2 == 0), &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.problems_size(), 0) << response.problems(0).message();
    ASSERT_EQ(response.version(), static_cast<uint64_t>(n) + 1);
    ASSERT_EQ(response.workers(), 1u);
  }
  watcher.join();
  done = true;
  reader.join();
  server->reset();
  engine->reset();
  target.stop();
  EXPECT_EQ(watched, uint64_t{kChanges});
  EXPECT_GT(read, 0u);
  EXPECT_GT(target.decided, 1'000u);
  EXPECT_EQ(target.wrong, 0u);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace heddle::server
