// HttpServer: answers requests of HTTP/1.1 and HTTP/2 with bodies of a given length, with TLS or
// without. What it is asked for is read to its end and thrown away. A connection in clear, or one
// whose ALPN agreed on nothing, tells its version by its first bytes.
#pragma once

#include "http_side.h"
#include "http_text.h"
#include "outcome.h"
#include "plan.h"
#include "policy/tls.h"

namespace heddle::load {

// What it answers with.
struct HttpAnswering {
  Payload& heads;  // with the text of HTTP/1.1's
  Payload& bodies;
  uint64_t response_bytes = 0;  // for all paths but /bytes/N
  const policy::TlsReady* tls = nullptr;
};

class HttpServer final : private HttpSide {
 public:
  HttpServer(app::Worker& worker, const HttpAnswering& answering, Tally& tally);

  // Of a connection whose user word is a listener's of kHttp or kHttps.
  void on_note(const tcp::EventNote& note, Instant now);
  // After all notes of a turn. True: there is more to do at once.
  bool on_turn(Instant now) { return run(now); }

 private:
  enum class Speaks : uint8_t { kUnknown, kHttp1, kHttp2 };
  struct Served {
    uint64_t request_left = 0;  // of a request's body; the rest is of HTTP/1.1
    uint64_t body = 0;          // of its answer, as its head says
    uint64_t body_left = 0;     // of the answer that has begun
    uint64_t counted = 0;       // bytes sent that the tally has
    Speaks speaks = Speaks::kUnknown;
    bool asked = false;  // a request's head is read, and it is not answered
    bool owed = false;   // the head of its answer
    bool bodyless = false;
    bool last = false;  // no other request is taken
    bool ending = false;
  };

  // What a request of HTTP/1.1 says.
  struct Wanted {
    uint64_t length = 0;  // of its body
    uint64_t body = 0;    // of its answer
    bool last = false;
    bool bodyless = false;
    bool expects_continue = false;
  };

  bool accept(const tcp::EventNote& note, Instant now);
  void drop(uint32_t slot, Instant now);
  void drop(uint32_t slot, Failure why, Instant now);
  void count_sent(uint32_t slot);
  // Nothing comes from here after what is on its way; the peer is let end first.
  void end(uint32_t slot, Instant now);
  void serve_ending(uint32_t slot, Instant now);
  // Of what has come. False: it is not known yet, or the line is gone.
  bool tell_version(uint32_t slot, Instant now);
  uint64_t answer_to(std::string_view path) const;

  void serve(uint32_t slot, Instant now) override;
  void on_open(uint32_t slot, Instant now) override;
  void on_tls_failure(uint32_t slot, Instant now) override { drop(slot, Failure::kTls, now); }

  // http_server1.cc
  enum class Step : uint8_t { kMore, kWait, kRefused };
  void serve1(uint32_t slot, Instant now);
  Step step1(uint32_t slot, Instant now);
  Step read_head1(uint32_t slot);
  bool answer1(uint32_t slot, Instant now);
  bool write_head1(uint32_t slot);
  void refuse1(uint32_t slot, Instant now);

  // http_server2.cc
  void serve2(uint32_t slot, Instant now);
  bool drain2(uint32_t slot);
  void begin2(uint32_t slot, http2::StreamId stream);
  void respond2(uint32_t slot, http2::StreamId stream);

  Payload& heads_;
  uint64_t response_bytes_;
  const policy::TlsReady* tls_;
  Tally& tally_;
  std::vector<Served> served_;  // by the connection's slot
  LastHead<Wanted> last_head_;
  std::array<uint8_t, 1024> memory_;
  http::Message response_;  // of HTTP/2
};

}  // namespace heddle::load
