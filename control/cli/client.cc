#include "client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include "heddle/v1/admin.grpc.pb.h"
#include "heddle/v1/policy.grpc.pb.h"
#include "server/unix_socket.h"
#include "table.h"

namespace heddle::cli {
namespace {

constexpr int kMaxAnswerBytes = 64 << 20;

// Why nothing could be sent over a Unix socket, in the words of the system rather than gRPC's.
std::string explain_unreachable(const std::string& path, const std::string& details) {
  switch (const int failed = server::probe_unix_socket(path)) {
    case 0:
      return fmt::format("something listens there, but the connection failed ({})", details);
    case ENOENT:
    case ENOTDIR:
      return "no such socket; is heddled running? (--server)";
    case ECONNREFUSED:
      return "nobody listens there; is heddled running? (--server)";
    case EACCES:
    case EPERM:
      return "permission denied; the socket is for heddled's own user alone";
    default:
      return std::strerror(failed);
  }
}

// gRPC wraps the reason of the last address that it tried.
std::string last_error(const std::string& details) {
  constexpr std::string_view kLast = "last error: ";
  const size_t at = details.find(kLast);
  return printable(at == std::string::npos ? details : details.substr(at + kLast.size()));
}

std::shared_ptr<grpc::ChannelCredentials> credentials(const Target& target, TlsPem pem) {
  if (!target.unix_path.empty()) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = std::move(pem.ca),
                               .pem_private_key = std::move(pem.key),
                               .pem_cert_chain = std::move(pem.cert)});
}

std::string grpc_target(const Target& target) {
  if (!target.unix_path.empty()) return server::grpc_target(target.unix_path);
  const bool v6 = target.host.find(':') != std::string::npos;
  return fmt::format("dns:///{}{}{}:{}", v6 ? "[" : "", target.host, v6 ? "]" : "", target.port);
}

}  // namespace

struct Client::Connection {
  Target target;
  std::string server;  // as it was given
  double timeout_seconds;
  std::unique_ptr<v1::Admin::Stub> admin;
  std::unique_ptr<v1::Policy::Stub> policy;

  template <class Stub, class Request, class Response>
  Reply<Response> call(const std::unique_ptr<Stub>& stub,
                       grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
                       const Request& request = {}) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::microseconds(std::llround(timeout_seconds * 1e6)));
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (status.ok()) return response;
    return std::unexpected(failure(status));
  }

  std::string unreachable(const grpc::Status& status) const {
    if (target.unix_path.empty()) return last_error(status.error_message());
    return explain_unreachable(target.unix_path, status.error_message());
  }

  Failure failure(const grpc::Status& status) const {
    switch (status.error_code()) {
      case grpc::StatusCode::UNAVAILABLE:
        return {kUnreachable,
                fmt::format("cannot reach heddled at {}: {}", server, unreachable(status))};
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return {kUnreachable, fmt::format("heddled at {} did not answer within {} s (--timeout)",
                                          server, timeout_seconds)};
      case grpc::StatusCode::UNIMPLEMENTED:
        return {kRefused, fmt::format("heddled at {} does not know this request: it is of "
                                      "another version than heddlectl (heddlectl version)",
                                      server)};
      default:
        return {kRefused, fmt::format("heddled at {} refused: {}", server,
                                      printable(status.error_message()))};
    }
  }
};

Reply<Client> Client::make(const ServerOptions& options, double default_timeout) {
  auto target = parse_server(options.address);
  if (!target) return std::unexpected(target.error());
  auto pem = read_tls(*target, options);
  if (!pem) return std::unexpected(pem.error());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  const auto channel = grpc::CreateCustomChannel(grpc_target(*target),
                                                 credentials(*target, std::move(*pem)), arguments);
  const double timeout = options.timeout_seconds > 0 ? options.timeout_seconds : default_timeout;
  return Client(std::make_unique<Connection>(std::move(*target), options.address, timeout,
                                             v1::Admin::NewStub(channel),
                                             v1::Policy::NewStub(channel)));
}

