// Client: connections that this worker opens. In a closed loop each does the next thing when the
// one before has come to its end, so a slow peer is asked less often. In an open loop requests
// become due at equal distances, and what one waits for a connection counts as the peer's time.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "http_text.h"
#include "mesh/slot_queue.h"
#include "outcome.h"
#include "payload.h"
#include "plan.h"
#include "tcp/transport.h"

namespace heddle::load {

class Client {
 public:
  // A connection's user word has this bit; a listener's has not.
  static constexpr uint64_t kOurs = uint64_t{1} << 63;

  // `rate`: this worker's share of the plan's. `payload` has the request's text where there is one.
  Client(tcp::Transport& transport, Payload& payload, const CallPlan& plan, uint32_t connections,
         double rate, Outcome& outcome);

  void on_note(const tcp::EventNote& note, Instant now);
  // Opens what is missing, from `source`. True: there is more to open at once.
  bool open(const tcp::IpAddress& source, Instant now);
  // Of an open loop: asks for what is due.
  void ask_due(Instant now);
  Instant next_deadline() const { return std::min(open_at_, idle_.empty() ? kNever : due_); }
  // Ends connections, some at a time. True: there are more.
  bool leave(Instant now);

  // Sent and acknowledged since the start, by the connections that are open now.
  uint64_t acknowledged() const;
  uint32_t open_now() const { return stand_; }
  void measure(bool on) { measuring_ = on; }
  // What is due by now and was not asked for has failed.
  void count_late(Instant now);

 private:
  struct Call {
    tcp::ConnectionId id;
    Instant since;            // of the connection, or of the request
    uint64_t taken = 0;       // bytes, by TCP
    uint32_t unsent = 0;      // of the request
    uint64_t unanswered = 0;  // bytes of the answer that are still to come
    bool in_head = false;     // of HTTP: its head is to come before them
    bool stands = false;
  };

  void start(uint32_t slot, Instant now);
  void ask(uint32_t slot, Instant since, Instant now);
  bool ask_text(Call& call, Instant now);
  void send(Call& call, uint32_t bytes, Instant now);
  void go_on(Call& call, Instant now);
  void read(uint32_t slot, Instant now);
  bool take(uint32_t slot, std::string_view bytes, Failure& why);
  void answered(uint32_t slot, Instant now);
  void fail(uint32_t slot, Failure why, Instant now);
  void give_up(uint32_t slot, Instant now);
  Failure reason(const Call& call) const;
  void refill_some(Instant now);

  tcp::Transport& transport_;
  Payload& payload_;
  const CallPlan& plan_;
  Outcome& outcome_;
  std::vector<Call> calls_;
  std::vector<ResponseHead> heads_;  // of HTTP
  std::vector<uint32_t> missing_;    // slots without a connection; of fixed capacity
  mesh::SlotQueue idle_;             // of an open loop: slots that may ask, or died as they waited
  Duration interval_;                // of an open loop; 0: closed
  Instant due_ = kNever;
  uint32_t opening_ = 0;
  uint32_t stand_ = 0;
  uint32_t leave_next_ = 0;
  uint32_t refill_next_ = 0;
  uint64_t gone_bytes_ = 0;  // acknowledged by connections that are gone
  bool measuring_ = false;
  bool starved_ = false;  // no piece was left for somebody
  Instant open_at_ = kNever;
};

}  // namespace heddle::load
