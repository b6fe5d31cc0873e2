// RecordSizer: how large the next record may be. A record can be read only when all of it is
// there, so the first ones fit one segment each; once the stream runs, 16 KB cost least; after a
// pause the congestion window is small again, and so are records.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tls/record_header.h"

namespace heddle::tls {

struct RecordSizes {
  uint32_t small = 1300;  // bytes of plaintext; fits a segment of the IPv6 minimum MTU less
                          // little, and any of 1,400
  uint32_t small_for = 64 * 1024;  // bytes sent in small records before large ones
  Duration idle = milliseconds(1000);
};

// Plain data.
class RecordSizer {
 public:
  uint32_t limit(const RecordSizes& sizes, Instant now) {
    if (now - last_ > sizes.idle) sent_ = 0;
    return sent_ < sizes.small_for ? sizes.small : kMaxPlaintext;
  }
  void sent(const RecordSizes& sizes, uint32_t bytes, Instant now) {
    last_ = now;
    if (sent_ < sizes.small_for) sent_ += bytes;
  }

 private:
  Instant last_;
  uint32_t sent_ = 0;
};

}  // namespace heddle::tls