Client::Client(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Reply<v1::VersionResponse> Client::version() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::Version);
}
Reply<v1::ListPortsResponse> Client::ports() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListPorts);
}
Reply<v1::ListWorkersResponse> Client::workers() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListWorkers);
}
Reply<v1::GetGraphResponse> Client::graph() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::GetGraph);
}
Reply<v1::ListDropsResponse> Client::drops() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListDrops);
}
Reply<v1::ListNeighborsResponse> Client::neighbors() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListNeighbors);
}
Reply<v1::ListRoutesResponse> Client::routes() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListRoutes);
}

Reply<v1::ListFlowsResponse> Client::flows(const v1::ListFlowsRequest& request) {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListFlows, request);
}
Reply<v1::FlushFlowsResponse> Client::flush_flows(const v1::FlushFlowsRequest& request) {
  return connection_->call(connection_->admin, &v1::Admin::Stub::FlushFlows, request);
}
Reply<v1::ListPeersResponse> Client::peers(const v1::ListPeersRequest& request) {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListPeers, request);
}
Reply<v1::ListConnectionsResponse> Client::connections(const v1::ListConnectionsRequest& request) {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListConnections, request);
}
Reply<v1::ListListenersResponse> Client::listeners() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListListeners);
}
Reply<v1::ListTcpCountersResponse> Client::tcp_counters() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListTcpCounters);
}
Reply<v1::ListTlsCountersResponse> Client::tls_counters() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListTlsCounters);
}
Reply<v1::ListSecretsResponse> Client::secrets() {
  return connection_->call(connection_->admin, &v1::Admin::Stub::ListSecrets);
}

Reply<v1::ApplyResponse> Client::apply(const v1::ApplyRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::Apply, request);
}
Reply<v1::GetResponse> Client::get(const v1::GetRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::Get, request);
}
Reply<v1::HistoryResponse> Client::history(const v1::HistoryRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::History, request);
}
Reply<v1::ApplyResponse> Client::rollback(const v1::RollbackRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::Rollback, request);
}
Reply<v1::ExplainResponse> Client::explain(const v1::ExplainRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::Explain, request);
}
Reply<v1::PolicyStatus> Client::status() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::Status);
}
Reply<v1::ListServicesResponse> Client::services() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListServices);
}
Reply<v1::ListEndpointsResponse> Client::endpoints(const v1::ListEndpointsRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListEndpoints, request);
}

Reply<v1::ListRulesResponse> Client::rules(const v1::ListRulesRequest& request) {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListRules, request);
}
Reply<v1::ListAccessResponse> Client::access() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListAccess);
}
Reply<v1::ListBreakersResponse> Client::breakers() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListBreakers);
}
Reply<v1::ListOutliersResponse> Client::outliers() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListOutliers);
}
Reply<v1::ListJwtProvidersResponse> Client::jwt_providers() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListJwtProviders);
}
Reply<v1::ListLimitsResponse> Client::limits() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListLimits);
}
Reply<v1::ListClustersResponse> Client::clusters() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListClusters);
}

Reply<v1::ListWorkloadsResponse> Client::workloads() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::ListWorkloads);
}

Reply<v1::CheckResponse> Client::check() {
  return connection_->call(connection_->policy, &v1::Policy::Stub::Check);
}

Reply<void> Client::tap(const v1::TapRequest& request,
                        const std::function<bool(const v1::TappedRequest&)>& take) {
  grpc::ClientContext context;
  const auto reader = connection_->policy->Tap(&context, request);
  bool wanted = true;
  for (v1::TappedRequest each; wanted && reader->Read(&each);) wanted = take(each);
  if (!wanted) context.TryCancel();
  const grpc::Status end = reader->Finish();
  if (!wanted || end.ok()) return {};
  return std::unexpected(connection_->failure(end));
}

Reply<void> Client::watch(const std::function<bool(const v1::PolicyStatus&)>& take) {
  grpc::ClientContext context;
  const auto reader = connection_->policy->Watch(&context, v1::WatchRequest{});
  bool wanted = true;
  for (v1::PolicyStatus status; wanted && reader->Read(&status);) wanted = take(status);
  if (!wanted) context.TryCancel();
  const grpc::Status end = reader->Finish();
  if (!wanted || end.ok()) return {};
  return std::unexpected(connection_->failure(end));
}

}  // namespace heddle::cli
