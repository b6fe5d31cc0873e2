// What TLS of a run needs: the files that the arguments name, read and made ready for all workers.
#pragma once

#include <memory>

#include "core/result.h"
#include "plan.h"
#include "tcp_io/ready_tls.h"
#include "worker/worker.h"

namespace heddle::load {

struct TlsParts {
  std::shared_ptr<const policy::TlsReady> client, server;  // null: that side speaks no TLS
};

// `threads`: helpers of each worker. Errors name the option, or the file, and what is wrong with
// it.
Result<TlsParts> prepare_tls(const Plan& plan, uint32_t workers, uint32_t threads);

// The context that a worker's next handshake is to have.
std::shared_ptr<tls::Context> context_for(const policy::TlsReady& ready, app::Worker& worker);

}  // namespace heddle::load
