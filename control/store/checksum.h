// CRC-64 (ECMA-182, reflected, as in XZ) over a record's fields. A record's fields are told
// apart by their lengths, so that bytes cannot move from one to the next unnoticed.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/store.h"

namespace heddle::store {

class Checksum {
 public:
  Checksum& add(uint64_t number);
  Checksum& add(int64_t number) { return add(static_cast<uint64_t>(number)); }
  Checksum& add(std::string_view bytes);  // with its length
  Checksum& add(const Key& key) { return add(key.kind).add(key.ns).add(key.name); }

  [[nodiscard]] uint64_t value() const { return ~crc_; }

 private:
  void update(std::string_view bytes);
  uint64_t crc_ = ~uint64_t{0};
};

// Of a resource's row.
uint64_t checksum(const Key& key, std::string_view bytes);

}  // namespace heddle::store
