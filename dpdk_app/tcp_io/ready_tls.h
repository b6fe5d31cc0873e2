// ReadyTls: a configuration of TLS as the workers use it: a context for each, so that no two
// threads count references to the same certificates.
#pragma once

#include <memory>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "policy/tls.h"
#include "tls/context.h"

namespace heddle::app {

class ReadyTls final : public policy::TlsReady {
 public:
  explicit ReadyTls(std::vector<std::shared_ptr<tls::Context>> contexts)
      : contexts_(std::move(contexts)) {}
  // Shared by that worker's handshakes, which may outlive the policy that they began under.
  const std::shared_ptr<tls::Context>& of(WorkerId worker) const {
    return contexts_[worker.index()];
  }

 private:
  std::vector<std::shared_ptr<tls::Context>> contexts_;
};

// Makes them, on the control side. A worker's contexts keep OpenSSL's state of it alive.
class TlsContexts final : public policy::TlsMaker {
 public:
  static Result<std::unique_ptr<TlsContexts>> create(uint32_t workers);
  Result<std::shared_ptr<const policy::TlsReady>> make(const tls::Config& config) override;

 private:
  TlsContexts() = default;
  std::vector<std::shared_ptr<const tls::Library>> libraries_;  // by worker
};

}  // namespace heddle::app
