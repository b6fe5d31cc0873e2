// What one HTTP/2 connection may do. Bytes, unless they say otherwise.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "http/limits.h"

namespace heddle::http2 {

// At most `burst` at once, and `per_second` in the long run.
struct Rate {
  uint32_t per_second;
  uint32_t burst;
};

struct Limits {
  http::Limits message;
  uint32_t streams = 128;            // SETTINGS_MAX_CONCURRENT_STREAMS, and streams in work
  uint32_t streams_a_turn = 64;      // new ones in one receive(), about
  uint32_t stream_window = 262'144;  // not below one TLS record and a frame
  uint32_t connection_window = 1'048'576;
  uint32_t queued = 2'097'152;        // received and not taken; beyond it nothing is read
  uint32_t output = 262'144;          // in `out` of emit(); beyond it nothing is written
  uint32_t header_table = 4096;       // HPACK's, each direction
  uint32_t session_memory = 262'144;  // of nghttp2, for one session
  uint32_t outbound_acks = 100;       // number of answers that wait to be written
  uint32_t header_flood_factor = 4;   // a head of more than this times its limit ends it all
  Rate resets{50, 200};               // RST_STREAM from the peer
  Rate made_resets{10, 50};           // RST_STREAM that its faults make us send
  Rate pings{10, 50};
  Rate settings{5, 20};
  Rate priorities{50, 500};
  Rate empty_frames{50, 200};
  Rate unknown_frames{50, 200};
  uint32_t window_updates = 1000;        // number before any data was sent,
  uint32_t window_updates_a_frame = 10;  // and for each DATA frame or stream
  Duration progress = seconds(30);       // in which a stream that has data to send
  uint32_t progress_bytes = 1024;        // must have got rid of this much
  Duration drain_notice = seconds(1);    // from the first GOAWAY to the one that counts
};

}  // namespace heddle::http2
