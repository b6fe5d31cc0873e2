#include "client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "heddle/v1/admin.grpc.pb.h"
#include "server/unix_socket.h"

namespace heddle::cli {
namespace {

constexpr int kMaxAnswerBytes = 64 << 20;

// Why nothing could be sent, in the words of the system rather than gRPC's.
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

}  // namespace

struct Client::Connection {
  std::string path, server;
  double timeout_seconds;
  std::unique_ptr<v1::Admin::Stub> stub;

  template <class Request, class Response>
  Reply<Response> call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*)) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::microseconds(std::llround(timeout_seconds * 1e6)));
    Response response;
    const grpc::Status status = ((*stub).*method)(&context, Request{}, &response);
    if (status.ok()) return response;
    return std::unexpected(failure(status));
  }

  Failure failure(const grpc::Status& status) const {
    switch (status.error_code()) {
      case grpc::StatusCode::UNAVAILABLE:
        return {kUnreachable, fmt::format("cannot reach heddled at {}: {}", server,
                                          explain_unreachable(path, status.error_message()))};
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return {kUnreachable, fmt::format("heddled at {} did not answer within {} s (--timeout)",
                                          server, timeout_seconds)};
      case grpc::StatusCode::UNIMPLEMENTED:
        return {kRefused, fmt::format("heddled at {} does not know this request: it is of "
                                      "another version than heddlectl (heddlectl version)",
                                      server)};
      default:
        return {kRefused,
                fmt::format("heddled at {} refused: {} (gRPC status {})", server,
                            status.error_message(), static_cast<int>(status.error_code()))};
    }
  }
};

Reply<std::string> parse_server(const std::string& server) {
  const auto refuse = [](std::string why) {
    return std::unexpected(Failure{kUsage, std::move(why)});
  };
  constexpr std::string_view kScheme = "unix:";
  if (!server.starts_with(kScheme))
    return refuse(fmt::format("expected unix:PATH, not '{}'", server));
  std::string path = server.substr(kScheme.size());
  if (path.starts_with("//")) {
    path.erase(0, 2);
    if (!path.starts_with('/'))
      return refuse(fmt::format("expected unix:PATH or unix:///PATH, not '{}'", server));
  }
  if (const auto checked = server::check_socket_path(path); !checked)
    return refuse(checked.error().text);
  return path;
}

Reply<Client> Client::make(const std::string& server, double timeout_seconds) {
  auto path = parse_server(server);
  if (!path) return std::unexpected(path.error());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel = grpc::CreateCustomChannel(server::grpc_target(*path),
                                                 grpc::InsecureChannelCredentials(), arguments);
  return Client(std::make_unique<Connection>(std::move(*path), server, timeout_seconds,
                                             v1::Admin::NewStub(channel)));
}

Client::Client(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

Reply<v1::VersionResponse> Client::version() {
  return connection_->call(&v1::Admin::Stub::Version);
}
Reply<v1::ListPortsResponse> Client::ports() {
  return connection_->call(&v1::Admin::Stub::ListPorts);
}
Reply<v1::ListWorkersResponse> Client::workers() {
  return connection_->call(&v1::Admin::Stub::ListWorkers);
}
Reply<v1::GetGraphResponse> Client::graph() {
  return connection_->call(&v1::Admin::Stub::GetGraph);
}
Reply<v1::ListDropsResponse> Client::drops() {
  return connection_->call(&v1::Admin::Stub::ListDrops);
}
Reply<v1::ListNeighborsResponse> Client::neighbors() {
  return connection_->call(&v1::Admin::Stub::ListNeighbors);
}
Reply<v1::ListRoutesResponse> Client::routes() {
  return connection_->call(&v1::Admin::Stub::ListRoutes);
}

}  // namespace heddle::cli
