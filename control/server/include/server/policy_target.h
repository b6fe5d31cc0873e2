// PolicyTarget: where compiled policy goes. The data plane implements it; the policy engine
// calls it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/model.h"

namespace heddle::server {

// What workers have counted for one frontend since they started, whoever had its slot.
struct FrontendCounts {
  uint64_t packets = 0, bytes = 0, denied = 0, no_endpoint = 0;
  uint64_t flows = 0;    // opened
  uint64_t audited = 0;  // let through, and noted by a rule that only watches
};

// The same for one endpoint.
struct EndpointCounts {
  uint64_t packets = 0, bytes = 0;
  uint64_t flows = 0;   // opened
  uint64_t active = 0;  // flows now
};

// The same for one rule of an AccessPolicy.
struct AccessCounts {
  uint64_t allowed = 0, denied = 0, audited = 0, dry_run = 0;
};

// The same for one JwtProvider, by outcome, and what these are.
using JwtCounts = std::vector<uint64_t>;
struct JwtOutcomeText {
  std::string_view name, sentence;
};

class PolicyTarget {
 public:
  virtual ~PolicyTarget() = default;

  // Publishes and returns at once; one thread at a time.
  virtual void install(const policy::Compiled& compiled) = 0;

  // Any thread. By worker: the version that it runs.
  virtual std::vector<uint64_t> worker_versions() = 0;
  virtual bool is_live(uint64_t version) = 0;  // on all workers
  // Whether the address is a neighbour's: behind no router, and its link is up.
  virtual bool is_on_link(const policy::IpAddress& address) = 0;
  virtual std::vector<FrontendCounts> frontend_counts(std::span<const uint32_t> slots) = 0;
  virtual std::vector<EndpointCounts> endpoint_counts(std::span<const uint32_t> slots) = 0;
  virtual std::vector<AccessCounts> access_counts(std::span<const uint32_t> slots) {
    return std::vector<AccessCounts>(slots.size());
  }
  // By interface: packets of its workload that were refused by where they were to go.
  virtual std::vector<uint64_t> outbound_refused() { return {}; }
  // By slot: first packets from senders that were taken for somebody by their address.
  virtual std::vector<uint64_t> network_counts(std::span<const uint32_t> slots) {
    return std::vector<uint64_t>(slots.size());
  }
  virtual std::vector<JwtCounts> jwt_counts(std::span<const uint32_t> slots) {
    return std::vector<JwtCounts>(slots.size());
  }
  virtual std::vector<JwtOutcomeText> jwt_outcomes() { return {}; }
  // By the clock that workers hand to policy.
  virtual Instant worker_now() { return {}; }
  // What was counted of requests for these slots, of frontends and of rules: they are about to
  // stand for something else. In ascending order.
  virtual void forget_requests(std::span<const uint32_t> /*frontends*/,
                               std::span<const uint32_t> /*rules*/) {}
  // Live flows that policy has cut since the start.
  virtual uint64_t flows_cut() = 0;
  // Requests that policy has ended since then, whose connections go on.
  virtual uint64_t requests_cut() { return 0; }
  // Whether each worker has looked at all its flows again under a snapshot of this generation or
  // a later one.
  virtual bool has_swept(uint32_t generation) = 0;
};

}  // namespace heddle::server
