// Client: connections of plain TCP that this worker opens. Each does the next thing when the one
// before has come to its end, so a slow peer is asked less often.
#pragma once

#include <vector>

#include "caller.h"
#include "dialer.h"
#include "payload.h"
#include "plan.h"

namespace heddle::load {

class Client final : public Caller {
 public:
  // All outlive it.
  Client(tcp::Transport& transport, Payload& payload, const CallPlan& plan, uint32_t connections,
         Outcome& outcome);

  void on_note(const tcp::EventNote& note, Instant now) override;
  bool on_turn(Instant now) override;
  Instant next_deadline() const override { return dialer_.next_deadline(); }
  bool wants_connections(Instant now) const override { return dialer_.wants(now); }
  bool open(const tcp::IpAddress& source, Instant now) override;
  bool leave(Instant now) override;
  uint64_t acknowledged() const override;
  uint32_t open_now() const override { return dialer_.standing(); }
  void measure(bool on) override { measuring_ = on; }
  void count_late(Instant) override {}

 private:
  struct Call {
    tcp::ConnectionId id;
    Instant since;            // of the connection, or of the request
    uint64_t taken = 0;       // bytes, by TCP
    uint32_t unsent = 0;      // of the request
    uint32_t unanswered = 0;  // bytes of the answer that are still to come
    bool stands = false;
  };

  void start(uint32_t slot, Instant now);
  void ask(uint32_t slot, Instant since, Instant now);
  void send(Call& call, uint32_t bytes, Instant now);
  void go_on(Call& call, Instant now);
  void read(uint32_t slot, Instant now);
  void answered(uint32_t slot, Instant now);
  void fail(uint32_t slot, Failure why, Instant now);
  void give_up(uint32_t slot, Instant now);

  tcp::Transport& transport_;
  Payload& payload_;
  const CallPlan& plan_;
  Outcome& outcome_;
  Dialer dialer_;
  std::vector<Call> calls_;
  uint32_t leave_next_ = 0;
  uint32_t refill_next_ = 0;
  uint64_t gone_bytes_ = 0;  // acknowledged by connections that are gone
  bool measuring_ = false;
  bool starved_ = false;  // no piece was left for somebody
};

}  // namespace heddle::load
