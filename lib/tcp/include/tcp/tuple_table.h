// TupleTable: which connection, half-open handshake or TIME-WAIT entry a tuple belongs to. Open
// addressing with linear probing over 8-byte cells; the tuples themselves stay where they are.
#pragma once

#include <cstdint>
#include <memory>

#include "core/check.h"

namespace heddle::tcp {

enum class RefKind : uint8_t { kNone, kConnection, kHalfOpen, kTimeWait };

struct Ref {
  RefKind kind = RefKind::kNone;
  uint32_t slot = 0;
  friend constexpr bool operator==(const Ref&, const Ref&) = default;
};

class TupleTable {
 public:
  // Room for `capacity` entries at a load of one half at most.
  explicit TupleTable(uint32_t capacity) {
    uint32_t cells = 16;
    while (cells < 2 * capacity) cells *= 2;
    mask_ = cells - 1;
    cells_ = std::make_unique<Cell[]>(cells);
  }

  // `same(ref)` says whether the entry's tuple is the one looked for. A template so that the
  // comparison is inlined.
  template <class Same>
  Ref find(uint32_t hash, Same&& same) const {
    for (uint32_t at = hash & mask_; cells_[at].ref != 0; at = (at + 1) & mask_) {
      if (cells_[at].hash == hash && same(unpack(cells_[at].ref))) return unpack(cells_[at].ref);
    }
    return {};
  }

  void insert(uint32_t hash, Ref ref) {
    uint32_t at = hash & mask_;
    while (cells_[at].ref != 0) at = (at + 1) & mask_;
    cells_[at] = {hash, pack(ref)};
    ++size_;
  }

  void erase(uint32_t hash, Ref ref) {
    uint32_t at = hash & mask_;
    while (cells_[at].ref != pack(ref)) {
      HEDDLE_CHECK(cells_[at].ref != 0, "an entry that is not in the table is erased");
      at = (at + 1) & mask_;
    }
    // Those behind it move up, so that no gap cuts a probe sequence.
    uint32_t hole = at;
    for (uint32_t next = (hole + 1) & mask_; cells_[next].ref != 0; next = (next + 1) & mask_) {
      const uint32_t home = cells_[next].hash & mask_;
      if (((next - home) & mask_) >= ((next - hole) & mask_)) {
        cells_[hole] = cells_[next];
        hole = next;
      }
    }
    cells_[hole] = {};
    --size_;
  }

  uint32_t size() const { return size_; }

 private:
  struct Cell {
    uint32_t hash = 0;
    uint32_t ref = 0;  // 0: empty
  };
  static uint32_t pack(Ref ref) { return static_cast<uint32_t>(ref.kind) << 30 | ref.slot; }
  static Ref unpack(uint32_t packed) {
    return {static_cast<RefKind>(packed >> 30), packed & 0x3fff'ffff};
  }

  uint32_t mask_;
  uint32_t size_ = 0;
  std::unique_ptr<Cell[]> cells_;
};

}  // namespace heddle::tcp
