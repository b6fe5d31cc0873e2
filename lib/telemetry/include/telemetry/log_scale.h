// LogScale: small whole numbers for values of any size. Each power of two is cut into 2^kStepBits
// equal steps, so a value is known to within 1 in 2^kStepBits; those below 2^kStepBits are exact.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace heddle::telemetry {

template <unsigned kStepBits, unsigned kPowers>
struct LogScale {
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr size_t kSlots = kSteps * (kPowers + 1);

  // Values that are too large fall into the last one.
  static constexpr size_t slot_of(uint64_t value) {
    if (value < kSteps) return static_cast<size_t>(value);
    const auto power = static_cast<unsigned>(std::bit_width(value)) - kStepBits - 1;
    if (power >= kPowers) return kSlots - 1;
    return static_cast<size_t>(kSteps * (power + 1) + (value >> power) - kSteps);
  }
  // The least and the largest value that fall into a slot.
  static constexpr uint64_t begin_of(size_t slot) {
    if (slot < kSteps) return slot;
    return (slot % kSteps + kSteps) << (slot / kSteps - 1);
  }
  static constexpr uint64_t end_of(size_t slot) {
    if (slot < kSteps) return slot;
    return ((slot % kSteps + kSteps + 1) << (slot / kSteps - 1)) - 1;
  }
};

}  // namespace heddle::telemetry
