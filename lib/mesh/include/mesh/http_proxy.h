// HttpProxy: requests of clients, HTTP/1.1 or HTTP/2, over TLS or in clear, each led by a rule of
// policy to an endpoint, over connections that are kept and shared. Bodies are streamed both ways
// without a copy, and only as fast as the other side takes them. What is wrong gets an answer of
// the proxy's own, with a name (HttpFault).
//
// One worker, one thread; no I/O, no clock. After construction memory is taken at a connection's
// TLS handshake and for the sessions of HTTP/2 alone.
#pragma once

#include <cstdint>
#include <memory>

#include "http/http2/limits.h"
#include "http/limits.h"
#include "mesh/http_policy.h"
#include "mesh/http_stats.h"
#include "mesh/tls_end.h"
#include "tcp/transport.h"

namespace heddle::http2 {
struct Counters;
}

namespace heddle::mesh {

struct HttpLimits {
  uint32_t connections = 4096;  // clients' and endpoints' together
  uint32_t requests = 1024;     // in work
  uint32_t endpoints = 1024;    // policy's names for them are below
  uint32_t idle_per_endpoint = 256;
  size_t http2_memory = 64 << 20;        // of nghttp2, for all sessions, bytes
  Duration head = seconds(30);           // from a request's first byte to the end of its head
  Duration keep_alive = seconds(60);     // of a client's connection without a request
  Duration keep_upstream = seconds(30);  // of an endpoint's; less than servers wait
  Duration linger = seconds(2);          // for a client to take the last answer
  http::Limits message;
  http2::Limits http2;
  // Seconds since 1970, asked for once a second at most. Null: no response is given a Date.
  int64_t (*wall)() = nullptr;
};

class HttpEngine;

class HttpProxy {
 public:
  // All outlive it. `tls` is null where no policy asks for TLS. `seed`: of what is random and no
  // secret.
  HttpProxy(tcp::Transport& transport, tcp::BufferSource& buffers, HttpPolicy& policy,
            const HttpLimits& limits, Instant start, TlsWork* tls, uint64_t seed);
  ~HttpProxy();
  HttpProxy(const HttpProxy&) = delete;
  HttpProxy& operator=(const HttpProxy&) = delete;

  // Whether a connection with this user word is the proxy's. Listeners' words are frontends.
  static bool is_mine(uint64_t user) { return (user & kMine) != 0; }
  void on_note(const tcp::EventNote& note, Instant now);
  // After all notes of a turn. True: there is more to do at once.
  bool on_turn(Instant now);
  Instant next_deadline() const;

  // Judges connections that an older policy than `generation` let in, at most `most` of them.
  // False: all stand.
  bool sweep(uint32_t generation, uint32_t most, Instant now);
  uint32_t swept() const;

  // The frontend that a connection with this user word belongs to; kNoSlot: of an endpoint.
  uint32_t frontend_of(uint64_t user) const;
  const TlsEnd* tls_of(uint64_t user) const;  // null: none

  uint32_t connections() const;
  uint32_t requests() const;
  // Of memory, that bodies take which wait for mirrors.
  uint64_t shadow_bytes() const;
  const HttpCounters& counters() const;
  const http2::Counters& http2_counters() const;
  // What a connection costs here, its TLS and its session not counted, bytes.
  static size_t connection_bytes();

  static constexpr uint64_t kMine = Shaker::kHttpWord;

 private:
  std::unique_ptr<HttpEngine> engine_;
};

}  // namespace heddle::mesh
