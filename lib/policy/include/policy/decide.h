// What policy says about a packet to a service's address. Pure: the worker calls it for a packet,
// explain for a question, and both get the same answer.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "balance/round_robin.h"
#include "core/ids.h"
#include "core/random.h"
#include "policy/access.h"
#include "policy/snapshot.h"

namespace heddle::jwt {
class ClaimsView;
}

namespace heddle::policy {

// Who a peer of TLS has shown to be: a SPIFFE ID and its parts; or who a sender is taken for by its
// address (Networks), which `decide` and the others find out for themselves. Views.
struct PeerId {
  std::string_view id, trust_domain, ns, service_account;
};

struct Flow {
  IpAddress source, destination;
  Protocol protocol = Protocol::kTcp;
  uint16_t source_port = 0, destination_port = 0;
  // Where the packet came in; an identity only where `identified`.
  InterfaceId in = kNoInterface;
  bool identified = false;  // a workload's port
  PeerId peer{};            // empty: has shown none
  bool may_show = false;    // one by TLS, before anything is taken from it
  // Of a request: what its token says, which was verified; null: it has none.
  const jwt::ClaimsView* claims = nullptr;
  bool claims_open = false;  // it is one that nobody can show a token with
  bool bytes = false;        // what came to a port of HTTP and bytes (Frontend::sniffs) is bytes
  // Behind a service or gateway: the namespace whose providers have verified the claims.
  std::string_view claims_ns{};
};

// Who the sender is taken for by its address; null: nobody, or it is known better.
const Networks::Identity* by_address(const Snapshot& snapshot, const Flow& flow);

enum class Verdict : uint8_t {
  kForward,
  kNoPort,  // the address is a service's, the port is not
  kDenied,
  kNoEndpoint,  // nor in any fallback
  kNoRoute,     // TLS that passes through: no rule for the server name
  kFull,        // of PickState::tries: endpoints have as many as they may
};

// What a worker keeps for algorithms that are not hashes. Without it these choose by hash. Both
// spans are as long as Limits says that there are slots.
struct PickState {
  Random& random;
  std::span<balance::RoundRobin::Cursor> cursors;  // by cluster slot
  std::span<const uint32_t> active;                // flows by endpoint slot
  // Endpoints by slot that others are better than, as they were tried already.
  std::span<const uint32_t> tried{};
  // What is decided is tried at once and its end is told: bounds of endpoints count, and who comes
  // back after it was out gets one try (EndpointState::may_try, which is taken then).
  enum class Tries : uint8_t { kNothing, kRequest, kConnection } tries = Tries::kNothing;
};

struct Decision {
  Verdict verdict = Verdict::kNoPort;
  uint32_t frontend = kNoSlot;                  // slot; of kNoPort none
  uint32_t cluster = kNoSlot;                   // slot of the cluster that was used
  const EndpointEntry* endpoint = nullptr;      // of kForward
  const BackendTerms* terms = nullptr;          // the same: how the endpoint is spoken to
  resilience::Breaker* breaker = nullptr;       // of kForward: the cluster's
  const AccessEntry* access = nullptr;          // that decided; none: the default
  const ServerNames::Target* target = nullptr;  // of the server name, where names decide
  uint16_t choice = 0;                          // position in the target's choices, else Frontend's
  uint16_t port = 0;                            // of kForward: the endpoint's
  bool audited = false;                         // an AUDIT rule, or a dry run's, fits
  AccessNotes noted;                            // which of these
  bool unasked = false;  // of Flow::may_show: let in, and to be asked again with its identity
  Refusal how = Refusal::kDrop;  // of kDenied, kNoEndpoint, kNoRoute: the sender is told
};

// `server_name`: what the client asks for in TLS that passes through; others do not look at it. It
// is known when the connection is there, so such a frontend is asked twice: before, without a
// name, kNoRoute says that access lets the flow in.
// Who endpoints behind the frontend see: its clients, or the gateway that it is of.
Flow behind(const Frontend& frontend, const Flow& flow);

Decision decide(const Snapshot& snapshot, const Flow& flow, const PickState* state = nullptr,
                std::string_view server_name = {});

// Whether clients have to show an identity by TLS that ends here. A flow of one that has not yet
// (Flow::may_show) is let in by `decide` where some identity could be, and asked again with it.
bool asks_identity(const Frontend& frontend);

// The endpoint for one request on a connection to a frontend with `is_http`, which `decide` has let
// in; kForward or kNoEndpoint. `target`: of the rule, with choices; null: there are no rules.
// `hash` chooses the backend, and the endpoint where the algorithm is a hash.
Decision decide_request(const Snapshot& snapshot, uint32_t frontend_slot, const Flow& flow,
                        const HttpTarget* target, uint64_t hash, const PickState* state = nullptr);

// Whether a request is one of those that are mirrored. `drawn`: a random number of its own; with
// the hash that leads requests the same clients' would be mirrored always.
bool is_mirrored(const HttpMirrorTarget& mirror, uint64_t drawn);

// The endpoint for the copy of a request whose rule has a mirror; kForward or kNoEndpoint. `share`
// is asked by is_mirrored. As for decide_request, the guard of the endpoint is still to be asked.
Decision decide_mirror(const Snapshot& snapshot, uint32_t frontend_slot, const Flow& flow,
                       const HttpTarget& target, uint64_t hash, const PickState* state = nullptr);

// By whose hash a request is led: of the rule's first backend where it is spoken to in its own way,
// else of the frontend. `target` may be null.
const BackendTerms& leading_terms(const Frontend& frontend, const HttpTarget* target);

// The hash for decide_request by what the terms' hash_on says: of the source's address, of the
// value of the header (several fields of the name are one value, joined) or of the first cookie of
// the name. `otherwise` where that is not there, and with kFlow. The same on every node.
uint64_t hash_of_request(const BackendTerms& terms, const Flow& flow, const http::Message& request,
                         uint64_t otherwise);

// Whether the answer to a request is to give its client a cookie (HttpAffinity): it has none. With
// hash_of_value of what that will hold as `otherwise` its first request meets the endpoint that
// those with the cookie will.
bool wants_cookie(const BackendTerms& terms, const http::Message& request);

// As hash_of_request has it for a header's or cookie's value.
uint64_t hash_of_value(std::string_view value);

// As decide without access: who gets the flow's packets if they may pass. For what belongs to a
// flow and does not come from its sender, as ICMP errors.
Decision decide_endpoint(const Snapshot& snapshot, const Flow& flow);

// What has become of a flow that was let in under an older policy. `flow` is as its initiator sends
// it, `endpoint` and `port` who answers. A guard of the endpoint is asked about the initiator's own
// source, also where the endpoint sees one of the node's.
enum class Recheck : uint8_t {
  kStays,
  kDraining,  // stays, and its endpoint takes no new flows
  kDenied,
  kGone,  // the service, or the endpoint and its time to drain
};
struct Rechecked {
  Recheck recheck = Recheck::kGone;
  Refusal how = Refusal::kDrop;  // its ends are told
};
Rechecked recheck(const Snapshot& snapshot, const Flow& flow, const IpAddress& endpoint,
                  uint16_t port);

// Whether a request may pass, on a connection to a frontend with `is_http` which `decide` has let
// in. Those for whose connection it was enough are judged too, and are the same again.
Judged judge_request(const Snapshot& snapshot, uint32_t frontend, const Flow& flow,
                     const RequestHead& request);

// Whether a flow may be opened to the workload behind interface `out`; with `request` whether that
// may be sent there. `flow` is as it arrives there, and so is the request.
using Guarded = Judged;
Guarded guard(const Snapshot& snapshot, const Flow& flow, InterfaceId out,
              const RequestHead* request = nullptr);

// Whether the frontend is an ExternalService of another namespace than the sender's, and is not
// exported to it: what goes to the destination's own address is not taken for it then.
bool is_foreign(const Snapshot& snapshot, const Frontend& frontend, const Flow& flow);

// Whether a workload may send to a destination that is no service's. `flow` is as its sender sends
// it.
bool may_leave(const Snapshot& snapshot, const Flow& flow);
// The same of the frontend's connections: where ExternalServices are closed to it, or this one is
// foreign and others have to be known, they are not.
bool may_leave(const Snapshot& snapshot, const Flow& flow, const Frontend& frontend);

// The hash that chooses backend and endpoint: the same for all packets of a flow.
uint32_t hash_of(const Flow& flow, HashOn hash_on);

}  // namespace heddle::policy
