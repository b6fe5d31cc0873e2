// Ephemeral ports (RFC 6056 algorithm 4): hard to guess, slow to repeat, and such that the
// answer is steered to the worker that asks.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "tcp/siphash.h"

namespace heddle::tcp {

struct PortRange {
  uint16_t first = 32768;
  uint16_t last = 60999;
};

class PortPicker {
 public:
  explicit PortPicker(PortRange range) : range_(range) {}

  // A port for `tuple` (whose local port is not looked at) that `fits(tuple with the port)`; none
  // when kTries have been looked at. With W workers about one port in W fits.
  static constexpr uint32_t kTries = 2048;
  template <class Fits>
  std::optional<Be16> pick(const SipKey& key, FourTuple tuple, Fits&& fits) {
    tuple.local.port = Be16(0);
    const uint32_t count = uint32_t{range_.last} - range_.first + 1u;
    const uint64_t hash = hash_tuple(key, tuple, 3);
    const auto offset = static_cast<uint32_t>(hash);
    uint32_t& counter = counters_[hash >> 32 & (counters_.size() - 1)];
    for (uint32_t i = 0; i < std::min(count, kTries); ++i) {
      const uint32_t port = range_.first + (offset + counter++) % count;
      tuple.local.port = Be16(static_cast<uint16_t>(port));
      if (fits(tuple)) return tuple.local.port;
    }
    return std::nullopt;
  }

 private:
  PortRange range_;
  std::array<uint32_t, 64> counters_{};
};

}  // namespace heddle::tcp
