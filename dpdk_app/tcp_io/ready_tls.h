// ReadyTls: a configuration of TLS as the workers use it: a context for each, or for each of its
// helper threads (a lane), so that no two threads count references to the same certificates.
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
  // `contexts`: the lanes of the first worker, then those of the next.
  ReadyTls(std::vector<std::shared_ptr<tls::Context>> contexts, uint32_t lanes)
      : contexts_(std::move(contexts)), lanes_(lanes) {}
  // Shared by that worker's handshakes, which may outlive the policy that they began under.
  const std::shared_ptr<tls::Context>& of(WorkerId worker, uint32_t lane) const {
    return contexts_[worker.index() * lanes_ + lane];
  }

 private:
  std::vector<std::shared_ptr<tls::Context>> contexts_;
  uint32_t lanes_;
};

// Makes them, on the control side. Contexts keep OpenSSL's state of their thread alive.
class TlsContexts final : public policy::TlsMaker {
 public:
  // `threads`: helpers of each worker; 0: none.
  static Result<std::unique_ptr<TlsContexts>> create(uint32_t workers, uint32_t threads);
  Result<std::shared_ptr<const policy::TlsReady>> make(const tls::Config& config) override;

 private:
  explicit TlsContexts(uint32_t lanes) : lanes_(lanes) {}
  uint32_t lanes_;
  std::vector<std::shared_ptr<const tls::Library>> libraries_;  // as ReadyTls has the contexts
};

}  // namespace heddle::app
