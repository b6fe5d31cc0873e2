// ReadyJwt: an issuer's keys and rules as the workers use them: a verifier for each, so that no two
// threads count references to the same keys.
#pragma once

#include <memory>
#include <vector>

#include "jwt/verifier.h"
#include "policy/jwt_check.h"

namespace heddle::app {

using JwtLibraries = std::vector<std::shared_ptr<const jwt::Library>>;  // by worker

class ReadyJwt final : public policy::JwtReady {
 public:
  // The verifiers are by worker, and use their libraries.
  ReadyJwt(JwtLibraries libraries, std::vector<std::unique_ptr<jwt::Verifier>> verifiers)
      : libraries_(std::move(libraries)), verifiers_(std::move(verifiers)) {}
  jwt::Verifier& of(WorkerId worker) const override { return *verifiers_[worker.index()]; }

 private:
  JwtLibraries libraries_;
  std::vector<std::unique_ptr<jwt::Verifier>> verifiers_;
};

// Makes them, on the control side: what a key costs to load is not a worker's time.
class JwtVerifiers final : public policy::JwtMaker {
 public:
  static Result<std::unique_ptr<JwtVerifiers>> create(uint32_t workers);
  Result<std::shared_ptr<const policy::JwtReady>> make(const jwt::KeySet& keys,
                                                       const jwt::Rules& rules) override;

 private:
  JwtLibraries libraries_;
};

}  // namespace heddle::app
