// Handshake: one TLS handshake, by OpenSSL through memory, until a Session takes over.
//
//   auto begun = Handshake::start(context, gate, options);
//   begun->advance(pieces, {in, out}, wall)  // at each new bytes; once at once for a client
//   kDone: take_session(records), then destroy the handshake; what is left in `in` is the session's
//
// OpenSSL is fed one record at a time, so it never reads one of the session's.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "core/time.h"
#include "tcp/chain.h"
#include "tls/context.h"
#include "tls/session.h"
#include "tls/stats.h"

struct ssl_session_st;

namespace heddle::tls {

// Bounds the handshakes of a worker, so that established connections keep their latency.
struct HandshakeGate {
  uint32_t limit = 256;
  uint32_t in_flight = 0;
};

// What a client keeps to resume a session. Belongs to one worker.
class ResumptionTicket {
 public:
  ResumptionTicket() = default;
  explicit ResumptionTicket(ssl_session_st* session) : session_(session) {}
  explicit operator bool() const { return session_ != nullptr; }
  ssl_session_st* get() const { return session_.get(); }

 private:
  struct Free {
    void operator()(ssl_session_st* session) const;
  };
  std::unique_ptr<ssl_session_st, Free> session_;
};

// What the two ends have agreed on.
struct Agreed {
  Version version = Version::kTls13;
  SuiteId suite = SuiteId::kAes128GcmSha256;
  bool resumed = false;
  std::string alpn;           // empty: none
  std::string server_name;    // SNI; empty: none
  std::string peer_identity;  // the SPIFFE ID; empty: not verified
};

enum class HandshakeProgress : uint8_t { kMore, kDone, kRefused };

struct HandshakeChains {
  tcp::Chain& in;   // from TCP
  tcp::Chain& out;  // to TCP
};

struct Exchange;

class Handshake {
 public:
  struct Options {
    Counters& counters;
    Instant now;
    std::string server_name = {};              // client: SNI, and what kName verifies
    const ResumptionTicket* ticket = nullptr;  // client: of the same context's configuration
    std::string expected_id = {};              // with kSpiffe: which peer alone; empty: any
  };
  // kHandshakesInFlight when it cannot be. Context, gate and counters outlive it.
  static std::expected<std::unique_ptr<Handshake>, Refusal> start(Context& context,
                                                                  HandshakeGate& gate,
                                                                  const Options& options);
  ~Handshake();
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // `wall` is what certificates are judged by. When it refuses, `out` has the alert.
  HandshakeProgress advance(tcp::Pieces& pieces, HandshakeChains chains, UnixTime wall);

  // advance() in three, for who has the dear one, step(), made by another thread. From give() until
  // take() that thread has the handshake, and the worker calls nothing but deadline(), abandon()
  // and drop(). `in` may grow meanwhile. False: nothing can be done before there are more bytes, or
  // ever.
  bool give(const tcp::Pieces& pieces, const tcp::Chain& in, UnixTime wall);
  void step();
  HandshakeProgress take(tcp::Pieces& pieces, HandshakeChains chains);

  // At deadline(): refuses by kHandshakeTimeout. The stream's end: by kHandshakeEnded.
  Instant deadline() const { return deadline_; }
  void abandon(Refusal refusal) { refuse(refusal); }
  // Nobody waits for it any more; it keeps the context that it needs. Whatever thread has it spares
  // itself the steps, and frees what is OpenSSL's.
  void drop(std::shared_ptr<Context> context);
  bool is_dropped() const { return dropped_.load(std::memory_order_acquire); }
  bool holds_openssl() const;
  // With a helper.
  bool is_away() const { return away_; }

  // After kDone, once.
  Session take_session(RecordContext& records);
  const Agreed& agreed() const;
  Refusal refusal() const { return refusal_; }
  // With kPeerAlert: which.
  Alert peer_alert() const;
  // A client's ticket for the next connection, of TLS 1.2; empty when the server gave none.
  ResumptionTicket take_ticket();

  uint32_t lane() const { return context_.lane(); }
  // The user's word for it, to know it again when it comes back from another thread.
  uint64_t user = 0;

 private:
  friend class HandshakeHelper;
  Handshake(Context& context, HandshakeGate& gate, const Options& options);
  uint32_t whole_records(const tcp::Pieces& pieces, const tcp::Chain& in) const;
  HandshakeProgress refuse(Refusal refusal);

  // The worker's alone.
  Context& context_;
  HandshakeGate& gate_;
  Counters& counters_;
  Instant deadline_;
  bool done_ = false;
  bool away_ = false;
  Refusal refusal_ = Refusal::kNone;
  std::shared_ptr<Context> keeps_;
  // Its who has the handshake; see give().
  std::unique_ptr<Exchange> exchange_;
  std::atomic<bool> dropped_{false};  // written by the worker, read by who makes the steps
};

}  // namespace heddle::tls
