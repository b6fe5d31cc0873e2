// Check: what a person should look at on this node. Certificates and clocks, ways to endpoints, and
// policy that acts on nothing (policy/advice.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "heddle/v1/policy.pb.h"
#include "policy/model.h"
#include "server/node_view.h"

namespace heddle::server {

inline constexpr size_t kMostFindings = 1'000;

class Findings {
 public:
  // `about`: "Secret shop/svid-web", "this node". Texts are sentences without it.
  void error(std::string about, std::string text, std::string hint = {}) {
    add(v1::Finding::LEVEL_ERROR, std::move(about), std::move(text), std::move(hint));
  }
  void warning(std::string about, std::string text, std::string hint = {}) {
    add(v1::Finding::LEVEL_WARNING, std::move(about), std::move(text), std::move(hint));
  }
  void note(std::string about, std::string text, std::string hint = {}) {
    add(v1::Finding::LEVEL_NOTE, std::move(about), std::move(text), std::move(hint));
  }
  // The worst first, else as they were found.
  void tell(v1::CheckResponse& to);

 private:
  void add(v1::Finding::Level level, std::string about, std::string text, std::string hint);

  std::vector<v1::Finding> all_;
  uint64_t left_out_ = 0;
};

// "Secret shop/svid-web".
std::string about(const policy::Key& key);

// `now`: seconds since 1970, as everywhere here.
void check_secret(const policy::Key& key, const policy::Secret& secret, int64_t now,
                  Findings& findings);
void check_trust_bundle(const policy::Key& key, const policy::TrustBundle& bundle, int64_t now,
                        Findings& findings);
// Whether peers that believe `trust` believe what a workload of this node shows.
void check_identity(const policy::Key& workload, const std::string& identity,
                    const policy::Secret& secret,
                    const std::vector<const policy::TrustBundle*>& trust, int64_t now,
                    Findings& findings);
// Whether endpoints have a route, and those beside this node answer.
void check_reach(const std::vector<policy::Model::EndpointName>& endpoints,
                 const std::vector<RouteInfo>& routes, const std::vector<NeighborInfo>& neighbors,
                 Findings& findings);

}  // namespace heddle::server
