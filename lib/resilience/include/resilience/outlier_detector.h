// OutlierDetector: which endpoints of a cluster get no requests for a while, as they answer worse
// than what is asked of them, or than the others. One for a node's cluster, on one thread; workers
// only count (OutlierCounts) and say when a row is long enough.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/time.h"
#include "resilience/outlier_counts.h"

namespace heddle::resilience {

struct OutlierTerms {
  // Rows of failures that eject; 0: none does.
  uint32_t server_errors = 5, gateway_errors = 0, local_errors = 5;
  Duration interval = seconds(10);  // between two looks at windows
  // An endpoint is out for base_time times how often it was, at most most_time. It comes back with
  // one probe: what it answers decides whether it stays.
  Duration base_time = seconds(30), most_time = seconds(300);
  uint32_t most_ejected_percent = 10;  // of all endpoints, and one at least; never the last
  // By windows: an endpoint whose share of successes is below the mean of all by so many
  // thousandths of the standard deviation; 0: not looked at.
  uint32_t deviation_thousandths = 0;
  // The same: whose failures are at least so many percent; 0: not looked at.
  uint32_t failure_percent = 0;
  // What a window has to have: requests at an endpoint, and so many endpoints with them.
  uint32_t least_requests = 100, least_hosts = 5;
  // With fewer endpoints in than this share of all, none counts as out: better a bad answer than
  // all load on a few (panic); 0: never.
  uint32_t panic_percent = 0;
  friend bool operator==(const OutlierTerms&, const OutlierTerms&) = default;
};

enum class Ejection : uint8_t {
  kServerErrors,
  kGatewayErrors,
  kLocalErrors,
  kDeviation,
  kFailures
};

class OutlierDetector {
 public:
  enum class State : uint8_t { kIn, kOut, kProbing };
  struct Endpoint {
    State state = State::kIn;
    Ejection why{};      // of the last ejection
    uint32_t times = 0;  // ejected, less one for each interval that it was good
    Instant until;       // of kOut
  };

  OutlierDetector(const OutlierTerms& terms, size_t endpoints)
      : terms_(terms), endpoints_(endpoints) {}

  // Other endpoints, of which some were there before: as they are then, and kIn those that were
  // not.
  void replace(std::vector<Endpoint> endpoints);
  void set_terms(const OutlierTerms& terms) { terms_ = terms; }

  // Rows of an endpoint are as they are. True: it is out from now on.
  bool on_rows(size_t endpoint, const OutlierRows& rows, Instant now);
  // Looks at windows, one for each endpoint. Those that it ejects are told.
  std::vector<size_t> on_interval(std::span<const OutlierCounts::Window> windows, Instant now);
  // Those whose time is over: each gets one request, whose end is told by on_probe.
  std::vector<size_t> on_time(Instant now);
  void on_probe(size_t endpoint, bool good, Instant now);

  const Endpoint& endpoint(size_t at) const { return endpoints_[at]; }
  size_t size() const { return endpoints_.size(); }
  const OutlierTerms& terms() const { return terms_; }
  size_t ejected() const { return out_; }
  // So few are in that none counts as out.
  bool panics() const;
  // When on_time() has something to do; kNever: never.
  Instant next() const;

 private:
  bool may_eject() const;
  bool eject(size_t endpoint, Ejection why, Instant now);
  void put_out(size_t endpoint, Ejection why, Instant now);

  OutlierTerms terms_;
  std::vector<Endpoint> endpoints_;
  size_t out_ = 0;  // in kOut or kProbing
};

}  // namespace heddle::resilience
