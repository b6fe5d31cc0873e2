// OutlierDesk: who of a service's endpoints is out for a while, from what workers have seen of
// them. One thread, that of the Model.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "group.h"
#include "resilience/endpoint_state.h"
#include "resilience/outlier_detector.h"

namespace heddle::policy {

class OutlierDesk {
 public:
  explicit OutlierDesk(const resilience::OutlierTerms& terms, Instant now)
      : detector_(terms, 0), next_look_(now + terms.interval) {}

  // What the service's endpoints have become. Those that were there stay as they are.
  void set(const resilience::OutlierTerms& terms,
           std::span<const CompiledService::Endpoint> endpoints);
  // `news`: workers have some. True: somebody is out, or in again, who was not.
  bool tend(bool news, Instant now);
  // When tend() has something to do without news.
  Instant next() const { return std::min(next_look_, detector_.next()); }

  bool is_out(uint32_t slot) const;
  // Null: it is none of these.
  const resilience::OutlierDetector::Endpoint* find(uint32_t slot) const;
  const resilience::OutlierDetector& detector() const { return detector_; }

 private:
  struct Watched {
    uint32_t slot = kNoSlot;
    std::shared_ptr<resilience::EndpointState> state;
    bool under_way = false;  // its one try was so at the last look
  };
  size_t at(uint32_t slot) const;
  bool hear(size_t at, Instant now);

  resilience::OutlierDetector detector_;  // of the same order as watched_
  std::vector<Watched> watched_;          // by slot
  Instant next_look_;
};

}  // namespace heddle::policy
