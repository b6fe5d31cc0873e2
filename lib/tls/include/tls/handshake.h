// Handshake: one TLS handshake, by OpenSSL through memory, until a Session takes over.
//
//   auto begun = Handshake::start(context, gate, options);
//   begun->advance(pieces, {in, out}, wall)  // at each new bytes; once at once for a client
//   kDone: take_session(records), then destroy the handshake; what is left in `in` is the session's
//
// OpenSSL is fed one record at a time, so it never reads one of the session's.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "core/time.h"
#include "tcp/chain.h"
#include "tls/context.h"
#include "tls/session.h"
#include "tls/stats.h"

struct ssl_st;
struct ssl_session_st;
struct x509_store_ctx_st;

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

class Handshake {
 public:
  struct Options {
    Counters& counters;
    Instant now;
    std::string server_name = {};              // client: SNI, and what kName verifies
    const ResumptionTicket* ticket = nullptr;  // client: of the same context's configuration
  };
  // kHandshakesInFlight or kLibrary when it cannot be. Context, gate and counters outlive it.
  static std::expected<std::unique_ptr<Handshake>, Refusal> start(Context& context,
                                                                  HandshakeGate& gate,
                                                                  const Options& options);
  ~Handshake();
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // `wall` is what certificates are judged by. When it refuses, `out` has the alert.
  HandshakeProgress advance(tcp::Pieces& pieces, HandshakeChains chains, UnixTime wall);
  // At deadline(): refuses by kHandshakeTimeout. The stream's end: by kHandshakeEnded.
  Instant deadline() const { return deadline_; }
  void abandon(Refusal refusal) { refuse(refusal); }

  // After kDone, once. Frees OpenSSL's object.
  Session take_session(RecordContext& records);
  const Agreed& agreed() const { return agreed_; }
  Refusal refusal() const { return refusal_; }
  // With kPeerAlert: which.
  Alert peer_alert() const { return peer_alert_; }
  // A client's ticket for the next connection, of TLS 1.2; empty when the server gave none.
  ResumptionTicket take_ticket() { return std::move(ticket_); }

 private:
  friend struct Callbacks;
  struct Secret {
    std::array<uint8_t, kMaxSecret> bytes{};
    size_t size = 0;
    Bytes span() const { return {bytes.data(), size}; }
  };
  struct Free {
    void operator()(ssl_st* ssl) const;
  };

  Handshake(Context& context, HandshakeGate& gate, const Options& options);
  bool prepare(const Options& options);
  HandshakeProgress feed(tcp::Pieces& pieces, HandshakeChains chains, uint32_t size);
  HandshakeProgress run(tcp::Pieces& pieces, tcp::Chain& out);
  Refusal flush(tcp::Pieces& pieces, tcp::Chain& out);
  Refusal check_header(const uint8_t* header, uint32_t size) const;
  HandshakeProgress refuse(Refusal refusal);
  HandshakeProgress refuse_plainly(tcp::Pieces& pieces, tcp::Chain& out, Refusal refusal);
  Refusal refusal_of_openssl();
  Refusal conclude();
  Refusal conclude_peer();

  Context& context_;
  HandshakeGate& gate_;
  Counters& counters_;
  Instant deadline_;
  UnixTime wall_;
  std::unique_ptr<ssl_st, Free> ssl_;
  uint32_t bytes_ = 0;
  uint32_t records_ = 0;
  uint32_t protected_records_ = 0;  // written in the last flight
  bool begun_ = false;
  bool done_ = false;
  Refusal refusal_ = Refusal::kNone;
  Alert peer_alert_ = Alert::kCloseNotify;
  Secret client_secret_;
  Secret server_secret_;
  Secret master_;
  std::array<uint8_t, 32> client_random_{};
  std::array<uint8_t, 32> server_random_{};
  std::string server_name_;
  Agreed agreed_;
  ResumptionTicket ticket_;
};

}  // namespace heddle::tls
