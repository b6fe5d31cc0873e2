// What policy says about a packet to a service's address. Pure: the worker calls it for a packet,
// explain for a question, and both get the same answer.
#pragma once

#include <cstdint>

#include "core/ids.h"
#include "policy/snapshot.h"

namespace heddle::policy {

struct Flow {
  IpAddress source, destination;
  Protocol protocol = Protocol::kTcp;
  uint16_t source_port = 0, destination_port = 0;
  // Where the packet came in; an identity only where `identified`.
  InterfaceId in = kNoInterface;
  bool identified = false;  // a workload's port
};

enum class Verdict : uint8_t {
  kForward,
  kNoPort,  // the address is a service's, the port is not
  kDenied,
  kNoEndpoint,  // nor in any fallback
};

struct Decision {
  Verdict verdict = Verdict::kNoPort;
  uint32_t frontend = kNoSlot;              // slot; of kNoPort none
  uint32_t cluster = kNoSlot;               // slot of the cluster that was used
  const EndpointEntry* endpoint = nullptr;  // of kForward
  const AccessEntry* access = nullptr;      // that decided; none: the default
  uint16_t choice = 0;                      // position in Frontend::choices
};

Decision decide(const Snapshot& snapshot, const Flow& flow);

// The same without access: who gets the flow's packets if they may pass. For what belongs to a
// flow and does not come from its sender, as ICMP errors.
Decision decide_endpoint(const Snapshot& snapshot, const Flow& flow);

// The hash that chooses backend and endpoint: the same for all packets of a flow.
uint32_t hash_of(const Flow& flow, HashOn hash_on);

}  // namespace heddle::policy
