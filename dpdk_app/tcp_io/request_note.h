// A request that has ended, as the worker counts it and tells of it.
#pragma once

#include "core/random.h"
#include "mesh/http_policy.h"
#include "policy/decide.h"
#include "worker/requests.h"
#include "worker/worker.h"

namespace heddle::app {

// `source`: the interface of the workload that asked; kNoInterface: it is none of this node's.
telemetry::RequestKey request_key_of(const mesh::HttpRecord& record, const policy::Snapshot& policy,
                                     InterfaceId source);

// Counts it and, where somebody wants to read of it, puts it on its way. A request that outlives
// its rule counts for none; one that outlives its service is neither counted nor told. `flow`: its
// connection.
void note_request(Worker& worker, const mesh::HttpRecord& record, const policy::Flow& flow);

}  // namespace heddle::app
