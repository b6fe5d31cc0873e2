// Dialer: keeps a number of connections of a client open: which of its slots lack one, when the
// next may be opened, and how many handshakes there may be at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "outcome.h"
#include "tcp/transport.h"

namespace heddle::load {

class Dialer {
 public:
  // `to` and `outcome` outlive it.
  Dialer(tcp::Transport& transport, const tcp::Endpoint& to, uint32_t connections,
         Outcome& outcome);

  bool wants(Instant now) const { return may_open() && (open_at_ == kNever || open_at_ <= now); }
  Instant next_deadline() const { return may_open() ? open_at_ : kNever; }
  // Opens some; calls opened(slot, id) for each. True: there are more to open at once.
  template <class F>
  bool open(const tcp::IpAddress& source, Instant now, F&& opened) {
    open_at_ = kNever;
    for (uint32_t i = 0; i < kAtOnce && may_open(); ++i) {
      const uint32_t slot = missing_.back();
      const tcp::ConnectionId id = dial(slot, source, now);
      if (!id) return false;
      missing_.pop_back();
      ++opening_;
      opened(slot, id);
    }
    return may_open();
  }
  // Its connection stands.
  void stood() {
    --opening_;
    ++standing_;
    outcome_.begun.store(true, std::memory_order_relaxed);
  }
  // Its connection is no more.
  void gone(uint32_t slot, bool stood) {
    stood ? --standing_ : --opening_;
    missing_.push_back(slot);
  }
  // Nothing is opened for a while.
  void fail(Failure why, Instant now);

  uint32_t standing() const { return standing_; }

 private:
  static constexpr uint32_t kAtOnce = 64;  // in one turn, so that packets do not wait
  // Handshakes at a time, as servers' queues for them are short.
  static constexpr uint32_t kMostOpening = 512;

  bool may_open() const { return !missing_.empty() && opening_ < kMostOpening; }
  tcp::ConnectionId dial(uint32_t slot, const tcp::IpAddress& source, Instant now);

  tcp::Transport& transport_;
  const tcp::Endpoint& to_;
  Outcome& outcome_;
  std::vector<uint32_t> missing_;  // of fixed capacity
  uint32_t opening_ = 0;
  uint32_t standing_ = 0;
  Instant open_at_ = kNever;
};

// Why a connection was reset.
Failure reason_of(const tcp::Transport& transport, tcp::ConnectionId id);

}  // namespace heddle::load
