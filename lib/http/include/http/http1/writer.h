// Heads and bodies as HTTP/1.1 on the wire, in one canonical form: lower-case names, one space
// behind the colon, Host first, framing and connection fields of our own.
#pragma once

#include <cstdint>

#include "http/message.h"
#include "tcp/chain.h"

namespace heddle::http1 {

// How the body behind a head is written.
enum class Coding : uint8_t { kNone, kLength, kChunked, kUntilClose };

// To whom a response goes.
struct Receiver {
  http::Method method = http::Method::kGet;        // of its request
  http::Version version = http::Version::kHttp11;  // that the peer speaks
  bool close = false;                              // the connection ends behind this response
};

Coding request_coding(const http::Message& request);
Coding response_coding(const http::Message& response, const Receiver& to);
// Whether the connection must end behind this response.
bool must_close(const http::Message& response, const Receiver& to);

// Each appends a whole head to `out`, or nothing and gives false when memory is out. The message's
// fields are legal: what came out of a parser, or was checked like it.
bool write_request(const http::Message& request, tcp::Pieces& pieces, tcp::Chain& out);
bool write_response(const http::Message& response, const Receiver& to, tcp::Pieces& pieces,
                    tcp::Chain& out);

// Writes the body behind a head.
class BodyWriter {
 public:
  void start(Coding coding, const http::Body& body) {
    coding_ = coding;
    left_ = coding == Coding::kLength ? body.length : 0;
    ended_ = false;
  }
  // Moves data to `out` behind its framing. kMore when there was no memory and nothing moved;
  // kRefused when it is more than the length that was promised, or the body has ended.
  enum class Written : uint8_t { kAll, kNoMemory, kTooMuch };
  Written write(tcp::Chain& data, tcp::Pieces& pieces, tcp::Chain& out);
  // Ends the body; trailers are written where the coding can carry them. kTooMuch never comes;
  // kShort: less than the promised length, so the connection must be cut.
  enum class Ended : uint8_t { kWhole, kNoMemory, kShort };
  Ended finish(const http::Fields& trailers, tcp::Pieces& pieces, tcp::Chain& out);
  bool ended() const { return ended_; }

 private:
  uint64_t left_ = 0;
  Coding coding_ = Coding::kNone;
  bool ended_ = false;
};

}  // namespace heddle::http1
