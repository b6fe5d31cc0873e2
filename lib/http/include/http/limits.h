// What a message may be. All are bytes unless they say otherwise.
#pragma once

#include <cstdint>

namespace heddle::http {

struct Limits {
  uint32_t target = 8192;
  uint32_t start_line = 8320;  // request line or status line, with its CR LF
  uint32_t field_line = 8192;  // one line of a head, with its CR LF
  uint32_t head = 16'384;      // all lines of a head; in HTTP/2 names, values and 32 a field
  uint16_t fields = 100;       // number
  uint32_t trailers = 4096;
  uint16_t trailer_fields = 32;      // number
  uint32_t chunk_extensions = 4096;  // of one body
  uint8_t interims = 16;             // number of answers (1xx) before the answer
  // Text that the proxy itself may add to a head, or write anew without what is taken out of it:
  // of cookies as much as a head may have, and the target.
  uint32_t spare = 30'720;
  uint16_t spare_fields = 56;  // fields that it may add
  bool http10 = true;          // whether HTTP/1.0 is spoken at all
};

}  // namespace heddle::http
