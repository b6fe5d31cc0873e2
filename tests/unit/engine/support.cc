#include "support.h"

namespace heddle::server {

void FakeTarget::install(const policy::Compiled& compiled) {
  version = compiled.snapshot->version;
  generation_ = compiled.snapshot->generation;
  if (!stuck) running_ = version.load();
  ++installs;
}
std::vector<uint64_t> FakeTarget::worker_versions() { return {running_}; }
bool FakeTarget::is_live(uint64_t wanted) { return running_ == wanted; }
std::vector<FrontendCounts> FakeTarget::frontend_counts(std::span<const uint32_t> slots) {
  return std::vector<FrontendCounts>(slots.size(), {.packets = packets});
}
std::vector<EndpointCounts> FakeTarget::endpoint_counts(std::span<const uint32_t> slots) {
  return std::vector<EndpointCounts>(slots.size(),
                                     {.packets = packets, .flows = packets, .active = 3});
}
std::vector<AccessCounts> FakeTarget::access_counts(std::span<const uint32_t> slots) {
  return std::vector<AccessCounts>(slots.size(), {packets, packets, packets, packets});
}
std::vector<JwtCounts> FakeTarget::jwt_counts(std::span<const uint32_t> slots) {
  return std::vector<JwtCounts>(slots.size(), JwtCounts(1, packets));
}
uint64_t FakeTarget::flows_cut() { return cut_; }
// The sweep is through when it has been asked for the second time.
bool FakeTarget::has_swept(uint32_t wanted) {
  ++asked;
  if (swept_ >= wanted) return true;
  if (!sweeps) return false;
  if (swept_.exchange(generation_) != generation_) {
    cut_ += cuts;
    requests_cut_ += requests_cuts;
  }
  return false;
}

void EngineTest::open(std::string directory) { ASSERT_EQ(reopen(std::move(directory)), ""); }

std::string EngineTest::reopen(std::string directory) {
  engine_.reset();
  PolicyOptions options;
  options.facts.ports = {{"lan", false, true, {}}, {"cart", true, true, {}}};
  options.facts.own_addresses = {*policy::IpAddress::parse("10.1.0.1")};
  options.trust_domain = "example.org";
  options.state_directory = std::move(directory);
  options.tls_maker = &maker_;
  options.jwt_maker = &jwt_maker_;
  options.log = [this](const std::string& line) {
    const std::lock_guard lock(log_mutex_);
    log_.push_back(line);
  };
  auto engine = Engine::open(std::move(options));
  if (!engine) return engine.error().text;
  engine_ = std::move(*engine);
  target_.install(engine_->restored());
  EXPECT_TRUE(engine_->start(target_));
  return {};
}

void EngineTest::on_engine(const std::function<void()>& work) {
  std::promise<void> done;
  ASSERT_TRUE(engine_->post([&] {
    work();
    done.set_value();
  }));
  done.get_future().wait();
}

Answer<v1::ApplyResponse> EngineTest::apply(const v1::ApplyRequest& request) {
  Answer<v1::ApplyResponse> answer;
  std::promise<grpc::Status> done;
  ApplyJob job{.request = &request,
               .response = &answer.response,
               .author = request.author(),
               .arrived = std::chrono::steady_clock::now(),
               .done = [&](const grpc::Status& status) { done.set_value(status); }};
  EXPECT_TRUE(engine_->submit(std::move(job)));
  answer.status = done.get_future().get();
  return answer;
}

Answer<v1::ApplyResponse> EngineTest::apply(const std::vector<std::string>& resources) {
  return apply(request_of(resources));
}

Answer<v1::ApplyResponse> EngineTest::remove(const std::string& kind, const std::string& name) {
  v1::ApplyRequest request;
  v1::ResourceKey& key = *request.add_deletes();
  key.set_kind(kind);
  key.set_namespace_("shop");
  key.set_name(name);
  return apply(request);
}

Answer<v1::ApplyResponse> EngineTest::rollback(uint64_t version) {
  Answer<v1::ApplyResponse> answer;
  v1::RollbackRequest request;
  request.set_version(version);
  ApplyJob job{.response = &answer.response,
               .arrived = std::chrono::steady_clock::now(),
               .done = [&](const grpc::Status& status) { answer.status = status; }};
  on_engine([&] { engine_->rollback(request, job); });
  return answer;
}

v1::PolicyStatus EngineTest::status() {
  v1::PolicyStatus status;
  on_engine([&] { status = engine_->status(); });
  return status;
}

Answer<v1::GetResponse> EngineTest::get(const v1::GetRequest& request) {
  Answer<v1::GetResponse> answer;
  on_engine([&] { answer.status = engine_->get(request, answer.response); });
  return answer;
}

Answer<v1::HistoryResponse> EngineTest::history(const v1::HistoryRequest& request) {
  Answer<v1::HistoryResponse> answer;
  on_engine([&] { answer.status = engine_->history(request, answer.response); });
  return answer;
}

Answer<v1::ExplainResponse> EngineTest::explain(const v1::ExplainRequest& request) {
  Answer<v1::ExplainResponse> answer;
  on_engine([&] { answer.status = engine_->explain(request, answer.response); });
  return answer;
}

v1::Resource resource_of(const std::string& text) {
  v1::Resource resource;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &resource)) << text;
  return resource;
}

v1::ApplyRequest request_of(const std::vector<std::string>& resources) {
  v1::ApplyRequest request;
  for (const std::string& text : resources) *request.add_upserts() = resource_of(text);
  return request;
}

std::string named(const std::string& name, const std::string& spec) {
  return "metadata { namespace: 'shop' name: '" + name + "' } " + spec;
}

std::string web(const std::string& address) {
  return named("web", "service { addresses: '" + address +
                          "' ports { name: 'http' port: 80 protocol: PROTOCOL_TCP } "
                          "forwarding: FORWARDING_DIRECT }");
}

std::string web_endpoints(const std::string& address) {
  return named("web", "endpoint_set { service: 'web' endpoints { address: '" + address + "' } }");
}

}  // namespace heddle::server
