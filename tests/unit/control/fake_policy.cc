#include "fake_policy.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "heddle/v1/policy.grpc.pb.h"
#include "server/unix_socket.h"

namespace heddle::test {
namespace {

using grpc::ServerContext;

class Service final : public v1::Policy::Service {
 public:
  explicit Service(PolicyAnswers& answers) : answers_(answers) {}

  grpc::Status Apply(ServerContext*, const v1::ApplyRequest* request,
                     v1::ApplyResponse* response) override {
    return answer(answers_.apply, response, *request);
  }
  grpc::Status Get(ServerContext*, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    return answer(answers_.get, response, *request);
  }
  grpc::Status History(ServerContext*, const v1::HistoryRequest* request,
                       v1::HistoryResponse* response) override {
    return answer(answers_.history, response, *request);
  }
  grpc::Status Rollback(ServerContext*, const v1::RollbackRequest* request,
                        v1::ApplyResponse* response) override {
    return answer(answers_.rollback, response, *request);
  }
  grpc::Status Status(ServerContext*, const v1::StatusRequest*,
                      v1::PolicyStatus* response) override {
    return answer(answers_.status, response);
  }
  grpc::Status Watch(ServerContext*, const v1::WatchRequest*,
                     grpc::ServerWriter<v1::PolicyStatus>* writer) override {
    for (const v1::PolicyStatus& status : answers_.watched) writer->Write(status);
    return refusal();
  }
  grpc::Status Explain(ServerContext*, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    return answer(answers_.explain, response, *request);
  }
  grpc::Status ListServices(ServerContext*, const v1::ListServicesRequest*,
                            v1::ListServicesResponse* response) override {
    return answer(answers_.services, response);
  }
  grpc::Status ListAccess(ServerContext*, const v1::ListAccessRequest*,
                          v1::ListAccessResponse* response) override {
    return answer(answers_.access, response);
  }
  grpc::Status ListJwtProviders(ServerContext*, const v1::ListJwtProvidersRequest*,
                                v1::ListJwtProvidersResponse* response) override {
    return answer(answers_.jwt, response);
  }
  grpc::Status ListLimits(ServerContext*, const v1::ListLimitsRequest*,
                          v1::ListLimitsResponse* response) override {
    return answer(answers_.limits, response);
  }
  grpc::Status ListEndpoints(ServerContext*, const v1::ListEndpointsRequest* request,
                             v1::ListEndpointsResponse* response) override {
    return answer(answers_.endpoints, response, *request);
  }

 private:
  grpc::Status refusal() const {
    if (answers_.refusal.empty()) return grpc::Status::OK;
    return {grpc::StatusCode::FAILED_PRECONDITION, answers_.refusal};
  }

  template <class Answer, class Response, class... Request>
  grpc::Status answer(const Answer& answer, Response* response, const Request&... request) const {
    if (answer) *response = answer(request...);
    return refusal();
  }

  PolicyAnswers& answers_;
};

}  // namespace

struct FakePolicy::Server {
  explicit Server(PolicyAnswers& answers) : service(answers) {}
  ~Server() {
    if (grpc != nullptr) grpc->Shutdown(std::chrono::system_clock::now());
  }

  void start(const std::string& address, const std::shared_ptr<grpc::ServerCredentials>& how) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    builder.SetMaxReceiveMessageSize(64 << 20);
    builder.AddListeningPort(address, how, &port);
    grpc = builder.BuildAndStart();
  }

  Service service;
  std::unique_ptr<grpc::Server> grpc;
  int port = 0;
};

FakePolicy::FakePolicy(const std::string& unix_path, PolicyAnswers& answers)
    : server_(std::make_unique<Server>(answers)) {
  server_->start(server::grpc_target(unix_path), grpc::InsecureServerCredentials());
}

FakePolicy::FakePolicy(const ServerPem& pem, PolicyAnswers& answers)
    : server_(std::make_unique<Server>(answers)) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = pem.client_ca;
  options.pem_key_cert_pairs.push_back({.private_key = pem.key, .cert_chain = pem.cert});
  server_->start("127.0.0.1:0", grpc::SslServerCredentials(options));
}

FakePolicy::~FakePolicy() = default;

int FakePolicy::port() const { return server_->port; }

}  // namespace heddle::test
