// FrontendBytes: how much memory frontends and what hangs on them take. What several have in common
// counts once, for as long as anybody has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "policy/snapshot.h"

namespace heddle::policy {

class FrontendBytes {
 public:
  // A frontend is removed while it still has all that it had when it was added.
  void add(const Frontend& frontend) { count(frontend, Way::kIn); }
  void remove(const Frontend& frontend) { count(frontend, Way::kOut); }
  size_t bytes() const { return bytes_; }

 private:
  enum class Way : uint8_t { kIn, kOut };
  struct Use {
    uint32_t users = 0;
    size_t bytes = 0;
  };

  void count(const Frontend& frontend, Way way);
  void count(const std::vector<Choice>& choices, Way way);
  void count(const ServerNames* names, Way way);
  void count(const HttpRoutes* routes, Way way);
  void count(const BackendTerms* terms, Way way);
  void count(const HttpAffinity* affinity, Way way);
  template <class Bytes>
  bool turns(const void* object, Way way, const Bytes& bytes);

  std::map<const void*, Use> shared_;
  size_t bytes_ = 0;
};

}  // namespace heddle::policy
