// Plan: what a run is to do, as the arguments say it. It stays the same while the workers run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "tcp/tuple.h"

namespace heddle::load {

// What a server does with what it is sent.
enum class Serve : uint8_t {
  kEcho,    // sends it back
  kSink,    // swallows it
  kSource,  // sends as fast as the peer takes it, and swallows what comes
  kHttp,    // answers requests of HTTP/1.1 and, by prior knowledge, of HTTP/2
  kHttps,   // the same over TLS
};

// What a client does with its connections.
enum class Do : uint8_t {
  kBulk,      // sends as fast as the peer takes it
  kRr,        // a request, its answer of the same length, the next request
  kCrr,       // open, a request, its answer, close; then another connection
  kHold,      // keeps them open; swallows what comes
  kGet,       // requests of HTTP on connections that stay
  kGetClose,  // a connection for each of them
  kPost,      // as kGet, with bodies
};

std::string_view name_of(Serve what);
std::string_view name_of(Do what);

constexpr bool is_http(Serve what) { return what == Serve::kHttp || what == Serve::kHttps; }

struct ServePlan {
  uint16_t port = 0;
  Serve what = Serve::kEcho;
};

struct CallPlan {
  tcp::Endpoint to;
  Do what = Do::kRr;
  uint32_t connections = 1;     // of all workers, at once
  uint32_t request_bytes = 64;  // of rr and crr, and of their answers; of the bodies of post
  std::string path = "/";
  std::string host = "heddle-load";
  // Requests a second of all workers, which become due at equal distances whatever the peer does
  // (open loop); 0: a connection asks again when it has its answer (closed loop).
  double rate = 0;
  bool http2 = false;
  uint32_t streams = 1;  // requests at once on a connection of HTTP/2
  std::optional<uint64_t> expect_bytes;
  bool tls = false;
  std::string server_name;  // of TLS
  std::string authorities;  // a file: who may have issued the server's certificate

  bool is_http() const { return what == Do::kGet || what == Do::kGetClose || what == Do::kPost; }
  uint64_t body_bytes() const { return what == Do::kPost ? request_bytes : 0; }
};

struct Plan {
  std::vector<ServePlan> serve;
  uint64_t response_bytes = 0;   // of kHttp and kHttps, for all paths but /bytes/N
  std::string certificate, key;  // files of kHttps
  std::optional<CallPlan> call;
  // Measuring begins so long after the first connection and lasts so long; 0: until a signal.
  Duration warm_up;
  Duration measure;
};

}  // namespace heddle::load
