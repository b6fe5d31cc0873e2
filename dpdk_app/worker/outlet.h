// Outlet: a bounded buffer of packets in front of something that takes bursts (a transmit
// queue, a ring). It is filled during the walk and flushed after it; what was not taken waits
// for the next turn, and when the buffer is full the filling node drops by name.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "packet/packet.h"

namespace heddle::app {

class Outlet {
 public:
  static constexpr uint16_t kCapacity = 512;

  bool push(packet::Packet packet) {
    if (count_ == kCapacity) [[unlikely]]
      return false;
    packets_[count_++] = packet.mbuf();
    return true;
  }

  // take(rte_mbuf**, uint16_t) -> how many it took from the front. Returns that number.
  template <class Take>
  uint16_t flush(Take&& take) {
    if (count_ == 0) return 0;
    const uint16_t taken = take(packets_.data(), count_);
    count_ = static_cast<uint16_t>(count_ - taken);
    if (count_ != 0 && taken != 0)
      std::memmove(packets_.data(), packets_.data() + taken, count_ * sizeof(rte_mbuf*));
    return taken;
  }

  // Frees what still waits.
  void clear() {
    rte_pktmbuf_free_bulk(packets_.data(), count_);
    count_ = 0;
  }

  uint16_t size() const { return count_; }

 private:
  uint16_t count_ = 0;
  std::array<rte_mbuf*, kCapacity> packets_;
};

}  // namespace heddle::app
