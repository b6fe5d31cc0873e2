// An engine in memory with a data plane that is told at once, and resources from text.
#pragma once

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "engine.h"

namespace heddle::server {

// Runs what it is given from the moment on; counts nothing.
class FakeTarget : public PolicyTarget {
 public:
  void install(const policy::Compiled& compiled) override;
  std::vector<uint64_t> worker_versions() override;
  bool is_live(uint64_t version) override;
  bool is_on_link(const policy::IpAddress&) override { return on_link; }
  std::vector<FrontendCounts> frontend_counts(std::span<const uint32_t> slots) override;
  std::vector<EndpointCounts> endpoint_counts(std::span<const uint32_t> slots) override;
  std::vector<AccessCounts> access_counts(std::span<const uint32_t> slots) override;
  std::vector<JwtCounts> jwt_counts(std::span<const uint32_t> slots) override;
  std::vector<JwtOutcomeText> jwt_outcomes() override { return {{"verified", "Good."}}; }
  uint64_t flows_cut() override;
  uint64_t requests_cut() override { return requests_cut_; }
  bool has_swept(uint32_t generation) override;

  std::atomic<uint64_t> installs{0};
  std::atomic<uint64_t> version{0};
  std::atomic<bool> on_link{true};
  std::atomic<bool> stuck{false};          // the worker stays at the version that it has
  std::atomic<uint64_t> packets{0};        // what every frontend's and endpoint's slot has counted
  std::atomic<uint64_t> cuts{0};           // flows that a sweep under a new generation cuts
  std::atomic<uint64_t> requests_cuts{0};  // requests, the same
  std::atomic<bool> sweeps{true};          // false: none gets through
  std::atomic<uint64_t> asked{0};          // how often for a sweep

 private:
  std::atomic<uint64_t> running_{0}, cut_{0}, requests_cut_{0};
  std::atomic<uint32_t> generation_{0}, swept_{0};
};

// Makes all TLS ready.
class FakeMaker final : public policy::TlsMaker {
 public:
  Result<std::shared_ptr<const policy::TlsReady>> make(const tls::Config&) override {
    ++made;
    return std::make_shared<const policy::TlsReady>();
  }
  std::atomic<uint64_t> made{0};
};

// Makes all keys ready, to verify nothing.
class FakeJwtMaker final : public policy::JwtMaker {
 public:
  Result<std::shared_ptr<const policy::JwtReady>> make(const jwt::KeySet&,
                                                       const jwt::Rules&) override {
    return std::shared_ptr<const policy::JwtReady>();
  }
};

// What came of a call.
template <class Response>
struct Answer {
  grpc::Status status;
  Response response;
};

class EngineTest : public testing::Test {
 protected:
  explicit EngineTest(std::string directory = {}) { open(std::move(directory)); }
  ~EngineTest() override { engine_.reset(); }

  void open(std::string directory);
  // The same, and whether it opens at all: the error, or nothing.
  std::string reopen(std::string directory);

  Answer<v1::ApplyResponse> apply(const v1::ApplyRequest& request);
  // Resources in protobuf's text form, one a string.
  Answer<v1::ApplyResponse> apply(const std::vector<std::string>& resources);
  Answer<v1::ApplyResponse> remove(const std::string& kind, const std::string& name);
  Answer<v1::ApplyResponse> rollback(uint64_t version);
  v1::PolicyStatus status();
  Answer<v1::GetResponse> get(const v1::GetRequest& request = {});
  Answer<v1::HistoryResponse> history(const v1::HistoryRequest& request = {});
  Answer<v1::ExplainResponse> explain(const v1::ExplainRequest& request);

  // Runs work on the engine's thread and waits for it.
  void on_engine(const std::function<void()>& work);

  FakeMaker maker_;
  FakeJwtMaker jwt_maker_;
  std::mutex log_mutex_;
  std::vector<std::string> log_;
  FakeTarget target_;
  std::unique_ptr<Engine> engine_;
};

v1::Resource resource_of(const std::string& text);
v1::ApplyRequest request_of(const std::vector<std::string>& resources);

// A service, its endpoints and the metadata of namespace shop.
std::string named(const std::string& name, const std::string& spec);
std::string web(const std::string& address = "10.96.0.20");
std::string web_endpoints(const std::string& address = "10.1.0.7");

}  // namespace heddle::server
