#include "tcp/receive_window.h"

#include <algorithm>

namespace heddle::tcp {

namespace {

uint32_t free_of(uint32_t capacity, uint32_t charged) {
  return capacity > charged ? capacity - charged : 0;
}

}  // namespace

uint8_t ReceiveWindow::scale_for(uint32_t max) {
  uint8_t scale = 0;
  while (scale < 14 && (uint64_t{UINT16_MAX} << scale) < max) ++scale;
  return scale;
}

void ReceiveWindow::begin(Seq rcv_nxt, uint32_t capacity, uint32_t max, uint8_t scale) {
  right_ = honest_ = rcv_nxt;
  capacity_ = capacity;
  max_ = std::max(capacity, max);
  scale_ = scale;
}

uint16_t ReceiveWindow::advertise_in_syn(Seq rcv_nxt) {
  const uint32_t window = std::min<uint32_t>(capacity_, UINT16_MAX);
  right_ = honest_ = max(right_, rcv_nxt + window);
  return static_cast<uint16_t>(window);
}

uint16_t ReceiveWindow::advertise(Seq rcv_nxt, uint32_t charged, uint16_t mss) {
  // Behind rcv_nxt when more is held than there is room for: the edge then stays until the reader
  // has made up for it, else each segment would push it along.
  const uint32_t excess = charged > capacity_ ? std::min(charged - capacity_, 1u << 30) : 0;
  const Seq wanted = rcv_nxt + free_of(capacity_, charged) - excess;
  const uint32_t step = std::min<uint32_t>(capacity_ / 2, mss);
  if (wanted > honest_ && span_of(honest_, wanted) >= step) honest_ = wanted;
  // The field counts in units from rcv_nxt, so an edge that stays where it is must be rounded:
  // up, as moving it back is what a receiver must not do. Where many small segments would push it
  // along without end, it is rounded down; what was offered before is taken all the same, as
  // right_ never moves back.
  const uint32_t mask = unit() - 1;
  const uint32_t most = uint32_t{UINT16_MAX} << scale_;
  const uint32_t down = std::min(span_of(rcv_nxt, honest_) & ~mask, most);
  const uint32_t up = std::min((span_of(rcv_nxt, right_) + mask) & ~mask, most);
  const uint32_t slack = std::max(4 * unit(), capacity_ / 8);
  uint32_t window = std::max(down, up);
  if (rcv_nxt + window > honest_ + slack) {
    window = std::max(down, std::min(span_of(rcv_nxt, right_), most) & ~mask);
  }
  right_ = max(right_, rcv_nxt + window);
  return static_cast<uint16_t>(window >> scale_);
}

bool ReceiveWindow::worth_telling(Seq rcv_nxt, uint32_t charged, uint16_t mss) const {
  const uint32_t now = span_of(rcv_nxt, honest_);
  const uint32_t then = free_of(capacity_, charged);
  if (then <= now) return false;
  const uint32_t gain = then - now;
  if (now < std::min<uint32_t>(mss, capacity_ / 2)) {
    return gain >= std::min<uint32_t>(mss, capacity_ / 2);
  }
  return gain >= capacity_ / 4 && gain >= 2u * mss;
}

void ReceiveWindow::on_read(uint32_t n, Duration rtt, Instant now) {
  read_ += n;
  if (now - round_ < std::max(rtt, microseconds(50))) return;
  if (read_ > capacity_ / 2) {
    const uint64_t wanted = std::min<uint64_t>(max_, uint64_t{read_} * 4);
    capacity_ = std::max(capacity_, static_cast<uint32_t>(wanted));
  }
  read_ = 0;
  round_ = now;
}

}  // namespace heddle::tcp
