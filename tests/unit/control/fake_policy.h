// A Policy service that answers as the test says, on a Unix socket or with TLS.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "heddle/v1/policy.pb.h"

namespace heddle::test {

// Answers; those that a test does not set are empty. An answer's refusal, where it is not empty,
// takes its place: gRPC's FAILED_PRECONDITION with this text.
struct PolicyAnswers {
  std::function<v1::ApplyResponse(const v1::ApplyRequest&)> apply;
  std::function<v1::GetResponse(const v1::GetRequest&)> get;
  std::function<v1::HistoryResponse(const v1::HistoryRequest&)> history;
  std::function<v1::ApplyResponse(const v1::RollbackRequest&)> rollback;
  std::function<v1::PolicyStatus()> status;
  std::vector<v1::PolicyStatus> watched;
  std::function<v1::ExplainResponse(const v1::ExplainRequest&)> explain;
  std::function<v1::ListServicesResponse()> services;
  std::function<v1::ListAccessResponse()> access;
  std::function<v1::ListJwtProvidersResponse()> jwt;
  std::function<v1::ListLimitsResponse()> limits;
  std::function<v1::ListEndpointsResponse(const v1::ListEndpointsRequest&)> endpoints;
  std::string refusal;
};

struct ServerPem {
  std::string cert, key, client_ca;
};

class FakePolicy {
 public:
  // `answers` outlives it, and changes only while no call runs.
  FakePolicy(const std::string& unix_path, PolicyAnswers& answers);
  // On a port of 127.0.0.1, for clients with a certificate of `pem.client_ca`.
  FakePolicy(const ServerPem& pem, PolicyAnswers& answers);
  ~FakePolicy();

  int port() const;

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

}  // namespace heddle::test
