// One bounded block of memory for all that is kept of a message: text grows from its front, tables
// from its back. Offsets are 16 bits wide, so a block has at most 64 KB.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "core/check.h"
#include "core/pool.h"

namespace heddle::http {

// A range of an arena's text.
struct Text {
  uint16_t at = 0;
  uint16_t size = 0;
};

class Arena {
 public:
  Arena() = default;
  explicit Arena(std::span<uint8_t> memory)
      : base_(reinterpret_cast<char*>(memory.data())),
        size_(static_cast<uint32_t>(std::min<size_t>(memory.size(), 65'535) & ~size_t{1})),
        bottom_(size_) {}

  uint32_t capacity() const { return size_; }
  uint32_t room() const { return bottom_ - top_; }
  char* base() const { return base_; }
  // Where the next text goes. Bytes there, `room()` of them, are scratch until they are kept.
  char* top() const { return base_ + top_; }
  std::string_view view(Text text) const { return {base_ + text.at, text.size}; }

  void clear() {
    top_ = 0;
    bottom_ = size_;
  }
  // Makes the next `size` bytes, already written at top(), part of the text; size <= room().
  Text keep(uint32_t size) {
    const Text text{static_cast<uint16_t>(top_), static_cast<uint16_t>(size)};
    top_ += size;
    return text;
  }
  // False when there is no room.
  bool store(std::string_view text, Text& stored) {
    if (text.size() > room()) return false;
    if (!text.empty()) std::memmove(top(), text.data(), text.size());
    stored = keep(static_cast<uint32_t>(text.size()));
    return true;
  }
  // A place for a table's next entry, below the last one; null when there is no room.
  void* push(uint32_t size) {
    if (size > room()) return nullptr;
    bottom_ -= size;
    return base_ + bottom_;
  }

 private:
  char* base_ = nullptr;
  uint32_t size_ = 0;
  uint32_t top_ = 0;
  uint32_t bottom_ = 0;
};

// The worker's blocks for messages: a fixed number of one size, taken at construction.
class ArenaPool {
 public:
  ArenaPool(uint32_t blocks, uint32_t block_bytes)
      : bytes_((block_bytes + 63) & ~63u),
        memory_(reserve(size_t{blocks} * bytes_)),
        free_(std::make_unique_for_overwrite<uint32_t[]>(blocks)),
        count_(blocks),
        capacity_(blocks) {
    for (uint32_t i = 0; i < blocks; ++i) free_[i] = blocks - 1 - i;
  }

  uint32_t free() const { return count_; }
  uint32_t in_use() const { return capacity_ - count_; }
  // kNoSlot when all are in use.
  uint32_t take() { return count_ == 0 ? kNoSlot : free_[--count_]; }
  std::span<uint8_t> operator[](uint32_t block) {
    return {&memory_[size_t{block} * bytes_], bytes_};
  }
  void give_back(uint32_t block) {
    HEDDLE_CHECK(count_ < capacity_ && block < capacity_, "a block that is not out comes back");
    free_[count_++] = block;
  }

 private:
  struct Unmap {
    size_t bytes = 0;
    void operator()(uint8_t* memory) const { ::munmap(memory, bytes); }
  };
  using Memory = std::unique_ptr<uint8_t[], Unmap>;
  // Pages are there when a block is written for the first time, and nobody counts on all of them.
  static Memory reserve(size_t bytes) {
    bytes = std::max<size_t>(bytes, 1);
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    HEDDLE_CHECK(memory != MAP_FAILED, "no address space for messages");
    return Memory(static_cast<uint8_t*>(memory), Unmap{bytes});
  }

  uint32_t bytes_;
  Memory memory_;
  std::unique_ptr<uint32_t[]> free_;
  uint32_t count_;
  uint32_t capacity_;
};

}  // namespace heddle::http
