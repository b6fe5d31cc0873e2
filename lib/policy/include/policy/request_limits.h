// RequestLimits: what RateLimits and Faults make of requests to a port of HTTP, compiled. What they
// count and how full their buckets are is shared by all snapshots and workers.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/counter.h"
#include "core/ids.h"
#include "core/random.h"
#include "core/siphash.h"
#include "core/time.h"
#include "policy/limit_rules.h"
#include "policy/resource.h"
#include "resilience/shared_rate.h"

namespace heddle::http {
class Message;
}

namespace heddle::policy {

struct Flow;
struct HttpTarget;
class RequestMatcher;  // request_matcher.h

// A request, who sends it, and the rule that leads it; null: none does. The path is normalised.
struct RequestAsk {
  const Flow& flow;
  const http::Message& message;
  const HttpTarget* target = nullptr;
};

// One of each for each worker, which alone writes it.
template <class Counts>
class WorkerCounts {
 public:
  explicit WorkerCounts(uint16_t workers) : counts_(workers == 0 ? 1 : workers) {}
  Counts& of(WorkerId worker) { return counts_[worker.index()]; }
  // Of all of them.
  uint64_t sum(Counter Counts::* counter) const {
    uint64_t sum = 0;
    for (const Counts& each : counts_) sum += (each.*counter).value();
    return sum;
  }

 private:
  std::deque<Counts> counts_;
};

struct alignas(64) LimitCounts {
  Counter allowed, limited;
  Counter overflow;  // of both: took from the common bucket, as there was no place for its key
};

struct alignas(64) FaultCounts {
  Counter delayed, aborted;
};

struct RateLimitTarget {
  std::shared_ptr<const Resource> resource;
  // The same for as long as its rate and keys are.
  std::shared_ptr<resilience::SharedRate> rate;
  // The same for as long as the resource is there.
  std::shared_ptr<WorkerCounts<LimitCounts>> counts;
  SipKey secret{};  // of keys

  const RateLimit& spec() const { return std::get<RateLimit>(resource->spec); }
  uint64_t key_of(const RequestAsk& ask) const;
};

struct FaultTarget {
  std::shared_ptr<const Resource> resource;
  std::shared_ptr<WorkerCounts<FaultCounts>> counts;

  const Fault& spec() const { return std::get<Fault>(resource->spec); }
};

// Which worker asks, when, and where it keeps what has to go back.
struct RateAsker {
  WorkerId worker;
  Instant now;
  resilience::HeldRates& held;
};

// Who refuses a request. Valid as long as the policy that said so.
struct Limited {
  const RateLimitTarget* by = nullptr;
  Duration retry_after;
};

// What is put into a request; nothing where both are null. Valid as long as the policy that said
// so.
struct Injected {
  Duration delay;
  const FaultTarget* delayed_by = nullptr;
  const FaultTarget* aborted_by = nullptr;
};

struct RequestLimits {
  template <class Target>
  struct For {
    std::shared_ptr<const Target> target;
    std::shared_ptr<const RequestMatcher> match;
  };
  // By name.
  std::vector<For<RateLimitTarget>> limits;
  std::vector<For<FaultTarget>> faults;

  // Takes a token of each RateLimit that is for the request, by name; none: all gave one. Those
  // before the one that refuses have given theirs.
  std::optional<Limited> take(const RequestAsk& ask, const RateAsker& asker) const;
  // Draws, and counts what was drawn.
  Injected draw(const RequestAsk& ask, WorkerId worker, Random& random) const;
  // Which are for the request, for explain.
  std::vector<const RateLimitTarget*> limits_of(const RequestAsk& ask) const;
  std::vector<const FaultTarget*> faults_of(const RequestAsk& ask) const;

  bool operator==(const RequestLimits& other) const;
};

}  // namespace heddle::policy
