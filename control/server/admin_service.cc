#include "admin_service.h"

#include <chrono>
#include <future>

#include "connection_calls.h"
#include "convert.h"
#include "desk.h"
#include "flow_calls.h"
#include "heddle/v1/admin.grpc.pb.h"
#include "peer_calls.h"

namespace heddle::server {
namespace {

// Of one walk over all flows, however long the caller would wait.
constexpr auto kLongestWalk = std::chrono::seconds(30);

// Calls are answered where they arrive, on gRPC's own threads, but for those that walk over all
// flows or connections, or need the names of services. The callback interface holds no thread while
// a slow client takes its answer, which the synchronous one would.
class AdminService final : public v1::Admin::CallbackService {
 public:
  AdminService(NodeView& view, Engine* engine) : view_(view), engine_(engine) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* Version(Context* context, const v1::VersionRequest*,
                   v1::VersionResponse* response) override {
    return answer(context, view_.version(), response);
  }
  Reactor* ListPorts(Context* context, const v1::ListPortsRequest*,
                     v1::ListPortsResponse* response) override {
    return answer(context, view_.ports(), response);
  }
  Reactor* ListWorkers(Context* context, const v1::ListWorkersRequest*,
                       v1::ListWorkersResponse* response) override {
    return answer(context, view_.workers(), response);
  }
  Reactor* GetGraph(Context* context, const v1::GetGraphRequest*,
                    v1::GetGraphResponse* response) override {
    return answer(context, view_.graph(), response);
  }
  Reactor* ListDrops(Context* context, const v1::ListDropsRequest*,
                     v1::ListDropsResponse* response) override {
    return answer(context, view_.drops(), response);
  }
  Reactor* ListNeighbors(Context* context, const v1::ListNeighborsRequest*,
                         v1::ListNeighborsResponse* response) override {
    return answer(context, view_.neighbors(), response);
  }
  Reactor* ListRoutes(Context* context, const v1::ListRoutesRequest*,
                      v1::ListRoutesResponse* response) override {
    return answer(context, view_.routes(), response);
  }
  Reactor* ListFlows(Context* context, const v1::ListFlowsRequest* request,
                     v1::ListFlowsResponse* response) override {
    return walk(context, list_flows, request, response);
  }
  Reactor* FlushFlows(Context* context, const v1::FlushFlowsRequest* request,
                      v1::FlushFlowsResponse* response) override {
    return walk(context, flush_flows, request, response);
  }
  Reactor* ListConnections(Context* context, const v1::ListConnectionsRequest* request,
                           v1::ListConnectionsResponse* response) override {
    return walk(context, list_connections, request, response);
  }
  Reactor* ListListeners(Context* context, const v1::ListListenersRequest* request,
                         v1::ListListenersResponse* response) override {
    return walk(context, list_listeners, request, response);
  }
  Reactor* ListPeers(Context* context, const v1::ListPeersRequest* request,
                     v1::ListPeersResponse* response) override {
    return walk(context, list_peers, request, response);
  }
  Reactor* ListTcpCounters(Context* context, const v1::ListTcpCountersRequest*,
                           v1::ListTcpCountersResponse* response) override {
    return answer(context, view_.tcp_counters(), response);
  }
  Reactor* ListTlsCounters(Context* context, const v1::ListTlsCountersRequest*,
                           v1::ListTlsCountersResponse* response) override {
    return answer(context, view_.tls_counters(), response);
  }
  Reactor* ListSecrets(Context* context, const v1::ListSecretsRequest*,
                       v1::ListSecretsResponse* response) override {
    Reactor* reactor = context->DefaultReactor();
    const auto work = [=, this] {
      engine_->list_secrets(*response);
      reactor->Finish(grpc::Status::OK);
    };
    if (engine_ == nullptr)
      reactor->Finish(grpc::Status::OK);
    else if (!engine_->post(work))
      reactor->Finish(busy());
    return reactor;
  }

 private:
  template <class Value, class Response>
  static Reactor* answer(Context* context, const Value& value, Response* response) {
    convert(value, *response);
    Reactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  // At the desk; who goes away, or waits no longer, ends it.
  template <class Call, class Request, class Response>
  Reactor* walk(Context* context, Call call, const Request* request, Response* response) {
    Reactor* reactor = context->DefaultReactor();
    const auto work = [=, this] {
      FlowNames names;
      if (const grpc::Status status = take_names(names); !status.ok())
        return reactor->Finish(status);
      const auto end = std::chrono::steady_clock::now() + kLongestWalk;
      const GoOn go_on = [=] {
        return !context->IsCancelled() && std::chrono::steady_clock::now() < end;
      };
      reactor->Finish(call(view_, names, go_on, *request, *response));
    };
    if (!desk_.post(work)) reactor->Finish(busy());
    return reactor;
  }

  grpc::Status take_names(FlowNames& names) {
    if (engine_ == nullptr) return grpc::Status::OK;
    std::promise<void> done;
    const bool posted = engine_->post([&] {
      names = engine_->flow_names();
      done.set_value();
    });
    if (!posted) return busy();
    done.get_future().wait();
    return grpc::Status::OK;
  }

  static grpc::Status busy() {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many requests wait already; try again"};
  }

  NodeView& view_;
  Engine* engine_;
  Desk desk_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_admin_service(NodeView& view, Engine* engine) {
  return std::make_unique<AdminService>(view, engine);
}

}  // namespace heddle::server
