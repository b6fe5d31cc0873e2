// Engine: the PolicyEngine, as the gRPC service sees it.
//
// Threads: submit(), post() and watch() may be called from any; everything else runs on the
// engine's own, which therefore needs no lock around model, content and store.
#pragma once

#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <ranges>
#include <set>
#include <thread>
#include <variant>
#include <vector>

#include "core/time.h"
#include "file_watch.h"
#include "heddle/v1/admin.pb.h"
#include "heddle/v1/policy.pb.h"
#include "key_seal.h"
#include "request_names.h"
#include "server/policy_engine.h"
#include "store/store.h"

namespace heddle::server {

using SteadyTime = std::chrono::steady_clock::time_point;

// What the model knows as time.
inline Instant steady_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

// "shop/cart", "gateway shop/cart": a Gateway may have the name of a Service.
std::string full_name(policy::Kind kind, const std::string& path);

// What frontend slots of flows mean to people.
struct FlowNames {
  struct Name {
    std::string service;  // "shop/cart"
    std::string port;     // "http"
    policy::Kind kind = policy::Kind::kService;
  };
  std::vector<Name> by_slot;  // with an empty service: nobody's

  std::string text(uint32_t slot) const;  // "shop/cart:http", "gateway shop/web:http", or nothing
};

// For metrics. Of endpoints a bounded number.
struct EndpointFacts {
  v1::ListEndpointsResponse told;
  uint64_t left_out = 0;
};
struct EngineFacts {
  v1::PolicyStatus status;
  v1::ListServicesResponse services;
  v1::ListAccessResponse access;
  v1::ListWorkloadsResponse workloads;
  v1::ListJwtProvidersResponse jwt;
  v1::ListLimitsResponse limits;
  EndpointFacts endpoints;
};

// The messages are gRPC's and live until `done` is called, which happens once.
struct ApplyJob {
  const v1::ApplyRequest* request = nullptr;
  v1::ApplyResponse* response = nullptr;
  std::string author;
  uint64_t content_of = 0;  // a rollback's
  SteadyTime arrived;
  std::function<void(const grpc::Status&)> done;
};

class Findings;  // node_check.h
class NodeView;
class Telling;  // engine_explain.cc

class Engine final : public PolicyEngine {
 public:
  static Result<std::unique_ptr<Engine>> open(PolicyOptions options);
  ~Engine() override;

  policy::Compiled restored() const override { return compiled_; }
  uint64_t version() const override { return version_; }
  // Any thread: the version that was handed to the workers last.
  uint64_t published() const { return published_.load(std::memory_order_acquire); }
  Result<> start(PolicyTarget& target) override;

  // False when too much waits already; the job was not taken.
  bool submit(ApplyJob job);
  // Runs something on the engine's thread. False as above.
  bool post(std::function<void()> work);

  // On the engine's thread.
  void rollback(const v1::RollbackRequest& request, ApplyJob job);
  grpc::Status get(const v1::GetRequest& request, v1::GetResponse& response) const;
  grpc::Status history(const v1::HistoryRequest& request, v1::HistoryResponse& response);
  grpc::Status explain(const v1::ExplainRequest& request, v1::ExplainResponse& response) const;
  void list_services(v1::ListServicesResponse& response);
  grpc::Status list_endpoints(const v1::ListEndpointsRequest& request,
                              v1::ListEndpointsResponse& response);
  void list_access(v1::ListAccessResponse& response) const;
  void list_breakers(v1::ListBreakersResponse& response) const;
  void list_outliers(v1::ListOutliersResponse& response) const;
  void list_jwt_providers(v1::ListJwtProvidersResponse& response) const;
  void list_limits(v1::ListLimitsResponse& response) const;
  void list_secrets(v1::ListSecretsResponse& response) const;
  void reload_files();  // what has changed in files is put into effect
  FlowNames flow_names() const;
  std::shared_ptr<const RequestNames> request_names() const;
  EngineFacts facts();
  void list_clusters(v1::ListClustersResponse& response) const;
  void list_workloads(v1::ListWorkloadsResponse& response) const;
  void list_networks(v1::ListWorkloadsResponse& response) const;
  void check(NodeView& view, v1::CheckResponse& response) const;
  v1::PolicyStatus status();

  // `offer` gets the status now and at each change, on the engine's thread, until forget().
  using Offer = std::function<void(const v1::PolicyStatus&)>;
  std::optional<uint64_t> watch(Offer offer);  // none: too many watch already
  void forget(uint64_t watcher);               // when it returns, `offer` runs no more
  void tell(uint64_t watcher);                 // on the engine's thread: offers the status now

 private:
  using Work = std::variant<ApplyJob, std::function<void()>>;
  // The policy as it was applied: the serialized v1::Resource of each key, private keys sealed.
  using Content = std::map<policy::Key, std::string>;

