// JwtCheck: which tokens requests are asked for, compiled. Policy holds keys and rules as plain
// values; the data plane makes verifiers of them for its workers and alone has those.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "jwt/key_set.h"
#include "jwt/rules.h"
#include "policy/resource.h"

namespace heddle::jwt {
class Verifier;
}

namespace heddle::policy {

// A provider made ready for all workers. Shared by every snapshot and request under it.
class JwtReady {
 public:
  virtual ~JwtReady() = default;
  // That worker's, and used by it alone.
  virtual jwt::Verifier& of(WorkerId worker) const = 0;
};

class JwtMaker {
 public:
  // Called by the control side alone. An error is one sentence about keys or rules.
  virtual Result<std::shared_ptr<const JwtReady>> make(const jwt::KeySet& keys,
                                                       const jwt::Rules& rules) = 0;

 protected:
  ~JwtMaker() = default;
};

// A JwtProvider, compiled. The same object until its spec changes.
struct JwtTarget {
  std::shared_ptr<const Resource> resource;
  std::shared_ptr<const JwtReady> ready;
  uint32_t keys = 0;               // that the set has
  std::vector<std::string> notes;  // on those that were left out
  // For workers' counters: below Limits::jwt_provider_slots(), the provider's for as long as it is
  // there.
  uint32_t slot = 0;

  const JwtProvider& spec() const { return std::get<JwtProvider>(resource->spec); }
};

struct JwtCheck {
  std::vector<std::shared_ptr<const JwtTarget>> providers;  // one at least; any of them
  bool required = true;
  friend bool operator==(const JwtCheck&, const JwtCheck&) = default;
};

// What the verifiers of a provider that was checked go by.
jwt::Rules rules_of(const JwtProvider& provider);

}  // namespace heddle::policy
