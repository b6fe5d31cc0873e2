#include "tcp/cc/cubic.h"

#include <algorithm>

namespace heddle::tcp::cc {

namespace {

// C = 0.4 segments a cubic second; beta = 0.7 (RFC 9438 4.6, 5).
constexpr int64_t kCNumerator = 2;
constexpr int64_t kCDenominator = 5;
constexpr uint32_t kBetaTenths = 7;
// alpha = 3 (1 - beta) / (1 + beta) = 9 / 17 (4.3).
constexpr uint64_t kAlphaNumerator = 9;
constexpr uint64_t kAlphaDenominator = 17;
constexpr int64_t kFarthestMs = 100'000;

}  // namespace

uint32_t Cubic::cube_root(uint64_t x) {
  uint64_t low = 0;
  uint64_t high = 2'642'245;  // its cube is the last below 2^64
  while (low < high) {
    const uint64_t middle = (low + high + 1) / 2;
    if (middle * middle * middle <= x) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return static_cast<uint32_t>(low);
}

void Cubic::begin(const Window& window, Instant now) {
  epoch_ = now;
  w_est_ = window.cwnd;
  est_credit_ = credit_ = 0;
  if (window.cwnd >= w_max_) {
    origin_ = window.cwnd;
    k_ms_ = 0;
    return;
  }
  origin_ = w_max_;
  // K = cbrt((W_max - cwnd) / C) seconds, in segments; times 1000 under the root for milliseconds.
  const uint64_t missing = (w_max_ - window.cwnd) * uint64_t{1'000'000'000} / window.mss;
  k_ms_ = cube_root(missing * kCDenominator / kCNumerator);
}

int64_t Cubic::window_at(const Window& window, Duration since_epoch) const {
  const int64_t t = std::clamp(since_epoch.ms() - int64_t{k_ms_}, -kFarthestMs, kFarthestMs);
  const int64_t segments_e9 = t * t * t / kCDenominator * kCNumerator;
  return int64_t{origin_} + segments_e9 / 1'000'000 * window.mss / 1000;
}

void Cubic::grow_reno(const Window& window, uint32_t acked) {
  // As fast as Reno would once the window is where it was before the reduction (4.3).
  const bool back = w_est_ >= prior_;
  est_credit_ += uint64_t{acked} * window.mss * (back ? kAlphaDenominator : kAlphaNumerator);
  const uint64_t unit = uint64_t{window.cwnd} * kAlphaDenominator;
  w_est_ += static_cast<uint32_t>(est_credit_ / unit);
  est_credit_ %= unit;
}

void Cubic::avoid(Window& window, const Ack& ack) {
  if (epoch_.ns() == 0) begin(window, ack.now);
  const Duration t = ack.now - epoch_;
  grow_reno(window, ack.acked);
  if (window_at(window, t) < int64_t{w_est_}) {
    window.cwnd = std::max(window.cwnd, w_est_);
    return;
  }
  const int64_t cwnd = window.cwnd;
  const int64_t target = std::clamp(window_at(window, t + ack.srtt), cwnd, cwnd + cwnd / 2);
  credit_ += static_cast<uint64_t>(target - cwnd) * ack.acked;
  window.cwnd += static_cast<uint32_t>(credit_ / window.cwnd);
  credit_ %= window.cwnd;
}

void Cubic::on_congestion(Window& window, Instant) {
  epoch_ = {};
  prior_ = window.cwnd;
  // Fast convergence (4.7): who had to give way before its old window gives more.
  w_max_ = window.cwnd < w_max_
               ? static_cast<uint32_t>(uint64_t{window.cwnd} * (10 + kBetaTenths) / 20)
               : window.cwnd;
  window.ssthresh =
      std::max(static_cast<uint32_t>(uint64_t{window.cwnd} * kBetaTenths / 10), 2 * window.mss);
}

}  // namespace heddle::tcp::cc