  // An Apply that the model has taken and the disk has not.
  struct Staged {
    ApplyJob job;
    store::Commit commit;
  };

  explicit Engine(PolicyOptions options);
  Result<> restore();
  void run();
  bool enqueue(Work work, size_t bytes);

  Result<std::string> to_kept(const v1::Resource& message, const policy::Key& key, bool dry_run);
  Result<> open_key(v1::Resource& message);                         // where it is sealed
  std::ranges::subrange<Content::const_iterator> material() const;  // Secrets, TrustBundles
  void note_material(const std::vector<store::Commit>& commits);
  void watch_files();
  bool reload(const policy::Key& key);
  bool reload_failed(const policy::Key& key, const std::string& text);
  std::vector<std::string> services_with(const policy::Key& material) const;
  void log(const std::string& text) const;

  void check_certificates(int64_t now, Findings& findings) const;
  void check_identities(int64_t now, Findings& findings) const;
  std::string identity_of(const policy::Flow& flow) const;
  void tell_outbound(const policy::Flow& flow, Telling& telling) const;
  std::string explain_routed(const policy::Flow& asked, Telling& telling) const;
  void name_sender(const policy::Flow& flow, Telling& telling) const;
  std::string explain_service(const policy::Flow& asked, const v1::ExplainRequest& request,
                              Telling& telling) const;

  void apply(ApplyJob job);
  bool collect(const v1::ApplyRequest& request, std::vector<policy::Edit>& edits,
               std::vector<store::Change>& changes, v1::ApplyResponse& response);
  void add_upsert(const v1::ApplyRequest& request, int index, std::vector<policy::Edit>& edits,
                  std::vector<store::Change>& changes, v1::ApplyResponse& response);
  void add_delete(const v1::ApplyRequest& request, int index, std::vector<policy::Edit>& edits,
                  std::vector<store::Change>& changes, v1::ApplyResponse& response) const;
  void refuse(const ApplyJob& job, const grpc::Status& status);
  void refuse_problems(const ApplyJob& job);
  void stage(ApplyJob job, std::vector<store::Change> changes);
  void dry_run(const ApplyJob& job, const std::vector<store::Change>& changes);
  bool flush();  // false: the disk refused, and what was staged is gone
  void publish();
  void look_after();
  void let_drained_go();
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void wait_until_live() const;
  void note_fresh_slots();
  void tell_endpoints(const std::vector<policy::Model::EndpointName>& names,
                      v1::ListEndpointsResponse& response) const;
  bool wait_until_swept(uint32_t generation) const;
  void tell_cut(v1::ApplyResponse& response) const;
  void tell_watchers();
  void offer_to(uint64_t watcher, const v1::PolicyStatus& status);

  PolicyOptions options_;
  policy::Model model_;
  std::unique_ptr<store::Store> store_;
  Content content_;
  KeySeal seal_;
  policy::Compiled compiled_;
  uint64_t version_ = 0;  // that is stored and published
  std::atomic<uint64_t> published_{0};
  store::Version current_;
  PolicyTarget* target_ = nullptr;

  std::vector<Staged> staged_;
  // What slots had counted at the time when they were given; of endpoints only what was not 0.
  std::map<uint32_t, FrontendCounts> baselines_;
  std::map<uint32_t, EndpointCounts> endpoint_baselines_;
  std::map<uint32_t, AccessCounts> access_baselines_;
  std::map<uint32_t, JwtCounts> jwt_baselines_;
  std::map<uint32_t, uint64_t> network_baselines_;
  // Flows and requests that had been cut when the last version was installed.
  uint64_t cut_before_ = 0, requests_cut_before_ = 0;
  uint64_t applied_ = 0, refused_ = 0;
  std::string last_refusal_, store_error_;
  std::chrono::microseconds install_time_{};

  std::map<policy::Key, std::string> file_problems_;  // of files that could not be taken
  uint64_t reloads_ = 0, failed_reloads_ = 0;
  std::unique_ptr<FileWatch> file_watch_;  // none while no file is named

  std::recursive_mutex watching_;  // see offer_to()
  std::map<uint64_t, Offer> watchers_;
  uint64_t next_watcher_ = 1;

  std::mutex queue_mutex_;
  std::condition_variable queue_filled_;
  std::deque<std::pair<Work, size_t>> queue_;
  size_t queued_bytes_ = 0;
  bool stopping_ = false;
  bool trim_due_ = false;  // the engine's thread alone
  std::thread thread_;
};

// Maps in a fixed order, so that equal resources have equal bytes.
std::string serialize(const v1::Resource& resource);

// Secret or TrustBundle.
bool is_material(policy::Kind kind);

// What a change says to people: the counts, and the first of them in full.
void describe_changes(const std::vector<store::Change>& changes, v1::ApplyResponse& response);
void describe_changes(const std::vector<store::Change>& changes, v1::Version& version);

}  // namespace heddle::server
