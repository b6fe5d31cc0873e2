#include "tcp/cc/congestion.h"

#include <algorithm>

namespace heddle::tcp::cc {

namespace {

constexpr uint32_t kMaxWindow = 1u << 30;  // what window scaling can offer

}  // namespace

void Congestion::begin(CongestionKind kind, uint32_t mss, uint32_t initial_segments) {
  *this = Congestion();
  window_.mss = mss;
  // RFC 6928 2, for segments of any size.
  initial_ = initial_segments == 10 ? std::min(10 * mss, std::max<uint32_t>(2 * mss, 14600))
                                    : initial_segments * mss;
  window_.cwnd = initial_;
  if (kind == CongestionKind::kNewReno) algorithm_.emplace<NewReno>();
}

void Congestion::set_cwnd(uint32_t cwnd) { window_.cwnd = std::max(cwnd, window_.mss); }

void Congestion::on_ack(const Ack& ack) {
  const Duration since = ack.now - last_ack_;
  last_ack_ = ack.now;
  if (!ack.limited) {
    // An application that does not fill the window has not tested the path (RFC 5681 4.1).
    if (auto* cubic = std::get_if<Cubic>(&algorithm_)) cubic->on_unused(since);
    return;
  }
  if (window_.slow_start()) {
    const uint32_t grow = hystart_.on_ack(window_, ack);
    window_.cwnd = std::min(window_.cwnd + grow, kMaxWindow);
    if (hystart_.done()) window_.ssthresh = window_.cwnd;
    return;
  }
  std::visit([&](auto& algorithm) { algorithm.avoid(window_, ack); }, algorithm_);
  window_.cwnd = std::min(window_.cwnd, kMaxWindow);
}

void Congestion::on_congestion(uint32_t flight, Instant now) {
  // Slow start runs ahead of what is really sent, as when the peer's window is in the way. Later
  // the window grows only when it is used, so RFC 9438 4.6 lets it stand for the flight.
  if (window_.slow_start()) set_cwnd(std::min(window_.cwnd, flight));
  std::visit([&](auto& algorithm) { algorithm.on_congestion(window_, now); }, algorithm_);
}

void Congestion::on_timeout(uint32_t flight, Instant now, bool first) {
  if (first) on_congestion(flight, now);
  std::visit([&](auto& algorithm) { algorithm.on_timeout(); }, algorithm_);
  window_.cwnd = window_.mss;
  hystart_.restart();
}

void Congestion::on_idle(Duration idle, Duration rto) {
  window_.ssthresh = std::max(window_.ssthresh, window_.cwnd / 4 * 3);
  const uint32_t floor = std::min(initial_, window_.cwnd);
  while (idle > rto && window_.cwnd > floor) {
    window_.cwnd = std::max(window_.cwnd / 2, floor);
    idle = idle - rto;
  }
}

void Congestion::undo(const Congestion& before) {
  const uint32_t cwnd = std::max(window_.cwnd, before.window_.cwnd);
  const uint32_t mss = window_.mss;
  *this = before;
  window_.cwnd = cwnd;
  window_.mss = mss;
}

}  // namespace heddle::tcp::cc
