#include "tcp/cc/hystart.h"

#include <algorithm>

namespace heddle::tcp::cc {

namespace {

// RFC 9406 4.3.
constexpr Duration kMinThreshold = milliseconds(4);
constexpr Duration kMaxThreshold = milliseconds(16);
constexpr uint8_t kSamples = 8;
constexpr uint32_t kGrowthDivisor = 4;
constexpr uint8_t kCssRounds = 5;
constexpr uint32_t kLimit = 8;  // segments an acknowledgment, when not paced

}  // namespace

void HyStart::begin_round() {
  last_min_ = current_min_;
  current_min_ = {};
  samples_ = 0;
  if (css_rounds_ == 0) return;
  if (css_rounds_ == kCssRounds) {
    done_ = true;
    return;
  }
  ++css_rounds_;
}

void HyStart::look(Duration rtt) {
  if (rtt.ns() <= 0) return;
  current_min_ = current_min_.ns() == 0 ? rtt : std::min(current_min_, rtt);
  if (samples_ < kSamples) ++samples_;
  if (samples_ < kSamples) return;
  if (css_rounds_ > 0) {
    if (current_min_ < baseline_) {  // it was by chance
      css_rounds_ = 0;
      baseline_ = {};
    }
    return;
  }
  if (last_min_.ns() == 0) return;
  const Duration threshold = std::clamp(last_min_ / 8, kMinThreshold, kMaxThreshold);
  if (current_min_ < last_min_ + threshold) return;
  baseline_ = current_min_;
  css_rounds_ = 1;
}

uint32_t HyStart::on_ack(const Window& window, const Ack& ack) {
  if (ack.round) begin_round();
  look(ack.rtt);
  const uint32_t most = ack.paced ? ack.acked : std::min(ack.acked, kLimit * window.mss);
  return css_rounds_ > 0 ? most / kGrowthDivisor : most;
}

}  // namespace heddle::tcp::cc
