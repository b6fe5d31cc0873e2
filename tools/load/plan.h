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
  kHttp,    // answers each request of HTTP/1.1 (that has no body) with Plan::response_bytes
};

// What a client does with its connections.
enum class Do : uint8_t {
  kBulk,      // sends as fast as the peer takes it
  kRr,        // a request, its answer of the same length, the next request
  kCrr,       // open, a request, its answer, close; then another connection
  kHold,      // keeps them open; swallows what comes
  kGet,       // requests of HTTP/1.1, one after the other, on connections that stay
  kGetClose,  // a connection for each of them
};

std::string_view name_of(Serve what);
std::string_view name_of(Do what);

struct ServePlan {
  uint16_t port = 0;
  Serve what = Serve::kEcho;
};

struct CallPlan {
  tcp::Endpoint to;
  Do what = Do::kRr;
  uint32_t connections = 1;     // of all workers, at once
  uint32_t request_bytes = 64;  // and of the answer; not of HTTP
  std::string path = "/";
  std::string host = "heddle-load";
  // Requests a second of all workers, which become due at equal distances whatever the peer does
  // (open loop); 0: a connection asks again when it has its answer (closed loop).
  double rate = 0;

  bool is_http() const { return what == Do::kGet || what == Do::kGetClose; }
};

struct Plan {
  std::vector<ServePlan> serve;
  uint64_t response_bytes = 0;  // of kHttp
  std::optional<CallPlan> call;
  // Measuring begins so long after the first connection and lasts so long; 0: until a signal.
  Duration warm_up;
  Duration measure;
};

}  // namespace heddle::load
