// HttpClient: requests of HTTP/1.1 or HTTP/2, with TLS or without. In a closed loop a connection,
// or a stream, asks again when its answer has come. In an open loop requests become due at equal
// distances, and what one waits for a connection counts as the peer's time.
#pragma once

#include <algorithm>

#include "caller.h"
#include "dialer.h"
#include "http_side.h"
#include "http_text.h"
#include "outcome.h"
#include "plan.h"
#include "policy/tls.h"

namespace heddle::load {

// What it asks with, and whom.
struct HttpAsking {
  const CallPlan& plan;
  Payload& requests;  // with the text of HTTP/1.1
  Payload& bodies;
  const policy::TlsReady* tls = nullptr;
  uint32_t connections = 1;  // this worker's share
  double rate = 0;           // the same
};

class HttpClient final : public Caller, private HttpSide {
 public:
  HttpClient(app::Worker& worker, const HttpAsking& asking, Outcome& outcome);
  ~HttpClient() override = default;

  void on_note(const tcp::EventNote& note, Instant now) override;
  bool on_turn(Instant now) override;
  Instant next_deadline() const override {
    return std::min(dialer_.next_deadline(), idle_.empty() ? kNever : due_);
  }
  bool wants_connections(Instant now) const override { return dialer_.wants(now); }
  bool open(const tcp::IpAddress& source, Instant now) override;
  bool leave(Instant now) override;
  uint64_t acknowledged() const override;
  uint32_t open_now() const override { return dialer_.standing(); }
  void measure(bool on) override { measuring_ = on; }
  void count_late(Instant now) override;

 private:
  struct Call {
    Instant since;            // of the connection, or of the request
    uint64_t to_send = 0;     // of its body
    uint64_t unanswered = 0;  // bytes of the answer's body that are still to come
    uint32_t streams = 0;     // that have asked
    bool asking = false;      // the rest is of HTTP/1.1
    bool head_unsent = false;
    bool in_head = false;  // of the answer
    bool closes = false;
    bool stands = false;
  };
  enum class Read : uint8_t { kRight, kWrong };
  enum class Drained : uint8_t { kNothing, kSome, kGone };

  void on_connected(uint32_t slot, Instant now);
  void ask_due(Instant now);
  void answered(Instant since, Instant now);
  bool judge_length(uint64_t length) const {
    return !plan_.expect_bytes || length == *plan_.expect_bytes;
  }
  // A peer that closes a connection without need.
  void on_end(uint32_t slot, Instant now);
  void fail(uint32_t slot, Failure why, Instant now);
  void give_up(uint32_t slot, Instant now);
  uint64_t acknowledged(const Line& line) const;

  void serve(uint32_t slot, Instant now) override;
  void on_open(uint32_t slot, Instant now) override;
  void on_tls_failure(uint32_t slot, Instant now) override { fail(slot, Failure::kTls, now); }

  // http_client1.cc
  void ask1(uint32_t slot, Instant since, Instant now);
  void send1(uint32_t slot, Instant now);
  void serve1(uint32_t slot, Instant now);
  Read read1(uint32_t slot, Failure& why);
  void answered1(uint32_t slot, Instant now);

  // http_client2.cc
  bool ask2(uint32_t slot, Instant since);
  void serve2(uint32_t slot, Instant now);
  void fill2(uint32_t slot, Instant now);
  bool has_room2(uint32_t slot) const;
  Drained drain2(uint32_t slot, Instant now);
  std::optional<Failure> judge2(http2::Session& session, http2::StreamId stream);
  void make_message2();

  const CallPlan& plan_;
  Payload& requests_;
  const policy::TlsReady* tls_;
  Outcome& outcome_;
  Dialer dialer_;
  std::vector<Call> calls_;
  LastHead<ResponseHead> last_head_;
  mesh::SlotQueue idle_;  // of an open loop: slots that may ask, or died as they waited
  Duration interval_;     // of an open loop; 0: closed
  Instant due_ = kNever;
  std::vector<uint8_t> memory_;  // of the message
  http::Message message_;        // that HTTP/2 asks with
  uint32_t leave_next_ = 0;
  uint64_t gone_bytes_ = 0;  // acknowledged by connections that are gone
  bool measuring_ = false;
};

}  // namespace heddle::load
