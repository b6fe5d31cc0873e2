// Proportional rate reduction (RFC 6937, with the SafeACK of RFC 9937): during recovery it lets
// as many bytes out as keep the pipe on its way down to ssthresh when recovery ends.
#pragma once

#include <algorithm>
#include <cstdint>

namespace heddle::tcp {

class Prr {
 public:
  void begin(uint32_t flight) {
    delivered_ = out_ = 0;
    flight_ = std::max<uint32_t>(flight, 1);
  }

  struct Ack {
    uint32_t delivered = 0;  // bytes newly acknowledged or SACKed
    uint32_t pipe = 0;
    uint32_t ssthresh = 0;
    uint32_t mss = 0;
    bool safe = false;  // SND.UNA moved and nothing new was lost
  };

  // The congestion window until the next acknowledgment.
  uint32_t window(const Ack& ack) {
    delivered_ += ack.delivered;
    int64_t allowed;
    if (ack.pipe > ack.ssthresh) {
      const uint64_t share = (delivered_ * ack.ssthresh + flight_ - 1) / flight_;
      allowed = static_cast<int64_t>(share) - static_cast<int64_t>(out_);
    } else {
      allowed = std::max(static_cast<int64_t>(delivered_) - static_cast<int64_t>(out_),
                         int64_t{ack.delivered});
      if (ack.safe) allowed += ack.mss;
      allowed = std::min(allowed, int64_t{ack.ssthresh} - int64_t{ack.pipe});
    }
    // The first retransmission does not wait.
    const int64_t least = out_ == 0 ? ack.mss : 0;
    return ack.pipe + static_cast<uint32_t>(std::max(allowed, least));
  }
  void sent(uint32_t bytes) { out_ += bytes; }

 private:
  uint64_t delivered_ = 0;
  uint64_t out_ = 0;
  uint32_t flight_ = 1;
};

}  // namespace heddle::tcp
