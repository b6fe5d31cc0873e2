#include "policy_service.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "rule_calls.h"
#include "tap.h"
#include "utf8.h"

namespace heddle::server {
namespace {

using Context = grpc::CallbackServerContext;
using UnaryReactor = grpc::ServerUnaryReactor;

grpc::Status busy() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests wait already; try again"};
}

// Over TLS the certificate says who it is, whatever the request says.
std::string author_of(const Context& context, const std::string& claimed) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return valid_utf8(claimed);
  const auto identity = auth->GetPeerIdentity();
  if (identity.empty()) return "?";
  return valid_utf8(std::string_view(identity.front().data(), identity.front().size()));
}

// One watcher: holds the newest status that it has not written yet.
//
// gRPC may call the next reaction from within StartWrite or Finish, up to OnDone, which deletes
// this. So no lock is held over them, and they come last in their functions.
class WatchReactor final : public grpc::ServerWriteReactor<v1::PolicyStatus> {
 public:
  explicit WatchReactor(Engine& engine) : engine_(engine) {}

  void begin() {
    watcher_ = engine_.watch([this](const v1::PolicyStatus& status) { offer(status); });
    // The state now: a change before this runs is told twice, and none is missed.
    const bool told =
        watcher_ && engine_.post([&engine = engine_, id = *watcher_] { engine.tell(id); });
    if (!told) finish(busy());
  }

  void OnWriteDone(bool ok) override {
    std::optional<grpc::Status> end;
    {
      const std::lock_guard lock(mutex_);
      if (!ok && !end_) end_ = grpc::Status::CANCELLED;
      end = end_;
      writing_ = !end && newest_;
      if (!end && !newest_) return;
      if (!end) written_ = std::move(*newest_);
      newest_.reset();
    }
    if (end)
      Finish(*end);
    else
      StartWrite(&written_);
  }
  void OnCancel() override { finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    if (watcher_) engine_.forget(*watcher_);
    delete this;
  }

 private:
  void offer(const v1::PolicyStatus& status) {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      if (writing_) {
        newest_ = status;
        return;
      }
      written_ = status;
      writing_ = true;
    }
    StartWrite(&written_);
  }
  // While a write is under way, its end finishes.
  void finish(const grpc::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      end_ = status;
      if (writing_) return;
    }
    Finish(status);
  }

  Engine& engine_;
  std::optional<uint64_t> watcher_;
  std::mutex mutex_;
  v1::PolicyStatus written_;
  std::optional<v1::PolicyStatus> newest_;
  bool writing_ = false;
  std::optional<grpc::Status> end_;  // set once
};

class PolicyService final : public v1::Policy::CallbackService {
 public:
  PolicyService(Engine& engine, NodeView& view, RunningTelemetry* telemetry)
      : engine_(engine), view_(view), telemetry_(telemetry) {}

  UnaryReactor* Apply(Context* context, const v1::ApplyRequest* request,
                      v1::ApplyResponse* response) override {
    UnaryReactor* reactor = context->DefaultReactor();
    ApplyJob job{.request = request,
                 .response = response,
                 .author = author_of(*context, request->author()),
                 .arrived = std::chrono::steady_clock::now(),
                 .done = [reactor](const grpc::Status& status) { reactor->Finish(status); }};
    if (!engine_.submit(std::move(job))) reactor->Finish(busy());
    return reactor;
  }

  UnaryReactor* Rollback(Context* context, const v1::RollbackRequest* request,
                         v1::ApplyResponse* response) override {
    UnaryReactor* reactor = context->DefaultReactor();
    ApplyJob job{.response = response,
                 .author = author_of(*context, request->author()),
                 .arrived = std::chrono::steady_clock::now(),
                 .done = [reactor](const grpc::Status& status) { reactor->Finish(status); }};
    const bool posted =
        engine_.post([request, job, &engine = engine_] { engine.rollback(*request, job); });
    if (!posted) reactor->Finish(busy());
    return reactor;
  }

