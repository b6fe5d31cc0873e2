// Client: one heddled, asked over its Unix socket or over TLS. gRPC stays in client.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "heddle/v1/admin.pb.h"
#include "heddle/v1/policy.pb.h"
#include "outcome.h"
#include "target.h"

namespace heddle::cli {

inline constexpr double kDefaultTimeout = 5;

class Client {
 public:
  // Each call may take as long as `options` say, or else `default_timeout`, in seconds.
  static Reply<Client> make(const ServerOptions& options, double default_timeout = kDefaultTimeout);

  Client(Client&&) noexcept;
  Client& operator=(Client&&) = delete;
  ~Client();

  Reply<v1::VersionResponse> version();
  Reply<v1::ListPortsResponse> ports();
  Reply<v1::ListWorkersResponse> workers();
  Reply<v1::GetGraphResponse> graph();
  Reply<v1::ListDropsResponse> drops();
  Reply<v1::ListNeighborsResponse> neighbors();
  Reply<v1::ListRoutesResponse> routes();
  Reply<v1::ListFlowsResponse> flows(const v1::ListFlowsRequest& request);
  Reply<v1::FlushFlowsResponse> flush_flows(const v1::FlushFlowsRequest& request);
  Reply<v1::ListPeersResponse> peers(const v1::ListPeersRequest& request);
  Reply<v1::ListConnectionsResponse> connections(const v1::ListConnectionsRequest& request);
  Reply<v1::ListListenersResponse> listeners();
  Reply<v1::ListTcpCountersResponse> tcp_counters();
  Reply<v1::ListTlsCountersResponse> tls_counters();
  Reply<v1::ListSecretsResponse> secrets();

  Reply<v1::ApplyResponse> apply(const v1::ApplyRequest& request);
  Reply<v1::GetResponse> get(const v1::GetRequest& request);
  Reply<v1::HistoryResponse> history(const v1::HistoryRequest& request);
  Reply<v1::ApplyResponse> rollback(const v1::RollbackRequest& request);
  Reply<v1::PolicyStatus> status();
  Reply<v1::ExplainResponse> explain(const v1::ExplainRequest& request);
  Reply<v1::ListServicesResponse> services();
  Reply<v1::ListEndpointsResponse> endpoints(const v1::ListEndpointsRequest& request);
  Reply<v1::ListRulesResponse> rules(const v1::ListRulesRequest& request);
  Reply<v1::ListAccessResponse> access();
  Reply<v1::ListBreakersResponse> breakers();
  Reply<v1::ListOutliersResponse> outliers();
  Reply<v1::ListJwtProvidersResponse> jwt_providers();
  Reply<v1::ListLimitsResponse> limits();
  Reply<v1::ListClustersResponse> clusters();
  Reply<v1::ListWorkloadsResponse> workloads();
  Reply<v1::CheckResponse> check();
  // As watch(), until heddled has told as many as were asked for.
  Reply<void> tap(const v1::TapRequest& request,
                  const std::function<bool(const v1::TappedRequest&)>& take);
  // Hands each status to `take` until that returns false or heddled ends the stream. Has no
  // deadline.
  Reply<void> watch(const std::function<bool(const v1::PolicyStatus&)>& take);

 private:
  struct Connection;
  explicit Client(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace heddle::cli
