// What connections and tries hold of a service's bounds (resilience/breaker.h) and of an endpoint's
// (resilience/endpoint_state.h), and give back at their end.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "resilience/breaker.h"
#include "resilience/endpoint_state.h"

namespace heddle::mesh {

// What a connection, or a request, is counted by.
struct Bounds {
  std::shared_ptr<resilience::Breaker::End> service;         // null: nothing is counted
  std::shared_ptr<resilience::EndpointState> endpoint;       // the same
  uint32_t endpoint_connections = 0, endpoint_requests = 0;  // 0: no bound
};

// Of one connection to an endpoint.
class ConnectionHold {
 public:
  ConnectionHold() = default;
  ConnectionHold(const ConnectionHold&) = delete;
  ConnectionHold& operator=(const ConnectionHold&) = delete;
  ~ConnectionHold() { give(); }

  // False: there are as many as there may be.
  bool take(const Bounds& bounds) {
    if (bounds.service != nullptr && !bounds.service->take(resilience::Bound::kConnections))
      return false;
    if (bounds.endpoint != nullptr &&
        !bounds.endpoint->take_connection(bounds.endpoint_connections)) {
      if (bounds.service != nullptr) bounds.service->give(resilience::Bound::kConnections);
      return false;
    }
    service_ = bounds.service;
    endpoint_ = bounds.endpoint;
    return true;
  }
  void give() {
    if (service_ != nullptr) service_->give(resilience::Bound::kConnections);
    if (endpoint_ != nullptr) endpoint_->give_connection();
    service_.reset();
    endpoint_.reset();
  }
  resilience::Breaker::End* service() const { return service_.get(); }
  // The connection is the try itself, and nothing was seen of the endpoint.
  void give_try_back() const {
    if (endpoint_ != nullptr) endpoint_->give_try_back();
  }
  // What was seen of the endpoint.
  void note(resilience::Outcome outcome) const {
    if (endpoint_ != nullptr) endpoint_->note(outcome);
  }

 private:
  std::shared_ptr<resilience::Breaker::End> service_;
  std::shared_ptr<resilience::EndpointState> endpoint_;
};

// Of one try of a request.
class TryHold {
 public:
  TryHold() = default;
  TryHold(const TryHold&) = delete;
  TryHold& operator=(const TryHold&) = delete;
  ~TryHold() { give(); }

  // False: there are as many as there may be.
  bool take(const Bounds& bounds) {
    give();
    if (bounds.service != nullptr && !bounds.service->take(resilience::Bound::kRequests))
      return false;
    service_ = bounds.service;
    if (bounds.endpoint != nullptr && !bounds.endpoint->take_request(bounds.endpoint_requests)) {
      give();
      return false;
    }
    endpoint_ = bounds.endpoint;
    return true;
  }
  // How it went; the first time counts.
  void note(resilience::Outcome outcome) {
    if (endpoint_ != nullptr && !noted_) endpoint_->note(outcome);
    noted_ = true;
  }
  void give() {
    if (service_ != nullptr) service_->give(resilience::Bound::kRequests);
    if (endpoint_ != nullptr) {
      endpoint_->give_request();
      if (!noted_) endpoint_->give_try_back();
    }
    service_.reset();
    endpoint_.reset();
    noted_ = false;
  }
  const std::shared_ptr<resilience::Breaker::End>& service() const { return service_; }

 private:
  std::shared_ptr<resilience::Breaker::End> service_;
  std::shared_ptr<resilience::EndpointState> endpoint_;
  bool noted_ = false;
};

// One of something else of a service's.
class BoundHold {
 public:
  explicit BoundHold(resilience::Bound bound) : bound_(bound) {}
  BoundHold(const BoundHold&) = delete;
  BoundHold& operator=(const BoundHold&) = delete;
  ~BoundHold() { give(); }

  bool held() const { return service_ != nullptr; }
  // Where nothing is counted it is taken, and not held.
  bool take(const std::shared_ptr<resilience::Breaker::End>& service) {
    if (held()) return true;
    if (service != nullptr && !service->take(bound_)) return false;
    service_ = service;
    return true;
  }
  void give() {
    if (service_ != nullptr) service_->give(bound_);
    service_.reset();
  }

 private:
  const resilience::Bound bound_;
  std::shared_ptr<resilience::Breaker::End> service_;
};

}  // namespace heddle::mesh