  UnaryReactor* Get(Context* context, const v1::GetRequest* request,
                    v1::GetResponse* response) override {
    return on_engine(context, [=, &engine = engine_] { return engine.get(*request, *response); });
  }
  UnaryReactor* History(Context* context, const v1::HistoryRequest* request,
                        v1::HistoryResponse* response) override {
    return on_engine(context,
                     [=, &engine = engine_] { return engine.history(*request, *response); });
  }
  UnaryReactor* Explain(Context* context, const v1::ExplainRequest* request,
                        v1::ExplainResponse* response) override {
    return on_engine(context,
                     [=, &engine = engine_] { return engine.explain(*request, *response); });
  }
  UnaryReactor* Status(Context* context, const v1::StatusRequest*,
                       v1::PolicyStatus* response) override {
    return on_engine(context, [=, &engine = engine_] {
      *response = engine.status();
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListServices(Context* context, const v1::ListServicesRequest*,
                             v1::ListServicesResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_services(*response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListEndpoints(Context* context, const v1::ListEndpointsRequest* request,
                              v1::ListEndpointsResponse* response) override {
    return on_engine(context,
                     [=, &engine = engine_] { return engine.list_endpoints(*request, *response); });
  }
  UnaryReactor* ListRules(Context* context, const v1::ListRulesRequest* request,
                          v1::ListRulesResponse* response) override {
    return on_engine(context, [=, this] {
      list_rules(view_.request_totals(), *engine_.request_names(), request->times(), *response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListAccess(Context* context, const v1::ListAccessRequest*,
                           v1::ListAccessResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_access(*response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListBreakers(Context* context, const v1::ListBreakersRequest*,
                             v1::ListBreakersResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_breakers(*response);
      return grpc::Status::OK;
    });
  }

  UnaryReactor* ListOutliers(Context* context, const v1::ListOutliersRequest*,
                             v1::ListOutliersResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_outliers(*response);
      return grpc::Status::OK;
    });
  }

  UnaryReactor* ListJwtProviders(Context* context, const v1::ListJwtProvidersRequest*,
                                 v1::ListJwtProvidersResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_jwt_providers(*response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListLimits(Context* context, const v1::ListLimitsRequest*,
                           v1::ListLimitsResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_limits(*response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListClusters(Context* context, const v1::ListClustersRequest*,
                             v1::ListClustersResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_clusters(*response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* ListWorkloads(Context* context, const v1::ListWorkloadsRequest*,
                              v1::ListWorkloadsResponse* response) override {
    return on_engine(context, [=, &engine = engine_] {
      engine.list_workloads(*response);
      return grpc::Status::OK;
    });
  }
  UnaryReactor* Check(Context* context, const v1::CheckRequest*,
                      v1::CheckResponse* response) override {
    return on_engine(context, [=, this] {
      engine_.check(view_, *response);
      return grpc::Status::OK;
    });
  }
  grpc::ServerWriteReactor<v1::TappedRequest>* Tap(Context*,
                                                   const v1::TapRequest* request) override {
    return begin_tap(telemetry_, *request);
  }
  grpc::ServerWriteReactor<v1::PolicyStatus>* Watch(Context*, const v1::WatchRequest*) override {
    auto* reactor = new WatchReactor(engine_);
    reactor->begin();
    return reactor;
  }

 private:
  // gRPC keeps request and response until Finish.
  template <class Answer>
  UnaryReactor* on_engine(Context* context, Answer answer) {
    UnaryReactor* reactor = context->DefaultReactor();
    const bool posted =
        engine_.post([reactor, answer = std::move(answer)] { reactor->Finish(answer()); });
    if (!posted) reactor->Finish(busy());
    return reactor;
  }

  Engine& engine_;
  NodeView& view_;
  RunningTelemetry* telemetry_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_policy_service(Engine& engine, NodeView& view,
                                                   RunningTelemetry* telemetry) {
  return std::make_unique<PolicyService>(engine, view, telemetry);
}

}  // namespace heddle::server
