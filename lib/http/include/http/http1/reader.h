// Messages out of chains of packet buffers: heads are read and their buffers freed, data moves on
// without a copy.
#pragma once

#include "http/http1/body_reader.h"
#include "tcp/chain.h"

namespace heddle::http1 {

// Reads a head, or trailers, from the front of `in`; what it has read is freed.
Progress read_head(HeadParser& parser, tcp::Pieces& pieces, tcp::Chain& in);

// Moves at most `max` bytes of data from `in` behind `out`, and frees the framing between them.
// kMore: `in` is empty, or `max` is reached, or no piece was left. kDone: the body is whole.
Progress read_body(BodyReader& reader, tcp::Pieces& pieces, tcp::Chain& in, tcp::Chain& out,
                   uint32_t max);

// An upstream connection takes another request only when nothing about its framing is in doubt
// (RFC 9112 9.3). All of it is known when the response has ended.
struct ExchangeEnd {
  bool request_written = false;      // to its end, with nothing cut
  bool response_read = false;        // to its end, with nothing refused
  bool response_persistent = false;  // Message::persistent
  bool bytes_left = false;           // something came behind the response
};

constexpr bool may_reuse(const ExchangeEnd& end) {
  return end.request_written && end.response_read && end.response_persistent && !end.bytes_left;
}

}  // namespace heddle::http1
