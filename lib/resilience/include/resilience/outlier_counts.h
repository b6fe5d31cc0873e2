// OutlierCounts: what all workers of a node have seen of one endpoint since the last look.
// A success writes to a row of failures only when there is one to be ended.
#pragma once

#include <atomic>
#include <cstdint>

namespace heddle::resilience {

// How a try at an endpoint ended.
enum class Outcome : uint8_t {
  kSuccess,
  kServerError,   // 5xx, or a status of gRPC that stands for one
  kGatewayError,  // 502, 503, 504: counts as a server error as well
  kLocalError,    // no connection, a time-out, a reset: nothing that the endpoint has said
};

struct OutlierRows {
  uint32_t server = 0, gateway = 0, local = 0;  // one behind the other, without a success between
};

class OutlierCounts {
 public:
  // Any worker. The rows as they are with this one.
  OutlierRows note(Outcome outcome) {
    (outcome == Outcome::kSuccess ? successes_ : failures_).fetch_add(1, std::memory_order_relaxed);
    switch (outcome) {
      case Outcome::kSuccess:
        end(server_);
        end(gateway_);
        end(local_);
        break;
      case Outcome::kServerError:
        end(gateway_);
        end(local_);
        return {.server = more(server_)};
      case Outcome::kGatewayError:
        end(local_);
        return {.server = more(server_), .gateway = more(gateway_)};
      case Outcome::kLocalError:
        return {.local = more(local_)};
    }
    return {};
  }

  // As they are.
  OutlierRows rows() const {
    return {server_.load(std::memory_order_relaxed), gateway_.load(std::memory_order_relaxed),
            local_.load(std::memory_order_relaxed)};
  }

  struct Window {
    uint64_t successes = 0, failures = 0;
  };
  // Since the last call; who looks at all endpoints, once an interval.
  Window take() {
    return {successes_.exchange(0, std::memory_order_relaxed),
            failures_.exchange(0, std::memory_order_relaxed)};
  }
  // An endpoint that comes back begins anew.
  void forget() {
    take();
    end(server_);
    end(gateway_);
    end(local_);
  }

 private:
  using Row = std::atomic<uint32_t>;
  static uint32_t more(Row& row) { return row.fetch_add(1, std::memory_order_relaxed) + 1; }
  static void end(Row& row) {
    if (row.load(std::memory_order_relaxed) != 0) row.store(0, std::memory_order_relaxed);
  }

  std::atomic<uint64_t> successes_{0}, failures_{0};
  Row server_{0}, gateway_{0}, local_{0};
};

}  // namespace heddle::resilience
