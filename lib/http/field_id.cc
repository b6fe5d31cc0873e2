#include "http/field_id.h"

#include <cstring>

#include "http/scan.h"

namespace heddle::http {

namespace {

constexpr size_t kMaxName = 32;
constexpr size_t kSlots = 1024;

// Size and four letters tell all known names apart for some multiplier. The bit 0x20 makes letters
// lower case; what it does to others does not matter here.
constexpr size_t slot_of(std::string_view name, uint64_t multiplier) {
  const auto at = [&](size_t i) { return static_cast<uint64_t>(name[i] | 0x20) & 0xff; };
  const size_t last = name.size() - 1;
  const uint64_t mixed = uint64_t{name.size()} << 32 | at(0) << 24 | at(last) << 16 |
                         at(last / 2) << 8 | at(last == 0 ? 0 : last - 1);
  return (mixed * multiplier) >> 54;
}

constexpr bool fits(uint64_t multiplier) {
  bool used[kSlots] = {};
  for (size_t i = 1; i < kFieldIds; ++i) {
    const size_t slot = slot_of(kFieldNames[i], multiplier);
    if (used[slot]) return false;
    used[slot] = true;
  }
  return true;
}

constexpr uint64_t find_multiplier() {
  uint64_t candidate = 0x9e3779b97f4a7c15;
  while (!fits(candidate)) candidate = (candidate * 6364136223846793005 + 1442695040888963407) | 1;
  return candidate;
}

constexpr uint64_t kMultiplier = find_multiplier();

struct Slots {
  uint8_t id[kSlots] = {};
};

constexpr Slots kTable = [] {
  Slots slots;
  for (size_t i = 1; i < kFieldIds; ++i)
    slots.id[slot_of(kFieldNames[i], kMultiplier)] = static_cast<uint8_t>(i);
  return slots;
}();

}  // namespace

FieldId field_id_of(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return FieldId::kOther;
  const uint8_t candidate = kTable.id[slot_of(name, kMultiplier)];
  const std::string_view known = kFieldNames[candidate];
  if (known.size() != name.size()) return FieldId::kOther;
  char lowered[kMaxName];
  scan::copy_lower(lowered, name.data(), name.size());
  if (std::memcmp(lowered, known.data(), name.size()) != 0) return FieldId::kOther;
  return static_cast<FieldId>(candidate);
}

}  // namespace heddle::http
