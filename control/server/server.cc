#include "server/server.h"

#include <grpc/grpc.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "acceptor.h"
#include "admin_service.h"
#include "policy_service.h"
#include "server/socket_file.h"
#include "tcp_listener.h"
#include "tls_files.h"

namespace heddle::server {
namespace {

// A whole policy in one Apply; the whole answer must fit into memory on both sides.
constexpr int kMaxRequestBytes = 16 << 20;
constexpr int kMaxAnswerBytes = 64 << 20;
constexpr size_t kMaxMemoryBytes = 256u << 20;
constexpr int kMaxHeaderBytes = 8 << 10;
constexpr size_t kMaxConnections = 64;
// On each connection; what comes on top waits at the client.
constexpr int kMaxConcurrentCalls = 32;
// A client that connects and says nothing, and one that has nothing more to ask.
constexpr int kHandshakeMs = 5'000;
constexpr int kConnectionIdleMs = 300'000;
// How long a running call may take to finish when the server stops.
constexpr auto kStopGrace = std::chrono::milliseconds(500);

// One way in: our own accepting, with its own bound, and gRPC behind it.
struct Listener {
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections;
  std::unique_ptr<Acceptor> acceptor;

  Result<> accept_from(int fd) {
    acceptor = std::make_unique<Acceptor>(fd, kMaxConnections, [this](int connection_fd) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
      connection.fd = connection_fd;
      connections->HandleNewConnection(&connection);
    });
    return acceptor->start();
  }
};

class GrpcServer final : public Server {
 public:
  // There is one kind of engine, and of telemetry.
  GrpcServer(SocketFile file, NodeView& view, const ServerOptions& options)
      : file_(std::move(file)),
        admin_(make_admin_service(view, static_cast<Engine*>(options.engine))) {
    if (options.engine != nullptr)
      policy_ = make_policy_service(static_cast<Engine&>(*options.engine), view,
                                    static_cast<RunningTelemetry*>(options.telemetry));
  }
  ~GrpcServer() override {
    local_.acceptor.reset();
    tls_.acceptor.reset();
    if (grpc_ != nullptr) grpc_->Shutdown(std::chrono::system_clock::now() + kStopGrace);
  }

  Result<> listen(const std::optional<TlsListener>& tls) {
    grpc::ServerBuilder builder;
    std::shared_ptr<grpc::ServerCredentials> tls_credentials;
    if (tls) {
      auto credentials = make_tls_credentials(*tls);
      if (!credentials) return std::unexpected(credentials.error());
      tls_credentials = std::move(*credentials);
    }
    builder.RegisterService(admin_.get());
    if (policy_ != nullptr) builder.RegisterService(policy_.get());
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.SetMaxSendMessageSize(kMaxAnswerBytes);
    builder.SetResourceQuota(grpc::ResourceQuota("heddled").Resize(kMaxMemoryBytes));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentCalls);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxHeaderBytes);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kConnectionIdleMs);
    using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
    local_.connections = builder.experimental().AddExternalConnectionAcceptor(
        Type::FROM_FD, grpc::InsecureServerCredentials());
    if (tls)
      tls_.connections =
          builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, tls_credentials);
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr) return fail("gRPC's server does not start");
    if (tls) {
      const auto listening = listen_on_tcp(tls->address, "gRPC");
      if (!listening) return std::unexpected(listening.error());
      HEDDLE_TRY(tls_.accept_from(*listening));
    }
    const auto listening = file_.listen();
    if (!listening) return std::unexpected(listening.error());
    return local_.accept_from(*listening);
  }

 private:
  // In this order: the claim on the path outlives all else, and the service its server.
  SocketFile file_;
  std::unique_ptr<grpc::Service> admin_, policy_;
  std::unique_ptr<grpc::Server> grpc_;
  Listener local_, tls_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(SocketFile socket, NodeView& view,
                                              const ServerOptions& options) {
  auto server = std::make_unique<GrpcServer>(std::move(socket), view, options);
  HEDDLE_TRY(server->listen(options.tls));
  return server;
}

Result<std::unique_ptr<Server>> Server::start(const std::string& path, NodeView& view) {
  auto socket = SocketFile::claim(path);
  if (!socket) return std::unexpected(socket.error());
  return start(std::move(*socket), view);
}

}  // namespace heddle::server
